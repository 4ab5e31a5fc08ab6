//! The verifier as the launcher sees it: a listening socket that outlives the process behind it, and
//! how that process is started, at first and again.
//!
//! ```text
//!   socket ── handed over ──► verifier ◄── keys ── provision (ends at once; again when keys change)
//!      └ DIR/run/verifier.sock: where the node connects, also while nobody is behind it
//! ```

use super::{home::Home, keys, role::Handed, supervise::Supervisor};
use crate::cli::DevArgs;
use anyhow::{Context as _, Result};
use blockhouse_daemon::resources::cores;
use blockhouse_settings::{HardwareProfile, Placement, VerifierSettings};
use blockhouse_verifier_wire::client::address;
use nix::{
    sys::socket::{AddressFamily, Backlog, SockFlag, SockType, bind, listen, socket, socketpair},
    unistd::Uid,
};
use std::{
    fs, io,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
    path::Path,
};

/// Its role.
pub(super) const NAME: &str = "verifier";

/// Connections that wait for a role while it is being started.
const BACKLOG: i32 = 128;

/// Whom the verifier becomes when we are root: a number that no file belongs to. systemd keeps the
/// range around it for users that exist while a service runs.
const USER: u32 = 61_900;

/// What this machine is like, as far as it was said.
pub(super) fn profile(args: &DevArgs) -> Result<HardwareProfile> {
    match &args.hw_profile {
        None => Ok(HardwareProfile::default()),
        Some(path) => {
            let shown = || format!("--hw-profile {}", path.display());
            let text = fs::read_to_string(path).with_context(shown)?;
            HardwareProfile::parse(&text).with_context(shown)
        }
    }
}

/// Which cores serve what here: as the hardware profile says.
pub(super) fn place(args: &DevArgs) -> Result<Placement> {
    Ok(profile(args)?.place(&cores()?)?)
}

/// A socket in the file system that others connect to; one that an earlier launcher left goes.
pub(super) fn listen_at(path: &Path) -> Result<OwnedFd> {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error).with_context(|| format!("{}", path.display()));
    }
    let shown = || format!("the socket {}", path.display());
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?;
    let (address, _folder) = address(path).with_context(shown)?;
    bind(socket.as_raw_fd(), &address).with_context(shown)?;
    listen(&socket, Backlog::new(BACKLOG)?)?;
    Ok(socket)
}

/// What every verifier of this `dev` is handed.
#[derive(Debug)]
pub(super) struct VerifierRole {
    socket: OwnedFd,
    settings: String,
    /// Where the process that runs takes keys.
    provisioning: Option<OwnedFd>,
}

impl VerifierRole {
    /// Opens the socket. Nobody is behind it yet.
    pub(super) fn new(
        home: &Home,
        args: &DevArgs,
        region: &str,
        placement: &Placement,
    ) -> Result<Self> {
        let path = home.verifier_socket();
        let uid = Uid::effective();
        let settings = VerifierSettings {
            region: region.to_owned(),
            name: args.s3.first().context("no --s3")?.to_string(),
            aliases: args.alias.clone(),
            cores: placement.verifier.clone(),
            dedicated: placement.dedicated,
            gateway_uid: uid.as_raw(),
            user: uid.is_root().then_some(USER),
        };
        let socket = listen_at(&path)?;
        let settings = settings.to_toml()?;
        // Typed values were not judged yet.
        VerifierSettings::parse(&settings).context("--alias")?;
        Ok(Self {
            socket,
            settings,
            provisioning: None,
        })
    }

    /// Starts the process, and returns when it has its keys.
    pub(super) fn start(
        &mut self,
        home: &Home,
        supervisor: &mut Supervisor,
        log: &str,
    ) -> Result<()> {
        let flags = SockFlag::SOCK_CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
        let handed = Handed {
            settings: &self.settings,
            descriptors: &[self.socket.as_fd(), theirs.as_fd()],
        };
        supervisor.start(home, NAME, handed, log)?;
        // Its end alone: should it die, the keys' reader hears of it.
        drop(theirs);
        self.provisioning = Some(ours);
        self.provision(home, log)
    }

    /// Hands it the keys that DIR/keys.toml holds now, and returns when no other counts any more.
    pub(super) fn provision(&self, home: &Home, log: &str) -> Result<()> {
        let socket = self.provisioning.as_ref();
        let socket = socket.context("the verifier is not running")?;
        keys::provision(home, socket, log).context("the verifier does not take its keys")
    }
}
