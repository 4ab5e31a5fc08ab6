//! The body of CompleteMultipartUpload.

use super::{Element, parse_document};
use crate::{
    checksum,
    error::{ErrorKind, S3Error},
};
use blockhouse_types::{Checksum, ChecksumAlgorithm, ETag};

/// The highest part number, and so the most parts.
const PART_NUMBER_MAX: u16 = 10_000;

/// The body of CompleteMultipartUpload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompleteMultipartUploadBody {
    /// Parts in rising order of number; 1 to 10000.
    pub parts: Vec<NamedPart>,
}

/// One part as the client names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPart {
    /// Its number.
    pub number: u16,
    /// The tag it must have. A tag that no part can have became one that none has: `InvalidPart`.
    pub etag: ETag,
    /// The checksum it must have, when given.
    pub checksum: Option<Checksum>,
}

impl CompleteMultipartUploadBody {
    /// Reads the body. Parts out of order are `InvalidPartOrder`.
    pub fn parse(body: &[u8]) -> Result<Self, S3Error> {
        let root = parse_document(body, "CompleteMultipartUpload")?;
        let parts = root
            .parts(&["Part"])?
            .iter()
            .map(part)
            .collect::<Result<Vec<_>, _>>()?;
        if parts.is_empty() || parts.len() > usize::from(PART_NUMBER_MAX) {
            return Err(ErrorKind::MalformedXml.into());
        }
        let rising = parts
            .iter()
            .zip(parts.iter().skip(1))
            .all(|(a, b)| a.number < b.number);
        if rising {
            Ok(Self { parts })
        } else {
            Err(ErrorKind::InvalidPartOrder.into())
        }
    }
}

fn part(element: &Element) -> Result<NamedPart, S3Error> {
    let mut checksum = None;
    for child in &element.children {
        match child.name.as_str() {
            "PartNumber" | "ETag" | "Size" => {}
            name => {
                let algorithm = algorithm_of(name).ok_or(ErrorKind::MalformedXml)?;
                let value = checksum::from_base64(algorithm, child.leaf()?.trim());
                let value = value.ok_or_else(|| checksum::invalid_value(algorithm))?;
                if checksum.replace(value).is_some() {
                    return Err(ErrorKind::MalformedXml.into());
                }
            }
        }
    }
    if !element.text.trim().is_empty() {
        return Err(ErrorKind::MalformedXml.into());
    }
    let number = element
        .child_number("PartNumber")?
        .ok_or(ErrorKind::MalformedXml)?;
    if !(1..=PART_NUMBER_MAX).contains(&number) {
        return Err(S3Error::invalid_argument(
            "partNumber",
            number.to_string(),
            "Part number must be an integer between 1 and 10000, inclusive",
        ));
    }
    let etag = element.required_text("ETag")?.trim();
    let etag = ETag::parse(etag).unwrap_or_else(|_| crate::condition::impossible_tag());
    Ok(NamedPart {
        number,
        etag,
        checksum,
    })
}

/// `ChecksumCRC32` and so on.
fn algorithm_of(name: &str) -> Option<ChecksumAlgorithm> {
    name.strip_prefix("Checksum")
        .and_then(ChecksumAlgorithm::from_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(inner: &str) -> Result<Vec<NamedPart>, ErrorKind> {
        let body = format!("<CompleteMultipartUpload>{inner}</CompleteMultipartUpload>");
        CompleteMultipartUploadBody::parse(body.as_bytes())
            .map(|b| b.parts)
            .map_err(|e| e.kind())
    }

    fn one(number: &str) -> String {
        format!(
            "<Part><PartNumber>{number}</PartNumber>\
             <ETag>&quot;5d41402abc4b2a76b9719d911017c592&quot;</ETag></Part>"
        )
    }

    #[test]
    fn parts_in_order() {
        let parts = parse(&(one("1") + &one("3") + &one("10000"))).unwrap();
        assert_eq!(
            parts.iter().map(|p| p.number).collect::<Vec<_>>(),
            [1, 3, 10_000]
        );
        assert_eq!(
            parse(&(one("2") + &one("1"))),
            Err(ErrorKind::InvalidPartOrder)
        );
        assert_eq!(
            parse(&(one("2") + &one("2"))),
            Err(ErrorKind::InvalidPartOrder)
        );
        assert_eq!(parse(""), Err(ErrorKind::MalformedXml));
        assert_eq!(parse(&one("0")), Err(ErrorKind::InvalidArgument));
        assert_eq!(parse(&one("10001")), Err(ErrorKind::InvalidArgument));
        assert_eq!(parse(&one("x")), Err(ErrorKind::MalformedXml));
        assert_eq!(
            parse("<Part><PartNumber>1</PartNumber></Part>"),
            Err(ErrorKind::MalformedXml)
        );
    }

    #[test]
    fn checksums() {
        let with = |checksum: &str| {
            parse(&format!(
                "<Part><PartNumber>1</PartNumber><ETag>x</ETag>{checksum}</Part>"
            ))
        };
        let parts = with("<ChecksumCRC32>NhCmhg==</ChecksumCRC32>").unwrap();
        assert_eq!(
            parts[0].checksum.as_ref().unwrap().value(),
            [0x36, 0x10, 0xa6, 0x86]
        );
        assert_eq!(
            with("<ChecksumCRC32>xx</ChecksumCRC32>"),
            Err(ErrorKind::InvalidRequest)
        );
        assert_eq!(
            with("<ChecksumFOO>xx</ChecksumFOO>"),
            Err(ErrorKind::MalformedXml)
        );
    }

    #[test]
    fn ten_thousand_parts_fit() {
        let all: String = (1..=10_000).map(|n| one(&n.to_string())).collect();
        assert_eq!(parse(&all).unwrap().len(), 10_000);
    }
}
