//! Reads and checks lifecycle rules.

use super::{Expire, ExpireNoncurrent, Filter, Lifecycle, RULES_MAX, Rule};
use crate::{
    error::{ErrorKind, S3Error},
    xml::{Element, OBJECT_TAGS_MAX, check_tags, parse_document, tag_of},
};
use blockhouse_types::{KEY_BYTES_MAX, Timestamp};

/// The longest id of a rule, in characters.
const ID_CHARS_MAX: usize = 255;
/// Noncurrent versions that a rule may keep.
const KEEP_MAX: u32 = 100;

pub(super) fn parse(body: &[u8]) -> Result<Lifecycle, S3Error> {
    let root = parse_document(body, "LifecycleConfiguration")?;
    let elements = root.parts(&["Rule"])?;
    if elements.is_empty() || elements.len() > RULES_MAX {
        return Err(ErrorKind::MalformedXml.into());
    }
    let mut rules = elements.iter().map(rule).collect::<Result<Vec<_>, _>>()?;
    name_nameless(&mut rules);
    check_ids(&rules)?;
    Ok(Lifecycle { rules })
}

fn rule(element: &Element) -> Result<Rule, S3Error> {
    for refused in ["Transition", "NoncurrentVersionTransition"] {
        if element.children.iter().any(|child| child.name == refused) {
            return Err(S3Error::from(ErrorKind::NotImplemented)
                .message("Transitions between storage classes are not supported")
                .element("Element", refused));
        }
    }
    element.parts(&[
        "ID",
        "Status",
        "Prefix",
        "Filter",
        "Expiration",
        "NoncurrentVersionExpiration",
        "AbortIncompleteMultipartUpload",
    ])?;
    let rule = Rule {
        id: element.child_text("ID")?.unwrap_or_default().to_owned(),
        enabled: status(element)?,
        filter: filter_of_rule(element)?,
        expiration: element.child("Expiration")?.map(expiration).transpose()?,
        noncurrent: element
            .child("NoncurrentVersionExpiration")?
            .map(noncurrent)
            .transpose()?,
        abort_upload_days: element
            .child("AbortIncompleteMultipartUpload")?
            .map(abort_days)
            .transpose()?,
    };
    check_rule(&rule)?;
    Ok(rule)
}

fn status(element: &Element) -> Result<bool, S3Error> {
    match element.required_text("Status")?.trim() {
        "Enabled" => Ok(true),
        "Disabled" => Ok(false),
        _ => Err(ErrorKind::MalformedXml.into()),
    }
}

/// `Prefix` in the old form or `Filter`; exactly one of them.
fn filter_of_rule(element: &Element) -> Result<Filter, S3Error> {
    match (element.child_text("Prefix")?, element.child("Filter")?) {
        (Some(text), None) => {
            let prefix = Some(prefix(text)?);
            Ok(Filter {
                old_form: true,
                prefix,
                ..Filter::default()
            })
        }
        (None, Some(filter)) => filter_of(filter),
        _ => Err(ErrorKind::MalformedXml.into()),
    }
}

/// Nothing, one predicate, or `And` of several.
fn filter_of(element: &Element) -> Result<Filter, S3Error> {
    let children = element.parts(&[
        "Prefix",
        "Tag",
        "ObjectSizeGreaterThan",
        "ObjectSizeLessThan",
        "And",
    ])?;
    match (children, element.child("And")?) {
        ([], None) => Ok(Filter::default()),
        ([_], None) => predicates(element),
        ([_], Some(and)) => {
            let names = [
                "Prefix",
                "Tag",
                "ObjectSizeGreaterThan",
                "ObjectSizeLessThan",
            ];
            if and.parts(&names)?.is_empty() {
                return Err(ErrorKind::MalformedXml.into());
            }
            predicates(and)
        }
        _ => Err(ErrorKind::MalformedXml.into()),
    }
}

fn predicates(element: &Element) -> Result<Filter, S3Error> {
    let tags = element.children.iter().filter(|child| child.name == "Tag");
    let tags = tags.map(tag_of).collect::<Result<Vec<_>, _>>()?;
    check_tags(&tags, OBJECT_TAGS_MAX)?;
    let size_greater = element.child_number("ObjectSizeGreaterThan")?;
    let size_less = element.child_number("ObjectSizeLessThan")?;
    if let (Some(greater), Some(less)) = (size_greater, size_less)
        && greater >= less
    {
        return Err(S3Error::invalid_request(
            "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'",
        ));
    }
    let prefix = element.child_text("Prefix")?.map(prefix).transpose()?;
    Ok(Filter {
        old_form: false,
        prefix,
        tags,
        size_greater,
        size_less,
    })
}

fn prefix(text: &str) -> Result<String, S3Error> {
    if text.len() > KEY_BYTES_MAX {
        return Err(S3Error::invalid_request(
            "The maximum size of a prefix is 1024",
        ));
    }
    Ok(text.to_owned())
}

fn expiration(element: &Element) -> Result<Expire, S3Error> {
    element.parts(&["Days", "Date", "ExpiredObjectDeleteMarker"])?;
    let days = days(element, "Days", "Expiration")?;
    let date = element.child_text("Date")?.map(midnight).transpose()?;
    match (days, date, element.child_bool("ExpiredObjectDeleteMarker")?) {
        (Some(days), None, None) => Ok(Expire::Days(days)),
        (None, Some(date), None) => Ok(Expire::Date(date)),
        (None, None, Some(true)) => Ok(Expire::LoneDeleteMarkers),
        _ => Err(ErrorKind::MalformedXml.into()),
    }
}

fn noncurrent(element: &Element) -> Result<ExpireNoncurrent, S3Error> {
    element.parts(&["NoncurrentDays", "NewerNoncurrentVersions"])?;
    let days = days(element, "NoncurrentDays", "NoncurrentVersionExpiration")?;
    let keep = element.child_number::<u32>("NewerNoncurrentVersions")?;
    if keep.is_some_and(|keep| !(1..=KEEP_MAX).contains(&keep)) {
        return Err(S3Error::from(ErrorKind::InvalidArgument)
            .message("'NewerNoncurrentVersions' must be an integer between 1 and 100, inclusive"));
    }
    let days = days.ok_or(ErrorKind::MalformedXml)?;
    Ok(ExpireNoncurrent {
        days,
        keep: keep.unwrap_or(0),
    })
}

fn abort_days(element: &Element) -> Result<u32, S3Error> {
    element.parts(&["DaysAfterInitiation"])?;
    let days = days(
        element,
        "DaysAfterInitiation",
        "AbortIncompleteMultipartUpload",
    )?;
    days.ok_or_else(|| ErrorKind::MalformedXml.into())
}

/// A positive number of days, at most what fits 31 bits.
fn days(element: &Element, name: &str, action: &str) -> Result<Option<u32>, S3Error> {
    let Some(days) = element.child_number::<i64>(name)? else {
        return Ok(None);
    };
    match u32::try_from(days) {
        Ok(days) if days > 0 && days <= i32::MAX as u32 => Ok(Some(days)),
        _ => Err(S3Error::from(ErrorKind::InvalidArgument).message(format!(
            "'{name}' for {action} action must be a positive integer"
        ))),
    }
}

/// A midnight in UTC: `2026-01-31`, `2026-01-31T00:00:00Z` or with a fraction of zeros.
fn midnight(text: &str) -> Result<Timestamp, S3Error> {
    let text = text.trim();
    let (day, time) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
    let basic = format!("{}T000000Z", day.replace('-', ""));
    let date = Timestamp::parse_basic(&basic).map_err(|_| ErrorKind::MalformedXml)?;
    let time = time
        .strip_suffix('Z')
        .or_else(|| time.strip_suffix("+00:00"))
        .unwrap_or(time);
    if time.chars().all(|c| matches!(c, '0' | ':' | '.')) {
        Ok(date)
    } else {
        Err(S3Error::from(ErrorKind::InvalidArgument).message("'Date' must be at midnight GMT"))
    }
}

fn check_rule(rule: &Rule) -> Result<(), S3Error> {
    let narrowed = rule.filter.size_greater.is_some() || rule.filter.size_less.is_some();
    let tagged = !rule.filter.tags.is_empty();
    let message = if rule.id.chars().count() > ID_CHARS_MAX {
        return Err(S3Error::from(ErrorKind::InvalidArgument)
            .message("ID length should not exceed allowed limit of 255"));
    } else if rule.expiration.is_none()
        && rule.noncurrent.is_none()
        && rule.abort_upload_days.is_none()
    {
        "At least one action needs to be specified in a rule"
    } else if rule.expiration == Some(Expire::LoneDeleteMarkers) && (tagged || narrowed) {
        "ExpiredObjectDeleteMarker cannot be specified with Tags or object sizes."
    } else if rule.abort_upload_days.is_some() && (tagged || narrowed) {
        "AbortIncompleteMultipartUpload cannot be specified with Tags or object sizes."
    } else {
        return Ok(());
    };
    Err(S3Error::invalid_request(message))
}

/// A rule without an id gets one that says where it stands.
fn name_nameless(rules: &mut [Rule]) {
    let taken: Vec<String> = rules.iter().map(|rule| rule.id.clone()).collect();
    let mut number = 0u32;
    for rule in rules.iter_mut().filter(|rule| rule.id.is_empty()) {
        while rule.id.is_empty() || taken.contains(&rule.id) {
            number += 1;
            rule.id = format!("rule-{number}");
        }
    }
}

fn check_ids(rules: &[Rule]) -> Result<(), S3Error> {
    let mut ids: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
    ids.sort_unstable();
    if ids.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err(S3Error::from(ErrorKind::InvalidArgument)
            .message("Rule ID must be unique. Found same ID for more than one rule"));
    }
    Ok(())
}
