//! The three ways to a real file do the same: each writes, reads and flushes what the others see.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use blockhouse_device::{
    AlignedBuf, BLOCK_BYTES, Backend, Device, DeviceFile, OpenDeviceError, OpenMode, PlainDevice,
    SoloDevice, UringDevice, Workers, open_file,
};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::{path::Path, sync::Arc, time::Duration};

const BLOCKS: u64 = 64;
const DEVICE_BYTES: u64 = BLOCKS * BLOCK_BYTES as u64;

fn make(dir: &Path) -> Arc<DeviceFile> {
    let mode = OpenMode::Create {
        len_bytes: DEVICE_BYTES + 5,
    };
    Arc::new(open_file(&dir.join("dev0.img"), mode, Duration::ZERO, &mut |_, _| {}).unwrap())
}

/// Random writes, reads and flushes, compared with `bytes`.
async fn exercise(device: &impl Device, bytes: &mut [u8], seed: u64) {
    assert_eq!(device.len_bytes(), DEVICE_BYTES);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..60 {
        let blocks = 1 + rng.next_u64() as usize % 8;
        let block = rng.next_u64() % (BLOCKS - 8);
        let offset = block * BLOCK_BYTES as u64;
        let range = offset as usize..offset as usize + blocks * BLOCK_BYTES;
        let mut buf = AlignedBuf::zeroed(range.len());
        match rng.next_u64() % 4 {
            0 => {
                let (result, buf) = device.read(offset, buf).await;
                result.unwrap();
                assert!(buf[..] == bytes[range]);
            }
            1 => device.flush().await.unwrap(),
            kind => {
                rng.fill_bytes(&mut buf);
                bytes[range].copy_from_slice(&buf);
                let buf = Arc::new(buf);
                let done = match kind {
                    2 => device.write(offset, buf).await,
                    _ => device.write_flush(offset, buf).await,
                };
                done.unwrap();
            }
        }
    }
    device.discard(0, BLOCK_BYTES as u64).await.unwrap();
    let (past_the_end, _) = device
        .read(DEVICE_BYTES, AlignedBuf::zeroed(BLOCK_BYTES))
        .await;
    past_the_end.unwrap_err();
}

#[test]
fn all_implementations_see_the_same_bytes() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = make(dir.path());
    let mut bytes = vec![0; DEVICE_BYTES as usize];
    let workers = Workers::start(2).unwrap();
    let plain = Backend::Plain(workers.clone());
    for seed in 0..3 {
        Backend::Uring
            .run_io_thread(async {
                let device = UringDevice::new(&file).unwrap();
                exercise(&device, &mut bytes, seed).await;
            })
            .unwrap();
        Backend::Uring
            .run_log_thread(exercise(&SoloDevice::new(&file), &mut bytes, seed + 100))
            .unwrap();
        plain
            .run_io_thread(exercise(
                &PlainDevice::pooled(&file, &workers),
                &mut bytes,
                seed + 200,
            ))
            .unwrap();
        plain
            .run_log_thread(exercise(
                &PlainDevice::blocking(&file),
                &mut bytes,
                seed + 300,
            ))
            .unwrap();
        plain
            .run_io_thread(async {
                exercise(&plain.io_device(&file).unwrap(), &mut bytes, seed + 400).await;
                exercise(&plain.log_device(&file), &mut bytes, seed + 500).await;
            })
            .unwrap();
    }
    assert!(std::fs::read(dir.path().join("dev0.img")).unwrap() == bytes);
}

#[test]
fn many_operations_at_once_on_a_ring_and_on_workers() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = make(dir.path());
    for backend in [Backend::Uring, Backend::plain().unwrap()] {
        let done = backend.run_io_thread(async {
            let device = backend.io_device(&file).unwrap();
            let tasks = (0..1000u64).map(|n| {
                let device = device.clone();
                tokio::task::spawn_local(async move {
                    let offset = n % BLOCKS * BLOCK_BYTES as u64;
                    device
                        .write(offset, Arc::new(AlignedBuf::zeroed(BLOCK_BYTES)))
                        .await
                })
            });
            for task in tasks.collect::<Vec<_>>() {
                task.await.unwrap().unwrap();
            }
        });
        done.unwrap();
    }
}

#[test]
fn a_new_file_is_whole_or_not_there() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    std::fs::write(
        dir.path().join("dev0.img.unfinished"),
        "left behind by a crash",
    )
    .unwrap();
    let mut steps = Vec::new();
    let path = dir.path().join("dev0.img");
    let mode = OpenMode::Create { len_bytes: 9 << 20 };
    let made = open_file(&path, mode, Duration::ZERO, &mut |done, of| {
        steps.push((done, of));
    });
    assert_eq!(made.unwrap().len_bytes(), 9 << 20);
    assert_eq!(
        steps,
        [(4 << 20, 9 << 20), (8 << 20, 9 << 20), (9 << 20, 9 << 20)]
    );
    assert!(std::fs::read(&path).unwrap().iter().all(|&b| b == 0));
    let again = open_file(&path, mode, Duration::ZERO, &mut |_, _| {});
    assert!(matches!(again, Err(OpenDeviceError::Exists { .. })));
    let missing = open_file(
        &dir.path().join("x"),
        OpenMode::Existing,
        Duration::ZERO,
        &mut |_, _| {},
    );
    assert!(matches!(missing, Err(OpenDeviceError::Open { .. })));
    let folder = open_file(
        dir.path(),
        OpenMode::Existing,
        Duration::ZERO,
        &mut |_, _| {},
    );
    assert!(matches!(folder, Err(OpenDeviceError::Open { .. })));
}

#[test]
fn the_lock_is_waited_for_until_the_deadline() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = make(dir.path());
    let path = dir.path().join("dev0.img");
    let open = |deadline| open_file(&path, OpenMode::Existing, deadline, &mut |_, _| {});
    assert!(matches!(
        open(Duration::from_millis(10)),
        Err(OpenDeviceError::Locked { .. })
    ));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| open(Duration::from_secs(60)));
        drop(file);
        assert_eq!(waiting.join().unwrap().unwrap().len_bytes(), DEVICE_BYTES);
    });
}
