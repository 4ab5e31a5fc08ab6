use super::Names;
use super::op::{ConditionRef, Content, DesiredRef, LinkRef, Op, RevocationRef, VersionRef};
use crate::{DocumentKind, TransferEnd, Versioning};
use blockhouse_types::{AccountId, BucketName, Entropy, ObjectKey, Timestamp};

/// SplitMix64: a small generator that gives the same numbers from the same seed for ever.
/// Source: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (OOPSLA 2014).
#[derive(Debug, Clone)]
pub struct SplitMix(pub u64);

impl SplitMix {
    /// The next number.
    #[expect(
        clippy::should_implement_trait,
        reason = "it never ends, so it is no iterator"
    )]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// True once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

impl Entropy for SplitMix {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// What a run is made of.
#[derive(Debug, Clone)]
pub struct Profile {
    /// How many bucket names are in play.
    pub buckets: usize,
    /// How many keys are in play in each.
    pub keys: usize,
    /// The lengths that bodies and parts have, in bytes.
    pub lens_bytes: Vec<usize>,
    /// How far each operation's clock is from the last one, at most, in milliseconds. The clock
    /// sometimes goes back.
    pub step_millis: u64,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            buckets: 2,
            keys: 24,
            lens_bytes: vec![0, 1, 100, 3000, 5000],
            step_millis: 5000,
        }
    }
}

/// Makes operations from a seed.
#[derive(Debug)]
pub struct Generator {
    random: SplitMix,
    profile: Profile,
    now: u64,
}

/// Pieces that keys are made of: what breaks naive orders, prefixes and encodings.
const PIECES: [&str; 14] = [
    "a", "b", "a/", "b/", "/", "..", "//", "\u{1}", "\0", "é", "😀", "zz", "a%2F", "\u{ffff}",
];

impl Generator {
    /// A generator; the same seed and profile give the same operations.
    pub fn new(seed: u64, profile: Profile) -> Self {
        Self {
            random: SplitMix(seed),
            profile,
            now: 1_700_000_000_000,
        }
    }

    fn now(&mut self) -> Timestamp {
        let step = self.random.next() % self.profile.step_millis.max(1);
        let back = self.random.once_in(16);
        self.now = if back {
            self.now - step
        } else {
            self.now + step
        };
        Timestamp::from_millis(self.now)
    }

    fn name(&mut self) -> BucketName {
        self.name_of(self.profile.buckets)
    }

    #[expect(
        clippy::expect_used,
        reason = "the name is made of legal characters, 8 of them"
    )]
    fn name_of(&mut self, count: usize) -> BucketName {
        let n = self.random.below(count);
        BucketName::parse(&format!("bucket-{n}")).expect("a legal name")
    }

    #[expect(clippy::expect_used, reason = "at least one and at most 20 bytes")]
    fn key(&mut self) -> ObjectKey {
        // The n-th key is always the same text, so that operations meet on it.
        let mut text = SplitMix(self.random.below(self.profile.keys) as u64);
        let pieces = 1 + text.below(4);
        let key: String = (0..pieces)
            .map(|_| PIECES[text.below(PIECES.len())])
            .collect();
        ObjectKey::parse(&key).expect("a legal key")
    }

    fn content(&mut self) -> Content {
        let len_bytes = self.profile.lens_bytes[self.random.below(self.profile.lens_bytes.len())];
        Content {
            seed: self.random.next() % 4,
            len_bytes,
        }
    }

    fn condition(&mut self) -> ConditionRef {
        match self.random.below(12) {
            0 | 1 => ConditionRef::Absent,
            2 => ConditionRef::Present,
            3 | 4 => ConditionRef::Holds(self.content()),
            _ => ConditionRef::None,
        }
    }

    fn version(&mut self) -> VersionRef {
        match self.random.below(6) {
            0 => VersionRef::Null,
            1 | 2 => VersionRef::Given(self.random.next() as usize),
            _ => VersionRef::Current,
        }
    }

    fn prefix(&mut self) -> String {
        let piece = ["", "", "a", "a/", "b", "/"];
        piece[self.random.below(piece.len())].to_owned()
    }

    fn delimiter(&mut self) -> String {
        let piece = ["", "/", "/", "a", "//"];
        piece[self.random.below(piece.len())].to_owned()
    }

    fn max(&mut self) -> usize {
        [0, 1, 2, 3, 7, 1000][self.random.below(6)]
    }

    /// The next operation, knowing which names were given so far.
    pub fn next_op(&mut self, names: &Names) -> Op {
        let (now, name) = (self.now(), self.name());
        if names.is_empty() {
            return Op::CreateBucket {
                name,
                owner: OWNERS[0](),
                now,
            };
        }
        match self.random.below(100) {
            0..4 => Op::CreateBucket {
                name,
                owner: OWNERS[self.random.below(2)](),
                now,
            },
            4..6 => Op::DeleteBucket { name, now },
            6..9 => Op::SetVersioning {
                name,
                versioning: self.versioning(),
                now,
            },
            9..11 => self.set_document(name, now),
            11..41 => self.put(name, now),
            41..53 => self.get(name),
            53..64 => self.delete(name, now),
            64..67 => {
                let (key, version, count) = (self.key(), self.version(), self.random.below(4));
                Op::SetTags {
                    name,
                    key,
                    version,
                    count,
                    now,
                }
            }
            67..78 => self.list(name),
            78..82 => Op::CreateUpload {
                name,
                key: self.key(),
                now,
            },
            82..86 => self.link_op(now),
            86 => self.revoke(now),
            87 => self.apply_desired(names, now),
            88..92 => self.put_part(names, now),
            92..94 => Op::ListParts {
                upload: self.random.below(names.uploads().max(1)),
                max: self.max(),
            },
            94..99 => self.complete(names, now),
            _ => Op::Abort {
                upload: self.random.below(names.uploads().max(1)),
                now,
            },
        }
    }

    /// Few links, so that operations meet on them; some live as long as a few operations.
    fn link(&mut self) -> LinkRef {
        LinkRef {
            number: self.random.below(10) as u8,
            life_secs: [0, 30, 3600, 86_400][self.random.below(4)],
            token: self.random.below(2) as u8,
        }
    }

    fn link_op(&mut self, now: Timestamp) -> Op {
        let link = self.link();
        let LinkRef { number, token, .. } = link;
        match self.random.below(8) {
            0..4 => Op::UseLink { link, now },
            4 | 5 => Op::ResumeLink { number, token, now },
            6 => Op::EndLink {
                number,
                end: TransferEnd::Short,
                now,
            },
            _ => Op::EndLink {
                number,
                end: TransferEnd::Whole,
                now,
            },
        }
    }

    /// As few, and some as short-lived.
    fn revoke(&mut self, now: Timestamp) -> Op {
        let LinkRef {
            number, life_secs, ..
        } = self.link();
        let revocation = RevocationRef { number, life_secs };
        Op::Revoke { revocation, now }
    }

    /// Few rows, so that changes meet on them; some are made for another version, or name one twice.
    fn apply_desired(&mut self, names: &Names, now: Timestamp) -> Op {
        let row = |random: &mut SplitMix| {
            let content = Content {
                seed: random.next() % 4,
                len_bytes: random.below(40),
            };
            let kept = !random.once_in(3);
            (random.below(6) as u8, kept.then_some(content))
        };
        let count = 1 + self.random.below(3);
        let change = DesiredRef {
            expected: names.desired + u64::from(self.random.once_in(4)),
            rows: (0..count).map(|_| row(&mut self.random)).collect(),
        };
        Op::ApplyDesired { change, now }
    }

    fn versioning(&mut self) -> Versioning {
        if self.random.once_in(3) {
            Versioning::Suspended
        } else {
            Versioning::Enabled
        }
    }

    fn set_document(&mut self, name: BucketName, now: Timestamp) -> Op {
        let kind = DocumentKind::ALL[self.random.below(3)];
        let content = (!self.random.once_in(3)).then(|| self.content());
        Op::SetDocument {
            name,
            kind,
            content,
            now,
        }
    }

    fn put(&mut self, name: BucketName, now: Timestamp) -> Op {
        let (key, content, condition) = (self.key(), self.content(), self.condition());
        let (tagged, body_fails) = (self.random.once_in(4), self.random.once_in(20));
        let link = self.random.once_in(10).then(|| self.link());
        Op::Put {
            name,
            key,
            content,
            tagged,
            condition,
            link,
            body_fails,
            now,
        }
    }

    fn get(&mut self, name: BucketName) -> Op {
        let (key, version) = (self.key(), self.version());
        let from = self.random.below(6000) as u64;
        Op::Get {
            name,
            key,
            version,
            from,
            len_bytes: self.random.below(6000) as u64,
        }
    }

    fn delete(&mut self, name: BucketName, now: Timestamp) -> Op {
        let count = if self.random.once_in(4) {
            1 + self.random.below(5)
        } else {
            1
        };
        let targets = (0..count)
            .map(|_| {
                let condition = if self.random.once_in(3) {
                    self.condition()
                } else {
                    ConditionRef::None
                };
                (self.key(), self.version(), condition)
            })
            .collect();
        Op::Delete { name, targets, now }
    }

    fn list(&mut self, name: BucketName) -> Op {
        let (prefix, delimiter, max) = (self.prefix(), self.delimiter(), self.max());
        match self.random.below(4) {
            0 => Op::ListVersions {
                name,
                prefix,
                delimiter,
                max,
            },
            1 => Op::ListUploads {
                name,
                prefix,
                delimiter,
                max,
            },
            _ => Op::List {
                name,
                prefix,
                delimiter,
                max,
            },
        }
    }

    fn put_part(&mut self, names: &Names, now: Timestamp) -> Op {
        let upload = self.random.below(names.uploads().max(1));
        let number = 1 + self.random.below(4) as u16;
        let (content, body_fails) = (self.content(), self.random.once_in(20));
        Op::PutPart {
            upload,
            number,
            content,
            body_fails,
            now,
        }
    }

    /// Mostly the parts that are there, sometimes a wrong one.
    fn complete(&mut self, names: &Names, now: Timestamp) -> Op {
        let upload = self.random.below(names.uploads().max(1));
        let mut parts = names.parts_of(upload);
        if parts.is_empty() || self.random.once_in(8) {
            parts.push((5, self.content()));
        }
        if self.random.once_in(3) {
            parts.remove(self.random.below(parts.len()));
        }
        if parts.is_empty() {
            parts.push((1, self.content()));
        }
        Op::Complete {
            upload,
            parts,
            condition: self.condition(),
            now,
        }
    }
}

/// Two accounts.
const OWNERS: [fn() -> AccountId; 2] = [|| owner(111_111_111_111), || owner(222_222_222_222)];

/// One of them.
pub(super) fn owner_of(number: usize) -> AccountId {
    OWNERS[number % OWNERS.len()]()
}

#[expect(clippy::expect_used, reason = "a constant below 10^12")]
fn owner(number: u64) -> AccountId {
    AccountId::from_number(number).expect("twelve digits")
}

#[expect(clippy::expect_used, reason = "a constant that is a name")]
pub(super) fn revoked_bucket() -> BucketName {
    BucketName::parse("revoked").expect("a bucket's name")
}
