//! What a `dev` node consists of: decided on first start, kept in DIR/dev.toml, and not changed by
//! other arguments later.

use super::{home::Home, keys, netfilterd};
use crate::{cli::DevArgs, secrets};
use anyhow::{Context as _, Result, bail};
use blockhouse_settings::{Listen, NodeSettings, Placement, REGION_DEFAULT, TlsFiles, domain_of};
use blockhouse_types::AccountId;
use serde::{Deserialize, Serialize};
use std::{fs, io};

/// Devices of a node that was told no number.
const DEVICES_DEFAULT: usize = 1;

/// The engine mirrors over two devices; more than that it does not know yet.
const DEVICES_MAX: usize = 2;

/// The size of a device file when none was told.
const DEVICE_BYTES_DEFAULT: u64 = 2 << 30;

/// Smaller ones leave the engine no room to reclaim space.
const DEVICE_BYTES_MIN: u64 = 64 << 20;

/// What was decided on first start, as it stands in the file. It holds no key: the launcher runs as
/// long as the node does, and its memory is not the verifier's.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    devices: usize,
    device_bytes: u64,
    /// Whether the node was ready once: from then on its devices are never taken for blank ones.
    was_ready: bool,
    /// How many accounts there are. Their keys lie elsewhere.
    accounts: usize,
    /// The node as an Outpost.
    #[serde(default)]
    outpost: Option<String>,
}

/// Where buckets are hosts of their own: below the domains, and below every other name.
fn domains(args: &DevArgs) -> Vec<String> {
    let aliases = args.alias.iter().filter_map(|alias| domain_of(alias));
    let domains = args.domain.iter().map(String::as_str);
    domains.chain(aliases).map(str::to_owned).collect()
}

impl Plan {
    /// The plan of this folder: as it was made, or, on first start, as the arguments say.
    pub(super) fn make(home: &Home, args: &DevArgs) -> Result<Self> {
        let mut plan = match Self::read(home)? {
            Some(plan) => plan.agree(args)?,
            None => Self::fresh(args)?,
        };
        if args.second_account {
            plan.accounts = 2;
        }
        if plan.outpost.is_none() {
            plan.outpost = Some(secrets::outpost_id()?.to_string());
        }
        plan.write(home)?;
        Ok(plan)
    }

    /// The node as an Outpost: what its access points' hosts and ARNs say.
    pub(super) fn outpost(&self) -> &str {
        self.outpost.as_deref().unwrap_or_default()
    }

    pub(super) fn devices(&self) -> usize {
        self.devices
    }

    pub(super) fn device_bytes(&self) -> u64 {
        self.device_bytes
    }

    pub(super) fn accounts(&self) -> usize {
        self.accounts
    }

    /// Whether the node was never ready yet.
    pub(super) fn is_first_start(&self) -> bool {
        !self.was_ready
    }

    /// Notes that the node was ready.
    pub(super) fn note_ready(&mut self, home: &Home) -> Result<()> {
        if !self.was_ready {
            self.was_ready = true;
            self.write(home)?;
        }
        Ok(())
    }

    /// The settings of the node.
    pub(super) fn settings(
        &self,
        home: &Home,
        args: &DevArgs,
        certificate: TlsFiles,
        placement: &Placement,
    ) -> Result<NodeSettings> {
        let settings = NodeSettings {
            region: REGION_DEFAULT.to_owned(),
            domains: domains(args),
            outpost: Some(self.outpost().parse().context("dev.toml: outpost")?),
            devices: (0..self.devices)
                .map(|number| home.device(number))
                .collect(),
            make_pool: !self.was_ready,
            control: home.control(),
            operator: AccountId::from_number(keys::FIRST_ACCOUNT),
            audit: Some(home.audit()),
            io: args.io.into(),
            io_threads: args.io_threads,
            listen: Listen {
                s3: args.s3.clone(),
                s3_tls: args.s3_tls.clone(),
                admin: args.admin,
            },
            tls: Some(certificate),
            verifier: home.verifier_socket(),
            io_cores: placement.io.clone(),
            digest_cores: placement.verifier.clone(),
            verifier_dedicated: placement.dedicated,
            network: netfilterd::of_node(home, args)?,
            clock_offset_secs: args.clock_offset,
        };
        // Typed values were not judged yet; the document's way in is the one that judges.
        Ok(NodeSettings::parse(&settings.to_toml()?)?)
    }

    fn fresh(args: &DevArgs) -> Result<Self> {
        let devices = args.devices.unwrap_or(DEVICES_DEFAULT);
        let device_bytes = args
            .device_size
            .map_or(DEVICE_BYTES_DEFAULT, |size| size.bytes);
        if !(1..=DEVICES_MAX).contains(&devices) {
            bail!("--devices {devices}: 1, or 2 that mirror each other");
        }
        if device_bytes < DEVICE_BYTES_MIN {
            bail!("--device-size: at least {}MiB", DEVICE_BYTES_MIN >> 20);
        }
        Ok(Self {
            devices,
            device_bytes,
            was_ready: false,
            accounts: 1,
            outpost: None,
        })
    }

    fn agree(self, args: &DevArgs) -> Result<Self> {
        if let Some(devices) = args.devices.filter(|n| *n != self.devices) {
            bail!(
                "--devices {devices}: this node was made with {}; leave it out, or choose another --data",
                self.devices
            );
        }
        if let Some(size) = args
            .device_size
            .filter(|size| size.bytes != self.device_bytes)
        {
            bail!(
                "--device-size {}: this node was made with {} bytes; leave it out, or choose another --data",
                size.bytes,
                self.device_bytes
            );
        }
        Ok(self)
    }

    fn read(home: &Home) -> Result<Option<Self>> {
        let path = home.state_file();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("{}", path.display())),
        };
        let plan = toml::from_str(&text).with_context(|| {
            format!(
                "{} is damaged; put it back as it was, or choose another --data",
                path.display()
            )
        })?;
        Ok(Some(plan))
    }

    fn write(&self, home: &Home) -> Result<()> {
        home.write_private(&home.state_file(), &toml::to_string(self)?)
    }
}
