//! The alphabet of which short sequences are made, and the stage on which they play.
//!
//! The stage has one of everything: a bucket without versions with a small and a large object, a
//! bucket with versions and a key with two of them, an upload with a small and a large part, a link
//! whose transfer runs. Every
//! letter changes something on it, so every pair of letters that could disturb each other does.

use crate::{
    Journal, Oracle, Settings, Step,
    check::{self, Broken, When, bucket, key, owner, put},
    node,
};
use blockhouse_device::sim::{Keep, Media};
use blockhouse_store::{
    DocumentKind, TransferEnd, Versioning,
    kit::{ConditionRef, Content, DesiredRef, LinkRef, Op, RevocationRef, VersionRef},
};
use blockhouse_types::Timestamp;

/// A body that lies inline in the log.
const SMALL_BYTES: usize = 700;
/// A body that becomes extents.
const LARGE_BYTES: usize = 9000;
/// The stage's clock, in seconds since 1970; the sequence follows.
const START_SECS: u64 = 1_700_000_000;

/// One letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each says what it does to the stage")]
pub enum Letter {
    PutSmall,
    PutLarge,
    OverwriteSmall,
    OverwriteLarge,
    PutIfAbsent,
    PutThatBreaksOff,
    Delete,
    DeleteMany,
    SetTags,
    PutVersion,
    DeleteToMarker,
    DeleteVersion,
    CreateBucket,
    SetDocument,
    SuspendVersions,
    CreateUpload,
    ReplacePart,
    AddLargePart,
    Complete,
    Abort,
    UseLink,
    EndLink,
    ResumeLink,
    PutByLink,
    Revoke,
    ApplyDesired,
    Checkpoint,
    Tick,
}

impl Letter {
    /// The alphabet.
    pub const ALL: [Self; 28] = [
        Self::PutSmall,
        Self::PutLarge,
        Self::OverwriteSmall,
        Self::OverwriteLarge,
        Self::PutIfAbsent,
        Self::PutThatBreaksOff,
        Self::Delete,
        Self::DeleteMany,
        Self::SetTags,
        Self::PutVersion,
        Self::DeleteToMarker,
        Self::DeleteVersion,
        Self::CreateBucket,
        Self::SetDocument,
        Self::SuspendVersions,
        Self::CreateUpload,
        Self::ReplacePart,
        Self::AddLargePart,
        Self::Complete,
        Self::Abort,
        Self::UseLink,
        Self::EndLink,
        Self::ResumeLink,
        Self::PutByLink,
        Self::Revoke,
        Self::ApplyDesired,
        Self::Checkpoint,
        Self::Tick,
    ];

    /// The step as the `nth` of a sequence; the place makes its content its own.
    pub fn step(self, nth: usize) -> Step {
        let now = Timestamp::from_secs(START_SECS + 100 + nth as u64);
        let small = Content {
            seed: 100 + nth as u64,
            len_bytes: SMALL_BYTES,
        };
        let large = Content {
            seed: 200 + nth as u64,
            len_bytes: LARGE_BYTES,
        };
        let plain = || bucket("plain");
        Step::Op(match self {
            Self::PutSmall => put("plain", "new", small, now),
            Self::PutLarge => put("plain", "new", large, now),
            Self::OverwriteSmall => put("plain", "large", small, now),
            Self::OverwriteLarge => put("plain", "small", large, now),
            Self::PutIfAbsent => conditional(put("plain", "new", small, now)),
            Self::PutThatBreaksOff => broken(put("plain", "small", large, now)),
            Self::Delete => delete("plain", &[("small", VersionRef::Current)], now),
            Self::DeleteMany => {
                let targets = [("large", VersionRef::Current), ("new", VersionRef::Current)];
                delete("plain", &targets, now)
            }
            Self::SetTags => Op::SetTags {
                name: plain(),
                key: key("small"),
                version: VersionRef::Current,
                count: 1 + nth,
                now,
            },
            Self::PutVersion => put("kept", "key", small, now),
            Self::DeleteToMarker => delete("kept", &[("key", VersionRef::Current)], now),
            Self::DeleteVersion => delete("kept", &[("key", VersionRef::Given(0))], now),
            Self::CreateBucket => Op::CreateBucket {
                name: bucket(&format!("new{nth}")),
                owner: owner(),
                now,
            },
            Self::SetDocument => Op::SetDocument {
                name: plain(),
                kind: DocumentKind::Cors,
                content: Some(small),
                now,
            },
            Self::SuspendVersions => Op::SetVersioning {
                name: bucket("kept"),
                versioning: Versioning::Suspended,
                now,
            },
            Self::CreateUpload => Op::CreateUpload {
                name: plain(),
                key: key("upload"),
                now,
            },
            Self::ReplacePart => part(1, small, now),
            Self::AddLargePart => part(3, large, now),
            Self::Complete => {
                let parts = vec![(1, PARTS[0]), (2, PARTS[1])];
                Op::Complete {
                    upload: 0,
                    parts,
                    condition: ConditionRef::None,
                    now,
                }
            }
            Self::Abort => Op::Abort { upload: 0, now },
            Self::UseLink => Op::UseLink { link: link(0), now },
            Self::EndLink => Op::EndLink {
                number: 0,
                end: TransferEnd::Whole,
                now,
            },
            // Its transfer ran when the stage's power went.
            Self::ResumeLink => Op::ResumeLink {
                number: RUNNING_LINK,
                token: 0,
                now: Timestamp::from_secs(START_SECS + 30 + nth as u64),
            },
            Self::PutByLink => by_link(put("plain", "new", small, now)),
            Self::Revoke => Op::Revoke {
                revocation: RevocationRef {
                    number: 3,
                    life_secs: 3600,
                },
                now,
            },
            Self::ApplyDesired => Op::ApplyDesired {
                change: DesiredRef {
                    expected: 1,
                    rows: vec![(0, None), (1, Some(small)), (2, Some(small))],
                },
                now,
            },
            Self::Checkpoint => return Step::Checkpoint,
            Self::Tick => return Step::Tick,
        })
    }
}

/// The parts of the stage's upload.
const PARTS: [Content; 2] = [
    Content {
        seed: 11,
        len_bytes: SMALL_BYTES,
    },
    Content {
        seed: 12,
        len_bytes: LARGE_BYTES,
    },
];

fn part(number: u16, content: Content, now: Timestamp) -> Op {
    Op::PutPart {
        upload: 0,
        number,
        content,
        body_fails: false,
        now,
    }
}

/// A link whose transfer runs on the stage.
const RUNNING_LINK: u8 = 2;

/// A link that outlives every sequence.
fn link(number: u8) -> LinkRef {
    LinkRef {
        number,
        life_secs: 3600,
        token: 0,
    }
}

fn by_link(mut op: Op) -> Op {
    if let Op::Put { link: by, .. } = &mut op {
        *by = Some(link(0));
    }
    op
}

fn conditional(mut op: Op) -> Op {
    if let Op::Put { condition, .. } = &mut op {
        *condition = ConditionRef::Absent;
    }
    op
}

fn broken(mut op: Op) -> Op {
    if let Op::Put { body_fails, .. } = &mut op {
        *body_fails = true;
    }
    op
}

fn delete(bucket_name: &str, targets: &[(&str, VersionRef)], now: Timestamp) -> Op {
    let target = |(name, version): &(&str, VersionRef)| (key(name), *version, ConditionRef::None);
    Op::Delete {
        name: bucket(bucket_name),
        targets: targets.iter().map(target).collect(),
        now,
    }
}

/// The stage: devices as a power cut left them, and what is on them.
pub struct Stage {
    /// The devices.
    pub media: Vec<Media>,
    /// What is on them.
    pub oracle: Oracle,
}

impl Stage {
    /// Sets the stage.
    ///
    /// # Errors
    /// Not even that works.
    pub fn set(settings: &Settings, seed: u64) -> Result<Self, Broken> {
        let media = node::create(settings, seed).when("making the pool")?;
        let mut node = check::boot(settings, media, seed)?;
        let mut oracle = Oracle::new();
        for (n, op) in opening_scenes().into_iter().enumerate() {
            let journal = Journal::default();
            let names = check::names(&mut node)?;
            check::run_serially(&mut node, &names, &journal, vec![Step::Op(op)])
                .when("setting the stage")?;
            let seen = node.view().when("setting the stage")?;
            oracle
                .explain(&journal.attempts(), &seen, node.floor())
                .when("setting the stage")?;
            if n == 6 {
                node.checkpoint().when("setting the stage")?;
            }
        }
        oracle.restart(node.floor()).when("setting the stage")?;
        Ok(Self {
            media: node.hardware.after_power_cut(Keep::Durable),
            oracle,
        })
    }
}

fn opening_scenes() -> Vec<Op> {
    let at = |n: u64| Timestamp::from_secs(START_SECS + n);
    let small = |seed| Content {
        seed,
        len_bytes: SMALL_BYTES,
    };
    let large = |seed| Content {
        seed,
        len_bytes: LARGE_BYTES,
    };
    vec![
        Op::CreateBucket {
            name: bucket("plain"),
            owner: owner(),
            now: at(1),
        },
        Op::CreateBucket {
            name: bucket("kept"),
            owner: owner(),
            now: at(2),
        },
        Op::SetVersioning {
            name: bucket("kept"),
            versioning: Versioning::Enabled,
            now: at(3),
        },
        put("plain", "small", small(1), at(4)),
        put("plain", "large", large(2), at(5)),
        put("kept", "key", small(3), at(6)),
        Op::CreateUpload {
            name: bucket("plain"),
            key: key("upload"),
            now: at(7),
        },
        part(1, PARTS[0], at(8)),
        part(2, PARTS[1], at(9)),
        put("kept", "key", large(4), at(10)),
        Op::UseLink {
            link: link(RUNNING_LINK),
            now: at(11),
        },
        Op::ApplyDesired {
            change: DesiredRef {
                expected: 0,
                rows: vec![(0, Some(small(5))), (1, Some(small(6)))],
            },
            now: at(12),
        },
    ]
}
