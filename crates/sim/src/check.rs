//! What must hold of a store that was opened again.

use crate::{
    Attempt, Contradiction, Hardware, Journal, Node, NodeError, Oracle, Settings, Step,
    checkpoints, node::Degraded,
};
use blockhouse_device::sim::{Keep, Media};
use blockhouse_store::kit::{ConditionRef, Content, Names, Op, View};
use blockhouse_types::{AccountId, BucketName, ObjectKey, Timestamp};

/// A promise that was broken.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The node does not do what it must.
    #[error("{when}: {}", chain(source))]
    Node {
        /// At which point.
        when: &'static str,
        /// What happened.
        source: NodeError,
    },
    /// What it shows cannot have come about.
    #[error("{when}: {source}")]
    Contradiction {
        /// At which point.
        when: &'static str,
        /// Why not.
        source: Contradiction,
    },
    /// What was seen before a restart is not seen after it.
    #[error("{when}: seen before and after differ:\n  before: {before}\n  after:  {after}")]
    Changed {
        /// At which point.
        when: &'static str,
        /// The first line that differs.
        before: String,
        /// The same line later.
        after: String,
    },
    /// Recovery had to replay more than its bound.
    #[error("recovery replayed {replayed_bytes} bytes, the bound is {max_bytes}")]
    Replay {
        /// What it replayed.
        replayed_bytes: u64,
        /// The bound.
        max_bytes: u64,
    },
    /// A rule of one test.
    #[error("{0}")]
    Rule(String),
}

/// The error and its causes in one line.
fn chain(error: &NodeError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Adds at which point it happened.
pub trait When<T> {
    /// Adds at which point it happened.
    ///
    /// # Errors
    /// The same one.
    fn when(self, when: &'static str) -> Result<T, Broken>;
}

impl<T> When<T> for Result<T, NodeError> {
    fn when(self, when: &'static str) -> Result<T, Broken> {
        self.map_err(|source| Broken::Node { when, source })
    }
}

impl<T> When<T> for Result<T, Contradiction> {
    fn when(self, when: &'static str) -> Result<T, Broken> {
        self.map_err(|source| Broken::Contradiction { when, source })
    }
}

/// Opens the pool on `media`.
///
/// # Errors
/// It does not open.
pub fn boot(settings: &Settings, media: Vec<Media>, seed: u64) -> Result<Node, Broken> {
    let opened = Hardware::new(settings, media, seed).open(settings, Degraded::Refused);
    opened.map_err(|not| not.error).when("opening")
}

/// Opens the pool with one device only.
///
/// # Errors
/// It does not open.
pub fn boot_degraded(settings: &Settings, media: Media, seed: u64) -> Result<Node, Broken> {
    let opened = Hardware::new(settings, vec![media], seed).open(settings, Degraded::Allowed);
    opened
        .map_err(|not| not.error)
        .when("opening with one device taken away")
}

/// Looks at a node that was just opened: a history explains it, its books agree, and recovery kept
/// to its bound. Moves the oracle on.
///
/// # Errors
/// One of them does not hold.
pub fn settle(
    settings: &Settings,
    node: &mut Node,
    oracle: &mut Oracle,
    round: &[Attempt],
) -> Result<View, Broken> {
    let seen = node.view().when("looking at everything after opening")?;
    oracle
        .explain_restarted(round, &seen, node.floor())
        .when("after opening")?;
    node.audit().when("auditing after opening")?;
    bounded(settings, node)?;
    Ok(seen)
}

/// A checkpoint falls due when the bound is reached and the log goes on while it is made: twice the
/// bound, and a few frames.
fn bounded(settings: &Settings, node: &Node) -> Result<(), Broken> {
    let config = &settings.config;
    let max_bytes = 2 * config.checkpoint_log_bytes + 4 * config.frame_bytes_max as u64;
    let replayed_bytes = node.engine.stats().replayed_bytes;
    if replayed_bytes <= max_bytes {
        return Ok(());
    }
    Err(Broken::Replay {
        replayed_bytes,
        max_bytes,
    })
}

/// One crash image: it opens, a history explains it, it takes a write, and after another crash it
/// shows the same and that write.
///
/// # Errors
/// One of them does not hold.
pub fn crash_image(
    settings: &Settings,
    oracle: &Oracle,
    round: &[Attempt],
    media: Vec<Media>,
    seed: u64,
) -> Result<(), Broken> {
    let mut oracle = oracle.fork();
    checkpoints::whole(&media)?;
    let mut node = boot(settings, media, seed)?;
    settle(settings, &mut node, &mut oracle, round)?;
    let journal = Journal::default();
    let names = names(&mut node)?;
    run_serially(
        &mut node,
        &names,
        &journal,
        vec![Step::Op(proof_of_life(oracle.model()))],
    )
    .when("a write after opening")?;
    let media = node.hardware.after_power_cut(Keep::Durable);
    let mut node = boot(settings, media, seed ^ 1)?;
    let seen = node
        .view()
        .when("looking at everything after the second opening")?;
    oracle
        .explain_restarted(&journal.attempts(), &seen, node.floor())
        .when("after the second opening")?;
    Ok(())
}

/// A write that works in every state: it makes a bucket.
fn proof_of_life(model: &blockhouse_store::Model) -> Op {
    let floor = blockhouse_store::ObjectStore::time_floor(model);
    Op::CreateBucket {
        name: bucket("alive"),
        owner: owner(),
        now: floor.plus_secs(1),
    }
}

/// The names of what a node lists.
///
/// # Errors
/// It cannot be listed.
pub fn names(node: &mut Node) -> Result<Names, Broken> {
    let store = node.store.clone();
    let recovered = node.wait(async move { Names::recover(&store).await });
    let recovered = recovered.when("listing")?;
    recovered
        .map_err(|source| NodeError::Store {
            what: "listing",
            source,
        })
        .when("finding names again")
}

/// Does the steps one after another.
///
/// # Errors
/// They do not come to an end.
pub fn run_serially(
    node: &mut Node,
    names: &Names,
    journal: &Journal,
    steps: Vec<Step>,
) -> Result<(), NodeError> {
    let (store, engine) = (node.store.clone(), node.engine.clone());
    let (names, journal) = (names.clone(), journal.clone());
    node.wait(async move {
        for step in steps {
            journal
                .clone()
                .perform(store.clone(), engine.clone(), names.clone(), step)
                .await;
        }
    })
}

/// Does the steps all at once.
///
/// # Errors
/// They do not come to an end.
pub fn run_together(
    node: &mut Node,
    names: &Names,
    journal: &Journal,
    steps: Vec<Step>,
) -> Result<(), NodeError> {
    let perform = |step| {
        let (store, engine) = (node.store.clone(), node.engine.clone());
        journal.clone().perform(store, engine, names.clone(), step)
    };
    let tasks: Vec<_> = steps.into_iter().map(perform).collect();
    let handles: Vec<_> = tasks
        .into_iter()
        .map(|task| node.hardware.executor.spawn(task))
        .collect();
    let power = node.hardware.power.clone();
    let done = || handles.iter().all(crate::Handle::is_done);
    node.hardware
        .executor
        .run_until(|| done() || power.is_cut())?;
    if done() {
        Ok(())
    } else {
        Err(NodeError::PowerCut)
    }
}

/// A legal bucket name, for fixed scripts.
#[expect(clippy::expect_used, reason = "callers give constants")]
pub(crate) fn bucket(name: &str) -> BucketName {
    BucketName::parse(&format!("bucket-{name}")).expect("a legal name")
}

/// A legal key, for fixed scripts.
#[expect(clippy::expect_used, reason = "callers give constants")]
pub(crate) fn key(key: &str) -> ObjectKey {
    ObjectKey::parse(key).expect("a legal key")
}

/// The account of fixed scripts.
#[expect(clippy::expect_used, reason = "a constant")]
pub(crate) fn owner() -> AccountId {
    AccountId::from_number(111_111_111_111).expect("twelve digits")
}

/// A put of fixed scripts.
pub(crate) fn put(bucket_name: &str, key_name: &str, content: Content, now: Timestamp) -> Op {
    Op::Put {
        name: bucket(bucket_name),
        key: key(key_name),
        content,
        tagged: content.seed.is_multiple_of(2),
        condition: ConditionRef::None,
        link: None,
        body_fails: false,
        now,
    }
}
