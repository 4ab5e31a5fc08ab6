//! What fsck finds, and what it names.
#![allow(clippy::unwrap_used, reason = "a test that fails says so by panicking")]

mod forge;

use blockhouse_bhdb::{Verdict, fsck, inspect};
use blockhouse_format::GroupId;
use forge::Forge;

fn run(forge: &Forge) -> (Verdict, String) {
    let dir = tempfile::tempdir().unwrap();
    forge.save(dir.path());
    let mut out = Vec::new();
    let verdict = fsck(&[dir.path().to_owned()], &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    // Whatever it is, inspect gets through it as well.
    inspect(&[dir.path().to_owned()], 10, &mut Vec::new()).unwrap();
    (verdict, text)
}

/// A bucket; `small` and `large`, which a checkpoint holds; `late`, which only the log does.
fn pool(live_extra: u64) -> Forge {
    let mut forge = Forge::new();
    let large = forge.large("large", 2, &[7; 20_000]);
    let records = [forge.bucket(), forge.small("small", 1, b"hello"), large];
    forge.commit(&records);
    forge.keep(&records);
    forge.checkpoint(live_extra);
    let late = forge.small("late", 0, &[8; 5000]);
    forge.commit(&[late]);
    forge
}

#[test]
fn a_whole_pool_is_clean() {
    let (verdict, text) = run(&Forge::new());
    assert_eq!(verdict, Verdict::Clean, "{text}");
    let (verdict, text) = run(&pool(0));
    assert_eq!(verdict, Verdict::Clean, "{text}");
    assert!(text.contains("1 buckets, 3 objects"), "{text}");
}

#[test]
fn the_log_goes_on_over_the_checkpoint() {
    let mut forge = pool(0);
    let gone = forge.gone("small", 2);
    forge.commit(&[gone]);
    let (verdict, text) = run(&forge);
    assert_eq!(verdict, Verdict::Clean, "{text}");
    assert!(text.contains("2 objects"), "{text}");
}

#[test]
fn damaged_data_is_named() {
    let mut forge = pool(0);
    let at = forge.offset(GroupId(1), 4096 + 10_000);
    forge.devices[1][at] ^= 1;
    let (verdict, text) = run(&forge);
    assert_eq!(verdict, Verdict::Damaged);
    assert!(text.contains("DAMAGE: object photos \"large\""), "{text}");
    assert!(text.contains("dev1.img group 1"), "{text}");
    assert_eq!(text.matches("DAMAGE").count(), 1, "{text}");
}

#[test]
fn a_damaged_frame_before_the_last_is_no_torn_end() {
    let mut forge = pool(0);
    let late = forge.placed[0].place;
    let more = forge.small("more", 0, b"more");
    forge.commit(&[more]);
    let at = forge.offset(late.group, late.offset_bytes + 100);
    for device in &mut forge.devices {
        device[at] ^= 1;
    }
    let (verdict, text) = run(&forge);
    assert_eq!(verdict, Verdict::Damaged);
    assert!(text.contains("the log breaks at lsn 4"), "{text}");
}

#[test]
fn a_torn_last_frame_is_none() {
    let mut forge = pool(0);
    let at = forge.offset(
        forge.placed[0].place.group,
        forge.placed[0].place.offset_bytes + 100,
    );
    forge.devices.iter_mut().for_each(|device| device[at] ^= 1);
    let (verdict, text) = run(&forge);
    assert_eq!(verdict, Verdict::Clean, "{text}");
    assert!(text.contains("a torn frame at lsn 4"), "{text}");
    forge.devices[0][at] ^= 1;
    let (verdict, text) = run(&forge);
    assert_eq!(verdict, Verdict::Clean, "{text}");
    assert!(text.contains("recovery copies it"), "{text}");
}

#[test]
fn wrong_accounts_are_found() {
    let (verdict, text) = run(&pool(8));
    assert_eq!(verdict, Verdict::Damaged);
    assert!(text.contains("group 0 counts"), "{text}");
}

#[test]
fn a_lost_bucket_is_damage() {
    let mut forge = Forge::new();
    let lost = forge.small("lost", 0, b"x");
    forge.commit(&[lost]);
    let (verdict, text) = run(&forge);
    assert_eq!(verdict, Verdict::Damaged);
    assert!(text.contains("its bucket does not exist"), "{text}");
}

#[test]
fn superblocks() {
    let mut forge = pool(0);
    forge.devices[0][100] ^= 1;
    let (verdict, text) = run(&forge);
    assert_eq!(verdict, Verdict::Damaged);
    assert!(text.contains("superblock copy 0 of"), "{text}");
    forge.devices.iter_mut().for_each(|device| device.fill(0));
    assert_eq!(run(&forge).0, Verdict::Unable);
}

/// Every block that was written, damaged on one device alone, is found; but for the header of a frame
/// that the checkpoint covers, which nothing needs.
#[test]
fn no_block_is_left_unread() {
    let whole = pool(0);
    let mut found = 0;
    for block in (0..whole.devices[0].len()).step_by(4096) {
        let Some(byte) = whole.devices[0][block..block + 4096]
            .iter()
            .position(|b| *b != 0)
        else {
            continue;
        };
        if block == whole.offset(GroupId(0), 4096) {
            continue;
        }
        let mut forge = pool(0);
        forge.devices[0][block + byte] ^= 0x80;
        let (verdict, text) = run(&forge);
        let told = verdict == Verdict::Damaged || text.contains("recovery copies it");
        assert!(told, "block at {block}: {text}");
        found += 1;
    }
    assert!(found > 12, "{found}");
}
