//! Opening a device: a raw block device or a zero-written file, locked for this process alone.
//!
//! A file is written with zeros once, wholly, before it is used: later writes never allocate, so
//! `fdatasync` has no metadata to commit and the file system cannot run out of space under us.
//!
//! The lock is `flock`: it belongs to the open file and goes when the process that holds it dies. A
//! new node may start while its predecessor is still dying, so opening waits for the lock, up to a
//! deadline.

use crate::BLOCK_BYTES;
use blockhouse_uring::probe::{self, DirectRefused};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::{FileTypeExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

/// Zeros are written in pieces of this many bytes, with a call of the progress function after each.
const ZERO_PIECE_BYTES: usize = 4 << 20;
/// Appended to the name of a file that is still being written with zeros.
const UNFINISHED_SUFFIX: &str = ".unfinished";

/// Why a device was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenDeviceError {
    /// The file cannot be opened or made.
    #[error("cannot open the device {path}")]
    Open {
        /// The device.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// Another process has it.
    #[error("the device {path} is in use by another process, which did not end within {waited:?}")]
    Locked {
        /// The device.
        path: PathBuf,
        /// The deadline that passed.
        waited: Duration,
    },
    /// Locking, measuring or writing zeros failed.
    #[error("cannot {what} the device {path}")]
    Prepare {
        /// What was tried.
        what: &'static str,
        /// The device.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// The path exists already, and a new file was to be made.
    #[error("the device {path} exists already")]
    Exists {
        /// The device.
        path: PathBuf,
    },
    /// It is a directory, a socket or the like.
    #[error("{path} is neither a file nor a block device")]
    Kind {
        /// The path.
        path: PathBuf,
    },
}

/// An open and locked device; shared by the handles of all threads.
#[derive(Debug)]
pub struct DeviceFile {
    file: Arc<File>,
    name: String,
    len_bytes: u64,
    block_device: bool,
    direct: Result<(), DirectRefused>,
}

/// What to do with the file besides opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// It must exist.
    Existing,
    /// It must not exist: make it, `len_bytes` long (rounded down to whole blocks), of zeros. It
    /// gets its name when it is whole.
    Create {
        /// Length in bytes.
        len_bytes: u64,
    },
}

/// Opens and locks the device at `path`, waiting up to `deadline` for another process to let go.
/// While zeros are written, `progress` is told how many bytes are done of how many. Blocks.
///
/// # Errors
/// See [`OpenDeviceError`]. A refusal of O_DIRECT is none: see [`DeviceFile::direct`].
pub fn open_file(
    path: &Path,
    mode: OpenMode,
    deadline: Duration,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<DeviceFile, OpenDeviceError> {
    let file = match mode {
        OpenMode::Existing => open(path, OpenOptions::new().read(true).write(true))?,
        OpenMode::Create { len_bytes } => create(path, len_bytes, deadline, progress)?,
    };
    lock(&file, path, deadline)?;
    let (len_bytes, block_device) = measure(&file, path)?;
    let direct = probe::direct(&file);
    let name = path.display().to_string();
    Ok(DeviceFile {
        file: Arc::new(file),
        name,
        len_bytes,
        block_device,
        direct,
    })
}

fn open(path: &Path, options: &OpenOptions) -> Result<File, OpenDeviceError> {
    let path = path.to_owned();
    options.open(&path).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => OpenDeviceError::Exists { path },
        _ => OpenDeviceError::Open { path, source },
    })
}

/// Makes the file under another name first: what has the right name is whole, also when we die here.
fn create(
    path: &Path,
    len_bytes: u64,
    deadline: Duration,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<File, OpenDeviceError> {
    if path
        .try_exists()
        .map_err(|source| prepare("look for", path, source))?
    {
        return Err(OpenDeviceError::Exists {
            path: path.to_owned(),
        });
    }
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(UNFINISHED_SUFFIX);
    let unfinished = PathBuf::from(unfinished);
    let mut options = OpenOptions::new();
    // Objects lie in here unencrypted: for the owner's eyes only.
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600);
    let file = open(&unfinished, &options)?;
    lock(&file, &unfinished, deadline)?;
    let len_bytes = len_bytes / BLOCK_BYTES as u64 * BLOCK_BYTES as u64;
    let made = write_zeros(&file, len_bytes, progress)
        .and_then(|()| fs::rename(&unfinished, path))
        .and_then(|()| sync_parent(path));
    if let Err(source) = made {
        // Best effort: the error that counts is the one that stopped us.
        let _left_behind = fs::remove_file(&unfinished);
        return Err(prepare("write zeros to", path, source));
    }
    Ok(file)
}

fn write_zeros(
    mut file: &File,
    len_bytes: u64,
    progress: &mut dyn FnMut(u64, u64),
) -> io::Result<()> {
    file.set_len(0)?;
    let zeros = vec![0; ZERO_PIECE_BYTES];
    let mut done = 0;
    while done < len_bytes {
        let piece = (len_bytes - done).min(ZERO_PIECE_BYTES as u64);
        file.write_all(&zeros[..piece as usize])?;
        done += piece;
        progress(done, len_bytes);
    }
    file.sync_all()
}

/// The new name must survive a power cut as well.
fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// Takes the lock, in a thread of its own so that the wait can have an end. If the deadline passes,
/// that thread lets go of the lock as soon as it gets it.
fn lock(file: &File, path: &Path, deadline: Duration) -> Result<(), OpenDeviceError> {
    let failed = |source| prepare("lock", path, source);
    match file.try_lock() {
        Ok(()) => return Ok(()),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    let same_file = file.try_clone().map_err(failed)?;
    let (tell, told) = mpsc::channel();
    thread::Builder::new()
        .name("device-lock".into())
        .spawn(move || {
            // Nobody listens any more once the deadline has passed.
            let _too_late = tell.send(same_file.lock());
        })
        .map_err(failed)?;
    match told.recv_timeout(deadline) {
        Ok(locked) => locked.map_err(failed),
        Err(_) => Err(OpenDeviceError::Locked {
            path: path.to_owned(),
            waited: deadline,
        }),
    }
}

/// Length in bytes, rounded down to whole blocks, and whether it is a block device.
fn measure(file: &File, path: &Path) -> Result<(u64, bool), OpenDeviceError> {
    let metadata = file
        .metadata()
        .map_err(|source| prepare("measure", path, source))?;
    let kind = metadata.file_type();
    let len_bytes = if kind.is_file() {
        metadata.len()
    } else if kind.is_block_device() {
        block_device_bytes(file).map_err(|source| prepare("measure", path, source))?
    } else {
        return Err(OpenDeviceError::Kind {
            path: path.to_owned(),
        });
    };
    Ok((
        len_bytes / BLOCK_BYTES as u64 * BLOCK_BYTES as u64,
        kind.is_block_device(),
    ))
}

/// BLKGETSIZE64 without an ioctl: the end of a block device is its length.
fn block_device_bytes(mut file: &File) -> io::Result<u64> {
    io::Seek::seek(&mut file, io::SeekFrom::End(0))
}

fn prepare(what: &'static str, path: &Path, source: io::Error) -> OpenDeviceError {
    OpenDeviceError::Prepare {
        what,
        path: path.to_owned(),
        source,
    }
}

impl DeviceFile {
    /// Usable length in bytes.
    pub fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// The path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether reads and writes go past the page cache, and if not, why not.
    pub fn direct(&self) -> Result<(), &DirectRefused> {
        self.direct.as_ref().copied()
    }

    /// The file itself.
    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Whether discarding makes sense. In a file it would punch holes, and the next write there
    /// would allocate, which the zeros are there to prevent.
    pub(crate) fn discards(&self) -> bool {
        self.block_device
    }
}
