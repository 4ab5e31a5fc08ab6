use super::*;
use crate::error::ErrorKind;
use proptest::prelude::*;

fn parse(rules: &str) -> Result<Lifecycle, ErrorKind> {
    let body = format!("<LifecycleConfiguration>{rules}</LifecycleConfiguration>");
    Lifecycle::parse(body.as_bytes()).map_err(|error| error.kind())
}

fn rule(inner: &str) -> String {
    format!("<Rule><Status>Enabled</Status>{inner}</Rule>")
}

const DAYS_3: &str = "<Expiration><Days>3</Days></Expiration>";

#[test]
fn reads_what_it_writes() {
    let rules = [
        rule(&format!("<ID>a</ID><Prefix>x&amp;/</Prefix>{DAYS_3}")),
        rule(&format!("<Filter/>{DAYS_3}")),
        rule(&format!("<Filter><Prefix></Prefix></Filter>{DAYS_3}")),
        rule(&format!(
            "<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>{DAYS_3}"
        )),
        rule(
            "<Filter><And><Prefix>p</Prefix><Tag><Key>k</Key><Value>v</Value></Tag>\
             <ObjectSizeGreaterThan>1</ObjectSizeGreaterThan>\
             <ObjectSizeLessThan>9</ObjectSizeLessThan></And></Filter>\
             <Expiration><Date>2030-01-31T00:00:00.000Z</Date></Expiration>",
        ),
        rule(
            "<Filter><Prefix>p</Prefix></Filter>\
             <Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>\
             <NoncurrentVersionExpiration><NoncurrentDays>2</NoncurrentDays>\
             <NewerNoncurrentVersions>5</NewerNoncurrentVersions></NoncurrentVersionExpiration>\
             <AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation>\
             </AbortIncompleteMultipartUpload>",
        ),
    ];
    let lifecycle = parse(&rules.concat()).unwrap();
    assert_eq!(lifecycle.rules.len(), 6);
    assert_eq!(lifecycle.rules[1].id, "rule-1");
    assert_eq!(Lifecycle::parse(&lifecycle.to_xml()), Ok(lifecycle));
}

#[test]
fn refuses() {
    use ErrorKind as E;
    let filter = "<Filter><Prefix>p</Prefix></Filter>";
    let tag = "<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>";
    let expire = |inner: &str| rule(&format!("{filter}<Expiration>{inner}</Expiration>"));
    let table = [
        (String::new(), E::MalformedXml),
        (rule(filter), E::InvalidRequest),
        (rule(DAYS_3), E::MalformedXml),
        (
            rule(&format!("<Prefix>p</Prefix>{filter}{DAYS_3}")),
            E::MalformedXml,
        ),
        (format!("<Rule>{filter}{DAYS_3}</Rule>"), E::MalformedXml),
        (
            format!("<Rule><Status>enabled</Status>{filter}{DAYS_3}</Rule>"),
            E::MalformedXml,
        ),
        (expire("<Days>0</Days>"), E::InvalidArgument),
        (expire("<Days>-1</Days>"), E::InvalidArgument),
        (expire("<Days>99999999999</Days>"), E::InvalidArgument),
        (expire("<Days>x</Days>"), E::MalformedXml),
        (
            expire("<Date>2030-01-31T10:00:00Z</Date>"),
            E::InvalidArgument,
        ),
        (
            expire("<Date>20200101</Date><Days>1</Days>"),
            E::MalformedXml,
        ),
        (expire("<Date>soon</Date>"), E::MalformedXml),
        (expire(""), E::MalformedXml),
        (
            rule(&format!("{filter}<Transition/>{DAYS_3}")),
            E::NotImplemented,
        ),
        (
            rule(&format!(
                "{tag}<AbortIncompleteMultipartUpload><DaysAfterInitiation>7\
                 </DaysAfterInitiation></AbortIncompleteMultipartUpload>"
            )),
            E::InvalidRequest,
        ),
        (
            rule(&format!("<ID>a</ID>{filter}{DAYS_3}")).repeat(2),
            E::InvalidArgument,
        ),
        (
            rule(&format!("<ID>{}</ID>{filter}{DAYS_3}", "i".repeat(256))),
            E::InvalidArgument,
        ),
        (
            rule(&format!("{filter}{DAYS_3}")).repeat(1001),
            E::MalformedXml,
        ),
    ];
    for (rules, kind) in table {
        assert_eq!(
            parse(&rules),
            Err(kind),
            "{}",
            rules.get(..200).unwrap_or(&rules)
        );
    }
    assert_eq!(
        parse(&rule(&format!("{filter}{DAYS_3}")).repeat(1000)).map(|l| l.rules.len()),
        Ok(1000)
    );
}

#[test]
fn the_earliest_date_of_a_matching_rule() {
    let lifecycle = parse(
        &[
            rule("<ID>late</ID><Filter/><Expiration><Days>9</Days></Expiration>"),
            rule("<ID>logs</ID><Prefix>logs/</Prefix><Expiration><Days>3</Days></Expiration>"),
            rule(
                "<ID>big</ID><Filter><ObjectSizeGreaterThan>100</ObjectSizeGreaterThan></Filter>\
                 <Expiration><Date>2026-01-01</Date></Expiration>",
            ),
            rule("<ID>off</ID><Filter/><Expiration><Days>1</Days></Expiration>")
                .replace("Enabled", "Disabled"),
        ]
        .concat(),
    )
    .unwrap();
    // 2026-01-15T10:30:00Z.
    let modified = Timestamp::parse_basic("20260115T103000Z").unwrap();
    let ask = |key, size| {
        let found = lifecycle
            .expiration(&Subject {
                key,
                tags: &[],
                size,
                modified,
            })
            .unwrap();
        (found.date.to_iso_secs(), found.rule_id)
    };
    assert_eq!(
        ask("logs/x", 1),
        ("2026-01-19T00:00:00Z".into(), "logs".into())
    );
    assert_eq!(
        ask("x", 100),
        ("2026-01-25T00:00:00Z".into(), "late".into())
    );
    assert_eq!(ask("x", 101), ("2026-01-01T00:00:00Z".into(), "big".into()));
    let midnight = Timestamp::parse_basic("20260115T000000Z").unwrap();
    assert_eq!(
        midnight_after(midnight, 1).to_iso_secs(),
        "2026-01-16T00:00:00Z"
    );
}

proptest! {
    #[test]
    fn never_panics(body in "(<(/?(Rule|Filter|And|Prefix|Days|Expiration|Date|ID|Status))>|[a-z0-9-]){0,60}") {
        let _ = Lifecycle::parse(format!("<LifecycleConfiguration>{body}").as_bytes());
        let _ = parse(&body);
    }
}
