//! The policy's document.

use super::{Condition, LengthRange, Policy, Test};
use crate::error::{ErrorKind, S3Error};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use blockhouse_types::Timestamp;
use serde_json::Value;

/// Reads the document. Its size is bounded by that of the form's fields, its depth by the reader of
/// JSON, at 128; of a member that stands twice the last one counts, as everywhere in JSON.
pub(super) fn read(base64: &str) -> Result<Policy, S3Error> {
    let json = STANDARD
        .decode(base64)
        .map_err(|_| invalid("invalid Base64 encoding."))?;
    let document = match serde_json::from_slice(&json) {
        Ok(Value::Object(document)) => document,
        Ok(_) | Err(_) => return Err(invalid("Invalid JSON.")),
    };
    let unknown = document
        .keys()
        .find(|name| !["expiration", "conditions"].contains(&name.as_str()));
    if let Some(name) = unknown {
        return Err(invalid(format!("Unexpected: '{}'", name.to_lowercase())));
    }
    let member = |name: &str| {
        let missing = || invalid(format!("Policy missing {name}."));
        document.get(name).ok_or_else(missing)
    };
    let expiration = expiration(member("expiration")?)?;
    let Value::Array(conditions) = member("conditions")? else {
        return Err(invalid("Invalid 'conditions' value: must be a List."));
    };
    let conditions = conditions.iter().map(condition).collect::<Result<_, _>>()?;
    Ok(Policy {
        expiration,
        conditions,
    })
}

fn expiration(value: &Value) -> Result<Timestamp, S3Error> {
    let moment = value.as_str().and_then(moment);
    moment.ok_or_else(|| {
        let shown = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        invalid(format!("Invalid 'expiration' value: '{shown}'"))
    })
}

/// `2026-11-26T00:00:00Z`, perhaps with a fraction of a second, of which milliseconds count.
fn moment(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = match text.strip_suffix('Z')?.split_once('.') {
        None => (text.strip_suffix('Z')?, "0"),
        Some(parts) => parts,
    };
    let separated = whole.len() == 19
        && [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')]
            .iter()
            .all(|(at, separator)| whole.as_bytes().get(*at) == Some(separator));
    let digits = (1..=9).contains(&fraction.len()) && fraction.bytes().all(|b| b.is_ascii_digit());
    if !separated || !digits {
        return None;
    }
    let basic = whole.replace(['-', ':'], "") + "Z";
    let second = Timestamp::parse_basic(&basic).ok()?;
    let millis = format!("{fraction:0<3}").get(..3)?.parse::<u64>().ok()?;
    Some(Timestamp::from_millis(second.millis() + millis))
}

fn condition(value: &Value) -> Result<Condition, S3Error> {
    match value {
        Value::Object(members) => {
            let mut members = members.iter();
            let (Some((field, value)), None) = (members.next(), members.next()) else {
                return Err(invalid(
                    "Invalid Simple-Condition: Simple-Conditions must have exactly one property \
                     specified.",
                ));
            };
            let value = match value {
                Value::String(value) => value,
                Value::Null => return Err(invalid("Invalid JSON.")),
                _ => {
                    return Err(invalid("Invalid Simple-Condition: value must be a string."));
                }
            };
            Ok(Condition {
                test: Test::Equals {
                    field: field.clone(),
                    value: value.clone(),
                },
                shown: shown(["eq", &format!("${field}"), value].map(Value::from)),
            })
        }
        Value::Array(items) => {
            let Some(Value::String(operator)) = items.first() else {
                return Err(invalid("Invalid Condition: missing operation identifier."));
            };
            let test = match (operator.to_ascii_lowercase().as_str(), &items[1..]) {
                ("eq", [field, value]) => {
                    comparison(field, value, |field, value| Test::Equals { field, value })?
                }
                ("starts-with", [field, value]) => comparison(field, value, |field, value| {
                    Test::StartsWith { field, value }
                })?,
                ("content-length-range", [min, max]) => length_range(min, max)?,
                ("eq" | "starts-with" | "content-length-range", _) => {
                    return Err(invalid(format!(
                        "Invalid {operator}: wrong number of arguments."
                    )));
                }
                _ => {
                    return Err(invalid(format!(
                        "Invalid Condition: unknown operation '{operator}'."
                    )));
                }
            };
            Ok(Condition {
                test,
                shown: shown(items.iter().cloned()),
            })
        }
        _ => Err(invalid("Invalid condition test: must be a List or Object.")),
    }
}

fn comparison(
    field: &Value,
    value: &Value,
    test: impl Fn(String, String) -> Test,
) -> Result<Test, S3Error> {
    let (Value::String(field), Value::String(value)) = (field, value) else {
        return Err(invalid("Invalid JSON."));
    };
    let field = field.strip_prefix('$');
    Ok(field.map_or(Test::Never, |field| test(field.to_owned(), value.clone())))
}

/// Bounds are whole numbers, or strings of digits, which S3 takes as well.
fn length_range(min: &Value, max: &Value) -> Result<Test, S3Error> {
    let bound = |value: &Value| match value {
        Value::Number(number) => number.as_u64().map(Some).ok_or(invalid("Invalid JSON.")),
        Value::String(text) => Ok(text
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| text.parse().ok())
            .flatten()),
        _ => Err(invalid("Invalid JSON.")),
    };
    Ok(match (bound(min)?, bound(max)?) {
        (Some(min), Some(max)) => Test::Length(LengthRange { min, max }),
        _ => Test::Never,
    })
}

/// `["eq", "$key", "value"]`.
fn shown(items: impl IntoIterator<Item = Value>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    format!("[{}]", items.join(", "))
}

fn invalid(why: impl std::fmt::Display) -> S3Error {
    S3Error::from(ErrorKind::InvalidPolicyDocument).message(format!("Invalid Policy: {why}"))
}
