//! Seeded mistakes, to show that the tests would find them.
//!
//! With the feature `teeth` a test may make the engine on its thread do one thing wrong. Without it
//! [`bites`] is constant and nothing of this is in the program.

/// One mistake.
#[cfg_attr(
    not(feature = "teeth"),
    expect(unreachable_pub, reason = "public with the feature only")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A frame is written but not flushed.
    SkipLogFlush,
    /// A frame is applied and acknowledged before it is written.
    AckBeforeFlush,
    /// The shards of a large body are not flushed before its record is logged.
    SkipDataFlush,
    /// The superblock points to a checkpoint whose sections were not flushed.
    SuperblockBeforeSections,
    /// A dead group is given again without waiting for checkpoints.
    ReuseTooEarly,
    /// What an overwrite replaces gets no tombstone in the log.
    SkipTombstone,
    /// Reads do not verify what they read.
    SkipReadChecksum,
    /// A checkpoint leaves out the first changed key.
    ForgetChangedKey,
    /// Recovery takes every invalid frame for the torn end of the log.
    CorruptionIsTornTail,
    /// Frames go to the first device only.
    OneMirrorOnly,
    /// A one-time link is used again.
    LinkUsedTwice,
    /// A PUT stores its object and does not use its link up.
    LinkOutlivesPut,
}

#[cfg(feature = "teeth")]
impl Bug {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::SkipLogFlush,
        Self::AckBeforeFlush,
        Self::SkipDataFlush,
        Self::SuperblockBeforeSections,
        Self::ReuseTooEarly,
        Self::SkipTombstone,
        Self::SkipReadChecksum,
        Self::ForgetChangedKey,
        Self::CorruptionIsTornTail,
        Self::OneMirrorOnly,
        Self::LinkUsedTwice,
        Self::LinkOutlivesPut,
    ];
}

#[cfg(feature = "teeth")]
thread_local! {
    static BUG: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Makes engines on this thread do this wrong from now on; `None` makes them right again.
#[cfg(feature = "teeth")]
pub fn set(bug: Option<Bug>) {
    BUG.with(|cell| cell.set(bug));
}

/// Whether to do it wrong.
#[cfg(feature = "teeth")]
pub(crate) fn bites(bug: Bug) -> bool {
    BUG.with(|cell| cell.get() == Some(bug))
}

/// Whether to do it wrong: never.
#[cfg(not(feature = "teeth"))]
pub(crate) const fn bites(_bug: Bug) -> bool {
    false
}
