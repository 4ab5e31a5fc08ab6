//! `multipart/form-data`: how a browser sends a form with one file.
//!
//! ```text
//!   --BOUNDARY CR LF
//!   Content-Disposition: form-data; name="key" CR LF  CR LF  VALUE CR LF
//!   --BOUNDARY CR LF  …
//!   Content-Disposition: form-data; name="file"; filename="a.txt" CR LF  CR LF  CONTENT CR LF
//!   --BOUNDARY--
//! ```
//!
//! Two decoders share the work, since two stages do: [`FieldsDecoder`] reads what stands before the
//! file, which tells who signed and what may be stored; [`FileDecoder`] gives the file's bytes, once
//! that was judged, without copying them. Both are given bytes in any pieces and come to the same
//! end however those are cut.
//!
//! The file is the part that is called `file`, and what follows it counts for nothing, as on AWS. A
//! field that stands twice is refused: nobody may take one for the policy and another for the key.
//! Number and size of the fields are bounded, and so is what follows the file.

mod fields;
mod file;
mod head;

pub use fields::{Before, FieldsDecoder};
pub use file::FileDecoder;

use crate::error::{ErrorKind, S3Error};
use std::fmt;

/// Names and values of all fields before the file together. Source: Amazon S3 user guide, "Creating
/// an HTML form": 20 KB. Beyond it: `MaxPostPreDataLengthExceeded`.
pub const FIELDS_BYTES_MAX: usize = 20 << 10;
/// Fields before the file; likewise.
pub const FIELDS_MAX: usize = 100;
/// The head of one part, file name included. Beyond it: `MalformedPOSTRequest`.
const PART_HEAD_BYTES_MAX: usize = 4 << 10;
/// What may follow the file. Beyond it: `MalformedPOSTRequest`.
const TRAILING_BYTES_MAX: usize = FIELDS_BYTES_MAX;
/// The longest boundary. Source: RFC 2046, 5.1.1: "must be no longer than 70 characters".
const BOUNDARY_BYTES_MAX: usize = 70;

/// What separates the parts of a form: 1 to 70 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boundary(Box<str>);

impl Boundary {
    /// Whether a `Content-Type` is that of a form, and by which boundary; `None` when it is not.
    pub fn of_content_type(value: &str) -> Option<Result<Self, FormError>> {
        let (kind, parameters) = value.split_once(';').unwrap_or((value, ""));
        if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
            return None;
        }
        let named = head::parameters(parameters)
            .ok()
            .and_then(|found| found.of("boundary"));
        Some(named.and_then(|text| Self::parse(&text)).ok_or(MALFORMED))
    }

    fn parse(text: &str) -> Option<Self> {
        // RFC 2046, 5.1.1: bchars, of which a space may not be the last.
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b);
        let fits = (1..=BOUNDARY_BYTES_MAX).contains(&text.len()) && !text.ends_with(' ');
        (fits && text.bytes().all(legal)).then(|| Self(text.into()))
    }

    /// The line end before a part's end, and the line that ends it.
    fn delimiter(&self) -> Vec<u8> {
        [b"\r\n--", self.0.as_bytes()].concat()
    }

    /// Bytes that follow the file when it is the last part, as it should be.
    pub fn closing_len(&self) -> u64 {
        (self.delimiter().len() + b"--\r\n".len()) as u64
    }
}

/// One field, as sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name; compared without regard to case.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// The fields before the file, in order, and whether a file follows. Its `Debug` shows names alone:
/// among the values are a signature and perhaps a token.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Fields {
    list: Vec<Field>,
    file: Option<FilePart>,
}

/// The part that is the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePart {
    /// The file's name as the client gave it, without the path before it.
    pub filename: Option<String>,
}

impl Fields {
    /// The value of the field of that name, in any case.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self
            .list
            .iter()
            .find(|f| f.name.eq_ignore_ascii_case(name))?;
        Some(&found.value)
    }

    /// Every field, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Field> {
        self.list.iter()
    }

    /// The file; `None` when the form ended without one.
    pub fn file(&self) -> Option<&FilePart> {
        self.file.as_ref()
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.list.iter().map(|field| &field.name);
        f.debug_list().entries(names).finish()
    }
}

/// Why a form is refused before anything in it was looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// It is no `multipart/form-data`, or ends early.
    #[error("the form is not well-formed")]
    Malformed,
    /// The fields before the file are too many or too long.
    #[error("the fields before the file are too large")]
    FieldsTooLarge,
    /// A field stands twice.
    #[error("the field {name} stands twice")]
    Twice {
        /// Its name as sent.
        name: String,
    },
}

/// The commonest of them.
const MALFORMED: FormError = FormError::Malformed;

impl From<FormError> for S3Error {
    fn from(error: FormError) -> Self {
        match error {
            FormError::Malformed => ErrorKind::MalformedPostRequest.into(),
            FormError::FieldsTooLarge => Self::from(ErrorKind::MaxPostPreDataLengthExceeded)
                .element("MaxPostPreDataLengthBytes", FIELDS_BYTES_MAX.to_string()),
            FormError::Twice { name } => Self::from(ErrorKind::InvalidArgument)
                .message("A field of a POST form must not stand twice.")
                .element("ArgumentName", name),
        }
    }
}

#[cfg(test)]
mod tests;
