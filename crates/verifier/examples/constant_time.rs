//! Whether the time of a refusal tells why: Welch's t-test over interleaved samples of the judgement of
//! an unknown key, of a known key with another secret, and of the right secret with one digit of the
//! signature changed.
//!
//! `cargo run --release -p blockhouse-verifier --example constant_time [SAMPLES]`
//!
//! Timed is the judgement up to its last word: that spells out what the client is told, and differs as
//! the answers do. The classes differ in what they say and in nothing else: the same lengths, in the same memory. Which
//! one comes next is drawn at random, so that nothing can follow the order. As in dudect (Reparaz,
//! Balasch, Verbauwhede: "Dude, is my code constant time?", 2017) the test is made of all samples and
//! of what lies below each of a hundred percentiles, as interrupts are noise that hides a difference;
//! the greatest |t| counts. 4.5 is the bound. Judged is a question alone, and the same eight times in one
//! frame, which are hashed side by side. A request that is signed rightly is the control: the
//! test must tell it apart, or it would prove nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that cannot go on ends"
)]

#[path = "support/mod.rs"]
mod support;

use blockhouse_sigv4::Batch;
use blockhouse_verifier::Judge;
use blockhouse_verifier_wire::Question;
use std::{env, hint::black_box, process::ExitCode, time::Instant};
use support::{Asked, ID, judge, pin};

/// Above this the times of two classes differ.
const T_MAX: f64 = 4.5;

/// Samples of each class.
const SAMPLES: usize = 1_000_000;

/// Spellings of each class, drawn from at random.
const VARIANTS: usize = 64;

/// Samples after which the classes change places in memory.
const STAY: usize = 1024;

/// Percentiles below which the test is made again.
const CROPS: usize = 100;

/// Judges that are asked in turn. Where in memory a key came to lie makes a difference of tenths of a
/// nanosecond, which a million samples show; it is of that process and tells nothing of the class.
const JUDGES: usize = 16;

/// Questions that come together: so many are judged side by side, whatever the processor.
const TOGETHER: usize = 8;

/// What goes before the samples: caches, the clock of the processor, derived keys.
const WARM_UP: usize = 50_000;

const CLASSES: [&str; 4] = [
    "unknown key",
    "wrong secret",
    "bad signature",
    "right (control)",
];

fn main() -> ExitCode {
    pin(1);
    let samples = env::args().nth(1).map_or(SAMPLES, |n| n.parse().unwrap());
    let judges: Vec<_> = (0..JUDGES).map(|_| judge()).collect();
    println!("| form | pair | median ns | t of all | greatest t of {CROPS} crops |");
    println!("|---|---|---|---|---|");
    let mut holds = true;
    let (link, header) = (Asked::link(), Asked::header());
    for (form, right, count) in [
        ("link", &link, 1),
        ("header", &header, 1),
        ("links together", &link, TOGETHER),
        ("headers together", &header, TOGETHER),
    ] {
        let times = measure(&judges, right, count, samples);
        for (one, other) in [(0, 1), (0, 2), (1, 2), (2, 3)] {
            let (all, greatest) = compare(&times[one], &times[other]);
            let medians = [one, other].map(|class| median(&times[class]));
            println!(
                "| {form} | {} / {} | {medians:?} | {all:.2} | {greatest:.2} |",
                CLASSES[one], CLASSES[other]
            );
            let differs = greatest.abs() >= T_MAX;
            holds &= differs == (other == 3);
        }
    }
    match holds {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Nanoseconds of each judgement, by class, of so many questions at once.
fn measure(judges: &[Judge], right: &Asked, count: usize, samples: usize) -> [Vec<u32>; 4] {
    let mut random = Random(0x5eed_0123_4567_89ab);
    let mut places = Places::new(right, &mut random);
    let mut times: [Vec<u32>; 4] =
        std::array::from_fn(|_| Vec::with_capacity(samples + samples / 8));
    let mut batch = Batch::default();
    let mut decide = |judge: &Judge, question: Question<'_>| match count {
        1 => drop(black_box(judge.decide(question))),
        _ => judge.decide_together(&vec![question; count], &mut batch, |_, decision| {
            drop(black_box(decision));
        }),
    };
    // What is judged stands in one place whatever it is.
    let mut asked = right.clone();
    let total = WARM_UP + samples * CLASSES.len();
    for n in 0..total {
        if n % STAY == 0 {
            places.shift();
        }
        let (class, which) = (random.below(CLASSES.len()), random.below(VARIANTS));
        let judge = &judges[random.below(judges.len())];
        asked.copy_from(places.get(class, which));
        // All three that are refused were judged a moment ago, in any order: the memory of what nobody
        // asked for lately is further away, be the key known or not. Behind the copying, so that what that
        // displaced is as it was.
        let (first, step) = (random.below(3), 1 + random.below(2));
        for warm in [first, first + step, first + 2 * step] {
            places
                .get(warm % 3, which)
                .with(|question| decide(judge, question));
        }
        let nanos = asked.with(|question| {
            let began = Instant::now();
            decide(judge, black_box(question));
            began.elapsed().as_nanos()
        });
        if n >= WARM_UP {
            times[class].push(u32::try_from(nanos).unwrap_or(u32::MAX));
        }
    }
    times
}

/// The spellings of all classes, which change places from time to time: what a class displaces in the
/// caches by where it lies would otherwise be told from what its judgement takes.
struct Places {
    spellings: [Vec<Asked>; 4],
    places: Vec<Asked>,
    shift: usize,
}

impl Places {
    fn new(right: &Asked, random: &mut Random) -> Self {
        let spell = |class| {
            (0..VARIANTS)
                .map(|_| variant(class, right, random))
                .collect()
        };
        Self {
            spellings: std::array::from_fn(spell),
            places: vec![right.clone(); VARIANTS * CLASSES.len()],
            shift: 0,
        }
    }

    fn place(&self, class: usize, which: usize) -> usize {
        which * CLASSES.len() + (class + self.shift) % CLASSES.len()
    }

    fn get(&self, class: usize, which: usize) -> &Asked {
        &self.places[self.place(class, which)]
    }

    /// Brings every spelling to the place of the next class.
    fn shift(&mut self) {
        self.shift += 1;
        for class in 0..CLASSES.len() {
            for which in 0..VARIANTS {
                let place = self.place(class, which);
                self.places[place].copy_from(&self.spellings[class][which]);
            }
        }
    }
}

/// One spelling of a class.
fn variant(class: usize, right: &Asked, random: &mut Random) -> Asked {
    match class {
        0 => right.with_key_id(&format!(
            "AKIA{}",
            random.text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", ID.len() - 4)
        )),
        1 => right.with_signature(|_| random.text(b"0123456789abcdef", 64)),
        2 => right.with_signature(|signature| {
            let mut digits = signature.as_bytes().to_vec();
            let at = random.below(digits.len());
            digits[at] = if digits[at] == b'0' { b'1' } else { b'0' };
            String::from_utf8(digits).unwrap()
        }),
        _ => right.clone(),
    }
}

fn median(times: &[u32]) -> u32 {
    let mut times = times.to_vec();
    let middle = times.len() / 2;
    *times.select_nth_unstable(middle).1
}

/// Welch's t of all samples, and the greatest by size of those below each percentile.
fn compare(one: &[u32], other: &[u32]) -> (f64, f64) {
    let all = welch(one, other, u32::MAX);
    let mut pool: Vec<u32> = one.iter().chain(other).copied().collect();
    pool.sort_unstable();
    let crops = (0..CROPS).map(|n| {
        let share = 1.0 - 0.5f64.powf(10.0 * (n + 1) as f64 / CROPS as f64);
        let below = pool[(share * (pool.len() - 1) as f64) as usize];
        welch(one, other, below)
    });
    let greatest = crops.chain([all]).filter(|t| t.is_finite());
    (
        all,
        greatest.max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap(),
    )
}

/// Welch's t of the samples up to a bound.
fn welch(one: &[u32], other: &[u32], most: u32) -> f64 {
    let moments = |times: &[u32]| {
        let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
        for time in times.iter().filter(|time| **time <= most) {
            count += 1.0;
            let off = f64::from(*time) - mean;
            mean += off / count;
            squares += off * (f64::from(*time) - mean);
        }
        (mean, squares / (count - 1.0) / count)
    };
    let ((mean, error), (other_mean, other_error)) = (moments(one), moments(other));
    (mean - other_mean) / (error + other_error).sqrt()
}

/// xorshift64*: which class comes next need not be secret.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32
    }

    fn below(&mut self, bound: usize) -> usize {
        self.next() as usize % bound
    }

    fn text(&mut self, letters: &[u8], len: usize) -> String {
        (0..len)
            .map(|_| char::from(letters[self.below(letters.len())]))
            .collect()
    }
}
