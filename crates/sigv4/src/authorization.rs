//! The header `Authorization`:
//! `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=a;b, Signature=hex`, spaces after commas optional.

use crate::claim::Algorithm;
use crate::credential::ScopeError;
use memchr::memchr;

/// The header taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authorization<'a> {
    /// The algorithm that the first word names.
    pub algorithm: Algorithm,
    /// `Credential`.
    pub credential: &'a str,
    /// `SignedHeaders`: lower-case names with `;` between them.
    pub signed_headers: &'a str,
    /// `Signature`, as sent.
    pub signature: &'a str,
}

/// Why the header is refused, in S3's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// The first word is no mechanism we know.
    #[error("Unsupported Authorization Type")]
    UnsupportedType {
        /// The header as sent.
        value: String,
    },
    /// `AWS AKID:signature`.
    #[error("signature version 2")]
    Version2,
    /// Nothing follows the algorithm.
    #[error(
        "The authorization header is malformed; the authorization header requires three components: Credential, SignedHeaders, and Signature."
    )]
    NoComponents,
    /// A component is not `name=value`, is unknown, stands twice or has an odd value.
    #[error(
        "The authorization header is malformed; the authorization component \"{component}\" is malformed."
    )]
    Component {
        /// As sent.
        component: String,
    },
    /// A component is absent.
    #[error("The authorization header is malformed; missing {name}.")]
    Missing {
        /// Which.
        name: &'static str,
    },
    /// The credential is refused.
    #[error("The authorization header is malformed; {0}")]
    Scope(ScopeError),
    /// SigV4A without a region set, or with one that leaves this region out.
    #[error(
        "The authorization header is malformed; the region set '{given}' is wrong; expecting '{expected}'"
    )]
    RegionSet {
        /// As sent; empty when absent.
        given: String,
        /// Ours.
        expected: String,
    },
}

impl<'a> Authorization<'a> {
    /// Reads the header's value.
    pub fn parse(value: &'a str) -> Result<Self, HeaderFault> {
        let value = value.trim_ascii();
        let (scheme, rest) = value.split_once([' ', '\t']).unwrap_or((value, ""));
        let algorithm = match Algorithm::parse(scheme) {
            Some(algorithm) => algorithm,
            None if scheme == "AWS" => return Err(HeaderFault::Version2),
            None => {
                return Err(HeaderFault::UnsupportedType {
                    value: value.to_owned(),
                });
            }
        };
        if rest.trim_ascii().is_empty() {
            return Err(HeaderFault::NoComponents);
        }
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        let mut left = Some(rest);
        while let Some(rest) = left {
            let parts = cut(rest, b',');
            left = parts.map(|(_, others)| others);
            let component = parts.map_or(rest, |(component, _)| component);
            let component = component.trim_ascii();
            let odd = || HeaderFault::Component {
                component: component.to_owned(),
            };
            let (name, value) = cut(component, b'=').ok_or_else(odd)?;
            let slot = match name {
                "Credential" => &mut credential,
                "SignedHeaders" if is_header_list(value) => &mut signed_headers,
                "Signature" => &mut signature,
                _ => return Err(odd()),
            };
            if value.is_empty() || slot.replace(value).is_some() {
                return Err(odd());
            }
        }
        Ok(Self {
            algorithm,
            credential: credential.ok_or(HeaderFault::Missing { name: "Credential" })?,
            signed_headers: signed_headers.ok_or(HeaderFault::Missing {
                name: "SignedHeaders",
            })?,
            signature: signature.ok_or(HeaderFault::Missing { name: "Signature" })?,
        })
    }
}

/// What stands before the first of these bytes, and behind it. Found many bytes at a time, as the search
/// of `str` for a character is not.
fn cut(text: &str, at: u8) -> Option<(&str, &str)> {
    let place = memchr(at, text.as_bytes())?;
    Some((text.get(..place)?, text.get(place + 1..)?))
}

/// Whether `list` is lower-case header names with `;` between them.
pub(crate) fn is_header_list(list: &str) -> bool {
    list.as_bytes()
        .split(|b| *b == b';')
        .all(|name| !name.is_empty() && name.iter().all(|b| IN_NAME[usize::from(*b)]))
}

/// The characters of a token in lower case. Source: RFC 9110, 5.6.2.
const IN_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_lowercase()
            || byte.is_ascii_digit()
            || matches!(
                byte,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = "AWS4-HMAC-SHA256 Credential=AK/d/r/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=00";

    #[test]
    fn spaces_and_order_are_free() {
        let parsed = Authorization::parse(GOOD).unwrap();
        assert_eq!(parsed.credential, "AK/d/r/s3/aws4_request");
        assert_eq!(Authorization::parse(&GOOD.replace(", ", ",")), Ok(parsed));
        assert_eq!(
            Authorization::parse(&GOOD.replace(", ", "  ,  ")),
            Ok(parsed)
        );
        let turned = "AWS4-HMAC-SHA256 Signature=00,SignedHeaders=host;x-amz-date,Credential=AK/d/r/s3/aws4_request";
        assert_eq!(Authorization::parse(turned), Ok(parsed));
        let ecdsa = GOOD.replace("HMAC-SHA256", "ECDSA-P256-SHA256");
        assert_eq!(
            Authorization::parse(&ecdsa).unwrap().algorithm,
            Algorithm::Ecdsa
        );
    }

    #[test]
    fn each_fault_has_its_error() {
        let fault = |text: &str| Authorization::parse(text).unwrap_err();
        assert!(matches!(
            fault("Bearer x"),
            HeaderFault::UnsupportedType { .. }
        ));
        assert!(matches!(fault(""), HeaderFault::UnsupportedType { .. }));
        assert_eq!(fault("AWS AK:sig"), HeaderFault::Version2);
        assert_eq!(fault("AWS4-HMAC-SHA256"), HeaderFault::NoComponents);
        assert_eq!(
            fault("AWS4-HMAC-SHA256 Credential=a,Signature=b"),
            HeaderFault::Missing {
                name: "SignedHeaders"
            }
        );
        for odd in [
            "Credential",
            "Credential=",
            "X=1",
            "Signature=1,Signature=1",
            "SignedHeaders=Host",
            "SignedHeaders=a;;b",
            "Credential=a,",
        ] {
            let text = format!("AWS4-HMAC-SHA256 {odd}");
            assert!(
                matches!(fault(&text), HeaderFault::Component { .. }),
                "{odd}"
            );
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".*") {
            let _ = Authorization::parse(&text);
            let _ = Authorization::parse(&format!("AWS4-HMAC-SHA256 {text}"));
        }
    }
}
