//! What is said, and what follows from it.

use std::{fmt, io};

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Everything is what it should be.
    Clean,
    /// Something is not.
    Damaged,
    /// It could not be told.
    Unable,
}

impl Verdict {
    /// The exit code of a process: 0, 1 or 2.
    pub fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Damaged => 1,
            Self::Unable => 2,
        }
    }
}

/// Lines on their way out, and a count of the bad ones.
///
/// An output that is closed does not stop the check; it is told at the end by [`Report::end`].
pub(crate) struct Report<'a> {
    out: &'a mut dyn io::Write,
    broken: io::Result<()>,
    damages: u64,
}

impl<'a> Report<'a> {
    pub(crate) fn new(out: &'a mut dyn io::Write) -> Self {
        Self {
            out,
            broken: Ok(()),
            damages: 0,
        }
    }

    /// A line as it is.
    pub(crate) fn line(&mut self, text: impl fmt::Display) {
        if self.broken.is_ok() {
            self.broken = writeln!(self.out, "{text}");
        }
    }

    /// Something unusual that is not damage.
    pub(crate) fn note(&mut self, text: impl fmt::Display) {
        self.line(format_args!("note: {text}"));
    }

    /// Something that is not what it should be.
    pub(crate) fn damage(&mut self, text: impl fmt::Display) {
        self.damages += 1;
        self.line(format_args!("DAMAGE: {text}"));
    }

    pub(crate) fn damages(&self) -> u64 {
        self.damages
    }

    /// Whether all lines went out.
    pub(crate) fn end(self) -> io::Result<()> {
        self.broken
    }
}
