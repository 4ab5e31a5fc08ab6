//! A device through plain calls, for machines that refuse io_uring: `pread`, `pwrite`, `fdatasync`.
//!
//! Two ways to wait for them. The log writer has a thread of its own and nothing else to do:
//! [`PlainDevice::blocking`] calls inside of `poll`. An I/O thread must not block: its calls go to a
//! few [`Workers`], shared by all devices, and the queue to them is bounded; when it is full,
//! operations wait their turn in the order in which they came.

use crate::{AlignedBuf, Device, DeviceFile};
use std::{
    io,
    os::unix::fs::FileExt,
    sync::{Arc, Mutex, PoisonError},
    thread,
};
use tokio::sync::{mpsc, oneshot};

/// Calls that may wait for a worker.
const QUEUE_MAX: usize = 256;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that make blocking calls. They end when the last handle is dropped and the queue is
/// empty.
#[derive(Clone)]
pub struct Workers {
    queue: mpsc::Sender<Job>,
}

impl Workers {
    /// Starts `threads` workers.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(threads: usize) -> io::Result<Self> {
        let (queue, jobs) = mpsc::channel::<Job>(QUEUE_MAX);
        let jobs = Arc::new(Mutex::new(jobs));
        for n in 0..threads.max(1) {
            let jobs = Arc::clone(&jobs);
            let name = format!("plain-io-{n}");
            thread::Builder::new()
                .name(name)
                .spawn(move || while next(&jobs).map(|job| job()).is_some() {})?;
        }
        Ok(Self { queue })
    }

    /// Runs `call` on a worker. It runs also when this future is dropped after it was queued.
    async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        let (tell, told) = oneshot::channel();
        let job: Job = Box::new(move || {
            // A dropped future does not wait for the answer.
            let _unheard = tell.send(call());
        });
        let gone = || io::Error::other("the threads that make blocking calls have ended");
        self.queue.send(job).await.map_err(|_| gone())?;
        told.await.map_err(|_| gone())
    }
}

/// One worker at a time waits in the queue, the others wait for it to have got a job.
fn next(jobs: &Mutex<mpsc::Receiver<Job>>) -> Option<Job> {
    jobs.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .blocking_recv()
}

/// A handle that uses plain calls, on any thread.
#[derive(Clone)]
pub struct PlainDevice {
    device: Arc<DeviceFile>,
    workers: Option<Workers>,
}

impl PlainDevice {
    /// Calls block the thread that polls.
    pub fn blocking(device: &Arc<DeviceFile>) -> Self {
        Self {
            device: Arc::clone(device),
            workers: None,
        }
    }

    /// Calls are made by `workers`.
    pub fn pooled(device: &Arc<DeviceFile>, workers: &Workers) -> Self {
        Self {
            device: Arc::clone(device),
            workers: Some(workers.clone()),
        }
    }

    async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&DeviceFile) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let Some(workers) = &self.workers else {
            return call(&self.device);
        };
        let device = Arc::clone(&self.device);
        workers.run(move || call(&device)).await?
    }
}

impl Device for PlainDevice {
    fn len_bytes(&self) -> u64 {
        self.device.len_bytes()
    }

    fn name(&self) -> &str {
        self.device.name()
    }

    async fn read(&self, offset: u64, mut buf: AlignedBuf) -> (io::Result<()>, AlignedBuf) {
        let len = buf.len();
        let read = self.call(move |device| {
            let result = device.file().read_exact_at(&mut buf, offset);
            Ok((result, buf))
        });
        match read.await {
            Ok(read) => read,
            // The workers have ended and taken the buffer with them.
            Err(error) => (Err(error), AlignedBuf::zeroed(len)),
        }
    }

    async fn write(&self, offset: u64, buf: Arc<AlignedBuf>) -> io::Result<()> {
        self.call(move |device| device.file().write_all_at(&buf, offset))
            .await
    }

    async fn flush(&self) -> io::Result<()> {
        self.call(|device| device.file().sync_data()).await
    }

    async fn write_flush(&self, offset: u64, buf: Arc<AlignedBuf>) -> io::Result<()> {
        let write_flush = move |device: &DeviceFile| {
            device.file().write_all_at(&buf, offset)?;
            device.file().sync_data()
        };
        self.call(write_flush).await
    }

    async fn discard(&self, offset: u64, len_bytes: u64) -> io::Result<()> {
        if !self.device.discards() {
            return Ok(());
        }
        self.call(move |device| discard(device, offset, len_bytes))
            .await
    }
}

fn discard(device: &DeviceFile, offset: u64, len_bytes: u64) -> io::Result<()> {
    use nix::fcntl::{FallocateFlags, fallocate};
    let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    let number =
        |n: u64| i64::try_from(n).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput));
    fallocate(&**device.file(), flags, number(offset)?, number(len_bytes)?).map_err(io::Error::from)
}
