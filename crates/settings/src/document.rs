//! The settings as they stand in TOML, and the way from there to values that are known to be good.

use crate::node::{
    CORES_MAX, DEVICES_MAX, DOMAINS_MAX, IO_THREADS_MAX, LISTENERS_MAX, Listen, NodeSettings,
    REGION_DEFAULT, TlsFiles,
};
use blockhouse_types::{AccountId, InvalidOutpostId, OutpostId};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf};

/// Why settings are refused.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Not TOML, an unknown field, or a value of another type. The reader's own error would show
    /// the line itself, which other documents than these may not want to be shown.
    #[error("line {line}: {message}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// What the reader says.
        message: String,
    },
    /// A value that makes no sense.
    #[error("{field}: {why}")]
    Value {
        /// The field, as in the document.
        field: String,
        /// What is wrong with it.
        why: String,
    },
}

/// How the node reaches its disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IoMode {
    /// io_uring, or plain calls with a warning where the kernel refuses it.
    #[default]
    Auto,
    /// io_uring, or no start.
    Uring,
    /// Plain calls.
    Plain,
}

/// The document. Its order is the order in which it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    #[serde(default = "region_default")]
    region: String,
    #[serde(default)]
    domains: Vec<String>,
    #[serde(default)]
    outpost: Option<String>,
    devices: Vec<PathBuf>,
    #[serde(default)]
    make_pool: bool,
    control: PathBuf,
    #[serde(default)]
    operator: Option<String>,
    #[serde(default)]
    audit: Option<PathBuf>,
    verifier: PathBuf,
    #[serde(default)]
    io: IoMode,
    #[serde(default)]
    io_threads: Option<usize>,
    #[serde(default)]
    clock_offset_secs: i64,
    listen: ListenDocument,
    #[serde(default)]
    tls: Option<TlsDocument>,
    #[serde(default)]
    cores: CoresDocument,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network: Option<crate::NodeNetwork>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CoresDocument {
    io: Vec<usize>,
    digest: Vec<usize>,
    verifier_dedicated: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListenDocument {
    s3: Vec<SocketAddr>,
    #[serde(default)]
    s3_tls: Vec<SocketAddr>,
    admin: SocketAddr,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsDocument {
    chain: PathBuf,
    key: PathBuf,
}

fn region_default() -> String {
    REGION_DEFAULT.to_owned()
}

pub(crate) fn refuse<T>(
    field: impl Into<String>,
    why: impl Into<String>,
) -> Result<T, SettingsError> {
    Err(SettingsError::Value {
        field: field.into(),
        why: why.into(),
    })
}

/// Reads a document of any kind.
pub(crate) fn read_toml<T: serde::de::DeserializeOwned>(toml: &str) -> Result<T, SettingsError> {
    toml::from_str(toml).map_err(|error| {
        let before = error
            .span()
            .and_then(|span| toml.get(..span.start))
            .unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        SettingsError::Syntax {
            line,
            message: error.message().to_owned(),
        }
    })
}

impl Document {
    pub(crate) fn validate(self) -> Result<NodeSettings, SettingsError> {
        Ok(NodeSettings {
            region: region(self.region)?,
            domains: domains(self.domains)?,
            outpost: self.outpost.map(outpost).transpose()?,
            devices: devices(self.devices)?,
            make_pool: self.make_pool,
            control: self.control,
            operator: self.operator.map(operator).transpose()?,
            audit: self.audit,
            io: self.io,
            io_threads: io_threads(self.io_threads)?,
            tls: tls(self.tls, &self.listen)?,
            listen: listen(self.listen)?,
            verifier: self.verifier,
            io_cores: cores("cores.io", self.cores.io)?,
            digest_cores: cores("cores.digest", self.cores.digest)?,
            verifier_dedicated: self.cores.verifier_dedicated,
            network: self.network,
            clock_offset_secs: self.clock_offset_secs,
        })
    }

    pub(crate) fn of(settings: &NodeSettings) -> Self {
        let tls = settings.tls.as_ref();
        Self {
            region: settings.region.clone(),
            domains: settings.domains.clone(),
            outpost: settings.outpost.as_ref().map(OutpostId::to_string),
            devices: settings.devices.clone(),
            make_pool: settings.make_pool,
            control: settings.control.clone(),
            operator: settings.operator.map(|account| account.to_string()),
            audit: settings.audit.clone(),
            verifier: settings.verifier.clone(),
            io: settings.io,
            io_threads: settings.io_threads,
            network: settings.network.clone(),
            clock_offset_secs: settings.clock_offset_secs,
            listen: ListenDocument {
                s3: settings.listen.s3.clone(),
                s3_tls: settings.listen.s3_tls.clone(),
                admin: settings.listen.admin,
            },
            tls: tls.map(|t| TlsDocument {
                chain: t.chain.clone(),
                key: t.key.clone(),
            }),
            cores: CoresDocument {
                io: settings.io_cores.clone(),
                digest: settings.digest_cores.clone(),
                verifier_dedicated: settings.verifier_dedicated,
            },
        }
    }
}

/// A region that clients would take for AWS's own makes some of them sign by version 2, which is
/// refused here (boto3 and CLI v1, when presigning).
const SIGNATURE_V2_REGIONS: [&str; 10] = [
    "us-east-1",
    "us-west-1",
    "us-west-2",
    "eu-west-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "sa-east-1",
    "us-gov-west-1",
    "fips-us-gov-west-1",
];

fn operator(account: String) -> Result<AccountId, SettingsError> {
    AccountId::parse(&account).or_else(|_| refuse("operator", "twelve decimal digits"))
}

pub(crate) fn region(region: String) -> Result<String, SettingsError> {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if region.is_empty() || region.len() > 32 || !region.bytes().all(legal) {
        return refuse("region", "1 to 32 of the characters a-z, 0-9 and -");
    }
    if SIGNATURE_V2_REGIONS.contains(&region.as_str()) {
        return refuse(
            "region",
            format!("{region} makes some clients sign by version 2; choose a name of your own"),
        );
    }
    Ok(region)
}

fn outpost(id: String) -> Result<OutpostId, SettingsError> {
    id.parse()
        .or_else(|why: InvalidOutpostId| refuse("outpost", why.to_string()))
}

fn domains(domains: Vec<String>) -> Result<Vec<String>, SettingsError> {
    if domains.len() > DOMAINS_MAX {
        return refuse("domains", format!("at most {DOMAINS_MAX}"));
    }
    domains
        .into_iter()
        .enumerate()
        .map(|(i, name)| domain(i, name))
        .collect()
}

fn domain(i: usize, name: String) -> Result<String, SettingsError> {
    if !is_host_name(&name) {
        return refuse(
            format!("domains[{i}]"),
            format!("{name:?} is not a host name"),
        );
    }
    // Four numbers would be taken for an address, whose labels are no buckets.
    if name.parse::<std::net::IpAddr>().is_ok() {
        return refuse(format!("domains[{i}]"), "a name, not an address");
    }
    Ok(name.to_ascii_lowercase())
}

pub(crate) fn is_host_name(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(legal)
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    name.len() <= 200 && name.split('.').all(label)
}

fn devices(devices: Vec<PathBuf>) -> Result<Vec<PathBuf>, SettingsError> {
    let distinct: BTreeSet<_> = devices.iter().collect();
    if devices.is_empty() || devices.len() > DEVICES_MAX {
        return refuse("devices", format!("1 to {DEVICES_MAX} devices"));
    }
    if distinct.len() < devices.len() {
        return refuse("devices", "one device stands there twice");
    }
    Ok(devices)
}

fn io_threads(threads: Option<usize>) -> Result<Option<usize>, SettingsError> {
    match threads {
        Some(n) if n == 0 || n > IO_THREADS_MAX => {
            refuse("io_threads", format!("1 to {IO_THREADS_MAX}"))
        }
        threads => Ok(threads),
    }
}

fn listen(listen: ListenDocument) -> Result<Listen, SettingsError> {
    if listen.s3.is_empty() {
        return refuse("listen.s3", "at least one address");
    }
    if listen.s3.len() + listen.s3_tls.len() > LISTENERS_MAX {
        return refuse("listen", format!("at most {LISTENERS_MAX} addresses"));
    }
    let mut seen = BTreeSet::new();
    for address in listen
        .s3
        .iter()
        .chain(&listen.s3_tls)
        .chain([&listen.admin])
    {
        // Port 0 is any free port, a different one each time.
        if address.port() != 0 && !seen.insert(address) {
            return refuse("listen", format!("{address} stands there twice"));
        }
    }
    Ok(Listen {
        s3: listen.s3,
        s3_tls: listen.s3_tls,
        admin: listen.admin,
    })
}

fn tls(
    tls: Option<TlsDocument>,
    listen: &ListenDocument,
) -> Result<Option<TlsFiles>, SettingsError> {
    if tls.is_none() && !listen.s3_tls.is_empty() {
        return refuse("tls", "listen.s3_tls needs a certificate chain and its key");
    }
    Ok(tls.map(|t| TlsFiles {
        chain: t.chain,
        key: t.key,
    }))
}

fn cores(field: &str, cores: Vec<usize>) -> Result<Vec<usize>, SettingsError> {
    let distinct: BTreeSet<_> = cores.iter().collect();
    if cores.len() > CORES_MAX || distinct.len() < cores.len() {
        return refuse(field, format!("up to {CORES_MAX} different cores"));
    }
    Ok(cores)
}
