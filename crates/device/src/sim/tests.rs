//! The simulated device keeps to its fault model, against plain arrays and by proptest.

use super::*;
use crate::faults::Duration;
use proptest::prelude::*;
use std::task::Waker;

const BLOCK: u64 = BLOCK_BYTES as u64;
const BLOCKS: u64 = 8;

fn device(seed: u64) -> (SimDevice, Power) {
    let power = Power::new();
    (
        SimDevice::new("0", Media::zeroed(BLOCKS * BLOCK), &power, seed),
        power,
    )
}

/// Polls to the end; a simulated device needs no executor to make progress.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(output) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return output;
        }
    }
}

fn filled(blocks: usize, byte: u8) -> Arc<AlignedBuf> {
    let mut buf = AlignedBuf::zeroed(blocks * BLOCK_BYTES);
    buf.fill(byte);
    Arc::new(buf)
}

fn read(device: &SimDevice, offset: u64, blocks: usize) -> AlignedBuf {
    let (result, buf) = wait(device.read(offset, AlignedBuf::zeroed(blocks * BLOCK_BYTES)));
    result.unwrap();
    buf
}

#[test]
fn a_power_cut_keeps_what_was_flushed_and_any_sectors_of_the_rest() {
    let (device, _power) = device(1);
    wait(device.write_flush(0, filled(2, 1))).unwrap();
    wait(device.write(BLOCK, filled(2, 2))).unwrap();
    let mut seen = [false; 2];
    for seed in 0..50 {
        let mut bytes = vec![0; 3 * BLOCK_BYTES];
        device
            .after_power_cut(Keep::Sectors(seed))
            .read(0, &mut bytes);
        assert!(bytes[..BLOCK_BYTES].iter().all(|&b| b == 1), "flushed");
        for (n, sector) in bytes[BLOCK_BYTES..].chunks(SECTOR_BYTES).enumerate() {
            assert!(sector.iter().all(|&b| b == sector[0]), "sectors are whole");
            let old = u8::from(n < BLOCK_BYTES / SECTOR_BYTES);
            assert!(sector[0] == old || sector[0] == 2);
            seen[usize::from(sector[0] == 2)] = true;
        }
    }
    assert_eq!(seen, [true; 2]);
    let mut byte = [0];
    device
        .after_power_cut(Keep::Durable)
        .read(2 * BLOCK, &mut byte);
    assert_eq!(byte, [0]);
    device.media().read(2 * BLOCK, &mut byte);
    assert_eq!(byte, [2]);
}

#[test]
fn a_flush_does_not_cover_a_write_in_flight() {
    let (device, _power) = device(1);
    device.set_latency(50);
    let mut write = Box::pin(device.write(0, filled(1, 9)));
    let mut context = Context::from_waker(Waker::noop());
    assert!(write.as_mut().poll(&mut context).is_pending());
    wait(device.flush()).unwrap();
    let mut byte = [0];
    device.after_power_cut(Keep::Durable).read(0, &mut byte);
    assert_eq!(byte, [0], "not covered");
    drop(write);
    wait(device.flush()).unwrap();
    device.after_power_cut(Keep::Durable).read(0, &mut byte);
    assert_eq!(byte, [9], "a dropped write is finished all the same");
}

#[test]
fn the_power_goes_at_the_chosen_tick_and_nothing_ends_afterwards() {
    let (device, power) = device(3);
    device.set_latency(0);
    power.cut_after(3);
    wait(device.write(0, filled(1, 1))).unwrap();
    assert_eq!((power.ticks(), power.is_cut()), (2, false));
    let mut flush = std::pin::pin!(device.flush());
    for _ in 0..10 {
        assert!(
            flush
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
    }
    assert!(power.is_cut());
    wait(power.until_cut());
    let mut byte = [0];
    device.after_power_cut(Keep::Durable).read(0, &mut byte);
    assert_eq!(byte, [0]);
}

fn planned(operation: Operation, nth: u64, fault: Fault) -> SimDevice {
    let (device, _power) = device(5);
    device.plan(Planned {
        operation,
        nth,
        fault,
    });
    device
}

#[test]
fn planned_errors_strike_once_or_for_ever() {
    let device = planned(Operation::Write, 2, Fault::Error(Duration::Once));
    let results: Vec<_> = (0..4)
        .map(|_| wait(device.write(0, filled(1, 1))).is_ok())
        .collect();
    assert_eq!(results, [true, false, true, true]);
    let device = planned(Operation::Read, 2, Fault::Error(Duration::Persistent));
    let results: Vec<_> = (0..4)
        .map(|_| wait(device.read(0, AlignedBuf::zeroed(1))).0.is_ok())
        .collect();
    assert_eq!(results, [true, false, false, false]);
    device.repair();
    read(&device, 0, 1);
}

#[test]
fn a_failed_flush_forgets_and_later_ones_lie() {
    let device = planned(Operation::Flush, 1, Fault::Error(Duration::Once));
    wait(device.write(0, filled(1, 1))).unwrap();
    wait(device.flush()).unwrap_err();
    wait(device.flush()).unwrap();
    assert_eq!(read(&device, 0, 1)[0], 1);
    let mut byte = [7];
    device.after_power_cut(Keep::Durable).read(0, &mut byte);
    assert_eq!(byte, [0]);
}

#[test]
fn lost_misdirected_vanished_and_rot() {
    let device = planned(Operation::Write, 1, Fault::Lost);
    wait(device.write_flush(0, filled(1, 1))).unwrap();
    assert_eq!(read(&device, 0, 1)[0], 0);

    let device = planned(Operation::Write, 1, Fault::Misdirected { blocks: 3 });
    wait(device.write_flush(0, filled(1, 1))).unwrap();
    assert_eq!(
        (read(&device, 0, 1)[0], read(&device, 3 * BLOCK, 1)[0]),
        (0, 1)
    );
    device.rot(3 * BLOCK, 4);
    assert_eq!(read(&device, 3 * BLOCK, 1)[0], 1 ^ 16);

    let device = planned(Operation::Flush, 1, Fault::Vanished);
    wait(device.write(0, filled(1, 1))).unwrap();
    wait(device.flush()).unwrap_err();
    let (result, _) = wait(device.read(0, AlignedBuf::zeroed(1)));
    assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::ENXIO));
}

#[test]
fn unaligned_and_outside_is_refused() {
    let (device, _power) = device(1);
    for offset in [1, 512, BLOCKS * BLOCK, u64::MAX - 4095] {
        wait(device.write(offset, filled(1, 1))).unwrap_err();
        wait(device.read(offset, AlignedBuf::zeroed(1)))
            .0
            .unwrap_err();
        wait(device.discard(offset, BLOCK)).unwrap_err();
    }
}

#[derive(Debug, Clone)]
enum Step {
    Write { block: u64, blocks: usize, byte: u8 },
    Flush,
    Discard { block: u64 },
    PowerCut(Keep),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..BLOCKS - 2, 1..3usize, any::<u8>())
            .prop_map(|(block, blocks, byte)| Step::Write { block, blocks, byte }),
        2 => Just(Step::Flush),
        1 => (0..BLOCKS).prop_map(|block| Step::Discard { block }),
        1 => prop_oneof![
            Just(Keep::Durable),
            Just(Keep::Newest),
            any::<u64>().prop_map(Keep::Sectors),
            any::<u64>().prop_map(Keep::Writes),
            any::<u64>().prop_map(Keep::Prefix),
        ]
        .prop_map(Step::PowerCut),
    ]
}

/// The specification: per sector, what is durable and what was written since.
#[derive(Default, Clone)]
struct Sector {
    durable: u8,
    since: Vec<u8>,
}

proptest! {
    #[test]
    fn reads_see_the_last_write_and_cuts_leave_a_version_of_each_sector(
        seed: u64,
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let (mut device, power) = device(seed);
        let per_block = BLOCK_BYTES / SECTOR_BYTES;
        let mut model = vec![Sector::default(); BLOCKS as usize * per_block];
        for step in steps {
            match step {
                Step::Write { block, blocks, byte } => {
                    wait(device.write(block * BLOCK, filled(blocks, byte))).unwrap();
                    let from = block as usize * per_block;
                    for sector in &mut model[from..from + blocks * per_block] {
                        sector.since.push(byte);
                    }
                }
                Step::Discard { block } => {
                    wait(device.discard(block * BLOCK, BLOCK)).unwrap();
                    let from = block as usize * per_block;
                    model[from..from + per_block].iter_mut().for_each(|s| s.since.push(0));
                }
                Step::Flush => {
                    wait(device.flush()).unwrap();
                    for sector in &mut model {
                        sector.durable = sector.since.pop().unwrap_or(sector.durable);
                        sector.since.clear();
                    }
                }
                Step::PowerCut(keep) => {
                    device = SimDevice::new("0", device.after_power_cut(keep), &power, seed);
                    let bytes = read(&device, 0, BLOCKS as usize);
                    for (sector, bytes) in model.iter_mut().zip(bytes.chunks(SECTOR_BYTES)) {
                        let allowed = bytes[0] == sector.durable || sector.since.contains(&bytes[0]);
                        prop_assert!(allowed);
                        *sector = Sector { durable: bytes[0], since: Vec::new() };
                    }
                }
            }
            let bytes = read(&device, 0, BLOCKS as usize);
            for (sector, bytes) in model.iter().zip(bytes.chunks(SECTOR_BYTES)) {
                let newest = *sector.since.last().unwrap_or(&sector.durable);
                prop_assert!(bytes.iter().all(|&b| b == newest));
            }
        }
    }
}
