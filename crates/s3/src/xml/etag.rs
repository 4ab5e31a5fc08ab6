//! What a bucket's entity tags are: our own document, of our own subresource `bh-etag`.
//!
//! ```xml
//! <EtagConfiguration><Mode>Opaque</Mode></EtagConfiguration>
//! ```

use super::{Writer, parse_document};
use crate::error::{ErrorKind, S3Error};
use bytes::Bytes;

const ROOT: &str = "EtagConfiguration";
const OPAQUE: &str = "Opaque";
const MD5: &str = "MD5";

/// What new objects of a bucket are tagged with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EtagMode {
    /// The MD5 of their bytes, as S3 does.
    Md5,
    /// Something that says nothing of their bytes, as S3 Express One Zone does: nothing has to be
    /// hashed for it.
    Opaque,
}

/// The body of PutBucketEtag.
pub fn parse_etag(body: &[u8]) -> Result<EtagMode, S3Error> {
    let root = parse_document(body, ROOT)?;
    root.parts(&["Mode"])?;
    match root.child_text("Mode")?.map(str::trim) {
        Some(OPAQUE) => Ok(EtagMode::Opaque),
        Some(MD5) => Ok(EtagMode::Md5),
        _ => Err(ErrorKind::MalformedXml.into()),
    }
}

/// The answer of GetBucketEtag.
pub fn etag_xml(mode: EtagMode) -> Bytes {
    let mut xml = Writer::new(160);
    xml.root(ROOT);
    let mode = match mode {
        EtagMode::Md5 => MD5,
        EtagMode::Opaque => OPAQUE,
    };
    xml.text("Mode", mode);
    xml.close(ROOT);
    xml.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        for mode in [EtagMode::Md5, EtagMode::Opaque] {
            assert_eq!(parse_etag(&etag_xml(mode)), Ok(mode));
        }
        for bad in [
            "",
            "<EtagConfiguration/>",
            "<EtagConfiguration><Mode>opaque</Mode></EtagConfiguration>",
            "<EtagConfiguration><Mode>MD5</Mode><More/></EtagConfiguration>",
            "<Etag><Mode>MD5</Mode></Etag>",
        ] {
            assert!(parse_etag(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
