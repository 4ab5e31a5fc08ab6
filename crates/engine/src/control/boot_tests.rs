//! The engine with a copy of its control rows: whatever becomes of the copy between two starts, the
//! buckets are the same.

use crate::{Engine, EngineConfig, EngineStore, OpenOptions, create, open};
use blockhouse_device::{
    Power,
    sim::{Media, SimDevice},
};
use blockhouse_format::control::TABLE_BUCKETS;
use blockhouse_store::{BucketChange, NewBucket, ObjectStore, Versioning, kit::SplitMix};
use blockhouse_types::{AccountId, BucketName, Clock, Timestamp};
use std::{fs, future::Future, path::Path, sync::Arc, thread};

/// What is done to the copy's directory between two starts.
type Damage = fn(&Path);

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_000)
    }
}

fn config() -> EngineConfig {
    EngineConfig {
        segment_bytes: Some(64 << 10),
        inline_bytes_max: 4 << 10,
        frame_bytes_max: 32 << 10,
        ..EngineConfig::default()
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, work)
}

async fn start(device: &SimDevice, control: &Path) -> (Engine, EngineStore<SimDevice>) {
    let mut options = OpenOptions::new(Arc::new(Still), Box::new(SplitMix(2)));
    options.config = config();
    options.control_dir = Some(control.to_owned());
    let devices = || vec![device.clone()];
    let (engine, writer) = open(devices(), devices(), options).await.unwrap();
    tokio::task::spawn_local(writer.run());
    let store = engine.store(devices());
    while !engine.stats().control_copy.unwrap().serving {
        thread::yield_now();
    }
    (engine, store)
}

async fn make_bucket(store: &EngineStore<SimDevice>, n: usize) {
    let new = NewBucket {
        name: BucketName::parse(&format!("bucket-{n}")).unwrap(),
        owner: AccountId::from_number(1).unwrap(),
        now: Timestamp::from_secs(5),
        buckets_max: 100,
    };
    let bucket = store.create_bucket(new).await.unwrap();
    let change = BucketChange::Versioning(Versioning::Enabled);
    store
        .change_bucket(bucket.id, change, Timestamp::from_secs(6))
        .await
        .unwrap();
}

fn names(store: &EngineStore<SimDevice>) -> Vec<String> {
    store
        .buckets()
        .iter()
        .map(|bucket| bucket.name.as_str().to_owned())
        .collect()
}

fn names_in_copy(engine: &Engine) -> Vec<String> {
    let rows = engine.control_rows(TABLE_BUCKETS, b"", 100).unwrap();
    rows.into_iter()
        .map(|row| String::from_utf8(row.key).unwrap())
        .collect()
}

#[test]
fn the_copy_is_believed_after_an_orderly_end_and_decides_nothing_otherwise() {
    let folder = tempfile::TempDir::new().unwrap();
    let control = folder.path().join("control");
    let damages: [(Damage, bool); 4] = [
        (|_| (), true),
        (|dir| fs::remove_dir_all(dir).unwrap(), false),
        (
            |dir| fs::write(dir.join("live/db"), b"scrambled").unwrap(),
            false,
        ),
        (|dir| fs::remove_file(dir.join("CLEAN")).unwrap(), false),
    ];
    run(async {
        let media = Media::zeroed(8 << 20);
        let device = SimDevice::new("sim", media, &Power::new(), 7);
        create(std::slice::from_ref(&device), &config(), &mut SplitMix(1))
            .await
            .unwrap();
        let (engine, store) = start(&device, &control).await;
        make_bucket(&store, 0).await;
        engine.shutdown().await.unwrap();
        for (n, (damage, believed)) in damages.into_iter().enumerate() {
            damage(&control);
            let (engine, store) = start(&device, &control).await;
            assert_eq!(
                engine.stats().control_copy.unwrap().believed,
                believed,
                "damage {n}"
            );
            make_bucket(&store, n + 1).await;
            assert_eq!(names(&store).len(), n + 2);
            assert_eq!(names_in_copy(&engine), names(&store));
            engine.shutdown().await.unwrap();
        }
    });
}
