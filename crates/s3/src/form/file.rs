//! The file's bytes, found without copying them.

use super::{Boundary, FormError, MALFORMED, TRAILING_BYTES_MAX};
use bytes::{Buf as _, Bytes, BytesMut};
use memchr::{memmem::Finder, memrchr};

/// Where the decoder stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Within the file.
    Content,
    /// Behind its delimiter, before what tells whether that was the last.
    Delimited,
    /// Behind the file.
    Trailing { bytes: usize },
}

/// Gives the content of the file that [`super::FieldsDecoder`] found.
#[derive(Debug)]
pub struct FileDecoder {
    state: State,
    delimiter: Finder<'static>,
    input: Bytes,
}

impl FileDecoder {
    /// Begins behind the head of the file's part.
    pub fn new(boundary: &Boundary) -> Self {
        Self {
            state: State::Content,
            delimiter: Finder::new(&boundary.delimiter()).into_owned(),
            input: Bytes::new(),
        }
    }

    /// Gives it the next bytes. Best after [`Self::next`] said `None`: then little is copied.
    pub fn push(&mut self, bytes: Bytes) {
        if self.input.is_empty() {
            self.input = bytes;
        } else {
            let mut joined = BytesMut::with_capacity(self.input.len() + bytes.len());
            joined.extend_from_slice(&self.input);
            joined.extend_from_slice(&bytes);
            self.input = joined.freeze();
        }
    }

    /// The next bytes of the file, never empty; `None` when it wants more input.
    #[expect(
        clippy::should_implement_trait,
        reason = "None means more input, not the end"
    )]
    pub fn next(&mut self) -> Result<Option<Bytes>, FormError> {
        if self.state == State::Content
            && let Some(bytes) = self.content()
        {
            return Ok(Some(bytes));
        }
        if self.state == State::Delimited {
            self.delimited()?;
        }
        if let State::Trailing { bytes } = self.state {
            self.trailing(bytes)?;
        }
        Ok(None)
    }

    /// Says that nothing more will come: was that a whole file? Call it when [`Self::next`] wants
    /// more.
    pub fn finish(&self) -> Result<(), FormError> {
        match self.state {
            State::Trailing { .. } => Ok(()),
            State::Content | State::Delimited => Err(MALFORMED),
        }
    }

    fn content(&mut self) -> Option<Bytes> {
        let found = self.delimiter.find(&self.input);
        let sure = found.unwrap_or_else(|| self.input.len() - self.begun());
        if sure > 0 {
            return Some(self.input.split_to(sure));
        }
        found?;
        self.input.advance(self.delimiter.needle().len());
        self.state = State::Delimited;
        None
    }

    /// How many of the last bytes may be the beginning of the delimiter. It has no CR but its first,
    /// so that it can begin at the last CR alone.
    fn begun(&self) -> usize {
        let delimiter = self.delimiter.needle();
        let last = memrchr(b'\r', &self.input).map(|at| &self.input[at..]);
        last.filter(|tail| delimiter.starts_with(tail))
            .map_or(0, <[u8]>::len)
    }

    fn delimited(&mut self) -> Result<(), FormError> {
        match self.input.first_chunk::<2>() {
            None => Ok(()),
            Some(b"--" | b"\r\n") => {
                self.input.advance(2);
                self.state = State::Trailing { bytes: 0 };
                Ok(())
            }
            Some(_) => Err(MALFORMED),
        }
    }

    /// Throws away what follows the file.
    fn trailing(&mut self, bytes: usize) -> Result<(), FormError> {
        let bytes = bytes + self.input.len();
        if bytes > TRAILING_BYTES_MAX {
            return Err(MALFORMED);
        }
        self.input.clear();
        self.state = State::Trailing { bytes };
        Ok(())
    }
}
