use crate::{hex, unhex};
use std::fmt;

/// What a presigned link is, however it is spelled: one for all names of its endpoint, and never
/// made of its signature, of which one link may have many. Knowing it allows nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub [u8; 16]);

/// The text is not 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a link's id has 32 hexadecimal digits")]
pub struct InvalidLinkId;

impl LinkId {
    /// Reads 32 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, InvalidLinkId> {
        unhex(text.as_bytes()).map(Self).ok_or(InvalidLinkId)
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LinkId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_shows() {
        let id = LinkId(std::array::from_fn(|n| n as u8 * 17));
        assert_eq!(LinkId::parse(&id.to_string()), Ok(id));
        for bad in ["", "00", &"g".repeat(32), &"0".repeat(33)] {
            assert_eq!(LinkId::parse(bad), Err(InvalidLinkId), "{bad}");
        }
    }
}
