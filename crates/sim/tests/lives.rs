//! Random lives: a thousand seeds with torn, lost and reordered unflushed sectors, on one and two
//! devices, in each of which the store is opened again and again.

use blockhouse_sim::{
    random::{Life, life},
    seeds::{self, Share},
};

const SEEDS: u64 = 1000;

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
