use crate::{
    IoMode, NodeNetwork, SettingsError,
    document::{Document, read_toml},
};
use blockhouse_types::{AccountId, OutpostId};
use std::{net::SocketAddr, path::PathBuf};

/// The region of a node that was told none. None of AWS's own: see [`NodeSettings::region`].
pub const REGION_DEFAULT: &str = "local-1";

/// Devices of one node, at most.
pub const DEVICES_MAX: usize = 64;

/// Domains of one node, at most.
pub const DOMAINS_MAX: usize = 16;

/// Addresses to listen on, at most.
pub(crate) const LISTENERS_MAX: usize = 64;

/// I/O threads, at most.
pub(crate) const IO_THREADS_MAX: usize = 256;

/// Cores that may be named for one purpose, at most.
pub(crate) const CORES_MAX: usize = 256;

/// The settings of a node. All of them have been judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSettings {
    /// The region that clients sign for; default [`REGION_DEFAULT`]. Never one of AWS's old regions,
    /// for which some clients presign by signature version 2.
    pub region: String,
    /// Host names whose labels in front are bucket names, in lower case.
    pub domains: Vec<String>,
    /// The node as an Outpost: below each domain its access points are hosts. Without one there are none.
    pub outpost: Option<OutpostId>,
    /// Block devices or files, in the order in which the pool knows them.
    pub devices: Vec<PathBuf>,
    /// Whether a pool may be made on devices that are all blank; a pool that was lost is otherwise an
    /// error and never replaced by an empty one. Default: no.
    pub make_pool: bool,
    /// The folder of the small control state, which can always be made anew.
    pub control: PathBuf,
    /// The account whose root changes what is the whole node's. Default: nobody does.
    pub operator: Option<AccountId>,
    /// The folder of the audit; without one nothing is audited. It takes up to 512 MiB.
    pub audit: Option<PathBuf>,
    /// How the disks are reached.
    pub io: IoMode,
    /// I/O threads; by default as many as the machine has cores.
    pub io_threads: Option<usize>,
    /// Where to listen.
    pub listen: Listen,
    /// The certificate of the TLS listeners; there if they are.
    pub tls: Option<TlsFiles>,
    /// The verifier's socket.
    pub verifier: PathBuf,
    /// The cores to stay on; empty for all.
    pub io_cores: Vec<usize>,
    /// The cores of the digest workers; empty for any.
    pub digest_cores: Vec<usize>,
    /// Whether the verifier has cores of its own, so that its answers are waited for without sleeping at
    /// first. Default: no.
    pub verifier_dedicated: bool,
    /// The network filter; without one every listener is on the public path.
    pub network: Option<NodeNetwork>,
    /// How far the node's clock is ahead of the machine's, in seconds: 0 but in tests.
    pub clock_offset_secs: i64,
}

/// Where a node listens. Port 0 is any free port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// S3 over http; at least one.
    pub s3: Vec<SocketAddr>,
    /// S3 over https.
    pub s3_tls: Vec<SocketAddr>,
    /// Health, readiness and metrics.
    pub admin: SocketAddr,
}

/// A certificate chain and its key, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the node's own certificate first.
    pub chain: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl NodeSettings {
    /// Reads and judges a document.
    pub fn parse(toml: &str) -> Result<Self, SettingsError> {
        read_toml::<Document>(toml)?.validate()
    }

    /// The same, but that the network is what the node has been told since, and not a file's.
    pub fn without_model(&self) -> Self {
        let mut settings = self.clone();
        if let Some(network) = &mut settings.network {
            network.model = None;
        }
        settings
    }

    /// The document.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(&Document::of(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        domains = ["S3.Example"]
        operator = "000000000001"
        devices = ["dev0.img", "dev1.img"]
        control = "control"
        audit = "audit"
        verifier = "verifier.sock"
        [listen]
        s3 = ["127.0.0.1:9000", "[::1]:9000"]
        admin = "127.0.0.1:9002"
        [cores]
        io = [0, 1]
        verifier_dedicated = true
    "#;

    #[test]
    fn reads_with_defaults_and_writes_the_same() {
        let settings = NodeSettings::parse(GOOD).unwrap();
        assert_eq!(settings.region, REGION_DEFAULT);
        assert_eq!(settings.domains, ["s3.example"]);
        assert_eq!(settings.io, IoMode::Auto);
        let again = NodeSettings::parse(&settings.to_toml().unwrap()).unwrap();
        assert_eq!(again, settings);
    }

    #[test]
    fn a_refusal_names_the_field() {
        for (good, bad, field) in [
            ("000000000001", "1", "operator"),
            ("domains =", "region = \"us-east-1\"\ndomains =", "region"),
            ("S3.Example", "-x", "domains[0]"),
            ("S3.Example", "10.0.0.1", "domains[0]"),
            ("dev1.img", "dev0.img", "devices"),
            ("control =", "io_threads = 0\ncontrol =", "io_threads"),
            ("[::1]:9000", "127.0.0.1:9002", "listen"),
            ("admin =", "s3_tls = [\"127.0.0.1:1\"]\nadmin =", "tls"),
            ("[0, 1]", "[0, 0]", "cores.io"),
        ] {
            let error = NodeSettings::parse(&GOOD.replace(good, bad)).unwrap_err();
            assert!(
                matches!(&error, SettingsError::Value { field: f, .. } if f == field),
                "{bad}: {error:?}"
            );
        }
        let error = NodeSettings::parse(&GOOD.replace("control =", "controll =")).unwrap_err();
        assert!(
            matches!(error, SettingsError::Syntax { line: 5, .. }),
            "{error}"
        );
    }
}
