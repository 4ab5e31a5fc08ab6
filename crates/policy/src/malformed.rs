//! Why a policy is refused, and where.

use serde::Serialize;
use std::fmt;

/// A policy that is refused where it is written: S3's MalformedPolicy, IAM's
/// MalformedPolicyDocument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{fault} ({place})")]
pub struct MalformedPolicy {
    /// What is wrong.
    #[serde(serialize_with = "as_text")]
    pub fault: Fault,
    /// Where.
    pub place: Place,
}

/// Where something stands in a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// The way from the root, as `Statement[0].Condition.IpAddress.aws:SourceIp[1]`; empty for the
    /// document itself.
    pub path: String,
    /// The byte.
    pub offset: u32,
    /// The line, from one.
    pub line: u32,
    /// The character of the line, from one.
    pub column: u32,
}

impl Place {
    /// The place of the byte `offset` of `text`.
    pub(crate) fn of(text: &str, offset: u32, path: String) -> Self {
        let (line, column) = line_and_column(text, offset);
        Self {
            path,
            offset,
            line,
            column,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)?;
        if self.path.is_empty() {
            return Ok(());
        }
        write!(f, ", at {}", self.path)
    }
}

/// Line and column of a byte, both from one; the column counts characters.
pub(crate) fn line_and_column(text: &str, offset: u32) -> (u32, u32) {
    let mut end = (offset as usize).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let begin = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before[begin..].chars().count() + 1;
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    (small(line), small(column))
}

/// What is wrong with a policy, in AWS's words where they are known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No JSON, or no object.
    #[error("Policies must be valid JSON and the first byte must be '{{'")]
    NotJson,
    /// Nested deeper than a policy can be.
    #[error("This policy contains invalid Json: nested too deep")]
    TooDeep,
    /// A name twice in one object; of condition keys, in whatever case.
    #[error("This policy contains invalid Json: duplicate key '{0}'")]
    Duplicate(String),
    /// Longer than its kind may be.
    #[error("Cannot exceed quota for policy size: {max}")]
    TooLong {
        /// As many bytes or characters.
        max: usize,
    },
    /// An element that the grammar does not have, or not with this case.
    #[error("Unknown field {0}")]
    UnknownElement(String),
    /// An element that this kind of policy may not have.
    #[error("Has prohibited field {0}")]
    Prohibited(&'static str),
    /// An element that must be there.
    #[error("Missing required field {0}")]
    Missing(&'static str),
    /// An element and its opposite.
    #[error("{0} and {1} cannot stand in one statement")]
    Both(&'static str, &'static str),
    /// A value of the wrong JSON type.
    #[error("{element} must be {expected}")]
    Type {
        /// Of which element.
        element: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// An empty list or object.
    #[error("Missing required field cannot be empty: {0}")]
    Empty(&'static str),
    /// No version of the language.
    #[error("The policy must contain a valid version string")]
    Version,
    /// A Sid with characters that its kind may not have.
    #[error(
        "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
    )]
    Sid,
    /// A Sid twice.
    #[error("Statement IDs (SID) in a single policy must be unique: {0}")]
    SidTwice(String),
    /// Neither Allow nor Deny.
    #[error("Invalid effect: {0}")]
    Effect(String),
    /// An action that is empty: an asterisk was lost.
    #[error("Policy has invalid action: it is empty; for every action write \"*\"")]
    EmptyAction,
    /// No action.
    #[error("Policy has invalid action: '{0}'; an action is a service and a name, as s3:GetObject")]
    Action(String),
    /// A resource that is empty: an asterisk was lost.
    #[error("Policy has invalid resource: it is empty; for every resource write \"*\"")]
    EmptyResource,
    /// No ARN.
    #[error("Policy has invalid resource: '{0}' must be in ARN format or \"*\"")]
    Resource(String),
    /// A principal that cannot be.
    #[error("Invalid principal in policy: {0}")]
    Principal(String),
    /// NotPrincipal beside Allow.
    #[error("Invalid policy syntax: NotPrincipal goes with Deny only")]
    NotPrincipalAllows,
    /// No operator of the language.
    #[error("Invalid Condition type : {0}")]
    Operator(String),
    /// No name of a condition key.
    #[error("Policy has an invalid condition key: '{0}'")]
    Key(String),
    /// A value that its operator cannot compare with.
    #[error("Invalid value for condition operator {operator}: '{value}' is not {expected}")]
    Value {
        /// The operator.
        operator: &'static str,
        /// What it is given.
        value: String,
        /// What it takes.
        expected: &'static str,
    },
    /// `${` that is no variable.
    #[error("The policy contains an invalid variable: {0}")]
    Variable(String),
    /// More than one policy may have.
    #[error("The policy has more than {max} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The bound.
        max: usize,
    },
    /// A resource that is not of the bucket or access point that the policy is for.
    #[error("Policy has invalid resource: '{0}' is not of this bucket or access point")]
    Foreign(String),
    /// An access-point policy that lets in anybody from anywhere.
    #[error("Public policies are blocked by the BlockPublicPolicy block public access setting.")]
    Public,
}

fn as_text<S: serde::Serializer>(fault: &Fault, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one() {
        let text = "a\né x\n";
        assert_eq!(line_and_column(text, 0), (1, 1));
        assert_eq!(line_and_column(text, 2), (2, 1));
        assert_eq!(line_and_column(text, 5), (2, 3));
        assert_eq!(line_and_column(text, 3), (2, 1), "within a character");
        assert_eq!(line_and_column(text, 99), (3, 1));
    }
}
