//! The settings of the verifier's process. No key is among them: keys come over its provisioning
//! socket.

use crate::{
    SettingsError,
    document::{read_toml, refuse, region},
    names::{aliases, host},
};
use serde::{Deserialize, Serialize};

/// Workers at most; the same as the cores of a profile.
const WORKERS_MAX: usize = 64;

/// The settings of a verifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifierSettings {
    /// The region that clients sign for.
    pub region: String,
    /// The endpoint's one canonical name, as clients write it in `Host`: with a port, unless that is
    /// the default one.
    pub name: String,
    /// Other names of the same endpoint: a link made for any of them works by each. At most eight.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The core of each worker.
    pub cores: Vec<usize>,
    /// Whether nothing else runs on them.
    pub dedicated: bool,
    /// The user whose processes may ask.
    pub gateway_uid: u32,
    /// The user and group to become; none where it stays who it is.
    pub user: Option<u32>,
}

impl VerifierSettings {
    /// Reads and judges a document.
    pub fn parse(toml: &str) -> Result<Self, SettingsError> {
        let mut settings: Self = read_toml(toml)?;
        settings.region = region(settings.region)?;
        settings.name = host("name", settings.name)?;
        settings.aliases = aliases(settings.aliases)?;
        if settings.cores.is_empty() || settings.cores.len() > WORKERS_MAX {
            return refuse("cores", format!("1 to {WORKERS_MAX} cores"));
        }
        if settings.user == Some(0) {
            return refuse("user", "not root");
        }
        Ok(settings)
    }

    /// The document.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_and_refuses() {
        let settings = VerifierSettings {
            region: "local-1".to_owned(),
            name: "[::1]:9000".to_owned(),
            aliases: vec!["files.example".to_owned()],
            cores: vec![1],
            dedicated: true,
            gateway_uid: 1000,
            user: Some(61_000),
        };
        let text = settings.to_toml().unwrap();
        assert_eq!(VerifierSettings::parse(&text).unwrap(), settings);
        for (good, bad) in [
            ("[1]", "[]"),
            ("61000", "0"),
            ("local-1", "us-east-1"),
            ("files.", "files/"),
            ("[::1]:", "::1:"),
        ] {
            assert!(
                VerifierSettings::parse(&text.replace(good, bad)).is_err(),
                "{bad}"
            );
        }
    }
}
