use super::*;
use blockhouse_format::{DeviceId, DeviceRow, DeviceState, SHARD_DATA_BYTES_MAX};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn space(segment_bytes: u32, device_bytes: u64) -> Space {
    let row = DeviceRow {
        id: DeviceId::default(),
        len_bytes: device_bytes,
        state: DeviceState::InSync,
    };
    let layout = Layout::new(&[row], segment_bytes).unwrap();
    let pins = Pins::new(layout.groups());
    Space::new(layout, pins)
}

fn checkpoint(space: &mut Space, lsn: u64) -> Vec<GroupId> {
    let table = space.at_checkpoint(Lsn(lsn), &BTreeSet::new());
    space.checkpointed(&table)
}

#[test]
fn a_dead_group_outlives_two_checkpoints() {
    let mut space = space(64 << 10, 8 << 20);
    let (group, generation) = space.take(Purpose::Log).unwrap();
    space.refer(group, 100);
    space.note_lsns(group, Lsn(1), Lsn(10));
    space.seal(group);
    assert!(checkpoint(&mut space, 10).is_empty(), "it is referred to");
    space.release(group, generation, 100);
    assert!(
        checkpoint(&mut space, 9).is_empty(),
        "the log from 10 on is needed"
    );
    assert!(
        checkpoint(&mut space, 10).is_empty(),
        "the checkpoint before needs it"
    );
    assert_eq!(checkpoint(&mut space, 11), [group]);
    let (again, next) = space.take(Purpose::Data).unwrap();
    assert_eq!((again, next.0), (group, generation.0 + 1));
}

#[test]
fn a_pinned_group_is_not_given_again() {
    let mut space = space(64 << 10, 8 << 20);
    let (group, _) = space.take(Purpose::Log).unwrap();
    let pin = space.pins().pin(group);
    space.seal(group);
    checkpoint(&mut space, 1);
    assert_eq!(checkpoint(&mut space, 2), [group]);
    assert_ne!(space.take(Purpose::Log).unwrap().0, group);
    drop(pin);
    assert_eq!(space.take(Purpose::Log).unwrap().0, group);
}

#[test]
fn a_body_on_its_way_keeps_its_group() {
    let mut space = space(64 << 10, 8 << 20);
    let mut room = None;
    let place = space.place_shard(&mut room, 1000, 1000).unwrap();
    assert!(place.joined);
    space.seal_data();
    checkpoint(&mut space, 1);
    assert!(checkpoint(&mut space, 2).is_empty());
    space.end_write(place.group);
    checkpoint(&mut space, 3);
    assert_eq!(checkpoint(&mut space, 4), [place.group]);
}

#[test]
fn data_stops_at_the_reserve_and_the_log_does_not() {
    let mut space = space(64 << 10, 8 << 20);
    while space.take(Purpose::Data).is_ok() {}
    assert_eq!(space.stats().groups_free, space.reserve());
    assert!(!space.is_full() && !space.takes_data() && space.is_short());
    assert!(space.take(Purpose::Log).is_ok());
    assert!(space.is_full());
}

proptest! {
    /// Shards of bodies that grow side by side never overlap, and stay within their groups.
    #[test]
    fn shards_do_not_overlap(steps in proptest::collection::vec((0usize..4, 1u32..=SHARD_DATA_BYTES_MAX), 1..40)) {
        let mut space = space(4 << 20, 256 << 20);
        let payload = space.payload();
        let mut rooms: [Option<Room>; 4] = [None; 4];
        let mut taken: Vec<(GroupId, u32, u32)> = Vec::new();
        for (body, len) in steps {
            let room = &mut rooms[body];
            if len % 7 == 0 {
                let left = room.take();
                space.give_back(left);
                continue;
            }
            let Ok(place) = space.place_shard(room, len, u64::from(len) * 3) else { continue };
            prop_assert!(place.data_bytes <= len && place.data_bytes > 0);
            let end = place.offset_bytes + blockhouse_format::padded_bytes(place.data_bytes) + 4096;
            prop_assert!(place.offset_bytes >= payload.start && end <= payload.end);
            taken.push((place.group, place.offset_bytes, end));
        }
        taken.sort_unstable();
        prop_assert!(taken.windows(2).all(|w| w[0].0 != w[1].0 || w[0].2 <= w[1].1));
    }
}
