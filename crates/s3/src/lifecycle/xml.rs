//! Writes lifecycle rules.

use super::{Expire, Filter, Lifecycle, Rule};
use crate::xml::Writer;
use bytes::Bytes;

pub(super) fn write(lifecycle: &Lifecycle) -> Bytes {
    let mut xml = Writer::new(128 + lifecycle.rules.len() * 256);
    xml.root("LifecycleConfiguration");
    for rule in &lifecycle.rules {
        write_rule(&mut xml, rule);
    }
    xml.close("LifecycleConfiguration");
    xml.finish()
}

fn write_rule(xml: &mut Writer, rule: &Rule) {
    xml.open("Rule");
    xml.text("ID", &rule.id);
    write_filter(xml, &rule.filter);
    xml.plain("Status", if rule.enabled { "Enabled" } else { "Disabled" });
    if let Some(expire) = rule.expiration {
        xml.open("Expiration");
        match expire {
            Expire::Days(days) => xml.plain("Days", days),
            Expire::Date(date) => xml.plain("Date", date.to_iso()),
            Expire::LoneDeleteMarkers => xml.plain("ExpiredObjectDeleteMarker", true),
        }
        xml.close("Expiration");
    }
    if let Some(noncurrent) = rule.noncurrent {
        xml.open("NoncurrentVersionExpiration");
        xml.plain("NoncurrentDays", noncurrent.days);
        if noncurrent.keep > 0 {
            xml.plain("NewerNoncurrentVersions", noncurrent.keep);
        }
        xml.close("NoncurrentVersionExpiration");
    }
    if let Some(days) = rule.abort_upload_days {
        xml.open("AbortIncompleteMultipartUpload");
        xml.plain("DaysAfterInitiation", days);
        xml.close("AbortIncompleteMultipartUpload");
    }
    xml.close("Rule");
}

fn write_filter(xml: &mut Writer, filter: &Filter) {
    if filter.old_form {
        return xml.text("Prefix", filter.prefix.as_deref().unwrap_or_default());
    }
    let predicates = usize::from(filter.prefix.is_some())
        + filter.tags.len()
        + usize::from(filter.size_greater.is_some())
        + usize::from(filter.size_less.is_some());
    xml.open("Filter");
    if predicates > 1 {
        xml.open("And");
    }
    if let Some(prefix) = &filter.prefix {
        xml.text("Prefix", prefix);
    }
    for (key, value) in &filter.tags {
        xml.open("Tag");
        xml.text("Key", key);
        xml.text("Value", value);
        xml.close("Tag");
    }
    if let Some(bytes) = filter.size_greater {
        xml.plain("ObjectSizeGreaterThan", bytes);
    }
    if let Some(bytes) = filter.size_less {
        xml.plain("ObjectSizeLessThan", bytes);
    }
    if predicates > 1 {
        xml.close("And");
    }
    xml.close("Filter");
}
