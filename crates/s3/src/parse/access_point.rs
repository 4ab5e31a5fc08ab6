//! Access points: hosts of their own, and ARNs that a copy reads from.
//!
//! ```text
//!   NAME-ACCOUNT.OUTPOST.DOMAIN   ─┐
//!   ALIAS.OUTPOST.DOMAIN           ├─► AccessPoints ─► AccessPoint { account, name, bucket }
//!   arn:aws:s3-outposts:REGION:ACCOUNT:outpost/OUTPOST/accesspoint/NAME/object/KEY
//! ```
//!
//! Source: Amazon S3 on Outposts user guide, "Access points", and "Bucket-style aliases".

use blockhouse_types::{AccountId, BucketName, OutpostId};
use std::fmt;

/// An access point that a request goes through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPoint {
    /// Whose it is.
    pub account: AccountId,
    /// What it is called.
    pub name: Box<str>,
    /// The bucket behind it.
    pub bucket: BucketName,
}

/// Who knows which access points there are.
pub trait AccessPoints: fmt::Debug {
    /// The access point of the host that begins with this label, in lower case: `NAME-ACCOUNT` or an
    /// alias.
    fn by_label(&self, label: &str) -> Option<AccessPoint>;

    /// The access point of this name.
    fn by_name(&self, account: AccountId, name: &str) -> Option<AccessPoint>;
}

/// There are none.
impl AccessPoints for () {
    fn by_label(&self, _: &str) -> Option<AccessPoint> {
        None
    }

    fn by_name(&self, _: AccountId, _: &str) -> Option<AccessPoint> {
        None
    }
}

/// The node as an Outpost: what the ARNs of its access points say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outpost {
    /// The region.
    pub region: Box<str>,
    /// Its id.
    pub id: OutpostId,
}

impl Outpost {
    /// The ARN of something on it that belongs to the account: `accesspoint/NAME`, `bucket/NAME`.
    pub fn arn(&self, account: AccountId, rest: &str) -> String {
        let Self { region, id } = self;
        format!("arn:aws:s3-outposts:{region}:{account}:outpost/{id}/{rest}")
    }

    /// Takes the ARN of an object behind an access point apart: whose, the access point's name, and the
    /// key. `None` for any other ARN and for another node's.
    pub(crate) fn object<'a>(&self, arn: &'a [u8]) -> Option<(AccountId, &'a str, &'a [u8])> {
        let mut parts = arn.splitn(6, |b| *b == b':');
        let mut text = || std::str::from_utf8(parts.next()?).ok();
        let head = [text()?, text()?, text()?, text()?];
        if head != ["arn", "aws", "s3-outposts", &*self.region] {
            return None;
        }
        let account = AccountId::parse(text()?).ok()?;
        let rest = parts.next()?;
        let rest = rest.strip_prefix(b"outpost")?;
        let rest = separator(rest)?.strip_prefix(self.id.as_str().as_bytes())?;
        let rest = separator(rest)?.strip_prefix(b"accesspoint")?;
        let rest = separator(rest)?;
        let end = rest.iter().position(|b| matches!(b, b'/' | b':'))?;
        let (name, rest) = rest.split_at(end);
        let key = separator(separator(rest)?.strip_prefix(b"object")?)?;
        Some((account, std::str::from_utf8(name).ok()?, key))
    }
}

/// What stands behind a `/`, or the `:` that clients put in its place.
fn separator(rest: &[u8]) -> Option<&[u8]> {
    match rest {
        [b'/' | b':', rest @ ..] => Some(rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn outpost() -> Outpost {
        Outpost {
            region: "local-1".into(),
            id: "op-01ac5d28a6a232904".parse().unwrap(),
        }
    }

    #[test]
    fn the_arn_of_an_object() {
        let account = AccountId::parse("111122223333").unwrap();
        for arn in [
            "arn:aws:s3-outposts:local-1:111122223333:outpost/op-01ac5d28a6a232904/accesspoint/ap/object/a/b:c",
            "arn:aws:s3-outposts:local-1:111122223333:outpost:op-01ac5d28a6a232904:accesspoint:ap:object:a/b:c",
        ] {
            let found = outpost().object(arn.as_bytes());
            assert_eq!(found, Some((account, "ap", &b"a/b:c"[..])), "{arn}");
        }
        for bad in [
            "arn:aws:s3-outposts:local-2:111122223333:outpost/op-01ac5d28a6a232904/accesspoint/ap/object/k",
            "arn:aws:s3:local-1:111122223333:outpost/op-01ac5d28a6a232904/accesspoint/ap/object/k",
            "arn:aws:s3-outposts:local-1:1:outpost/op-01ac5d28a6a232904/accesspoint/ap/object/k",
            "arn:aws:s3-outposts:local-1:111122223333:outpost/op-01ac5d28a6a232905/accesspoint/ap/object/k",
            "arn:aws:s3-outposts:local-1:111122223333:outpost/op-01ac5d28a6a232904/bucket/b/object/k",
            "arn:aws:s3-outposts:local-1:111122223333:outpost/op-01ac5d28a6a232904/accesspoint/ap",
            "arn:aws:s3-outposts:local-1:111122223333:outpost/op-01ac5d28a6a232904/accesspoint/ap/key",
        ] {
            assert_eq!(outpost().object(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(arn in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = outpost().object(&arn);
            let whole = [outpost().arn(AccountId::ZERO, "accesspoint/ap/object/").into_bytes(), arn.clone()].concat();
            prop_assert_eq!(outpost().object(&whole).map(|(_, _, key)| key), Some(&arn[..]));
        }
    }
}
