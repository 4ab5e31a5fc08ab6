//! `blockhouse keys` and `blockhouse provision`: the roles that read the keys' file. Each is executed
//! for a moment, does one thing and ends, so that no process that lives on has a secret in its memory
//! but the verifier.
//!
//! ```text
//!   keys, make   DIR/keys.toml is there, with as many accounts as the plan says
//!   keys, env    DIR/keys.toml ─► DIR/env, DIR/env.alt
//!   provision    DIR/keys.toml ─► the verifier's provisioning socket
//! ```
//! Commands of the folder's owner change the file by [`change`].

use super::{
    env_file,
    home::{self, Home},
    keys_bell,
    role::{Handed, run_once},
};
use crate::{addresses::Addresses, secrets};
use anyhow::{Context as _, Result, bail};
use blockhouse_daemon::{handoff::Launcher, lock::Lock};
use blockhouse_settings::{Account, Credential, KeysDocument};
use blockhouse_types::AccountId;
use blockhouse_verifier_wire::{
    Principal,
    frame::{FRAME_BYTES_MAX, FrameBuilder},
    provision::{Material, NewKey, Outcome, Provision},
};
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    io::{Read as _, Write as _},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    path::{Path, PathBuf},
    process::ExitCode,
};
use zeroize::Zeroizing;

const KEYS: &str = "keys";
const PROVISION: &str = "provision";

/// The number by which the verifier knows the token key of this node.
pub(crate) const TOKEN_KEY: u8 = 1;

/// The number of the first account, which is the operator's.
pub(super) const FIRST_ACCOUNT: u64 = 1;

/// What `keys` is to do.
#[derive(Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "lowercase", deny_unknown_fields)]
enum Order {
    Make {
        dir: PathBuf,
        accounts: usize,
        /// Whether the keys may be missing.
        first_start: bool,
    },
    Env {
        dir: PathBuf,
        region: String,
        outpost: String,
        addresses: String,
    },
}

/// Sees to it that the keys of `accounts` accounts are there.
pub(super) fn make(home: &Home, accounts: usize, first_start: bool, log: &str) -> Result<()> {
    let dir = home.dir().to_owned();
    let order = Order::Make {
        dir,
        accounts,
        first_start,
    };
    order.carry_out(log)
}

/// Sends all keys over the verifier's provisioning socket, and waits until they count.
pub(super) fn provision(home: &Home, socket: &OwnedFd, log: &str) -> Result<()> {
    let handed = Handed {
        settings: home
            .dir()
            .to_str()
            .context("the folder's name is no text")?,
        descriptors: &[socket.as_fd()],
    };
    run_once(PROVISION, handed, log)
}

/// Writes DIR/env and DIR/env.alt.
pub(super) fn write_env(
    home: &Home,
    (region, outpost): (&str, &str),
    addresses: &Addresses,
    log: &str,
) -> Result<()> {
    let order = Order::Env {
        dir: home.dir().to_owned(),
        region: region.to_owned(),
        outpost: outpost.to_owned(),
        addresses: addresses.to_string(),
    };
    order.carry_out(log)
}

impl Order {
    fn carry_out(&self, log: &str) -> Result<()> {
        let handed = Handed {
            settings: &toml::to_string(self)?,
            descriptors: &[],
        };
        run_once(KEYS, handed, log)
    }
}

/// The role `keys`.
pub(crate) fn run() -> Result<ExitCode> {
    let mut launcher = Launcher::on_stdin()?;
    match toml::from_str(&launcher.receive()?)? {
        Order::Make {
            dir,
            accounts,
            first_start,
        } => keep(&Home::open(&dir)?, accounts, first_start)?,
        Order::Env {
            dir,
            region,
            outpost,
            addresses,
        } => {
            let home = Home::open(&dir)?;
            env_file::write(
                &home,
                (&region, &outpost),
                &read(&home)?.accounts,
                &addresses.parse()?,
            )?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The role `provision`.
pub(crate) fn run_provision() -> Result<ExitCode> {
    let mut launcher = Launcher::on_stdin()?;
    let [socket] = launcher.receive_descriptors()?;
    let home = Home::open(Path::new(&launcher.receive()?))?;
    send(&read(&home)?, UnixStream::from(socket))?;
    Ok(ExitCode::SUCCESS)
}

fn keep(home: &Home, accounts: usize, first_start: bool) -> Result<()> {
    let path = home.keys_file();
    let mut keys = match read(home) {
        Ok(keys) => keys,
        Err(_) if first_start && !path.exists() => KeysDocument {
            accounts: Vec::new(),
            user_keys: Vec::new(),
            token_key: secrets::token_key()?,
        },
        Err(error) => return Err(error),
    };
    if keys.accounts.len() >= accounts {
        return Ok(());
    }
    while keys.accounts.len() < accounts {
        // The accounts' numbers look like what they are: 000000000001 and so on.
        let id = AccountId::from_number(keys.accounts.len() as u64 + FIRST_ACCOUNT);
        keys.accounts.push(Account {
            id: id.context("an account number of 12 digits")?,
            credential: Credential {
                access_key_id: secrets::access_key_id()?,
                secret_access_key: secrets::secret_access_key()?,
            },
        });
    }
    home.write_private(&path, keys.to_toml()?.expose())
}

fn read(home: &Home) -> Result<KeysDocument> {
    read_file(&home.keys_file())
}

/// Changes the keys of the node in the folder `dir`. When it returns, the verifier of a running node
/// knows the changed keys and no others; `false` when none runs.
pub(crate) fn change<T>(
    dir: &Path,
    change: impl FnOnce(&mut KeysDocument) -> Result<T>,
) -> Result<(T, bool)> {
    // A folder that is none of a node's stays as it is.
    read_of(dir)?;
    let home = Home::open(dir)?;
    let _lock = Lock::take(&home.keys_lock(), |_| {})?;
    let mut keys = read(&home)?;
    let changed = change(&mut keys)?;
    let text = keys.to_toml()?;
    // What could not be read back would keep the node from its next start.
    KeysDocument::parse(text.expose()).context("the keys would not be good ones")?;
    home.write_private(&home.keys_file(), text.expose())?;
    Ok((changed, keys_bell::ring(&home.keys_bell())?))
}

/// The keys of the node in the folder `dir`.
pub(crate) fn read_of(dir: &Path) -> Result<KeysDocument> {
    read_file(&dir.join(home::KEYS_FILE))
}

fn read_file(path: &Path) -> Result<KeysDocument> {
    let text = fs::read_to_string(path).map(Zeroizing::new);
    let text = text.with_context(|| format!("{}", path.display()))?;
    // The document's errors show no value.
    KeysDocument::parse(&text).with_context(|| {
        format!(
            "{} is damaged; put it back as it was, or choose another --data",
            path.display()
        )
    })
}

fn key_of(principal: Principal, credential: &Credential, enabled: bool) -> Provision {
    let secret = credential.secret_access_key.expose().to_owned();
    Provision::PutKey(NewKey {
        id: credential.access_key_id.clone(),
        principal,
        enabled,
        material: Material::Secret(Zeroizing::new(secret)),
    })
}

fn send(keys: &KeysDocument, mut socket: UnixStream) -> Result<()> {
    let mut frame = FrameBuilder::of_secrets();
    let token_key = Provision::TokenKey(TOKEN_KEY, keys.token_key.clone());
    let roots = keys.accounts.iter().map(|account| {
        let root = Principal::Root {
            account: account.id,
        };
        key_of(root, &account.credential, true)
    });
    let users = keys.user_keys.iter().map(|key| {
        let user = Principal::User {
            account: key.account,
            name: key.user.clone(),
        };
        key_of(user, &key.credential, key.enabled)
    });
    for message in [token_key, Provision::ForgetKeys]
        .into_iter()
        .chain(roots)
        .chain(users)
        .chain([Provision::Commit])
    {
        if message.write(&mut frame).is_err() {
            socket.write_all(frame.bytes())?;
            frame.clear();
            message.write(&mut frame)?;
        }
    }
    socket.write_all(frame.bytes())?;

    let mut packet = Zeroizing::new(vec![0; FRAME_BYTES_MAX]);
    let len = socket.read(&mut packet)?;
    if len == 0 {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof))
            .context("the verifier ended before it had its keys");
    }
    match Outcome::read_all(&packet[..len])?.next().transpose()? {
        Some(Outcome::Applied(_)) => Ok(()),
        Some(Outcome::Refused(why)) => bail!("the verifier refuses the keys: {why}"),
        _ => bail!("the verifier says something else"),
    }
}
