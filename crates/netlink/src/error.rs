//! What becomes of a request that fails: which one it was, what it was about, and why.

use crate::wire::{Malformed, TooLong};
use nix::errno::Errno;
use std::fmt::Display;

/// A request that failed.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {object}")]
pub struct Failed {
    /// What was to be done: "adding the address".
    pub operation: &'static str,
    /// To what: "10.0.0.1/16 of link 3".
    pub object: String,
    /// Why not.
    #[source]
    pub cause: Cause,
}

/// Why a request failed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// It is there already.
    #[error("it exists")]
    Exists,
    /// It, or what it belongs to, is not there.
    #[error("there is no such thing")]
    NotFound,
    /// The kernel was built without it.
    #[error("the kernel does not support it{}", said(.detail))]
    Unsupported {
        /// The kernel's own words.
        detail: Option<String>,
    },
    /// The kernel refuses.
    #[error("the kernel refuses: {errno}{}", said(.detail))]
    Refused {
        /// The kernel's number.
        errno: Errno,
        /// The kernel's own words.
        detail: Option<String>,
    },
    /// The socket failed, not the request.
    #[error("the socket failed: {0}")]
    Socket(Errno),
    /// The kernel's answer cannot be read.
    #[error("the kernel's answer cannot be read: {0}")]
    Malformed(#[from] Malformed),
    /// The kernel did not answer.
    #[error("the kernel did not answer")]
    NoAnswer,
    /// What was listed changed meanwhile, several times.
    #[error("the list changed while it was read")]
    Changing,
    /// The answer has more entries than any that makes sense.
    #[error("the list does not end")]
    Endless,
    /// The name has a file and no namespace on it.
    #[error("no namespace is mounted there")]
    NotMounted,
    /// The work that was to be done inside a namespace panicked.
    #[error("the thread inside panicked")]
    Panicked,
    /// The request does not fit into its message.
    #[error("the request is too long")]
    TooLong,
}

/// The kernel's words, to be appended.
fn said(detail: &Option<String>) -> String {
    detail
        .as_ref()
        .map_or_else(String::new, |words| format!(" ({words})"))
}

impl Failed {
    pub(crate) fn of(operation: &'static str, object: impl Display) -> impl FnOnce(Cause) -> Self {
        move |cause| Self {
            operation,
            object: object.to_string(),
            cause,
        }
    }
}

impl Cause {
    /// What an error number of the kernel means. Which number says that something is not there
    /// depends on what it is: a link, an address, a route, a rule.
    pub(crate) fn of(errno: Errno, detail: Option<String>) -> Self {
        match errno {
            Errno::EEXIST => Self::Exists,
            Errno::ENOENT | Errno::ESRCH | Errno::ENODEV | Errno::EADDRNOTAVAIL => Self::NotFound,
            Errno::EOPNOTSUPP | Errno::EAFNOSUPPORT | Errno::EPROTONOSUPPORT => {
                Self::Unsupported { detail }
            }
            errno => Self::Refused { errno, detail },
        }
    }
}

impl From<TooLong> for Cause {
    fn from(_: TooLong) -> Self {
        Self::TooLong
    }
}

impl From<Errno> for Cause {
    /// Of a call on a socket; what the kernel answers to a question has a meaning of its own.
    fn from(errno: Errno) -> Self {
        Self::Socket(errno)
    }
}

/// For requests that are content with what is already so.
pub trait Idempotent {
    /// That it is there already is no failure.
    fn or_exists(self) -> Result<(), Failed>;
    /// That it is not there is no failure.
    fn or_absent(self) -> Result<(), Failed>;
}

impl Idempotent for Result<(), Failed> {
    fn or_exists(self) -> Self {
        self.or_else(|failed| match failed.cause {
            Cause::Exists => Ok(()),
            _ => Err(failed),
        })
    }

    fn or_absent(self) -> Self {
        self.or_else(|failed| match failed.cause {
            Cause::NotFound => Ok(()),
            _ => Err(failed),
        })
    }
}
