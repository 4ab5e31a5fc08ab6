//! The sled copy against the rows in memory: whatever happens to its directory or its thread, what
//! it answers is what memory has, or an error.

use super::{
    ControlError, ControlRow, ControlStore, ControlTruth, LogEnd, REBUILDS_MAX, SledControl,
    marker::{MARKER_BYTES, Marker},
    memory::MemoryControl,
    row::{self, RowsSum},
    worker::Order,
};
use blockhouse_format::{Epoch, Lsn, PoolId, record::Control};
use proptest::prelude::*;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};
use tempfile::TempDir;

const DEADLINE: Duration = Duration::from_secs(20);

fn end(lsn: u64) -> LogEnd {
    LogEnd {
        pool: PoolId([7; 16]),
        epoch: Epoch(3),
        lsn: Lsn(lsn),
    }
}

fn put(table: u8, key: &str, value: &str) -> Control {
    Control {
        table,
        key: key.into(),
        value: Some(value.into()),
    }
}

fn remove(table: u8, key: &str) -> Control {
    Control {
        table,
        key: key.into(),
        value: None,
    }
}

/// A copy that is being built is asked again until it answers.
fn until_it_serves<T>(ask: impl Fn() -> Result<T, ControlError>) -> T {
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(ControlError::Rebuilding) => thread::yield_now(),
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// A node's control rows: the truth in memory, which outlives every restart here as the log does,
/// and the copy.
struct Node {
    folder: TempDir,
    truth: Arc<MemoryControl>,
    sled: Option<SledControl>,
    lsn: u64,
}

impl Node {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let mut node = Self {
            folder,
            truth: Arc::default(),
            sled: None,
            lsn: 0,
        };
        node.boot();
        node
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("control")
    }

    fn boot(&mut self) {
        let truth = self.truth.clone();
        let sled = SledControl::open(&self.path(), truth, end(self.lsn), DEADLINE).unwrap();
        until_it_serves(|| sled.load());
        self.sled = Some(sled);
    }

    fn sled(&self) -> &SledControl {
        self.sled.as_ref().unwrap()
    }

    fn apply(&mut self, changes: &[Control]) {
        self.lsn += 1;
        self.truth.apply(Lsn(self.lsn), changes);
        let _ = self.sled().apply(Lsn(self.lsn), changes);
    }

    fn fill(&mut self) {
        for n in 0..200 {
            let value = "settings ".repeat(n % 50);
            self.apply(&[
                put(1, &format!("bucket-{n:03}"), &value),
                put(2, &format!("{n}"), "used"),
            ]);
            self.apply(&[remove(2, &format!("{}", n / 2))]);
        }
        self.agrees();
    }

    fn shut_down(&mut self) {
        let sled = self.sled.take().unwrap();
        until_it_serves(|| sled.close(end(self.lsn)));
    }

    /// Leaves the copy as a crash at this moment would: what the files have now is copied away.
    fn crash(&mut self) {
        let (from, to) = (self.path(), self.folder.path().join("after the crash"));
        copy_tree(&from, &to);
        self.sled = None;
        fs::remove_dir_all(&from)
            .or_else(|_| fs::remove_dir_all(&from))
            .unwrap();
        fs::rename(&to, &from).unwrap();
    }

    fn agrees(&self) {
        let (lsn, rows) = until_it_serves(|| self.sled().load());
        assert_eq!((lsn, rows), self.truth.rows());
    }
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_tree(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

#[test]
fn a_clean_copy_is_believed() {
    let mut node = Node::new();
    node.fill();
    for _ in 0..2 {
        node.shut_down();
        assert!(node.path().join("CLEAN").exists());
        node.boot();
        assert!(
            !node.path().join("CLEAN").exists(),
            "a copy in use is not clean"
        );
        assert!(node.sled().stats().believed);
        assert_eq!(node.sled().stats().rebuilds, 0);
        node.apply(&[put(1, "after", "the start")]);
        node.agrees();
    }
}

#[test]
fn a_crash_costs_a_rebuild() {
    let mut node = Node::new();
    node.fill();
    node.crash();
    node.boot();
    assert!(!node.sled().stats().believed);
    node.agrees();
}

#[test]
fn a_log_that_went_on_costs_a_rebuild() {
    let mut node = Node::new();
    node.fill();
    node.shut_down();
    node.lsn += 1;
    node.truth
        .apply(Lsn(node.lsn), &[put(1, "logged", "without sled")]);
    node.boot();
    assert!(!node.sled().stats().believed);
    node.agrees();
}

#[test]
fn a_copy_that_lacks_a_row_is_not_believed() {
    let mut node = Node::new();
    node.fill();
    node.truth
        .apply(Lsn(node.lsn + 1), &[put(1, "lost", "on the way to sled")]);
    node.lsn += 2;
    node.shut_down();
    node.boot();
    assert!(!node.sled().stats().believed);
    node.agrees();
}

#[test]
fn a_deleted_or_truncated_directory_costs_a_rebuild() {
    let mut node = Node::new();
    node.fill();
    let damages: [fn(&Path); 4] = [
        |path| fs::remove_dir_all(path).unwrap(),
        |path| fs::remove_dir_all(path.join("live")).unwrap(),
        |path| drop(fs::File::create(path.join("live/db")).unwrap()),
        |path| drop(fs::File::create(path.join("CLEAN")).unwrap()),
    ];
    for damage in damages {
        node.shut_down();
        damage(&node.path());
        node.boot();
        assert!(!node.sled().stats().believed);
        node.agrees();
    }
    let entries = fs::read_dir(node.path()).unwrap().count();
    assert!(
        entries <= 2,
        "live and one directory put aside, not {entries}"
    );
}

#[test]
fn a_scrambled_directory_never_changes_an_answer() {
    let mut node = Node::new();
    node.fill();
    for seed in 0..24usize {
        node.shut_down();
        let file = node.path().join(if seed % 6 == 5 {
            "live/conf"
        } else {
            "live/db"
        });
        let mut bytes = fs::read(&file).unwrap();
        for hit in 0..1 + seed * 3 {
            let at = (seed + 1).wrapping_mul(0x9E37_79B9).wrapping_mul(hit + 7) % bytes.len();
            bytes[at] ^= 1 << (hit % 8);
        }
        fs::write(&file, bytes).unwrap();
        node.boot();
        node.agrees();
        node.apply(&[put(1, "after", "the damage")]);
        node.agrees();
    }
}

#[test]
fn panics_cost_rebuilds_until_it_stays_off() {
    let mut node = Node::new();
    node.fill();
    for fault in 1..=REBUILDS_MAX {
        node.sled().order(Order::Panic);
        until_it_serves(|| match node.sled().stats().faults {
            faults if faults < fault => Err(ControlError::Rebuilding),
            _ => Ok(()),
        });
        node.agrees();
        node.apply(&[put(1, "between", "faults")]);
        node.agrees();
    }
    node.sled().order(Order::Panic);
    loop {
        match node.sled().scan(1, b"", 1) {
            Err(ControlError::Off) => break,
            _ => thread::yield_now(),
        }
    }
    assert!(matches!(
        node.sled().apply(Lsn(9999), &[]),
        Err(ControlError::Off)
    ));
    assert!(matches!(
        node.sled().close(end(9999)),
        Err(ControlError::Off)
    ));
}

#[test]
fn a_thread_that_hangs_is_replaced() {
    let mut node = Node::new();
    node.fill();
    let sled = node.sled.take().unwrap();
    drop(sled);
    let (path, truth) = (node.path(), node.truth.clone());
    let patience = Duration::from_secs(2);
    let sled = SledControl::open(&path, truth, end(node.lsn), patience).unwrap();
    until_it_serves(|| sled.load());
    let (let_go, until) = mpsc::channel();
    sled.order(Order::Hang(until));
    assert!(matches!(
        sled.scan(1, b"", 1),
        Err(ControlError::Rebuilding)
    ));
    node.sled = Some(sled);
    node.agrees();
    assert_eq!(node.sled().stats().faults, 1);
    let_go.send(()).unwrap();
    node.apply(&[put(1, "later", "than the hang")]);
    node.agrees();
}

#[test]
fn a_full_queue_costs_a_rebuild() {
    let mut node = Node::new();
    let (let_go, until) = mpsc::channel();
    node.sled().order(Order::Hang(until));
    for n in 0..2000 {
        node.apply(&[put(1, &format!("{n}"), "more than wait in the queue")]);
    }
    let_go.send(()).unwrap();
    until_it_serves(|| match node.sled().stats().faults {
        0 => Err(ControlError::Rebuilding),
        _ => Ok(()),
    });
    node.agrees();
}

#[test]
fn scans_give_one_table_in_order() {
    let mut node = Node::new();
    node.apply(&[
        put(1, "b", "2"),
        put(1, "a", "1"),
        put(1, "c", "3"),
        put(2, "a", "other"),
    ]);
    let keys = |from: &str, max| -> Vec<String> {
        let rows = until_it_serves(|| node.sled().scan(1, from.as_bytes(), max));
        rows.into_iter()
            .map(|row| String::from_utf8(row.key).unwrap())
            .collect()
    };
    assert_eq!(keys("", 10), ["a", "b", "c"]);
    assert_eq!(keys("aa", 1), ["b"]);
    assert!(keys("d", 10).is_empty());
}

#[test]
fn a_batch_is_applied_once() {
    let mut node = Node::new();
    node.apply(&[put(1, "key", "old")]);
    node.apply(&[put(1, "key", "new")]);
    node.sled().apply(Lsn(1), &[put(1, "key", "old")]).unwrap();
    node.agrees();
}

#[test]
fn the_sum_sees_swapped_values() {
    let sum = |rows: [(&[u8], &[u8]); 2]| {
        RowsSum::of(&rows.map(|(key, value)| ControlRow {
            table: 1,
            key: key.to_vec(),
            value: value.to_vec(),
        }))
    };
    assert_eq!(
        sum([(b"a", b"1"), (b"b", b"2")]),
        sum([(b"b", b"2"), (b"a", b"1")])
    );
    assert_ne!(
        sum([(b"a", b"1"), (b"b", b"2")]),
        sum([(b"a", b"2"), (b"b", b"1")])
    );
}

proptest! {
    #[test]
    fn markers_are_read_back_and_nothing_else_is_one(
        lsn: u64,
        rows: u64,
        hash: u128,
        noise in prop::collection::vec(any::<u8>(), 0..2 * MARKER_BYTES),
        at in 0..MARKER_BYTES,
        bit in 0..8,
    ) {
        let marker = Marker { end: end(lsn), sum: RowsSum { rows, hash } };
        let mut bytes = marker.encode();
        prop_assert_eq!(Marker::decode(&bytes), Some(marker));
        bytes[at] ^= 1u8 << bit;
        prop_assert_eq!(Marker::decode(&bytes), None);
        prop_assert_eq!(Marker::decode(&noise), None);
    }

    #[test]
    fn sealed_values_are_read_back_and_damage_is_seen(
        key in prop::collection::vec(any::<u8>(), 0..20),
        value in prop::collection::vec(any::<u8>(), 0..50),
        at: prop::sample::Index,
        bit in 0..8,
    ) {
        let mut sealed = row::seal(&key, &value);
        prop_assert_eq!(row::open(&key, &sealed).unwrap(), &value[..]);
        let at = at.index(sealed.len());
        sealed[at] ^= 1u8 << bit;
        prop_assert!(row::open(&key, &sealed).is_err());
    }
}
