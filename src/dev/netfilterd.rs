//! The network filter as the launcher sees it: a listening socket that outlives the process behind it.

use super::{home::Home, role::Handed, supervise::Supervisor, verifier};
use crate::{cli::DevArgs, net};
use anyhow::{Context as _, Result, bail};
use blockhouse_settings::{NetfilterdSettings, NodeNetwork};
use nix::unistd::Uid;
use std::{
    fs,
    os::fd::{AsFd as _, OwnedFd},
};

/// Its role.
pub(super) const NAME: &str = "netfilterd";

/// What every network filter of this `dev` is handed.
#[derive(Debug)]
pub(super) struct NetfilterdRole {
    socket: OwnedFd,
    settings: String,
}

impl NetfilterdRole {
    /// Opens the socket, if there is to be a network. Nobody is behind it yet.
    pub(super) fn new(
        home: &Home,
        args: &DevArgs,
        outpost: &str,
        shares: usize,
    ) -> Result<Option<Self>> {
        let Some(file) = &args.net else {
            return Ok(None);
        };
        if !Uid::effective().is_root() {
            bail!("--net: a network filter needs root, to make network namespaces and their rules");
        }
        // What makes no sense is told before anything is made.
        net::read(file).context("--net")?;
        // Of this node alone, so that two on one machine keep apart; short, as names are shown a lot.
        let of_node: String = outpost.chars().rev().take(6).collect();
        let settings = NetfilterdSettings {
            prefix: format!("bh-{of_node}"),
            gateway_uid: Uid::effective().as_raw(),
            shares,
            takes_down: true,
            network: verifier::profile(args)?.network,
        };
        let path = home.netfilterd_socket();
        Ok(Some(Self {
            socket: verifier::listen_at(&path)?,
            settings: settings.to_toml()?,
        }))
    }

    /// Starts the process.
    pub(super) fn start(&self, home: &Home, supervisor: &mut Supervisor, log: &str) -> Result<()> {
        let handed = Handed {
            settings: &self.settings,
            descriptors: &[self.socket.as_fd()],
        };
        supervisor.start(home, NAME, handed, log)
    }
}

/// Where the node finds it.
pub(super) fn of_node(home: &Home, args: &DevArgs) -> Result<Option<NodeNetwork>> {
    let Some(file) = &args.net else {
        return Ok(None);
    };
    let model = fs::canonicalize(file).with_context(|| format!("--net {}", file.display()))?;
    Ok(Some(NodeNetwork {
        netfilterd: home.netfilterd_socket(),
        model: Some(model),
    }))
}
