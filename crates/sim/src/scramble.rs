//! Damage to a directory of files: what a crash, a bad disk or a helpful hand may do to the control
//! store, which must not matter to anybody.

use blockhouse_store::kit::SplitMix;
use std::{fs, io, path::Path};

/// Does to each file under `dir` what the seed says: nothing, deletes it, cuts it short, changes a
/// byte, or fills it with noise; now and then deletes all of `dir`. What cannot be changed, because
/// a thread of the last node is still at it, stays as it is.
pub fn scramble(dir: &Path, random: &mut SplitMix) {
    if random.once_in(8) {
        let _busy = fs::remove_dir_all(dir);
        return;
    }
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            scramble(&path, random);
        } else {
            let _busy = scramble_file(&path, random);
        }
    }
}

fn scramble_file(path: &Path, random: &mut SplitMix) -> io::Result<()> {
    let mut bytes = fs::read(path)?;
    let len = bytes.len();
    match random.below(6) {
        0 => return fs::remove_file(path),
        1 => bytes.truncate(random.below(len + 1)),
        2 if len > 0 => bytes[random.below(len)] ^= 1 << random.below(8),
        3 => blockhouse_types::Entropy::fill(random, &mut bytes),
        _ => return Ok(()),
    }
    fs::write(path, bytes)
}
