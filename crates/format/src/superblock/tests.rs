//! Which superblock counts after a change that broke off, and which is refused.

use super::*;

fn superblock(sequence: u64) -> Superblock {
    let row = DeviceRow {
        id: DeviceId([7; 16]),
        len_bytes: 1 << 30,
        state: DeviceState::InSync,
    };
    Superblock {
        features: Features::default(),
        pool: PoolId([1; 16]),
        device: DeviceIndex(0),
        devices: vec![row],
        clean: false,
        epoch: Epoch(1),
        sequence,
        time_floor: Timestamp::from_millis(0),
        limits: PoolLimits {
            segment_bytes: 1 << 20,
            inline_bytes_max: 1 << 18,
            frame_bytes_max: 4 << 20,
            frame_records_max: 256,
        },
        slots: [None, None],
    }
}

/// However far a change came, the copies give the old or the new state, never nothing.
#[test]
fn a_change_that_breaks_off_leaves_two_equal_copies() {
    let torn = || {
        Err(DecodeError::Checksum {
            structure: STRUCTURE,
            over: "the block",
        })
    };
    let (old, new) = (|| Ok(superblock(1)), || Ok(superblock(2)));
    for (copies, sequence) in [
        ([old(), old(), old(), old()], 1),
        ([new(), old(), old(), old()], 1),
        ([torn(), old(), old(), old()], 1),
        ([torn(), torn(), old(), old()], 1),
        ([new(), torn(), old(), old()], 1),
        ([new(), new(), old(), old()], 2),
        ([new(), new(), torn(), torn()], 2),
        ([new(), new(), new(), torn()], 2),
    ] {
        assert_eq!(choose(&copies).unwrap().sequence, sequence);
    }
    let alone = [new(), torn(), torn(), old()];
    assert_eq!(
        choose(&alone),
        Err(NoSuperblock::NoTwoEqual { sequence: 2 })
    );
    let broken = [torn(), torn(), torn(), torn()];
    assert!(matches!(choose(&broken), Err(NoSuperblock::Unreadable(_))));
}

#[test]
fn unknown_features() {
    let mut later = superblock(1);
    later.features = Features {
        incompat: 0,
        ro_compat: 1 << 40,
        compat: 1 << 41,
    };
    let read = Superblock::decode(&later.encode()).unwrap();
    assert!(!read.features.writable());
    later.features.incompat = 1;
    let refused = DecodeError::Field {
        structure: STRUCTURE,
        field: "incompat bits",
    };
    assert_eq!(Superblock::decode(&later.encode()), Err(refused));
}

#[test]
fn copies_keep_apart() {
    assert_eq!(copies(4 << 20), [0, 1 << 20, 2 << 20, (4 << 20) - 4096]);
    assert_eq!(copies((1 << 30) + 5000)[3], 1 << 30);
}
