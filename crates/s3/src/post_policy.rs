//! The policy of a POST form: what its signer lets others upload.
//!
//! ```text
//!   base64 ─► JSON ─► Policy { expiration, conditions } ─► allows(form)? ─► LengthRange
//! ```
//!
//! The base64 text is what the form's signature is over, so it is read only after that was judged.
//! Every field of the form must be named by a condition, and every condition must hold; the bucket
//! that the request names counts as a field. What a policy does not speak of is refused, never
//! guessed: one without a condition on the bucket would be good for all buckets of its signer.
//!
//! Names of fields and operators are compared without regard to case, values exactly. A condition on
//! a field that the form lacks does not hold, whatever it compares with, as on AWS.

mod document;

use crate::{
    error::{ErrorKind, S3Error},
    form::Fields,
};
use blockhouse_types::{BucketName, Timestamp};

/// A policy that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    expiration: Timestamp,
    conditions: Vec<Condition>,
}

/// One condition, with its text as errors show it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    test: Test,
    shown: String,
}

/// What a condition demands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    /// `{"field": "value"}` or `["eq", "$field", "value"]`.
    Equals { field: String, value: String },
    /// `["starts-with", "$field", "value"]`.
    StartsWith { field: String, value: String },
    /// `["content-length-range", min, max]`.
    Length(LengthRange),
    /// What is well-formed but can never hold: a field without `$`, a bound that is no number.
    Never,
}

/// How long the file may be, in bytes, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LengthRange {
    /// At least.
    pub min: u64,
    /// At most.
    pub max: u64,
}

impl LengthRange {
    /// Any length.
    pub const ANY: Self = Self {
        min: 0,
        max: u64::MAX,
    };

    /// Both.
    fn and(self, other: Self) -> Self {
        Self {
            min: self.min.max(other.min),
            max: self.max.min(other.max),
        }
    }
}

/// What a policy is held against.
#[derive(Debug, Clone, Copy)]
pub struct Submission<'a> {
    /// The bucket that the request names.
    pub bucket: &'a BucketName,
    /// The key, with the file's name put in.
    pub key: Option<&'a str>,
    /// The fields.
    pub fields: &'a Fields,
}

impl<'a> Submission<'a> {
    /// The values of a field. The bucket has two when the form names one as well.
    fn values(&self, field: &str) -> impl Iterator<Item = &'a str> {
        let (first, second) = if field.eq_ignore_ascii_case("bucket") {
            (Some(self.bucket.as_str()), self.fields.get(field))
        } else if field.eq_ignore_ascii_case("key") {
            (self.key, None)
        } else {
            (self.fields.get(field), None)
        };
        first.into_iter().chain(second)
    }

    fn holds(&self, field: &str, test: impl Fn(&str) -> bool) -> bool {
        let mut values = self.values(field).peekable();
        values.peek().is_some() && values.all(test)
    }
}

impl Policy {
    /// Reads the `policy` field: base64 of a JSON document.
    pub fn parse(base64: &str) -> Result<Self, S3Error> {
        document::read(base64)
    }

    /// Whether the form may be carried out at `now`, and how long its file may be.
    pub fn allows(&self, form: &Submission<'_>, now: Timestamp) -> Result<LengthRange, S3Error> {
        if now >= self.expiration {
            return Err(denied("Policy expired."));
        }
        let mut length = LengthRange::ANY;
        for condition in &self.conditions {
            if let Test::Length(range) = &condition.test {
                length = length.and(*range);
            }
            if !condition.test.holds(form) {
                return Err(denied(&format!(
                    "Policy Condition failed: {}",
                    condition.shown
                )));
            }
        }
        self.names_every_field(form)?;
        Ok(length)
    }

    fn names_every_field(&self, form: &Submission<'_>) -> Result<(), S3Error> {
        let names = form.fields.iter().map(|field| field.name.as_str());
        let extra: Vec<&str> = std::iter::once("bucket")
            .chain(names.filter(|name| !name.eq_ignore_ascii_case("bucket")))
            .filter(|name| !needs_no_condition(name) && !self.names(name))
            .collect();
        if extra.is_empty() {
            return Ok(());
        }
        Err(denied(&format!("Extra input fields: {}", extra.join(", "))))
    }

    fn names(&self, name: &str) -> bool {
        self.conditions
            .iter()
            .any(|condition| match &condition.test {
                Test::Equals { field, .. } | Test::StartsWith { field, .. } => {
                    field.eq_ignore_ascii_case(name)
                }
                Test::Length(_) | Test::Never => false,
            })
    }
}

impl Test {
    fn holds(&self, form: &Submission<'_>) -> bool {
        match self {
            Self::Equals { field, value } => form.holds(field, |given| given == value),
            Self::StartsWith { field, value } if field.eq_ignore_ascii_case("content-type") => {
                // Amazon S3 user guide, "Creating a POST policy": "Content-Types values for a
                // starts-with condition that include commas are interpreted as lists".
                form.holds(field, |given| {
                    given.split(',').all(|one| one.trim().starts_with(value))
                })
            }
            Self::StartsWith { field, value } => {
                form.holds(field, |given| given.starts_with(value.as_str()))
            }
            // Judged while the file flows.
            Self::Length(_) => true,
            Self::Never => false,
        }
    }
}

/// Amazon S3 user guide, "Creating a POST policy": "Each form field that you specify in a form (except
/// x-amz-signature, file, policy, and field names that have an x-ignore- prefix) must appear in the
/// list of conditions."
fn needs_no_condition(name: &str) -> bool {
    let ignored = name
        .get(..9)
        .is_some_and(|start| start.eq_ignore_ascii_case("x-ignore-"));
    ignored
        || ["x-amz-signature", "file", "policy"]
            .iter()
            .any(|exempt| name.eq_ignore_ascii_case(exempt))
}

/// 403 in the words of the policy.
fn denied(why: &str) -> S3Error {
    S3Error::from(ErrorKind::AccessDenied).message(format!("Invalid according to Policy: {why}"))
}

#[cfg(test)]
mod tests;
