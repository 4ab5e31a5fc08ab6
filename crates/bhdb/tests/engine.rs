//! What the engine leaves on its devices, judged without it: after an orderly end, and after power
//! cuts at many moments, fsck finds a pool that is whole.
#![allow(clippy::unwrap_used, reason = "a test that fails says so by panicking")]

use blockhouse_bhdb::{Verdict, fsck};
use blockhouse_device::Power;
use blockhouse_device::faults::{Duration, Fault, Operation, Planned};
use blockhouse_device::sim::{Keep, Media, SimDevice};
use blockhouse_engine::teeth::{self, Bug};
use blockhouse_engine::{Engine, EngineConfig, EngineStore, OpenOptions, create, open};
use blockhouse_store::kit::{self, Profile, SplitMix};
use blockhouse_types::{Clock, Timestamp};
use std::{future::Future, path::Path, sync::Arc};

const DEVICE_BYTES: u64 = 64 << 20;

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_000)
    }
}

/// Small segments and many checkpoints, so that everything happens soon.
fn config() -> EngineConfig {
    EngineConfig {
        segment_bytes: Some(64 << 10),
        inline_bytes_max: 4 << 10,
        frame_bytes_max: 32 << 10,
        checkpoint_records: 60,
        ..EngineConfig::default()
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, work)
}

fn devices(power: &Power, media: Vec<Media>) -> Vec<SimDevice> {
    let device = |(n, media)| SimDevice::new(&format!("sim{n}"), media, power, n as u64);
    media.into_iter().enumerate().map(device).collect()
}

async fn started(devices: &[SimDevice]) -> (Engine, EngineStore<SimDevice>) {
    let mut options = OpenOptions::new(Arc::new(Still), Box::new(SplitMix(2)));
    options.config = config();
    let (engine, writer) = open(devices.to_vec(), devices.to_vec(), options)
        .await
        .unwrap();
    tokio::task::spawn_local(writer.run());
    let store = engine.store(devices.to_vec());
    (engine, store)
}

fn save(dir: &Path, media: &[Media]) {
    for (n, media) in media.iter().enumerate() {
        let mut bytes = vec![0; media.len_bytes() as usize];
        media.read(0, &mut bytes);
        std::fs::write(dir.join(format!("dev{n}.img")), bytes).unwrap();
    }
}

fn judged(media: &[Media]) -> (Verdict, String) {
    let dir = tempfile::tempdir().unwrap();
    save(dir.path(), media);
    let mut out = Vec::new();
    let verdict = fsck(&[dir.path().to_owned()], &mut out).unwrap();
    (verdict, String::from_utf8(out).unwrap())
}

fn assert_clean(media: &[Media], what: &str) -> String {
    let (verdict, text) = judged(media);
    assert_eq!(verdict, Verdict::Clean, "{what}:\n{text}");
    text
}

#[test]
fn an_orderly_end_leaves_a_whole_pool() {
    for count in [1, 2] {
        run(async {
            let power = Power::new();
            let devices = devices(&power, vec![Media::zeroed(DEVICE_BYTES); count]);
            create(&devices, &config(), &mut SplitMix(1)).await.unwrap();
            assert_clean(&media(&devices, Keep::Durable), "a new pool");
            let (engine, store) = started(&devices).await;
            kit::conform(&store, Profile::default(), 7, 800, 800)
                .await
                .unwrap();
            engine.shutdown().await.unwrap();
            let text = assert_clean(&media(&devices, Keep::Durable), "a closed pool");
            assert!(
                !text.contains(" 0 objects") && text.contains("checkpoint at lsn"),
                "{text}"
            );
            assert!(!text.contains("not closed"), "{text}");
        });
    }
}

#[test]
fn a_power_cut_leaves_a_whole_pool() {
    for (seed, ticks) in (0..24).map(|n| (n, 400 + n * 170)) {
        run(async {
            let power = Power::new();
            let devices = devices(
                &power,
                vec![Media::zeroed(DEVICE_BYTES); 1 + (seed / 4) as usize % 2],
            );
            create(&devices, &config(), &mut SplitMix(1)).await.unwrap();
            let (_engine, store) = started(&devices).await;
            power.cut_after(ticks);
            let work = kit::conform(&store, Profile::default(), seed, 3000, 3000);
            tokio::select! {
                _ = work => {}
                () = power.until_cut() => {}
            }
            let keep = match seed % 4 {
                0 => Keep::Durable,
                1 => Keep::Sectors(seed),
                2 => Keep::Writes(seed),
                _ => Keep::Prefix(seed),
            };
            let media = media(&devices, keep);
            assert_clean(
                &media,
                &format!("seed {seed}, cut after {ticks} ticks, {keep:?}"),
            );
        });
    }
}

/// A mirror fails under load; the pool goes on without it, and what is left is whole.
#[test]
fn a_failed_mirror_leaves_a_whole_pool() {
    for (operation, nth) in [
        (Operation::Flush, 90),
        (Operation::Write, 200),
        (Operation::Flush, 301),
    ] {
        run(async {
            let power = Power::new();
            let devices = devices(&power, vec![Media::zeroed(DEVICE_BYTES); 2]);
            create(&devices, &config(), &mut SplitMix(1)).await.unwrap();
            let (_engine, store) = started(&devices).await;
            devices[1].plan(Planned {
                operation,
                nth,
                fault: Fault::Error(Duration::Persistent),
            });
            kit::conform(&store, Profile::default(), nth, 600, 600)
                .await
                .unwrap();
            assert!(devices[1].faults_struck() > 0);
            let text = assert_clean(
                &media(&devices, Keep::Durable),
                &format!("{operation:?} {nth}"),
            );
            assert!(text.contains("dev1.img is not in sync"), "{text}");
        });
    }
}

/// What the engine can do wrong so that it shows on the devices at rest, shows.
#[test]
fn planted_mistakes_are_found() {
    for bug in [
        Bug::ForgetChangedKey,
        Bug::OneMirrorOnly,
        Bug::SkipTombstone,
    ] {
        run(async {
            let power = Power::new();
            let devices = devices(&power, vec![Media::zeroed(DEVICE_BYTES); 2]);
            create(&devices, &config(), &mut SplitMix(1)).await.unwrap();
            let (_engine, store) = started(&devices).await;
            teeth::set(Some(bug));
            // Some mistakes show in the answers as well, which is not what is asked here.
            let _ = kit::conform(&store, Profile::default(), 5, 1500, 10_000).await;
            teeth::set(None);
            let (verdict, text) = judged(&media(&devices, Keep::Newest));
            assert_eq!(verdict, Verdict::Damaged, "{bug:?}:\n{text}");
        });
    }
}

fn media(devices: &[SimDevice], keep: Keep) -> Vec<Media> {
    devices
        .iter()
        .map(|device| device.after_power_cut(keep))
        .collect()
}
