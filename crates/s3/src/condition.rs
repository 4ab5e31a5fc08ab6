//! Conditions on reads, copies and writes, judged without a store.
//!
//! Reads and copies are judged here, by the precedence of RFC 9110, section 13.2.2. Writes are
//! judged by the store at its serial point; here they are only typed.

use blockhouse_types::{ETag, Timestamp};

/// `If-Match`, `If-None-Match`, `If-Modified-Since`, `If-Unmodified-Since` of a read, or their
/// `x-amz-copy-source-` twins of a copy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadConditions {
    /// `If-Match`.
    pub if_match: Option<ETagSet>,
    /// `If-None-Match`.
    pub if_none_match: Option<ETagSet>,
    /// `If-Modified-Since`, to the second.
    pub if_modified_since: Option<Timestamp>,
    /// `If-Unmodified-Since`, to the second.
    pub if_unmodified_since: Option<Timestamp>,
}

/// What conditions say about an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Go on.
    Proceed,
    /// 304: the client has it already. For a copy this is 412.
    NotModified,
    /// 412.
    Failed {
        /// The header that does not hold, for the error's `Condition` element.
        condition: &'static str,
    },
}

impl ReadConditions {
    /// Whether there is none, the common case.
    pub fn is_empty(&self) -> bool {
        self.if_match.is_none()
            && self.if_none_match.is_none()
            && self.if_modified_since.is_none()
            && self.if_unmodified_since.is_none()
    }

    /// Judges an object by its entity tag and modification time. Times count in whole seconds, as
    /// the headers do.
    ///
    /// RFC 9110, 13.2.2: "When If-Match is not present" If-Unmodified-Since counts, and "when
    /// If-None-Match is not present" If-Modified-Since does.
    pub fn judge(&self, etag: &ETag, modified: Timestamp) -> Judgement {
        if let Some(set) = &self.if_match {
            if !set.matches_strongly(etag) {
                return Judgement::Failed {
                    condition: "If-Match",
                };
            }
        } else if self
            .if_unmodified_since
            .is_some_and(|since| modified.secs() > since.secs())
        {
            return Judgement::Failed {
                condition: "If-Unmodified-Since",
            };
        }
        if let Some(set) = &self.if_none_match {
            if set.matches_weakly(etag) {
                return Judgement::NotModified;
            }
        } else if self
            .if_modified_since
            .is_some_and(|since| modified.secs() <= since.secs())
        {
            return Judgement::NotModified;
        }
        Judgement::Proceed
    }
}

/// The value of `If-Match` or `If-None-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ETagSet {
    /// `*`: whatever is there.
    Any,
    /// Any of these. Tags that no object of ours can have were left out.
    Of {
        /// Tags as they were given.
        strong: Vec<ETag>,
        /// Tags that were given as weak ones (`W/"..."`), which a proxy that compresses makes.
        weak: Vec<ETag>,
    },
}

impl ETagSet {
    /// Reads a list of tags, with or without quotes, or `*`.
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        if text == "*" {
            return Self::Any;
        }
        let (mut strong, mut weak) = (Vec::new(), Vec::new());
        for item in text.split(',').map(str::trim) {
            match item.strip_prefix("W/") {
                Some(item) => weak.extend(ETag::parse(item)),
                None => strong.extend(ETag::parse(item)),
            }
        }
        Self::Of { strong, weak }
    }

    fn matches_strongly(&self, etag: &ETag) -> bool {
        match self {
            Self::Any => true,
            Self::Of { strong, .. } => strong.contains(etag),
        }
    }

    fn matches_weakly(&self, etag: &ETag) -> bool {
        match self {
            Self::Any => true,
            Self::Of { strong, weak } => strong.contains(etag) || weak.contains(etag),
        }
    }
}

/// `If-Range`: the range counts only while the object is still this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfRange {
    /// A strong tag.
    Tag(ETag),
    /// The exact modification time, to the second.
    Date(Timestamp),
    /// Something that no object of ours can match: the range never counts.
    Never,
}

impl IfRange {
    /// Whether the range counts.
    pub fn holds(&self, etag: &ETag, modified: Timestamp) -> bool {
        match self {
            Self::Tag(tag) => tag == etag,
            Self::Date(date) => date.secs() == modified.secs(),
            Self::Never => false,
        }
    }
}

/// Under which condition a write may replace what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WriteCondition {
    /// Whatever is there.
    #[default]
    None,
    /// `If-None-Match: *`: nothing may be there.
    Absent,
    /// `If-Match: *`: something must be there.
    Present,
    /// `If-Match: "etag"`: exactly this must be there. A tag that no object can have became one
    /// that none has.
    Matches(ETag),
}

impl WriteCondition {
    /// `If-Match` of a write, which names one tag.
    pub(crate) fn if_match(text: &str) -> Self {
        match text.trim() {
            "*" => Self::Present,
            tag => Self::Matches(ETag::parse(tag).unwrap_or_else(|_| impossible_tag())),
        }
    }
}

/// A tag that no object has: an object has at most 10,000 parts.
pub(crate) fn impossible_tag() -> ETag {
    ETag::of_parts([0; 16], u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "\"5d41402abc4b2a76b9719d911017c592\"";
    const OTHER: &str = "\"00000000000000000000000000000000\"";

    #[test]
    fn precedence() {
        let etag = ETag::parse(OURS).unwrap();
        let modified = Timestamp::from_millis(1_000_500);
        let (before, same, after) = (999, 1000, 1001);
        let failed = |condition| Judgement::Failed { condition };
        let (go, same_state) = (Judgement::Proceed, Judgement::NotModified);
        let table = [
            (None, None, None, None, go),
            (Some(OURS), None, None, None, go),
            (Some("*"), None, None, None, go),
            (Some(OTHER), None, None, None, failed("If-Match")),
            (
                Some("W/\"5d41402abc4b2a76b9719d911017c592\""),
                None,
                None,
                None,
                failed("If-Match"),
            ),
            (
                Some("junk, 5d41402abc4b2a76b9719d911017c592"),
                None,
                None,
                None,
                go,
            ),
            (None, Some(OURS), None, None, same_state),
            (
                None,
                Some("W/\"5d41402abc4b2a76b9719d911017c592\""),
                None,
                None,
                same_state,
            ),
            (None, Some("*"), None, None, same_state),
            (None, Some(OTHER), None, None, go),
            (None, None, Some(before), None, go),
            (None, None, Some(same), None, same_state),
            (None, None, Some(after), None, same_state),
            (
                None,
                None,
                None,
                Some(before),
                failed("If-Unmodified-Since"),
            ),
            (None, None, None, Some(same), go),
            // The tag outranks the time, on both sides.
            (Some(OURS), None, None, Some(before), go),
            (None, Some(OTHER), Some(after), None, go),
            (Some(OTHER), Some(OURS), None, None, failed("If-Match")),
        ];
        for (i, (if_match, none, since, unmodified, want)) in table.into_iter().enumerate() {
            let conditions = ReadConditions {
                if_match: if_match.map(ETagSet::parse),
                if_none_match: none.map(ETagSet::parse),
                if_modified_since: since.map(Timestamp::from_secs),
                if_unmodified_since: unmodified.map(Timestamp::from_secs),
            };
            assert_eq!(conditions.judge(&etag, modified), want, "row {i}");
        }
    }

    #[test]
    fn a_write_matches_one_tag_or_anything() {
        assert_eq!(WriteCondition::if_match("*"), WriteCondition::Present);
        let etag = ETag::parse(OURS).unwrap();
        assert_eq!(
            WriteCondition::if_match(OURS),
            WriteCondition::Matches(etag)
        );
        let WriteCondition::Matches(none) = WriteCondition::if_match("\"what\"") else {
            panic!()
        };
        assert!(none.parts() > 10_000);
    }
}
