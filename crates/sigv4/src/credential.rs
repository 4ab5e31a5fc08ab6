//! The credential and its scope: `AKID/DATE/REGION/SERVICE/aws4_request`, without the region under
//! SigV4A, whose regions stand in `X-Amz-Region-Set`.

use crate::claim::Algorithm;
use blockhouse_types::Specials;

/// The longest access key id that is looked at. Source: IAM API Reference, `AccessKey`.
const ACCESS_KEY_ID_BYTES_MAX: usize = 128;

/// The word that ends every scope.
const TERMINAL: &str = "aws4_request";

/// A credential taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credential<'a> {
    /// The key's public id; never empty.
    pub access_key_id: &'a str,
    /// The day signed for: eight digits.
    pub day: &'a str,
    /// The region; `None` under SigV4A.
    pub region: Option<&'a str>,
    /// The service.
    pub service: &'a str,
    /// All after the access key id, as it stands in the string to sign.
    pub scope: &'a str,
}

/// What a scope must be here.
#[derive(Debug, Clone, Copy)]
pub struct ScopeRule<'a> {
    /// The region that this endpoint is in.
    pub region: &'a str,
    /// The services that it answers for; the first is named in errors.
    pub services: &'a [&'a str],
}

/// Why a credential is refused. The text is what S3 says after "is malformed; ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Not the right number of parts, or an empty one.
    #[error(
        "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."
    )]
    Shape,
    /// The day is not eight digits.
    #[error(
        "incorrect date format \"{day}\". This date in the credential must be in the format \"yyyyMMdd\"."
    )]
    DayFormat {
        /// As sent.
        day: String,
    },
    /// The day is not that of the request's date.
    #[error(
        "Invalid credential date \"{day}\". This date is not the same as X-Amz-Date: \"{date}\"."
    )]
    DayDiffers {
        /// As sent.
        day: String,
        /// The date's.
        date: String,
    },
    /// The scope does not end in `aws4_request`.
    #[error("incorrect terminal \"{terminal}\". This endpoint uses \"aws4_request\".")]
    Terminal {
        /// As sent.
        terminal: String,
    },
    /// Another region.
    #[error("the region '{region}' is wrong; expecting '{expected}'")]
    Region {
        /// As sent.
        region: String,
        /// Ours.
        expected: String,
    },
    /// A service that this endpoint does not answer for.
    #[error("incorrect service \"{service}\". This endpoint belongs to \"{expected}\".")]
    Service {
        /// As sent.
        service: String,
        /// Ours.
        expected: String,
    },
}

impl<'a> Credential<'a> {
    /// Takes a credential apart; the scope's shape depends on the algorithm.
    pub fn parse(text: &'a str, algorithm: Algorithm) -> Result<Self, ScopeError> {
        let (access_key_id, scope, [day, region, service, terminal]) =
            take_apart(text, algorithm).ok_or(ScopeError::Shape)?;
        let region = match algorithm {
            Algorithm::Hmac => Some(region),
            Algorithm::Ecdsa => None,
        };
        if terminal != TERMINAL {
            return Err(ScopeError::Terminal {
                terminal: terminal.to_owned(),
            });
        }
        if day.len() != 8 || !day.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ScopeError::DayFormat {
                day: day.to_owned(),
            });
        }
        Ok(Self {
            access_key_id,
            day,
            region,
            service,
            scope,
        })
    }

    /// Holds the scope against the request's `date` (basic form) and against what is served here.
    pub fn check_scope(&self, date: &str, rule: ScopeRule<'_>) -> Result<(), ScopeError> {
        let date_day = date.get(..8).unwrap_or(date);
        if self.day != date_day {
            return Err(ScopeError::DayDiffers {
                day: self.day.to_owned(),
                date: date_day.to_owned(),
            });
        }
        if let Some(region) = self.region.filter(|region| *region != rule.region) {
            return Err(ScopeError::Region {
                region: region.to_owned(),
                expected: rule.region.to_owned(),
            });
        }
        if !rule.services.contains(&self.service) {
            return Err(ScopeError::Service {
                service: self.service.to_owned(),
                expected: rule
                    .services
                    .first()
                    .copied()
                    .unwrap_or_default()
                    .to_owned(),
            });
        }
        Ok(())
    }
}

/// The access key id, all behind it, and that by its parts: day, region, service and terminal, none of
/// them empty. What has no region has an empty one.
fn take_apart(text: &str, algorithm: Algorithm) -> Option<(&str, &str, [&str; 4])> {
    let mut slashes = [0; 4];
    let mut count = 0;
    let bytes = text.as_bytes();
    for at in Specials::new(bytes).filter(|at| bytes[*at] == b'/') {
        *slashes.get_mut(count)? = at;
        count += 1;
    }
    let [first, second, third, fourth] = slashes;
    let part = |from: usize, to| text.get(from + 1..to).filter(|part| !part.is_empty());
    let (region, third, fourth) = match (algorithm, count) {
        (Algorithm::Hmac, 4) => (part(second, third)?, third, fourth),
        (Algorithm::Ecdsa, 3) => ("", second, third),
        _ => return None,
    };
    let parts = [
        part(first, second)?,
        region,
        part(third, fourth)?,
        part(fourth, text.len())?,
    ];
    let (access_key_id, scope) = (text.get(..first)?, text.get(first + 1..)?);
    let id_is_sound = (1..=ACCESS_KEY_ID_BYTES_MAX).contains(&access_key_id.len());
    id_is_sound.then_some((access_key_id, scope, parts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts() {
        let c = Credential::parse("AK/20261121/local-1/s3/aws4_request", Algorithm::Hmac).unwrap();
        assert_eq!(
            (c.access_key_id, c.day, c.region, c.service),
            ("AK", "20261121", Some("local-1"), "s3")
        );
        assert_eq!(c.scope, "20261121/local-1/s3/aws4_request");
        let c = Credential::parse("AK/20261121/s3/aws4_request", Algorithm::Ecdsa).unwrap();
        assert_eq!((c.region, c.service), (None, "s3"));
    }

    #[test]
    fn each_fault_has_its_error() {
        let parse = |text| Credential::parse(text, Algorithm::Hmac).unwrap_err();
        for shape in [
            "",
            "AK",
            "AK/20261121/r/s3",
            "/20261121/r/s3/aws4_request",
            "A/20261121/r/s3/aws4_request/x",
            "A/20261121//s3/aws4_request",
        ] {
            assert_eq!(parse(shape), ScopeError::Shape, "{shape}");
        }
        assert!(matches!(
            parse("A/20261121/r/s3/aws5"),
            ScopeError::Terminal { .. }
        ));
        assert!(matches!(
            parse("A/2026-1-1/r/s3/aws4_request"),
            ScopeError::DayFormat { .. }
        ));

        let rule = ScopeRule {
            region: "local-1",
            services: &["s3", "s3-outposts"],
        };
        let check = |text, date| {
            Credential::parse(text, Algorithm::Hmac)
                .unwrap()
                .check_scope(date, rule)
        };
        let date = "20261121T000000Z";
        assert_eq!(
            check("A/20261121/local-1/s3-outposts/aws4_request", date),
            Ok(())
        );
        assert!(matches!(
            check("A/20261122/local-1/s3/aws4_request", date),
            Err(ScopeError::DayDiffers { .. })
        ));
        assert!(matches!(
            check("A/20261121/us-east-1/s3/aws4_request", date),
            Err(ScopeError::Region { .. })
        ));
        assert!(matches!(
            check("A/20261121/local-1/ec2/aws4_request", date),
            Err(ScopeError::Service { .. })
        ));
    }

    proptest! {
        #[test]
        fn never_panics(text in ".*", ecdsa: bool) {
            let algorithm = if ecdsa { Algorithm::Ecdsa } else { Algorithm::Hmac };
            let _ = Credential::parse(&text, algorithm);
        }
    }
}
