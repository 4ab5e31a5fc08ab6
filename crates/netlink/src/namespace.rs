//! Network namespaces with names, as iproute2 has them: `/run/netns/NAME`, so that an operator's
//! `ip netns exec NAME` works.
//!
//! ```text
//!   create   an empty file ─ a thread of its own makes a namespace and mounts it on the file ─ ends
//!   open     the file, if a namespace is mounted on it
//!   run      a thread of its own enters the namespace, does the work, ends
//!   delete   unmounts, removes the file; the namespace lives on while a process or socket is in it
//! ```
//!
//! A thread that entered a namespace never comes back to do other work: whoever ran there next would
//! be in the wrong network and not know it. A process that dies between making the file and mounting
//! leaves a file without a namespace: it is listed, it can be deleted, and opening it is
//! [`Cause::NotMounted`].
//!
//! Files under `/proc/sys/net` are those of the thread that opens them, so settings are read and
//! written inside too.

use crate::{Cause, Failed, NetnsCookie, netns_cookie};
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, setns, unshare},
    sys::statfs::{NSFS_MAGIC, fstatfs},
};
use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    net::UdpSocket,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    },
    path::{Path, PathBuf},
    str::FromStr,
    thread,
};

/// Where the names are.
const FOLDER: &str = "/run/netns";
/// The namespace of the thread that opens it. That of the process, `/proc/self/ns/net`, is the one of
/// its first thread.
const OWN: &str = "/proc/thread-self/ns/net";
/// Where the network's settings are.
const SETTINGS: &str = "/proc/sys/net";
/// Bytes of a name at most.
const NAME_LEN_MAX: usize = 64;

/// The name of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespaceName(Box<str>);

/// The text is no name for a namespace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no name for a namespace: 1 to {NAME_LEN_MAX} letters, digits, -, _ and .")]
pub struct BadNamespaceName(pub String);

impl FromStr for NamespaceName {
    type Err = BadNamespaceName;

    fn from_str(name: &str) -> Result<Self, BadNamespaceName> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        let is_name = (1..=NAME_LEN_MAX).contains(&name.len())
            && name.bytes().all(legal)
            && !name.starts_with('.');
        is_name
            .then(|| Self(name.into()))
            .ok_or_else(|| BadNamespaceName(name.to_owned()))
    }
}

impl NamespaceName {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn path(&self) -> PathBuf {
        Path::new(FOLDER).join(&*self.0)
    }
}

impl fmt::Display for NamespaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A namespace that is held open: it lives at least as long as this.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    fd: OwnedFd,
}

impl AsFd for Namespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Namespace {
    /// Makes a namespace, with nothing in it but a loopback that is switched off.
    pub fn create(name: &NamespaceName) -> Result<Self, Failed> {
        let failed = || Failed::of("making the namespace", name);
        make_folder().map_err(failed())?;
        let path = name.path();
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o000).open(&path);
        drop(file.map_err(|error| failed()(cause(&error)))?);
        let made = on_a_thread(|| mount_new(&path).map_err(|errno| Cause::of(errno, None)));
        if let Err(cause) = made.and_then(|made| made) {
            // What was begun here is taken back; the first error is the one that tells.
            let _ = fs::remove_file(&path);
            return Err(failed()(cause));
        }
        Self::open(name)
    }

    /// Opens the namespace of this name.
    pub fn open(name: &NamespaceName) -> Result<Self, Failed> {
        let failed = || Failed::of("opening the namespace", name);
        let file = File::open(name.path()).map_err(|error| failed()(cause(&error)))?;
        let of = fstatfs(&file).map_err(|errno| failed()(Cause::of(errno, None)))?;
        if of.filesystem_type() != NSFS_MAGIC {
            return Err(failed()(Cause::NotMounted));
        }
        Ok(Self {
            name: name.to_string(),
            fd: file.into(),
        })
    }

    /// The namespace that this thread is in.
    pub fn own() -> Result<Self, Failed> {
        let name = "of this thread".to_owned();
        match File::open(OWN) {
            Ok(file) => Ok(Self {
                name,
                fd: file.into(),
            }),
            Err(error) => Err(Failed::of("opening the namespace", name)(cause(&error))),
        }
    }

    /// Removes a name. The namespace ends with the last process, socket and descriptor in it.
    pub fn delete(name: &NamespaceName) -> Result<(), Failed> {
        let failed = || Failed::of("deleting the namespace", name);
        let path = name.path();
        let how = MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW;
        match umount2(&path, how) {
            // Nothing is mounted there: only the file is to go.
            Ok(()) | Err(Errno::EINVAL) => {}
            Err(errno) => return Err(failed()(Cause::of(errno, None))),
        }
        fs::remove_file(&path).map_err(|error| failed()(cause(&error)))
    }

    /// The names that begin so, in order; those of others, which are no names here, are left out.
    pub fn list(prefix: &str) -> Result<Vec<NamespaceName>, Failed> {
        let failed = |error: io::Error| Failed::of("listing", "namespaces")(cause(&error));
        let entries = match fs::read_dir(FOLDER) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            let name = name.to_str().filter(|name| name.starts_with(prefix));
            names.extend(name.and_then(|name| name.parse::<NamespaceName>().ok()));
        }
        names.sort();
        Ok(names)
    }

    /// Does work inside, on a thread that enters the namespace and ends with it. Sockets that are
    /// opened and processes that are started there stay there.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, Failed> {
        let inside = || match setns(&self.fd, CloneFlags::CLONE_NEWNET) {
            Ok(()) => Ok(work()),
            Err(errno) => Err(Cause::of(errno, None)),
        };
        let done = on_a_thread(inside).and_then(|done| done);
        done.map_err(Failed::of("entering the namespace", &self.name))
    }

    /// What tells this namespace from all others.
    pub fn cookie(&self) -> Result<NetnsCookie, Failed> {
        let cookie = self.run(|| {
            let socket = UdpSocket::bind((std::net::Ipv4Addr::UNSPECIFIED, 0))?;
            netns_cookie(&socket)
        })?;
        let failed = Failed::of("asking for the cookie of", &self.name);
        cookie.map_err(|error| failed(cause(&error)))
    }

    /// Writes a setting, by its path below `/proc/sys/net`: `ipv4/conf/all/arp_ignore`.
    pub fn set_sysctl(&self, path: &str, value: &str) -> Result<(), Failed> {
        let failed = || Failed::of("setting", format!("{path} of {}", self.name));
        let file = setting(path).map_err(failed())?;
        let write = || {
            let mut file = OpenOptions::new().write(true).open(&file)?;
            file.write_all(value.as_bytes())
        };
        self.run(write)?.map_err(|error| failed()(cause(&error)))
    }

    /// Reads a setting, without the end of its line.
    pub fn sysctl(&self, path: &str) -> Result<String, Failed> {
        let failed = || Failed::of("reading the setting", format!("{path} of {}", self.name));
        let file = setting(path).map_err(failed())?;
        let text = self.run(|| fs::read_to_string(&file))?;
        let text = text.map_err(|error| failed()(cause(&error)))?;
        Ok(text.trim_end().to_owned())
    }
}

/// The file of a setting. A path that leads elsewhere is refused.
fn setting(path: &str) -> Result<PathBuf, Cause> {
    let is_plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    if !path.split('/').all(is_plain) {
        return Err(Cause::Refused {
            errno: Errno::EINVAL,
            detail: Some(format!("it is no path below {SETTINGS}")),
        });
    }
    Ok(Path::new(SETTINGS).join(path))
}

/// The folder of the names, whose mounts every mount namespace shall see come and go: else a name
/// that is deleted here would keep its namespace alive there.
fn make_folder() -> Result<(), Cause> {
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(FOLDER);
    made.map_err(|error| cause(&error))?;
    // Two that find no mount at the same time would mount it twice.
    let folder = File::open(FOLDER).map_err(|error| cause(&error))?;
    let lock = Flock::lock(folder, FlockArg::LockExclusive);
    let _lock = lock.map_err(|(_, errno)| Cause::of(errno, None))?;
    let share = || {
        set_mount(
            None,
            Path::new(FOLDER),
            MsFlags::MS_SHARED | MsFlags::MS_REC,
        )
    };
    match share() {
        // It is an ordinary folder so far.
        Err(Errno::EINVAL) => {
            let folder = Path::new(FOLDER);
            let how = MsFlags::MS_BIND | MsFlags::MS_REC;
            set_mount(Some(folder), folder, how).and_then(|()| share())
        }
        done => done,
    }
    .map_err(|errno| Cause::of(errno, None))
}

/// Gives this thread a new namespace and mounts it on a file.
fn mount_new(path: &Path) -> Result<(), Errno> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    set_mount(Some(Path::new(OWN)), path, MsFlags::MS_BIND)
}

fn set_mount(source: Option<&Path>, target: &Path, how: MsFlags) -> Result<(), Errno> {
    mount(source, target, None::<&Path>, how, None::<&Path>)
}

/// Does work on a thread of its own and waits for its end.
fn on_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Cause> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("in-netns".to_owned());
        let thread = thread.spawn_scoped(scope, work);
        let thread = thread.map_err(|error| cause(&error))?;
        thread.join().map_err(|_| Cause::Panicked)
    })
}

/// What an error of the file system means here.
fn cause(error: &io::Error) -> Cause {
    let errno = error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
    Cause::of(errno, None)
}
