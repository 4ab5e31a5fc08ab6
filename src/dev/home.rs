//! The folder of a `dev` node.
//!
//! ```text
//!   DIR/dev.toml      what was made on first start: devices, number of accounts
//!   DIR/keys.toml     the keys of accounts and users and the key of session tokens (0600)
//!   DIR/dev0.img …    the devices
//!   DIR/control/      small control state of the node
//!   DIR/audit/        one line for every decision
//!   DIR/env, env.alt  for `source` (0600)
//!   DIR/ca.pem        for AWS_CA_BUNDLE
//!   DIR/tls/          the node's certificate and key
//!   DIR/run/          locks, sockets and process ids; means nothing when nothing runs
//! ```

use anyhow::{Context as _, Result};
use blockhouse_device::{OpenMode, open_file};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

/// How long a node whose launcher has died may drain.
const DYING_NODE_PATIENCE: Duration = Duration::from_secs(40);

/// Where the keys lie within the folder.
pub(super) const KEYS_FILE: &str = "keys.toml";

/// The folder.
#[derive(Debug)]
pub(super) struct Home(PathBuf);

impl Home {
    /// Opens the folder, making it first if it is not there; it is its owner's alone.
    pub(super) fn open(dir: &Path) -> Result<Self> {
        make_dir(dir)?;
        let dir = fs::canonicalize(dir).with_context(|| format!("{}", dir.display()))?;
        let home = Self(dir);
        for inside in [home.run(), home.tls(), home.control()] {
            make_dir(&inside)?;
        }
        Ok(home)
    }

    pub(super) fn dir(&self) -> &Path {
        &self.0
    }

    pub(super) fn state_file(&self) -> PathBuf {
        self.0.join("dev.toml")
    }

    pub(super) fn keys_file(&self) -> PathBuf {
        self.0.join(KEYS_FILE)
    }

    pub(super) fn verifier_socket(&self) -> PathBuf {
        self.run().join("verifier.sock")
    }

    pub(super) fn netfilterd_socket(&self) -> PathBuf {
        self.run().join("netfilterd.sock")
    }

    pub(super) fn keys_lock(&self) -> PathBuf {
        self.run().join("keys.lock")
    }

    pub(super) fn keys_bell(&self) -> PathBuf {
        self.run().join("keys.sock")
    }

    pub(super) fn device(&self, number: usize) -> PathBuf {
        self.0.join(format!("dev{number}.img"))
    }

    pub(super) fn env_file(&self) -> PathBuf {
        self.0.join("env")
    }

    pub(super) fn env_alt_file(&self) -> PathBuf {
        self.0.join("env.alt")
    }

    pub(super) fn ca_file(&self) -> PathBuf {
        self.0.join("ca.pem")
    }

    pub(super) fn tls(&self) -> PathBuf {
        self.0.join("tls")
    }

    pub(super) fn control(&self) -> PathBuf {
        self.0.join("control")
    }

    pub(super) fn audit(&self) -> PathBuf {
        self.0.join("audit")
    }

    pub(super) fn run(&self) -> PathBuf {
        self.0.join("run")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.run().join("dev.lock")
    }

    pub(super) fn pid_file(&self, role: &str) -> PathBuf {
        self.run().join(format!("{role}.pid"))
    }

    /// Waits for a node whose launcher was killed: it drains, and holds its devices until then.
    pub(super) fn wait_for_devices(&self) -> Result<()> {
        let device = self.device(0);
        if device.exists() {
            open_file(
                &device,
                OpenMode::Existing,
                DYING_NODE_PATIENCE,
                &mut |_, _| {},
            )?;
        }
        Ok(())
    }

    /// Writes a file of its owner's alone, whole or not at all, and durable.
    pub(super) fn write_private(&self, path: &Path, text: &str) -> Result<()> {
        let fresh = path.with_added_extension("new");
        let written = remove_if_there(&fresh)
            .and_then(|()| write_new(&fresh, text))
            .and_then(|()| fs::rename(&fresh, path))
            .and_then(|()| File::open(&self.0)?.sync_all());
        written.with_context(|| format!("cannot write {}", path.display()))
    }
}

fn make_dir(dir: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("cannot make the folder {}", dir.display()))
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The mode is set when the file is made: it is at no moment open to others.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
