//! Which implementation a node uses, decided once at its start, and the threads that go with it.
//!
//! ```text
//!                 I/O thread                      log writer's thread
//!   Uring         uring::io_thread, UringDevice   solo::run, SoloDevice (linked write + flush)
//!   Plain         tokio, PlainDevice::pooled      poll and park, PlainDevice::blocking
//! ```

use crate::{AlignedBuf, Device, DeviceFile, PlainDevice, SoloDevice, UringDevice, Workers};
use blockhouse_uring::{io_thread, probe, probe::UringRefused, solo};
use std::{future::Future, io, sync::Arc};

/// Submission slots of an I/O thread's ring.
const IO_THREAD_ENTRIES: u32 = 256;
/// Submission slots of the log writer's ring: a frame takes two per mirror.
const LOG_THREAD_ENTRIES: u32 = 32;
/// Threads for plain calls. They wait for the disk, not for a core.
const WORKERS: usize = 8;

/// How a node reaches its devices.
#[derive(Clone)]
pub enum Backend {
    /// io_uring.
    Uring,
    /// Plain calls, made by these threads.
    Plain(Workers),
}

impl Backend {
    /// io_uring if this machine allows it, else plain calls and the reason, which names the remedy.
    ///
    /// # Errors
    /// Not even threads can be started.
    pub fn choose() -> io::Result<(Self, Option<UringRefused>)> {
        match probe::io_uring() {
            Ok(()) => Ok((Self::Uring, None)),
            Err(refused) => Ok((Self::plain()?, Some(refused))),
        }
    }

    /// Plain calls, whatever the machine allows.
    ///
    /// # Errors
    /// Threads cannot be started.
    pub fn plain() -> io::Result<Self> {
        Workers::start(WORKERS).map(Self::Plain)
    }

    /// Runs an I/O thread's future on this thread: with tokio's sockets, timers and local tasks.
    ///
    /// # Errors
    /// The runtime cannot be set up.
    pub fn run_io_thread<F: Future>(&self, future: F) -> io::Result<F::Output> {
        match self {
            Self::Uring => io_thread(IO_THREAD_ENTRIES, future),
            Self::Plain(_) => {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                Ok(tokio::task::LocalSet::new().block_on(&runtime, future))
            }
        }
    }

    /// Runs the log writer's future on this thread.
    ///
    /// # Errors
    /// The ring or runtime cannot be set up.
    pub fn run_log_thread<F: Future>(&self, future: F) -> io::Result<F::Output> {
        match self {
            Self::Uring => solo::run(LOG_THREAD_ENTRIES, future),
            Self::Plain(_) => {
                let runtime = tokio::runtime::Builder::new_current_thread().build()?;
                Ok(runtime.block_on(future))
            }
        }
    }

    /// A handle for the I/O thread that calls this, inside of [`Self::run_io_thread`].
    ///
    /// # Errors
    /// The descriptor cannot be duplicated.
    pub fn io_device(&self, device: &Arc<DeviceFile>) -> io::Result<IoDevice> {
        match self {
            Self::Uring => UringDevice::new(device).map(IoDevice::Uring),
            Self::Plain(workers) => Ok(IoDevice::Plain(PlainDevice::pooled(device, workers))),
        }
    }

    /// A handle for the log writer, inside of [`Self::run_log_thread`].
    pub fn log_device(&self, device: &Arc<DeviceFile>) -> LogDevice {
        match self {
            Self::Uring => LogDevice::Solo(SoloDevice::new(device)),
            Self::Plain(_) => LogDevice::Plain(PlainDevice::blocking(device)),
        }
    }
}

/// A device as an I/O thread has it.
#[derive(Clone)]
pub enum IoDevice {
    /// The thread's own ring.
    Uring(UringDevice),
    /// Plain calls on worker threads.
    Plain(PlainDevice),
}

/// A device as the log writer has it.
#[derive(Clone)]
pub enum LogDevice {
    /// The log writer's own ring.
    Solo(SoloDevice),
    /// Plain calls that block.
    Plain(PlainDevice),
}

/// Passes every operation on to the variant.
macro_rules! dispatch {
    ($name:ident: $($variant:ident),+) => {
        impl Device for $name {
            fn len_bytes(&self) -> u64 {
                match self { $(Self::$variant(device) => device.len_bytes()),+ }
            }

            fn name(&self) -> &str {
                match self { $(Self::$variant(device) => device.name()),+ }
            }

            async fn read(&self, offset: u64, buf: AlignedBuf) -> (io::Result<()>, AlignedBuf) {
                match self { $(Self::$variant(device) => device.read(offset, buf).await),+ }
            }

            async fn write(&self, offset: u64, buf: Arc<AlignedBuf>) -> io::Result<()> {
                match self { $(Self::$variant(device) => device.write(offset, buf).await),+ }
            }

            async fn flush(&self) -> io::Result<()> {
                match self { $(Self::$variant(device) => device.flush().await),+ }
            }

            async fn write_flush(&self, offset: u64, buf: Arc<AlignedBuf>) -> io::Result<()> {
                match self { $(Self::$variant(device) => device.write_flush(offset, buf).await),+ }
            }

            async fn discard(&self, offset: u64, len_bytes: u64) -> io::Result<()> {
                match self { $(Self::$variant(device) => device.discard(offset, len_bytes).await),+ }
            }
        }
    };
}

dispatch!(IoDevice: Uring, Plain);
dispatch!(LogDevice: Solo, Plain);
