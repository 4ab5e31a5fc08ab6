//! From which addresses a bucket may be reached: our own document, of our own subresource
//! `bh-addresses`.
//!
//! ```xml
//! <AddressListConfiguration><Entry>203.0.113.0/24</Entry><Entry>vpc-1</Entry></AddressListConfiguration>
//! ```
//!
//! What an entry may be is the policy language's to say.

use super::{Writer, reader::parse_long_document};
use crate::error::S3Error;
use bytes::Bytes;
use std::fmt::Display;

const ROOT: &str = "AddressListConfiguration";

/// Entries of a list at most; more is `MalformedXML`.
const ENTRIES_MAX: usize = 100_000;

/// The body of PutBucketAddressList: its entries in order, blanks around them dropped.
pub fn parse_addresses(body: &[u8]) -> Result<Vec<String>, S3Error> {
    let root = parse_long_document(body, ROOT, 1 + ENTRIES_MAX)?;
    let entries = root.parts(&["Entry"])?;
    let text = |entry: &super::Element| Ok(entry.leaf()?.trim().to_owned());
    entries.iter().map(text).collect()
}

/// The answer of GetBucketAddressList.
pub fn addresses_xml(entries: impl IntoIterator<Item: Display>) -> Bytes {
    let mut xml = Writer::new(1024);
    xml.root(ROOT);
    for entry in entries {
        xml.text("Entry", &entry.to_string());
    }
    xml.close(ROOT);
    xml.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        for entries in [&[][..], &["203.0.113.0/24", "vpc-1/10.0.0.0/8"]] {
            let xml = addresses_xml(entries);
            assert_eq!(parse_addresses(&xml).unwrap(), entries);
        }
        for bad in [
            "",
            "<AddressListConfiguration>text</AddressListConfiguration>",
            "<AddressListConfiguration><Range>::/0</Range></AddressListConfiguration>",
            "<AddressList/>",
        ] {
            assert!(parse_addresses(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
