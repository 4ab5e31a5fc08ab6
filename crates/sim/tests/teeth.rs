//! The harness has teeth: with any of the seeded engine bugs it finds a broken promise.

use blockhouse_engine::teeth::{self, Bug};
use blockhouse_sim::{
    Settings,
    check::Broken,
    damage, exhaustive,
    letters::{Letter, Stage},
    random::{Life, life},
};

/// Runs the harness with the bug until something breaks: a promise, or an assertion of the engine.
fn hunt(bug: Bug) -> Option<String> {
    teeth::set(Some(bug));
    let hunted = std::panic::catch_unwind(|| sequences(1).or_else(lives).or_else(damages));
    teeth::set(None);
    match hunted {
        Ok(found) => found.map(|broken| broken.to_string()),
        Err(_) => Some("an assertion of the engine".into()),
    }
}

fn sequences(devices: usize) -> Option<Broken> {
    let settings = Settings::small(devices);
    let stage = match Stage::set(&settings, 1) {
        Ok(stage) => stage,
        Err(broken) => return Some(broken),
    };
    let pairs = Letter::ALL
        .into_iter()
        .flat_map(|a| Letter::ALL.map(|b| [a, b]));
    // Every fifth pair: all of them take longer than needed to find anything.
    pairs
        .step_by(5)
        .find_map(|pair| exhaustive::sequence(&settings, &stage, &pair, 1).err())
}

fn lives() -> Option<Broken> {
    (0..300).find_map(|seed| life(seed, Life::default()).err())
}

fn damages() -> Option<Broken> {
    (0..60).find_map(|seed| damage::trials(seed, 40).err())
}

/// One test for each, so that they run side by side and are named when they fail.
macro_rules! found {
    ($($name:ident: $bug:ident;)*) => {
        $(#[test]
        fn $name() {
            let found = hunt(Bug::$bug).expect("the harness did not find the bug");
            println!("{:?}: {found}", Bug::$bug);
        })*
    };
}

found! {
    a_skipped_flush_of_the_log: SkipLogFlush;
    an_acknowledgement_before_the_flush: AckBeforeFlush;
    a_skipped_flush_of_data: SkipDataFlush;
    a_superblock_before_its_sections: SuperblockBeforeSections;
    a_group_that_is_given_again_too_early: ReuseTooEarly;
    a_missing_tombstone: SkipTombstone;
    a_read_without_a_checksum: SkipReadChecksum;
    a_changed_key_that_a_checkpoint_forgets: ForgetChangedKey;
    corruption_taken_for_a_torn_tail: CorruptionIsTornTail;
    a_frame_on_one_mirror_only: OneMirrorOnly;
    a_link_that_is_used_twice: LinkUsedTwice;
    a_link_that_outlives_its_put: LinkOutlivesPut;
}
