//! Warnings of conditions.

use super::{Linter, WarningKind};
use crate::{
    condition::{Condition, Test},
    key::{Key, ValueKind},
    operator::{Comparison, Quantifier},
    statement::{Effect, Statement},
};

/// The keys of requests through a VPC endpoint.
const OF_ENDPOINTS: [&str; 4] = [
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:SourceVpcArn",
    "aws:VpcSourceIp",
];

impl Linter<'_> {
    pub(super) fn conditions(&mut self, statement: &Statement) {
        for condition in &statement.conditions {
            self.key(condition);
            self.operator(condition);
            self.quantifier(statement, condition);
        }
        self.endpoints(statement);
        if let Some((condition, why)) = contradiction(statement) {
            self.warn(
                WarningKind::NeverMatches,
                condition.at,
                why,
                "Mend it or take it out.",
            );
        }
    }

    fn key(&mut self, condition: &Condition) {
        for key in condition.keys() {
            if let Key::Other(name) = key {
                self.warn(
                    WarningKind::UnknownKey,
                    condition.at,
                    format!("No request brings the condition key {name}."),
                    "Look the name up; absent, it fails positive operators and passes negated ones.",
                );
            }
        }
    }

    fn operator(&mut self, condition: &Condition) {
        let Some(kind) = condition.key.kind() else {
            return;
        };
        let fits = match condition.operator.comparison {
            Comparison::Null => true,
            // Text compares anything but addresses, whose spelling is not their value.
            Comparison::Equals | Comparison::EqualsIgnoreCase | Comparison::Like => {
                kind != ValueKind::Ip
            }
            Comparison::Numeric(_) => {
                kind == ValueKind::Number || condition.key.name() == "aws:EpochTime"
            }
            Comparison::Date(_) => kind == ValueKind::Date,
            Comparison::Bool => kind == ValueKind::Bool,
            Comparison::Binary => false,
            Comparison::Ip => kind == ValueKind::Ip,
            Comparison::Arn => kind == ValueKind::Arn,
        };
        if !fits {
            self.warn(
                WarningKind::OperatorDoesNotFit,
                condition.at,
                format!(
                    "{} does not compare values of {}.",
                    condition.operator,
                    condition.key.name()
                ),
                "Use an operator of the key's own kind.",
            );
        }
        let literal = matches!(
            condition.operator.comparison,
            Comparison::Equals | Comparison::EqualsIgnoreCase
        );
        let starred = |text: &str| text.replace("${*}", "").replace("${?}", "").contains('*');
        if literal && condition.written.iter().any(|text| starred(text)) {
            self.warn(
                WarningKind::WildcardIsText,
                condition.at,
                format!("An asterisk beside {} is text.", condition.operator),
                "Use StringLike or StringNotLike for wildcards.",
            );
        }
    }

    fn quantifier(&mut self, statement: &Statement, condition: &Condition) {
        let operator = condition.operator;
        let many = condition.key.kind() == Some(ValueKind::Texts);
        let known = condition.key.kind().is_some() && operator.comparison != Comparison::Null;
        if known && many == (operator.quantifier == Quantifier::One) {
            let what = if many { "many values" } else { "one value" };
            self.warn(
                WarningKind::ValuesDoNotFit,
                condition.at,
                format!("{} has {what}.", condition.key.name()),
                "Use ForAllValues or ForAnyValue beside keys with many values, and there only.",
            );
        }
        let asks_presence = statement.conditions.iter().any(|other| {
            other.key == condition.key
                && matches!(&other.test, Test::Null(wanted) if **wanted == [false])
        });
        if statement.effect == Effect::Allow
            && operator.quantifier == Quantifier::All
            && !asks_presence
        {
            self.warn(
                WarningKind::AllowedWhenAbsent,
                condition.at,
                format!(
                    "ForAllValues holds when {} is absent, so that this allows it.",
                    condition.key.name()
                ),
                "Add Null with the same key and \"false\".",
            );
        }
    }

    /// A Deny outside a range of public addresses, of a request that has no public address.
    fn endpoints(&mut self, statement: &Statement) {
        if statement.effect == Effect::Allow {
            return;
        }
        let hits_absent = |c: &&Condition| {
            c.key.name() == "aws:SourceIp"
                && c.operator.comparison == Comparison::Ip
                && c.operator.negated
                && c.operator.quantifier != Quantifier::Any
        };
        let Some(condition) = statement.conditions.iter().find(hits_absent) else {
            return;
        };
        let spares = statement.conditions.iter().any(|c| {
            let wants_source = c.key.name() == "aws:SourceIp"
                && matches!(&c.test, Test::Null(wanted) if **wanted == [false]);
            wants_source || OF_ENDPOINTS.contains(&&*c.key.name())
        });
        if !spares {
            self.warn(
                WarningKind::DenyBlocksVpcEndpoints,
                condition.at,
                "A request through a VPC endpoint has no aws:SourceIp, and a negated operator holds for an absent key: this denies all of them.".into(),
                "To admit a VPC, add StringNotEqualsIfExists with aws:SourceVpc to the same statement; to speak of public requests only, add Null with aws:SourceIp and \"false\".",
            );
        }
    }
}

/// Two conditions that cannot hold together, or one that cannot hold.
fn contradiction(statement: &Statement) -> Option<(&Condition, String)> {
    let demands = |c: &&Condition| {
        c.operator.comparison != Comparison::Null
            && !c.operator.if_exists
            && match c.operator.quantifier {
                Quantifier::One => !c.operator.negated,
                Quantifier::Any => true,
                Quantifier::All => false,
            }
    };
    let demanded = || statement.conditions.iter().filter(demands);
    for condition in demanded() {
        if matches!(condition.key, Key::Other(_)) {
            let name = condition.key.name();
            return Some((
                condition,
                format!("It demands {name}, which no request brings."),
            ));
        }
        let absent = statement.conditions.iter().any(|other| {
            other.key == condition.key
                && matches!(&other.test, Test::Null(wanted) if **wanted == [true])
        });
        if absent {
            let name = condition.key.name();
            return Some((
                condition,
                format!("It demands {name} both absent and there."),
            ));
        }
        if !dialect_fits(statement, &condition.key) {
            let name = condition.key.name();
            return Some((
                condition,
                format!("Requests of its actions do not bring {name}."),
            ));
        }
    }
    let public = demanded().find(|c| c.key.name() == "aws:SourceIp");
    let endpoint = demanded().find(|c| OF_ENDPOINTS.contains(&&*c.key.name()));
    public.zip(endpoint).map(|(condition, _)| {
        let why = "No request has both aws:SourceIp and a VPC's keys.";
        (condition, why.to_owned())
    })
}

/// Whether some action of the statement fills the key: `s3:` keys are of s3 actions, and
/// `s3-outposts:` keys of s3-outposts actions.
fn dialect_fits(statement: &Statement, key: &Key) -> bool {
    let name = key.name();
    let Some((service @ ("s3" | "s3-outposts"), _)) = name.split_once(':') else {
        return true;
    };
    let mut known = statement.actions.known().peekable();
    known.peek().is_none()
        || known.any(|action| action.split_once(':').is_some_and(|(of, _)| of == service))
}
