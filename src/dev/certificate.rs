//! The certificate of the https listener, and the authority that vouches for it.
//!
//! The authority's key signs one certificate and is forgotten at once: whoever trusts DIR/ca.pem
//! trusts nobody else by it. When the certificate nears its end, or is to hold other names, both are
//! made anew; clients that read DIR/ca.pem when they start notice nothing.

use super::home::Home;
use crate::cli::DevArgs;
use anyhow::{Context as _, Result};
use blockhouse_settings::TlsFiles;
use blockhouse_types::{Clock, SystemClock, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fs, path::PathBuf};

/// How long a certificate lives. Some clients refuse more than 825 days.
const LIFE_SECS: u64 = 800 * 86_400;

/// It is made anew when less than this is left.
const RENEWAL_SECS: u64 = 30 * 86_400;

/// Clocks may be behind: certificates begin in the past.
const BACKDATE_SECS: u64 = 2 * 86_400;

/// What DIR/tls/certificate.toml says of the certificate beside it.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
struct About {
    names: BTreeSet<String>,
    until_secs: u64,
}

/// The certificate in this folder, made or renewed if need be.
pub(super) fn keep(home: &Home, args: &DevArgs, outpost: &str) -> Result<TlsFiles> {
    let files = TlsFiles {
        chain: home.tls().join("chain.pem"),
        key: home.tls().join("key.pem"),
    };
    let names = names(args, outpost);
    let now = SystemClock.now();
    let kept = read_about(home).is_some_and(|about| {
        about.names == names && about.until_secs > now.plus_secs(RENEWAL_SECS).secs()
    });
    let complete = [&home.ca_file(), &files.chain, &files.key]
        .iter()
        .all(|path| path.exists());
    if !(kept && complete) {
        make(home, &files, names, now).context("cannot make a certificate")?;
    }
    Ok(files)
}

fn about_file(home: &Home) -> PathBuf {
    home.tls().join("certificate.toml")
}

/// What cannot be read is made anew.
fn read_about(home: &Home) -> Option<About> {
    toml::from_str(&fs::read_to_string(about_file(home)).ok()?).ok()
}

/// The domains, their subdomains (virtual-hosted style), those of access points two labels deep, this machine,
/// and where we listen.
fn names(args: &DevArgs, outpost: &str) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = ["localhost", "127.0.0.1", "::1"]
        .into_iter()
        .map(str::to_owned)
        .collect();
    for domain in &args.domain {
        names.insert(domain.clone());
        names.insert(format!("*.{domain}"));
        names.insert(format!("*.{outpost}.{domain}"));
    }
    let listening = args.s3_tls.iter().map(|address| address.ip());
    names.extend(
        listening
            .filter(|ip| !ip.is_unspecified())
            .map(|ip| ip.to_string()),
    );
    names
}

fn make(home: &Home, files: &TlsFiles, names: BTreeSet<String>, now: Timestamp) -> Result<()> {
    let until = now.plus_secs(LIFE_SECS);
    let authority = authority(now, until)?;
    let authority_key = KeyPair::generate()?;
    let ca = authority.self_signed(&authority_key)?;
    let key = KeyPair::generate()?;
    let leaf = leaf(&names, now, until)?
        .signed_by(&key, &Issuer::from_params(&authority, authority_key))?;
    // Last comes what says that the others are whole.
    home.write_private(&home.ca_file(), &ca.pem())?;
    home.write_private(&files.key, &key.serialize_pem())?;
    home.write_private(&files.chain, &leaf.pem())?;
    let about = About {
        names,
        until_secs: until.secs(),
    };
    home.write_private(&about_file(home), &toml::to_string(&about)?)
}

fn authority(now: Timestamp, until: Timestamp) -> Result<CertificateParams> {
    let mut params = dated(CertificateParams::new(Vec::new())?, now, until)?;
    params
        .distinguished_name
        .push(DnType::CommonName, "Blockhouse dev authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn leaf(names: &BTreeSet<String>, now: Timestamp, until: Timestamp) -> Result<CertificateParams> {
    let names: Vec<String> = names.iter().cloned().collect();
    let mut params = dated(CertificateParams::new(names)?, now, until)?;
    params
        .distinguished_name
        .push(DnType::CommonName, "Blockhouse dev node");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

/// Whole days: finer would be of no use.
fn dated(
    mut params: CertificateParams,
    now: Timestamp,
    until: Timestamp,
) -> Result<CertificateParams> {
    let day = |time: Timestamp| -> Result<_> {
        let text = time.to_basic();
        let (year, month, day) = (text[..4].parse()?, text[4..6].parse()?, text[6..8].parse()?);
        Ok(date_time_ymd(year, month, day))
    };
    params.not_before = day(Timestamp::from_secs(
        now.secs().saturating_sub(BACKDATE_SECS),
    ))?;
    params.not_after = day(until)?;
    Ok(params)
}
