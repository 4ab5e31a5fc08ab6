//! What can go wrong on a simulated device, as data: a plan of faults, each bound to the n-th
//! operation of its kind, so that a test can go through all n.

use std::io;

/// Kinds of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// [`crate::Device::read`].
    Read,
    /// [`crate::Device::write`].
    Write,
    /// [`crate::Device::flush`].
    Flush,
}

/// How long a fault lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Duration {
    /// One operation; the next one of its kind works.
    Once,
    /// From this operation on, for ever.
    Persistent,
}

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// EIO. A failed write leaves any part of its sectors; a failed flush makes nothing durable, and
    /// what was unflushed may be gone although a later flush says otherwise.
    Error(Duration),
    /// The write is acknowledged and never happens.
    Lost,
    /// The operation goes to the place `blocks` further on (modulo the device's length), and is
    /// acknowledged.
    Misdirected {
        /// How far, in blocks of 4096 bytes.
        blocks: u64,
    },
    /// From here on every operation of any kind fails with ENXIO: the device was pulled out.
    Vanished,
}

/// A fault and when it strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Planned {
    /// The kind of operation that is counted.
    pub operation: Operation,
    /// The first one is 1, counted from when the fault was planned.
    pub nth: u64,
    /// What happens.
    pub fault: Fault,
}

/// The faults of one device. Empty: a device that works.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    planned: Vec<Pending>,
    vanished: bool,
    struck: u64,
}

#[derive(Debug, Clone)]
struct Pending {
    planned: Planned,
    seen: u64,
}

impl Faults {
    pub(crate) fn plan(&mut self, planned: Planned) {
        self.planned.push(Pending { planned, seen: 0 });
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// How many operations were struck.
    pub(crate) fn struck(&self) -> u64 {
        self.struck
    }

    /// Counts one operation; what strikes it.
    pub(crate) fn strike(&mut self, operation: Operation) -> Option<Fault> {
        let fault = self.due(operation);
        self.struck += u64::from(fault.is_some());
        fault
    }

    fn due(&mut self, operation: Operation) -> Option<Fault> {
        let mut struck = None;
        for pending in self
            .planned
            .iter_mut()
            .filter(|p| p.planned.operation == operation)
        {
            pending.seen += 1;
            let lasts = pending.planned.fault == Fault::Error(Duration::Persistent);
            let due = pending.seen == pending.planned.nth;
            if due || (lasts && pending.seen > pending.planned.nth) {
                struck = Some(pending.planned.fault);
            }
        }
        self.vanished |= struck == Some(Fault::Vanished);
        if self.vanished {
            Some(Fault::Vanished)
        } else {
            struck
        }
    }
}

/// EIO.
pub(crate) fn io_error() -> io::Error {
    io::Error::from_raw_os_error(libc::EIO)
}

/// ENXIO.
pub(crate) fn vanished() -> io::Error {
    io::Error::from_raw_os_error(libc::ENXIO)
}
