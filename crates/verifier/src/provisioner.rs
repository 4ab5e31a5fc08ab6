//! The other socket: keys come in over it and temporary credentials go out. The gateway has no way to
//! open it.
//!
//! ```text
//!   put, remove, token key … ─► staged keyring ── commit ──► the judge's, all at once
//!   mint ─► by the judge's keyring ─► temporary credentials
//! ```
//!
//! What was staged without a commit is forgotten when the socket ends; what was committed stays. A
//! message that cannot be taken spoils the commit it belongs to: the commit is refused and the keys
//! stay what they were.

use crate::{
    judge::{Judge, Keyring},
    keys::KeyStore,
    token::MintError,
};
use blockhouse_verifier_wire::{
    frame::{FRAME_BYTES_MAX, FrameBuilder, FrameError},
    provision::{MintOrder, Minted, Outcome, Provision},
};
use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    sync::{Arc, OnceLock},
};
use zeroize::Zeroizing;

/// Access keys at most.
pub const KEYS_MAX: usize = 1_000_000;

/// Why the provisioning socket was given up.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The socket broke.
    #[error("the provisioning socket")]
    Socket(#[from] io::Error),
    /// What came over it is no frame.
    #[error("what came over the provisioning socket")]
    Frame(#[from] FrameError),
}

/// What a provisioning socket has brought and not committed yet.
#[derive(Debug)]
pub struct Provisioner {
    judge: Judge,
    staged: Keyring,
    /// Why the next commit will be refused.
    spoilt: Option<String>,
    /// Set by the first commit.
    provisioned: Arc<OnceLock<()>>,
}

impl Provisioner {
    /// Provisions this judge, and sets `provisioned` with the first commit.
    pub fn new(judge: Judge, provisioned: Arc<OnceLock<()>>) -> Self {
        let staged = (*judge.keyring()).clone();
        Self {
            judge,
            staged,
            spoilt: None,
            provisioned,
        }
    }

    /// Serves a `SOCK_SEQPACKET` socket to its end. It blocks, and has a thread of its own.
    pub fn serve(mut self, mut socket: UnixStream) -> Result<(), ProvisionError> {
        let mut packet = Zeroizing::new(vec![0; FRAME_BYTES_MAX + 1]);
        loop {
            let len = match socket.read(&mut packet) {
                Ok(0) => return Ok(()),
                Ok(len) => len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            let mut answers = FrameBuilder::of_secrets();
            self.take(&packet[..len], &mut answers)?;
            if !answers.is_empty() {
                socket.write_all(answers.bytes())?;
            }
        }
    }

    /// Takes a packet and writes the answers to it.
    pub fn take(&mut self, packet: &[u8], answers: &mut FrameBuilder) -> Result<(), FrameError> {
        for message in Provision::read_all(packet)? {
            let outcome = match message? {
                Provision::Commit => self.commit(),
                Provision::Mint(order) => match self.mint(&order) {
                    Ok(minted) => Outcome::Minted(Box::new(minted)),
                    Err(error) => Outcome::Refused(error.to_string()),
                },
                staged => {
                    self.stage(staged);
                    continue;
                }
            };
            let what = "too many answers to one frame";
            outcome.write(answers).map_err(|_| FrameError { what })?;
        }
        Ok(())
    }

    fn stage(&mut self, message: Provision) {
        let Keyring { keys, tokens } = &mut self.staged;
        let refused = match message {
            Provision::PutKey(key) if keys.len() < KEYS_MAX => {
                keys.put(key).err().map(|error| error.to_string())
            }
            Provision::PutKey(_) => Some(format!("more than {KEYS_MAX} access keys")),
            Provision::RemoveKey(id) => {
                keys.remove(&id);
                None
            }
            Provision::ForgetKeys => {
                *keys = KeyStore::default();
                None
            }
            Provision::TokenKey(number, key) => {
                let full = || "too many token keys; retire one first".to_owned();
                (!tokens.put(number, &key)).then(full)
            }
            Provision::RetireTokenKey(number) => {
                tokens.retire(number);
                None
            }
            Provision::Commit | Provision::Mint(_) => None,
        };
        self.spoilt = self.spoilt.take().or(refused);
    }

    fn commit(&mut self) -> Outcome {
        if let Some(why) = self.spoilt.take() {
            self.staged = (*self.judge.keyring()).clone();
            return Outcome::Refused(why);
        }
        self.judge.replace(self.staged.clone());
        self.provisioned.get_or_init(|| ());
        Outcome::Applied(u32::try_from(self.staged.keys.len()).unwrap_or(u32::MAX))
    }

    fn mint(&self, order: &MintOrder) -> Result<Minted, MintError> {
        let keyring = self.judge.keyring();
        if let Some(parent) = &order.parent
            && keyring.keys.find(parent).is_none()
        {
            return Err(MintError::Parent);
        }
        keyring.tokens.mint(order)
    }
}
