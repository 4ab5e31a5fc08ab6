//! Random lives: a thousand seeds with torn, lost and reordered unflushed sectors, on one and two
//! devices, in each of which the store is opened again and again.

use blockhouse_sim::{
    random::{Life, life},
    seeds::{self, SEEDS, Share},
};

/// Fewer: here real files are written, and threads run that no seed orders.
const SCRAMBLED_SEEDS: u64 = 40;

#[test]
fn lives_a() {
    let share = Share { nth: 0, of: 2 };
    seeds::each("lives", SEEDS, share, |seed| life(seed, Life::default())).unwrap();
}

#[test]
fn lives_b() {
    let share = Share { nth: 1, of: 2 };
    seeds::each("lives", SEEDS, share, |seed| life(seed, Life::default())).unwrap();
}

/// Whatever happens to the control store's directory between two starts, the store is the same.
#[test]
fn lives_with_a_scrambled_control_store() {
    let share = Share { nth: 0, of: 1 };
    let run = |seed| {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let control_dir = Some(dir.path().join("control"));
        life(
            seed,
            Life {
                control_dir,
                ..Life::default()
            },
        )
    };
    seeds::each("control", SCRAMBLED_SEEDS, share, run).unwrap();
}
