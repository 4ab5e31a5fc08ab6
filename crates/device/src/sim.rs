//! A simulated device.
//!
//! # Fault model
//! * **Volatile cache.** A write that ended lies in the cache. A flush that begins afterwards and ends
//!   with `Ok` makes it durable. When the power is cut, each 512-byte sector keeps, independently of
//!   all others, either what was durable or any one of the unflushed writes to it ([`Keep`], chosen
//!   by seed): unflushed writes are lost, torn and reordered.
//! * **In flight.** A write is in flight from when it began to when it ended; at a power cut it is one
//!   of the unflushed writes, so it may be torn in the middle. A flush does not cover it.
//! * **Late.** Every operation takes a number of turns of the executor, drawn from the device's seed;
//!   operations in flight together end in any order. A read that ends while a write is in flight sees
//!   all of that write.
//! * **Lost, misdirected, EIO, vanished**: planned for the n-th operation, see [`Fault`]. After a
//!   failed flush the unflushed writes are *forgotten*: reads still show them, later flushes say `Ok`
//!   and do not make them durable (the page cache's "clean" lie).
//! * **Bit rot**: [`SimDevice::rot`] flips a bit of what is durable.
//! * Not simulated: ENOSPC (a device has its length), bytes changed on the bus, a discard that
//!   returns old data after having returned new (a discarded range reads as zeros at once; after a
//!   cut it reads as zeros or as before, per sector, unless flushed).
//!
//! Everything follows from the seed: the same calls give the same bytes.

mod media;
#[cfg(test)]
mod tests;

pub use media::{Keep, Media, SECTOR_BYTES};

use crate::{
    AlignedBuf, BLOCK_BYTES, Device,
    faults::{self, Fault, Faults, Operation, Planned},
    power::Power,
};
use media::Cache;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::{
    cell::RefCell,
    future::{self, Future},
    io, mem,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

/// How many operations of each kind a device has ended, and the bytes they moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Reads.
    pub reads: u64,
    /// Bytes read.
    pub read_bytes: u64,
    /// Writes.
    pub writes: u64,
    /// Bytes written.
    pub written_bytes: u64,
    /// Flushes.
    pub flushes: u64,
    /// Discards.
    pub discards: u64,
}

/// A simulated device; a handle is cheap to clone and belongs to one thread.
#[derive(Clone)]
pub struct SimDevice {
    state: Rc<RefCell<State>>,
    power: Power,
    name: Rc<str>,
    len_bytes: u64,
}

struct State {
    cache: Cache,
    faults: Faults,
    rng: ChaCha8Rng,
    turns_max: u32,
    counters: Counters,
}

impl SimDevice {
    /// A device called `name` with these contents on this power supply.
    pub fn new(name: &str, media: Media, power: &Power, seed: u64) -> Self {
        let len_bytes = media.len_bytes();
        let state = State {
            cache: Cache::new(media),
            faults: Faults::default(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            turns_max: 3,
            counters: Counters::default(),
        };
        Self {
            state: Rc::new(RefCell::new(state)),
            power: power.clone(),
            name: name.into(),
            len_bytes,
        }
    }

    /// Operations take up to `turns` turns of the executor, by the seed; 0: they end at once.
    pub fn set_latency(&self, turns: u32) {
        self.state.borrow_mut().turns_max = turns;
    }

    /// Plans a fault.
    pub fn plan(&self, planned: Planned) {
        self.state.borrow_mut().faults.plan(planned);
    }

    /// How many operations a planned fault has struck.
    pub fn faults_struck(&self) -> u64 {
        self.state.borrow().faults.struck()
    }

    /// The device works again; what was planned is forgotten.
    pub fn repair(&self) {
        self.state.borrow_mut().faults.clear();
    }

    /// Flips a bit of what is durable at byte `offset`.
    pub fn rot(&self, offset: u64, bit: u8) {
        self.state
            .borrow_mut()
            .cache
            .rot(offset % self.len_bytes, bit);
    }

    /// What a power cut at this moment would leave.
    pub fn after_power_cut(&self, keep: Keep) -> Media {
        self.state.borrow().cache.after_power_cut(keep)
    }

    /// What an orderly shutdown of the machine would leave: everything written.
    pub fn media(&self) -> Media {
        self.state.borrow().cache.after_power_cut(Keep::Newest)
    }

    /// How many writes a power cut at this moment could lose or tear.
    pub fn unflushed_writes(&self) -> usize {
        self.state.borrow().cache.unflushed_writes()
    }

    /// What was done so far.
    pub fn counters(&self) -> Counters {
        self.state.borrow().counters
    }

    /// Whether an operation of `len` bytes at `offset` keeps the rules of the contract.
    fn check(&self, offset: u64, len: u64) -> io::Result<()> {
        let block = BLOCK_BYTES as u64;
        let aligned = offset.is_multiple_of(block) && len.is_multiple_of(block);
        let inside = offset
            .checked_add(len)
            .is_some_and(|end| end <= self.len_bytes);
        if aligned && inside {
            Ok(())
        } else {
            Err(io::ErrorKind::InvalidInput.into())
        }
    }

    /// Where a struck operation really goes.
    fn place(&self, offset: u64, len: u64, fault: Option<Fault>) -> u64 {
        let Some(Fault::Misdirected { blocks }) = fault else {
            return offset;
        };
        let places = (self.len_bytes - len) / BLOCK_BYTES as u64 + 1;
        (offset / BLOCK_BYTES as u64 + blocks) % places * BLOCK_BYTES as u64
    }

    /// The operation is under way. Never ends once the power is gone.
    async fn under_way(&self) {
        let turns = {
            let mut state = self.state.borrow_mut();
            let max = u64::from(state.turns_max) + 1;
            state.rng.next_u64() % max
        };
        for _ in 0..turns {
            next_turn().await;
        }
        if self.power.is_cut() {
            future::pending::<()>().await;
        }
    }

    async fn try_read(&self, offset: u64, buf: &mut AlignedBuf) -> io::Result<()> {
        let len = buf.len() as u64;
        self.check(offset, len)?;
        self.under_way().await;
        let mut state = self.state.borrow_mut();
        let fault = state.faults.strike(Operation::Read);
        match fault {
            Some(Fault::Error(_)) => return Err(faults::io_error()),
            Some(Fault::Vanished) => return Err(faults::vanished()),
            Some(Fault::Lost | Fault::Misdirected { .. }) | None => {}
        }
        state.counters.reads += 1;
        state.counters.read_bytes += len;
        state.cache.read(self.place(offset, len, fault), buf);
        Ok(())
    }
}

/// A write or discard on its way; when it is dropped the device finishes it all the same.
struct InFlight<'a> {
    device: &'a SimDevice,
    ticket: u64,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if !self.device.power.is_cut() {
            self.device.state.borrow_mut().cache.end_write(self.ticket);
        }
    }
}

impl Device for SimDevice {
    fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    fn name(&self) -> &str {
        &self.name
    }

    async fn read(&self, offset: u64, mut buf: AlignedBuf) -> (io::Result<()>, AlignedBuf) {
        let result = self.try_read(offset, &mut buf).await;
        (result, buf)
    }

    async fn write(&self, offset: u64, buf: Arc<AlignedBuf>) -> io::Result<()> {
        let len = buf.len() as u64;
        self.check(offset, len)?;
        if self.power.is_cut() {
            return future::pending().await;
        }
        let (fault, in_flight) = {
            let mut state = self.state.borrow_mut();
            let fault = state.faults.strike(Operation::Write);
            let place = self.place(offset, len, fault);
            let begun = match fault {
                Some(Fault::Lost | Fault::Vanished) => None,
                // Torn now, for good: each sector was written or not.
                Some(Fault::Error(_)) => {
                    let state = &mut *state;
                    state.cache.tear_write(place, &buf, &mut state.rng);
                    None
                }
                Some(Fault::Misdirected { .. }) | None => {
                    Some(state.cache.begin_write(place, &buf))
                }
            };
            (
                fault,
                begun.map(|ticket| InFlight {
                    device: self,
                    ticket,
                }),
            )
        };
        self.power.tick();
        self.under_way().await;
        drop(in_flight);
        match fault {
            Some(Fault::Error(_)) => return Err(faults::io_error()),
            Some(Fault::Vanished) => return Err(faults::vanished()),
            Some(Fault::Lost | Fault::Misdirected { .. }) | None => {}
        }
        let mut state = self.state.borrow_mut();
        state.counters.writes += 1;
        state.counters.written_bytes += len;
        drop(state);
        // The tick after the end: a cut here finds the write in the cache and its caller told.
        self.power.tick();
        Ok(())
    }

    async fn flush(&self) -> io::Result<()> {
        if self.power.is_cut() {
            return future::pending().await;
        }
        let (fault, covered) = {
            let mut state = self.state.borrow_mut();
            (
                state.faults.strike(Operation::Flush),
                state.cache.ended_writes(),
            )
        };
        self.power.tick();
        self.under_way().await;
        let mut state = self.state.borrow_mut();
        match fault {
            Some(Fault::Error(_)) => {
                state.cache.forget(&covered);
                return Err(faults::io_error());
            }
            Some(Fault::Vanished) => return Err(faults::vanished()),
            Some(Fault::Lost | Fault::Misdirected { .. }) | None => {}
        }
        state.cache.persist(&covered);
        state.counters.flushes += 1;
        drop(state);
        self.power.tick();
        Ok(())
    }

    async fn discard(&self, offset: u64, len_bytes: u64) -> io::Result<()> {
        self.check(offset, len_bytes)?;
        if self.power.is_cut() {
            return future::pending().await;
        }
        let zeros = AlignedBuf::zeroed(len_bytes as usize);
        let ticket = self
            .state
            .borrow_mut()
            .cache
            .begin_write(offset, &zeros[..len_bytes as usize]);
        let in_flight = InFlight {
            device: self,
            ticket,
        };
        self.power.tick();
        self.under_way().await;
        drop(in_flight);
        self.state.borrow_mut().counters.discards += 1;
        self.power.tick();
        Ok(())
    }
}

/// Pending once, and ready again at once: another task may run in between.
fn next_turn() -> impl Future<Output = ()> {
    struct NextTurn(bool);
    impl Future for NextTurn {
        type Output = ();
        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            if mem::replace(&mut self.0, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }
    }
    NextTurn(false)
}
