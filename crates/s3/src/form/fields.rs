//! What stands before the file.

use super::{
    Boundary, FIELDS_BYTES_MAX, FIELDS_MAX, Field, Fields, FilePart, FormError, MALFORMED,
    PART_HEAD_BYTES_MAX, head::PartHead,
};
use bytes::{Buf as _, Bytes, BytesMut};
use memchr::memmem::Finder;

/// What ends a part's head.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// Everything before the file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// The fields.
    pub fields: Fields,
    /// What came beyond them: the beginning of the file's content. Empty without a file.
    pub rest: Bytes,
}

/// Where the decoder stands.
#[derive(Debug)]
enum State {
    /// Before the first delimiter.
    Start,
    /// Behind a delimiter, before what tells whether it is the last.
    Delimited,
    /// Within a part's head.
    Head,
    /// Within the value of a field.
    Value { name: String },
}

/// What one step came to.
enum Step {
    Again,
    Wants,
    /// The fields are complete.
    End,
}

/// Reads the fields of a form until its file begins.
#[derive(Debug)]
pub struct FieldsDecoder {
    state: State,
    delimiter: Finder<'static>,
    input: BytesMut,
    /// Bytes of the input in which what ends the state at hand does not begin.
    scanned: usize,
    /// Bytes of names and values that may still come.
    bytes_left: usize,
    fields: Fields,
}

impl FieldsDecoder {
    /// Begins a form.
    pub fn new(boundary: &Boundary) -> Self {
        let delimiter = Finder::new(&boundary.delimiter()).into_owned();
        Self {
            state: State::Start,
            delimiter,
            // The first delimiter stands at the beginning of a line too: of the first.
            input: BytesMut::from(&b"\r\n"[..]),
            scanned: 0,
            bytes_left: FIELDS_BYTES_MAX,
            fields: Fields::default(),
        }
    }

    /// Gives it the next bytes; `Some` once the fields are complete, and then no more are to be
    /// given. A body that ends before is malformed.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<Before>, FormError> {
        self.input.extend_from_slice(bytes);
        loop {
            match self.step()? {
                Step::Again => {}
                Step::Wants => return Ok(None),
                Step::End => {
                    let (fields, input) = (&mut self.fields, &mut self.input);
                    return Ok(Some(Before {
                        fields: std::mem::take(fields),
                        rest: std::mem::take(input).freeze(),
                    }));
                }
            }
        }
    }

    fn step(&mut self) -> Result<Step, FormError> {
        match &mut self.state {
            State::Start => self.start(),
            State::Delimited => self.delimited(),
            State::Head => self.head(),
            State::Value { name } => {
                let name = std::mem::take(name);
                self.value(name)
            }
        }
    }

    fn start(&mut self) -> Result<Step, FormError> {
        let delimiter = self.delimiter.needle();
        let (len, here) = (delimiter.len(), self.input.len().min(delimiter.len()));
        if self.input[..here] != delimiter[..here] {
            return Err(MALFORMED);
        }
        if here < len {
            return Ok(Step::Wants);
        }
        self.go_on(State::Delimited, len);
        Ok(Step::Again)
    }

    fn delimited(&mut self) -> Result<Step, FormError> {
        match self.input.first_chunk::<2>() {
            None => Ok(Step::Wants),
            Some(b"\r\n") => {
                self.go_on(State::Head, 2);
                Ok(Step::Again)
            }
            Some(b"--") => {
                self.input.clear();
                Ok(Step::End)
            }
            Some(_) => Err(MALFORMED),
        }
    }

    fn head(&mut self) -> Result<Step, FormError> {
        let end = Finder::new(HEAD_END);
        let at = find(&end, &self.input, &mut self.scanned, PART_HEAD_BYTES_MAX);
        let Some(at) = at.map_err(|Beyond| MALFORMED)? else {
            return Ok(Step::Wants);
        };
        let part = PartHead::parse(&self.input[..at])?;
        if part.name.eq_ignore_ascii_case("file") {
            self.input.advance(at + HEAD_END.len());
            let filename = part.filename;
            self.fields.file = Some(FilePart { filename });
            return Ok(Step::End);
        }
        if self.fields.get(&part.name).is_some() {
            return Err(FormError::Twice { name: part.name });
        }
        let room = self.bytes_left.checked_sub(part.name.len());
        self.bytes_left = room
            .filter(|_| self.fields.list.len() < FIELDS_MAX)
            .ok_or(FormError::FieldsTooLarge)?;
        self.go_on(State::Value { name: part.name }, at + HEAD_END.len());
        Ok(Step::Again)
    }

    fn value(&mut self, name: String) -> Result<Step, FormError> {
        let (end, scanned) = (&self.delimiter, &mut self.scanned);
        let at = find(end, &self.input, scanned, self.bytes_left);
        let Some(at) = at.map_err(|Beyond| FormError::FieldsTooLarge)? else {
            self.state = State::Value { name };
            return Ok(Step::Wants);
        };
        let value = std::str::from_utf8(&self.input[..at]).map_err(|_| MALFORMED)?;
        let value = value.to_owned();
        self.bytes_left -= at;
        self.fields.list.push(Field { name, value });
        self.go_on(State::Delimited, at + self.delimiter.needle().len());
        Ok(Step::Again)
    }

    /// Leaves `used` bytes behind.
    fn go_on(&mut self, state: State, used: usize) {
        self.state = state;
        self.input.advance(used);
        self.scanned = 0;
    }
}

/// More stands before what was looked for than may.
struct Beyond;

/// Where `end` begins in `input`, of which at most `max` bytes may stand before it. Bytes that were
/// `scanned` are not looked at again, however small the pieces are that they come in.
fn find(
    end: &Finder<'_>,
    input: &[u8],
    scanned: &mut usize,
    max: usize,
) -> Result<Option<usize>, Beyond> {
    let found = end.find(&input[*scanned..]).map(|at| *scanned + at);
    *scanned = found.unwrap_or((input.len() + 1).saturating_sub(end.needle().len()));
    if *scanned > max {
        return Err(Beyond);
    }
    Ok(found)
}
