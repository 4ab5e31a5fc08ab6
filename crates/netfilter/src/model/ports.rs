//! Ports, as rules name them: `443`, `[80, 443]`, `"1024-65535"`, or `[80, "8000-8999"]`.

use serde::{Deserialize, Serialize};
use std::num::NonZeroU16;

/// Ranges of ports in one rule at most.
pub const PORT_RANGES_MAX: usize = 32;

/// The ports that a rule is about; at least one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Ports(Vec<PortRange>);

/// Ports from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortRange {
    /// The lowest.
    pub first: NonZeroU16,
    /// The highest, not below the lowest.
    pub last: NonZeroU16,
}

/// What is written is no set of ports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPorts {
    /// Neither a port nor a range of them.
    #[error("'{0}' is neither a port from 1 to 65535 nor a range of them")]
    Range(String),
    /// No port at all. All ports are meant by leaving the field out.
    #[error("an empty list of ports")]
    Empty,
    /// More than [`PORT_RANGES_MAX`].
    #[error("more than {PORT_RANGES_MAX} ranges of ports")]
    TooMany,
}

impl Ports {
    /// One port alone.
    pub fn one(port: NonZeroU16) -> Self {
        let (first, last) = (port, port);
        Self(vec![PortRange { first, last }])
    }

    /// These ranges.
    pub fn new(ranges: Vec<PortRange>) -> Result<Self, InvalidPorts> {
        match ranges.len() {
            0 => Err(InvalidPorts::Empty),
            1..=PORT_RANGES_MAX => Ok(Self(ranges)),
            _ => Err(InvalidPorts::TooMany),
        }
    }

    /// Whether the port is one of them.
    pub fn contains(&self, port: u16) -> bool {
        let within = |range: &PortRange| range.first.get() <= port && port <= range.last.get();
        self.0.iter().any(within)
    }

    /// As written.
    pub fn ranges(&self) -> &[PortRange] {
        &self.0
    }
}

/// The spellings.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    One(WrittenRange),
    Many(Vec<WrittenRange>),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenRange {
    Port(u64),
    Text(String),
}

impl TryFrom<WrittenRange> for PortRange {
    type Error = InvalidPorts;

    fn try_from(written: WrittenRange) -> Result<Self, InvalidPorts> {
        let text = match written {
            WrittenRange::Port(port) => port.to_string(),
            WrittenRange::Text(text) => text,
        };
        let bad = || InvalidPorts::Range(text.chars().take(16).collect());
        let port = |text: &str| -> Option<NonZeroU16> {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            if digits { text.parse().ok() } else { None }
        };
        let (first, last) = text.split_once('-').unwrap_or((&text, &text));
        match (port(first), port(last)) {
            (Some(first), Some(last)) if first <= last => Ok(Self { first, last }),
            _ => Err(bad()),
        }
    }
}

impl From<PortRange> for WrittenRange {
    fn from(PortRange { first, last }: PortRange) -> Self {
        match first == last {
            true => Self::Port(first.get().into()),
            false => Self::Text(format!("{first}-{last}")),
        }
    }
}

impl TryFrom<Written> for Ports {
    type Error = InvalidPorts;

    fn try_from(written: Written) -> Result<Self, InvalidPorts> {
        let ranges = match written {
            Written::One(range) => vec![range],
            Written::Many(ranges) => ranges,
        };
        if ranges.len() > PORT_RANGES_MAX {
            return Err(InvalidPorts::TooMany);
        }
        let ranges: Result<_, _> = ranges.into_iter().map(PortRange::try_from).collect();
        Self::new(ranges?)
    }
}

impl From<Ports> for Written {
    fn from(ports: Ports) -> Self {
        Self::Many(ports.0.into_iter().map(WrittenRange::from).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling() {
        let ports = |json: &str| serde_json::from_str::<Ports>(json);
        let both = ports(r#"[80, "8000-8999"]"#).unwrap();
        assert!(both.contains(80) && both.contains(8000) && both.contains(8999));
        assert!(!both.contains(81) && !both.contains(9000));
        assert_eq!(serde_json::to_string(&both).unwrap(), r#"[80,"8000-8999"]"#);
        assert_eq!(ports("443").unwrap(), ports(r#"["443"]"#).unwrap());
        for bad in [
            "[]",
            "0",
            "65536",
            "-1",
            r#""80-79""#,
            r#""80-""#,
            r#""+80""#,
            "1.5",
            "null",
        ] {
            assert!(ports(bad).is_err(), "{bad}");
        }
    }
}
