use std::fmt;

/// An entity tag as S3 gives it: the MD5 of the body, or the MD5 of the parts' MD5s and their count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ETag {
    md5: [u8; 16],
    /// 0 for an object put in one request.
    parts: u32,
}

/// The text is not an entity tag of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an entity tag")]
pub struct InvalidETag;

impl ETag {
    /// The tag of a body put in one request.
    pub fn of_body(md5: [u8; 16]) -> Self {
        Self { md5, parts: 0 }
    }

    /// The tag of a multipart object: `md5` over the parts' binary MD5s, `parts` at least 1.
    pub fn of_parts(md5: [u8; 16], parts: u32) -> Self {
        Self { md5, parts }
    }

    /// The digest.
    pub fn md5(&self) -> &[u8; 16] {
        &self.md5
    }

    /// Number of parts; 0 for an object put in one request.
    pub fn parts(&self) -> u32 {
        self.parts
    }

    /// Reads the tag with or without its quotes.
    pub fn parse(text: &str) -> Result<Self, InvalidETag> {
        let bare = text
            .strip_prefix('"')
            .and_then(|t| t.strip_suffix('"'))
            .unwrap_or(text);
        let (md5, parts) = match bare.split_once('-') {
            None => (bare, 0),
            Some((_, parts)) if !parts.bytes().all(|b| b.is_ascii_digit()) => {
                return Err(InvalidETag);
            }
            Some((md5, parts)) => (md5, parts.parse().map_err(|_| InvalidETag)?),
        };
        let md5 = crate::unhex(md5.as_bytes()).ok_or(InvalidETag)?;
        Ok(Self { md5, parts })
    }
}

/// Without quotes; who writes a header adds them.
impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::hex(&self.md5))?;
        if self.parts > 0 {
            write!(f, "-{}", self.parts)
        } else {
            Ok(())
        }
    }
}

impl fmt::Debug for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for tag in [ETag::of_body([7; 16]), ETag::of_parts([9; 16], 10_000)] {
            assert_eq!(ETag::parse(&tag.to_string()), Ok(tag));
            assert_eq!(ETag::parse(&format!("\"{tag}\"")), Ok(tag));
        }
        for bad in [
            "",
            "\"\"",
            "xyz",
            "d41d8cd98f00b204e9800998ecf8427e-",
            "d41d8cd98f00b204e9800998ecf8427e-+1",
        ] {
            assert!(ETag::parse(bad).is_err(), "{bad}");
        }
    }
}
