//! The lines after the last chunk.

use super::{ChunkedError, Event, Mode, unpadded};
use crate::checksum;
use bytes::Bytes;

/// A trailer at most, in bytes; more is `MalformedTrailerError`.
const TRAILER_BYTES_MAX: usize = 2048;
const SIGNATURE: &str = "x-amz-trailer-signature";

/// Lines as they come in.
#[derive(Debug, Default)]
pub(super) struct Trailer {
    /// `name:value\n` each.
    canonical: String,
    signature: Option<String>,
}

impl Trailer {
    /// Takes one line without its end; `true` when the trailer is complete.
    ///
    /// Real clients end a value with LF alone and put an empty line before the signature: so before
    /// a signature that must come, empty lines say nothing.
    pub(super) fn take(&mut self, line: &[u8], mode: Mode) -> Result<bool, ChunkedError> {
        if line.is_empty() {
            return match (mode.signed, &self.signature, self.canonical.is_empty()) {
                (true, Some(_), _) | (false, ..) => Ok(true),
                (true, None, false) => Ok(false),
                (true, None, true) => Err(ChunkedError::Trailer),
            };
        }
        let line = std::str::from_utf8(line).map_err(|_| ChunkedError::Trailer)?;
        let (name, value) = line.split_once(':').ok_or(ChunkedError::Trailer)?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        let after_signature = self.signature.is_some();
        if after_signature || self.canonical.len() + line.len() + 2 > TRAILER_BYTES_MAX {
            return Err(ChunkedError::Trailer);
        }
        if name == SIGNATURE {
            if !mode.signed {
                return Err(ChunkedError::Trailer);
            }
            self.signature = Some(unpadded(value));
        } else {
            self.canonical.extend([name.as_str(), ":", value, "\n"]);
        }
        Ok(false)
    }

    /// The whole of it: exactly the announced checksum, and nothing else.
    pub(super) fn event(self, mode: Mode) -> Result<Event, ChunkedError> {
        let lines = self
            .canonical
            .lines()
            .filter_map(|line| line.split_once(':'));
        let mut checksum = None;
        for (name, value) in lines {
            let algorithm = mode.checksum.filter(|algorithm| algorithm.header() == name);
            let algorithm = algorithm.ok_or(ChunkedError::Trailer)?;
            let value = checksum::from_base64(algorithm, value);
            let value = value.ok_or(ChunkedError::Checksum(algorithm))?;
            if checksum.replace(value).is_some() {
                return Err(ChunkedError::Trailer);
            }
        }
        if mode.checksum.is_some() && checksum.is_none() {
            return Err(ChunkedError::Trailer);
        }
        Ok(Event::Trailer {
            canonical: Bytes::from(self.canonical),
            checksum,
            signature: self.signature,
        })
    }
}
