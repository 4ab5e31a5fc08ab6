//! The names of an S3 endpoint, as clients write them in `Host`.

use crate::{
    SettingsError,
    document::{is_host_name, refuse},
};
use std::net::{IpAddr, Ipv6Addr};

/// Alias names of the endpoint, at most.
const ALIASES_MAX: usize = 8;

pub(crate) fn aliases(aliases: Vec<String>) -> Result<Vec<String>, SettingsError> {
    if aliases.len() > ALIASES_MAX {
        return refuse("aliases", format!("at most {ALIASES_MAX}"));
    }
    aliases
        .into_iter()
        .enumerate()
        .map(|(i, name)| host(&format!("aliases[{i}]"), name))
        .collect()
}

/// A value of `Host`: a name or an address, and a port that is not the default one.
pub(crate) fn host(field: &str, host: String) -> Result<String, SettingsError> {
    let (name, port) = split(&host);
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok() && !port.starts_with('+'));
    let bracketed = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
    let is_name = match bracketed {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => is_host_name(name),
    };
    if !is_name || !is_port {
        return refuse(field, format!("{host:?} is not HOST or HOST:PORT"));
    }
    Ok(host.to_ascii_lowercase())
}

/// The domain below which buckets are hosts of their own; `None` of an address.
pub fn domain_of(host: &str) -> Option<&str> {
    let (name, _) = split(host);
    let address = name.starts_with('[') || name.parse::<IpAddr>().is_ok();
    (!address).then_some(name)
}

/// The colons of an address in brackets are its own.
fn split(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_port_or_none() {
        for (given, domain) in [
            ("Files.Example", Some("Files.Example")),
            ("s3.example:9443", Some("s3.example")),
            ("10.0.0.1:9000", None),
            ("[::1]:9000", None),
            ("[::1]", None),
        ] {
            assert_eq!(
                host("name", given.to_owned()).unwrap(),
                given.to_ascii_lowercase()
            );
            assert_eq!(domain_of(given), domain, "{given}");
        }
        for bad in ["", "http://x", "x:", "x y", "x:+1", "x:65536", "::1", "[x]"] {
            assert!(host("name", bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_bound_holds() {
        let names = |count: usize| (0..count).map(|n| format!("a{n}")).collect();
        assert!(aliases(names(ALIASES_MAX)).is_ok());
        assert!(aliases(names(ALIASES_MAX + 1)).is_err());
    }
}
