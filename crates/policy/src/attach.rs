//! Whether a policy may be attached where it is put: its resources, and whether it is public.
//!
//! Sources: Amazon S3 API reference, PutBucketPolicy; Amazon S3 user guide, "The meaning of
//! 'public'" and "Managing public access to access points".

use crate::{
    arn::Arn,
    condition::{Condition, Test},
    context::Context,
    malformed::{Fault, MalformedPolicy},
    pattern::{Case, Pattern},
    policy::Policy,
    principal::Entry,
    scalar::Prefix,
    statement::{Effect, ResourcePattern, Statement},
};

/// Conditions on these say where a request comes from.
const PLACES: [&str; 5] = [
    "aws:SourceIp",
    "aws:VpcSourceIp",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:SourceVpcArn",
];

/// Conditions on these say who asks, or through which access point.
const PEOPLE: [&str; 10] = [
    "aws:PrincipalArn",
    "aws:PrincipalAccount",
    "aws:PrincipalOrgID",
    "aws:userid",
    "aws:SourceArn",
    "aws:SourceAccount",
    "s3:DataAccessPointArn",
    "s3:DataAccessPointAccount",
    "s3-outposts:DataAccessPointArn",
    "s3-outposts:DataAccessPointAccount",
];

/// The fewest bits of a prefix that is a place and not the whole world. Source: Amazon S3 user
/// guide, "The meaning of 'public'": broader than /8 of IPv4 or /32 of IPv6 is public.
const V4_BITS_MIN: u32 = 8;
const V6_BITS_MIN: u32 = 32;

impl Policy {
    /// Refuses a policy that speaks of something else than what it is for. `own` are the names of the
    /// bucket or access point, without a key.
    pub fn refuse_foreign(&self, own: &[Arn<'_>]) -> Result<(), MalformedPolicy> {
        for (at, statement) in self.statements().iter().enumerate() {
            for pattern in &statement.resources.patterns {
                let ResourcePattern::Arn(arn) = pattern else {
                    continue;
                };
                let ours = own.iter().any(|own| {
                    arn.head_may_match(*own) && may_be_within(arn.last_pattern(), own.last())
                });
                if !ours {
                    let text = arn.last_pattern().literal_prefix().to_owned();
                    return Err(self.refused(at, statement, Fault::Foreign(text)));
                }
            }
        }
        Ok(())
    }

    /// Refuses a policy that admits everybody without saying from where: an access point's may not.
    pub fn refuse_public(&self) -> Result<(), MalformedPolicy> {
        match self.public_statement(&PLACES) {
            None => Ok(()),
            Some((at, statement)) => Err(self.refused(at, statement, Fault::Public)),
        }
    }

    /// Whether the policy is public, as GetBucketPolicyStatus says it.
    pub fn is_public(&self) -> bool {
        let names: Vec<&str> = PLACES.iter().chain(&PEOPLE).copied().collect();
        self.public_statement(&names).is_some()
    }

    fn public_statement(&self, narrowing: &[&str]) -> Option<(usize, &Statement)> {
        let mut statements = self.statements().iter().enumerate();
        statements.find(|(_, statement)| {
            let everyone = match &statement.principals {
                Some(principals) => principals.entries.contains(&Entry::Everyone),
                None => false,
            };
            let narrow = |c: &Condition| narrowing.contains(&&*c.key.name()) && narrows(c);
            statement.effect == Effect::Allow
                && everyone
                && !statement.conditions.iter().any(narrow)
        })
    }

    fn refused(&self, at: usize, statement: &Statement, fault: Fault) -> MalformedPolicy {
        MalformedPolicy {
            fault,
            place: self.place(statement.span.0, format!("Statement[{at}]")),
        }
    }
}

/// Whether the condition pins its key to fixed values.
fn narrows(condition: &Condition) -> bool {
    if condition.operator.negated || condition.operator.if_exists {
        return false;
    }
    let fixed = |p: &Pattern| *p != Pattern::All && p.variables().next().is_none();
    match &condition.test {
        Test::Text(patterns) | Test::TextIgnoringCase(patterns) => patterns.iter().all(fixed),
        Test::Prefixes(prefixes) => prefixes.iter().all(|prefix| match prefix {
            Prefix::V4 { mask, .. } => mask.count_ones() >= V4_BITS_MIN,
            Prefix::V6 { mask, .. } => mask.count_ones() >= V6_BITS_MIN,
        }),
        Test::Arns(values) => values.iter().all(|value| value.is_fixed()),
        _ => false,
    }
}

/// Whether the pattern may name the bucket or access point `own`, or something in it.
fn may_be_within(pattern: &Pattern, own: &str) -> bool {
    let nothing = Context::nothing();
    let inside = |name: &str| {
        let rest = name.strip_prefix(own);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    match pattern {
        Pattern::Exact(name) => inside(name),
        other => {
            let prefix = other.literal_prefix();
            inside(prefix) || own.starts_with(prefix) || other.matches(own, &nothing, Case::Counts)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;

    fn policy(statement: &str) -> Policy {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#);
        Policy::parse(Kind::Bucket, "p", &text).unwrap()
    }

    fn on(resource: &str) -> Policy {
        policy(&format!(
            r#"{{"Effect":"Allow","Principal":"*","Action":"*","Resource":"{resource}"}}"#
        ))
    }

    #[test]
    fn a_policy_speaks_of_its_own_bucket() {
        let own = [Arn::parse("arn:aws:s3:::bkt").unwrap()];
        for good in [
            "*",
            "arn:aws:s3:::bkt",
            "arn:aws:s3:::bkt/*",
            "arn:aws:s3:::bkt/a/b",
            "arn:aws:s3:::b*",
            "arn:*:s3:::*",
            "arn:aws:s3:::bkt*",
        ] {
            assert_eq!(on(good).refuse_foreign(&own), Ok(()), "{good}");
        }
        for bad in [
            "arn:aws:s3:::other/*",
            "arn:aws:s3:::bkt2",
            "arn:aws:s3:::bkt2/*",
            "arn:aws:s3-outposts:::bkt",
            "arn:aws:sqs:::bkt",
        ] {
            assert!(on(bad).refuse_foreign(&own).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_meaning_of_public() {
        let with = |condition: &str| {
            policy(&format!(
                r#"{{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{condition}}}"#
            ))
        };
        for (condition, public, refused) in [
            (r#"{}"#, true, true),
            (
                r#"{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#,
                false,
                false,
            ),
            (
                r#"{"IpAddress":{"aws:SourceIp":["192.0.2.0/24","0.0.0.0/1"]}}"#,
                true,
                true,
            ),
            (
                r#"{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#,
                true,
                true,
            ),
            (
                r#"{"IpAddressIfExists":{"aws:SourceIp":"192.0.2.0/24"}}"#,
                true,
                true,
            ),
            (
                r#"{"StringEquals":{"aws:SourceVpc":"vpc-1"}}"#,
                false,
                false,
            ),
            (r#"{"StringLike":{"aws:SourceVpc":"*"}}"#, true, true),
            (
                r#"{"StringEquals":{"aws:PrincipalAccount":"111122223333"}}"#,
                false,
                true,
            ),
            (r#"{"StringEquals":{"s3:prefix":"a"}}"#, true, true),
            (r#"{"ArnLike":{"aws:PrincipalArn":"*"}}"#, true, true),
        ] {
            assert_eq!(with(condition).is_public(), public, "{condition}");
            assert_eq!(
                with(condition).refuse_public().is_err(),
                refused,
                "{condition}"
            );
        }
        let named = policy(
            r#"{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"*","Resource":"*"}"#,
        );
        assert!(!named.is_public() && named.refuse_public().is_ok());
    }
}
