//! The engine on simulated devices, against the model.

use crate::{Engine, EngineConfig, EngineStore, OpenError, OpenOptions, create, open};
use blockhouse_device::{
    Power,
    sim::{Keep, Media, SimDevice},
};
use blockhouse_store::{
    BucketChange, BytesBody, DeleteTarget, DocumentKind, KeyQuery, NewBucket, NewObject,
    ObjectAttributes, ObjectReader, ObjectStore, PutError, Seal, StoreError, StoredObject,
    Versioning, WriteCondition,
    kit::{self, Profile, SplitMix},
};
use blockhouse_types::{AccountId, BucketId, BucketName, Clock, ETag, ObjectKey, Timestamp};
use bytes::Bytes;
use std::{future::Future, ops::Range, sync::Arc};

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_000)
    }
}

fn small() -> EngineConfig {
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

fn devices(media: Vec<Media>) -> Vec<SimDevice> {
    let power = Power::new();
    let device = |(n, media): (usize, Media)| {
        SimDevice::new(&format!("sim{n}"), media, &power, 7 + n as u64)
    };
    media.into_iter().enumerate().map(device).collect()
}

async fn made(count: usize, len: u64, config: &EngineConfig) -> Vec<SimDevice> {
    let devices = devices(vec![Media::zeroed(len); count]);
    create(&devices, config, &mut SplitMix(1)).await.unwrap();
    devices
}

async fn started(
    devices: &[SimDevice],
    config: &EngineConfig,
) -> Result<(Engine, EngineStore<SimDevice>), OpenError> {
    started_with(devices, config, false).await
}

async fn started_with(
    devices: &[SimDevice],
    config: &EngineConfig,
    force_degraded: bool,
) -> Result<(Engine, EngineStore<SimDevice>), OpenError> {
    let mut options = OpenOptions::new(Arc::new(Still), Box::new(SplitMix(2)));
    options.config = config.clone();
    options.force_degraded = force_degraded;
    let (engine, writer) = open(devices.to_vec(), devices.to_vec(), options).await?;
    tokio::task::spawn_local(writer.run());
    let store = engine.store(devices.to_vec());
    Ok((engine, store))
}

fn bucket(name: &str) -> NewBucket {
    NewBucket {
        name: BucketName::parse(name).unwrap(),
        owner: AccountId::from_number(1).unwrap(),
        now: Timestamp::from_secs(5),
        buckets_max: 100,
    }
}

async fn put(
    store: &EngineStore<SimDevice>,
    bucket: BucketId,
    key: &str,
    bytes: Vec<u8>,
) -> Result<(), PutError> {
    let seal = Seal {
        etag: ETag::of_body([bytes.len() as u8; 16]),
        checksum: None,
    };
    let new = NewObject {
        bucket,
        key: ObjectKey::parse(key).unwrap(),
        attributes: ObjectAttributes::default(),
        condition: WriteCondition::None,
        link: None,
        now: Timestamp::from_secs(6),
    };
    store
        .put(new, &mut BytesBody::new(Bytes::from(bytes), seal))
        .await
        .map(drop)
}

async fn get(store: &EngineStore<SimDevice>, bucket: BucketId, key: &str) -> Vec<u8> {
    get_range(store, bucket, key, 0..u64::MAX).await
}

async fn get_range(
    store: &EngineStore<SimDevice>,
    bucket: BucketId,
    key: &str,
    range: Range<u64>,
) -> Vec<u8> {
    let object = store
        .open(bucket, &ObjectKey::parse(key).unwrap(), None)
        .await
        .unwrap();
    let mut reader = object.read(range);
    let mut all = Vec::new();
    while let Some(piece) = reader.next().await.unwrap() {
        all.extend_from_slice(&piece);
    }
    all
}

fn pattern(len: usize, seed: u8) -> Vec<u8> {
    (0..len)
        .map(|n| {
            (n as u8)
                .wrapping_mul(31)
                .wrapping_add(seed)
                .wrapping_add((n >> 8) as u8)
        })
        .collect()
}

#[test]
fn bytes_come_back_also_after_a_restart() {
    run(async {
        let config = small();
        let devices = made(1, 8 << 20, &config).await;
        let (engine, store) = started(&devices, &config).await.unwrap();
        let bucket = store.create_bucket(bucket("one")).await.unwrap().id;
        let sizes = [0, 1, 4096, 4097, 70_000, 300_000];
        for (n, size) in sizes.into_iter().enumerate() {
            put(&store, bucket, &format!("k{n}"), pattern(size, n as u8))
                .await
                .unwrap();
        }
        engine.audit().unwrap();
        for (n, size) in sizes.into_iter().enumerate() {
            assert!(
                get(&store, bucket, &format!("k{n}")).await == pattern(size, n as u8),
                "{size}"
            );
        }
        engine.shutdown().await.unwrap();
        for clean in [true, false] {
            let media = devices
                .iter()
                .map(|d| d.after_power_cut(Keep::Durable))
                .collect();
            let devices = self::devices(media);
            let (engine, store) = started(&devices, &config).await.unwrap();
            assert!(engine.stats().replayed_records == 0 || !clean);
            engine.audit().unwrap();
            for (n, size) in sizes.into_iter().enumerate() {
                assert!(get(&store, bucket, &format!("k{n}")).await == pattern(size, n as u8));
            }
        }
    });
}

#[test]
fn conforms_to_the_model() {
    for (seed, devices, cache_bytes) in [(1, 1, 0), (2, 2, 0), (3, 1, 0), (4, 1, 8 << 10)] {
        run(async {
            let config = EngineConfig {
                read_cache_bytes: cache_bytes,
                piece_cache_bytes: 32 * cache_bytes,
                ..small()
            };
            let devices = made(devices, 64 << 20, &config).await;
            let (engine, store) = started(&devices, &config).await.unwrap();
            let model = kit::conform(&store, Profile::default(), seed, 1500, 100).await;
            let model = model.unwrap_or_else(|mismatch| panic!("{mismatch}"));
            engine.audit().unwrap();
            let media = devices
                .iter()
                .map(|d| d.after_power_cut(Keep::Durable))
                .collect();
            let devices = self::devices(media);
            let (engine, store) = started(&devices, &config).await.unwrap();
            engine.audit().unwrap();
            model.restart(store.time_floor());
            let (expected, found) = (kit::view(&model).await, kit::view(&store).await);
            let (expected, found) = (expected.unwrap(), found.unwrap());
            assert!(expected == found, "{:?}", expected.first_difference(&found));
            assert_eq!(model.time_floor(), store.time_floor());
        });
    }
}

/// A large object that is read again and again comes from memory from the third time on, whole and in
/// part, until there is another in its place.
#[test]
fn what_is_read_again_needs_no_device() {
    run(async {
        let config = EngineConfig {
            read_cache_bytes: 64 << 10,
            piece_cache_bytes: 8 << 20,
            ..small()
        };
        let devices = made(1, 64 << 20, &config).await;
        let (engine, store) = started(&devices, &config).await.unwrap();
        let bucket = store.create_bucket(bucket("again")).await.unwrap().id;
        for fill in [1, 2] {
            let body = pattern(3_000_000, fill);
            put(&store, bucket, "k", body.clone()).await.unwrap();
            let mut reads = Vec::new();
            for _ in 0..4 {
                assert!(get(&store, bucket, "k").await == body);
                reads.push(engine.stats().reads);
            }
            assert!(reads[0] < reads[1], "{reads:?}");
            assert_eq!(reads[1..], [reads[1]; 3]);
            let part = get_range(&store, bucket, "k", 1_000_000..2_500_001).await;
            assert!(part == body[1_000_000..2_500_001]);
            assert_eq!(engine.stats().reads, reads[1]);
        }
        assert!(engine.stats().cache_piece_hits > 0);
    });
}

/// Fill it, be refused, delete everything, and it takes as much again.
#[test]
fn a_full_store_deletes_and_takes_again() {
    run(async {
        let config = small();
        let devices = made(1, 8 << 20, &config).await;
        let (engine, store) = started(&devices, &config).await.unwrap();
        let bucket = store.create_bucket(bucket("full")).await.unwrap().id;
        let mut counts = Vec::new();
        for size in [3000, 50_000, 3000] {
            let mut count = 0;
            loop {
                match put(&store, bucket, &format!("k{count:05}"), pattern(size, 1)).await {
                    Ok(()) => count += 1,
                    Err(PutError::Store(StoreError::NoSpace)) => break,
                    Err(other) => panic!("{other} after {count}, {:?}", engine.stats()),
                }
            }
            counts.push(count * size);
            engine.audit().unwrap();
            assert!(count > 10);
            let targets = |from: usize, to: usize| -> Vec<DeleteTarget> {
                let target = |n| DeleteTarget {
                    key: ObjectKey::parse(&format!("k{n:05}")).unwrap(),
                    version: None,
                    condition: WriteCondition::None,
                };
                (from..to).map(target).collect()
            };
            for from in (0..count).step_by(500) {
                let done = store.delete(
                    bucket,
                    targets(from, (from + 500).min(count)),
                    Timestamp::from_secs(9),
                );
                done.await.unwrap();
            }
            engine.audit().unwrap();
        }
        assert!(
            counts[2] * 10 >= counts[0] * 9,
            "{counts:?} {:?}",
            engine.stats()
        );
    });
}

fn unplugged(devices: &[SimDevice]) -> Vec<Media> {
    devices
        .iter()
        .map(|device| device.after_power_cut(Keep::Newest))
        .collect()
}

/// Enough small and large objects that every kind of group is in use.
async fn fill(store: &EngineStore<SimDevice>, bucket: BucketId, name: &str) {
    for n in 0..12 {
        let size = [10, 5_000, 120_000][n % 3];
        put(store, bucket, &format!("{name}{n}"), pattern(size, n as u8))
            .await
            .unwrap();
    }
}

async fn is_filled(store: &EngineStore<SimDevice>, bucket: BucketId, name: &str) {
    for n in 0..12 {
        let size = [10, 5_000, 120_000][n % 3];
        assert!(get(store, bucket, &format!("{name}{n}")).await == pattern(size, n as u8));
    }
}

/// A device is taken away, misses writes, comes back, is filled, and then can be the only one.
#[test]
fn a_device_that_comes_back_is_filled_before_it_counts() {
    run(async {
        let config = small();
        let both = made(2, 8 << 20, &config).await;
        let (engine, store) = started(&both, &config).await.unwrap();
        let bucket = store.create_bucket(bucket("both")).await.unwrap().id;
        fill(&store, bucket, "before").await;
        engine.checkpoint().await.unwrap();
        drop((engine, store));
        let mut media = unplugged(&both);
        let stayed_away = media.remove(1);

        let alone = devices(media);
        let refused = started(&alone, &config).await.map(drop).unwrap_err();
        assert!(
            matches!(refused, OpenError::Missing { index: 1 }),
            "{refused}"
        );
        let (engine, store) = started_with(&alone, &config, true).await.unwrap();
        assert_eq!(engine.stats().devices[1], ("missing".into(), false));
        fill(&store, bucket, "meanwhile").await;
        engine.checkpoint().await.unwrap();
        fill(&store, bucket, "after").await;
        drop((engine, store));

        let mut media = unplugged(&alone);
        media.push(stayed_away);
        let both = devices(media);
        let (engine, store) = started(&both, &config).await.unwrap();
        assert!(engine.stats().devices.iter().all(|(_, in_sync)| *in_sync));
        is_filled(&store, bucket, "meanwhile").await;
        drop((engine, store));

        let second = devices(unplugged(&both).split_off(1));
        let (engine, store) = started_with(&second, &config, true).await.unwrap();
        for name in ["before", "meanwhile", "after"] {
            is_filled(&store, bucket, name).await;
        }
        engine.audit().unwrap();
    });
}

/// An object of more extents than one row holds, through tags, a restart and its end.
#[test]
fn a_wide_object_has_rows_of_its_own() {
    run(async {
        let config = small();
        let devices = made(1, 64 << 20, &config).await;
        let (engine, store) = started(&devices, &config).await.unwrap();
        let bucket = store.create_bucket(bucket("wide")).await.unwrap().id;
        let empty = engine.stats();
        put(&store, bucket, "wide", pattern(12 << 20, 3))
            .await
            .unwrap();
        let rows = engine.stats().index_rows;
        assert!(rows > 2, "{rows} rows");
        let key = ObjectKey::parse("wide").unwrap();
        let tags = vec![("colour".into(), "blue".into())];
        store
            .set_tags(bucket, &key, None, tags.clone(), Timestamp::from_secs(7))
            .await
            .unwrap();
        engine.audit().unwrap();
        assert_eq!(engine.stats().index_rows, rows);
        engine.checkpoint().await.unwrap();
        drop((engine, store));

        let devices = self::devices(unplugged(&devices));
        let (engine, store) = started(&devices, &config).await.unwrap();
        assert!(get(&store, bucket, "wide").await == pattern(12 << 20, 3));
        let object = store.open(bucket, &key, None).await.unwrap();
        assert_eq!(object.info().attributes.tags, tags);
        let middle = 7_654_321..7_700_000;
        let mut reader = object.read(middle.clone());
        let mut found = Vec::new();
        while let Some(piece) = reader.next().await.unwrap() {
            found.extend_from_slice(&piece);
        }
        assert!(found == pattern(12 << 20, 3)[middle.start as usize..middle.end as usize]);
        put(&store, bucket, "wide", Vec::new()).await.unwrap();
        engine.audit().unwrap();
        assert_eq!(engine.stats().index_rows, 1);
        assert!(engine.stats().space.live_bytes < empty.space.live_bytes + 200_000);
    });
}

/// What is being read stays readable when it is overwritten and its groups would be given again.
#[test]
fn a_reader_keeps_its_groups() {
    run(async {
        let config = small();
        let devices = made(1, 8 << 20, &config).await;
        let (engine, store) = started(&devices, &config).await.unwrap();
        let bucket = store.create_bucket(bucket("pins")).await.unwrap().id;
        put(&store, bucket, "read", pattern(200_000, 9))
            .await
            .unwrap();
        let key = ObjectKey::parse("read").unwrap();
        let object = store.open(bucket, &key, None).await.unwrap();
        for round in 0..60 {
            put(&store, bucket, "read", pattern(200_000, round))
                .await
                .unwrap();
            engine.checkpoint().await.unwrap();
        }
        let mut reader = object.read(0..200_000);
        let mut found = Vec::new();
        while let Some(piece) = reader.next().await.unwrap() {
            found.extend_from_slice(&piece);
        }
        assert!(found == pattern(200_000, 9));
        drop(reader);
        engine.audit().unwrap();
    });
}

/// A page that takes several slices of the lock, with prefixes that hide many keys.
#[test]
fn a_listing_seeks_past_common_prefixes() {
    run(async {
        let config = small();
        let devices = made(1, 64 << 20, &config).await;
        let (_engine, store) = started(&devices, &config).await.unwrap();
        let bucket = store.create_bucket(bucket("lists")).await.unwrap().id;
        for n in 0..1500 {
            put(&store, bucket, &format!("{}/{n:04}", n % 3), vec![1])
                .await
                .unwrap();
        }
        let query = KeyQuery {
            delimiter: "/".into(),
            max: 1000,
            ..KeyQuery::default()
        };
        let page = store.list(bucket, &query).await.unwrap();
        assert_eq!(page.common_prefixes, ["0/", "1/", "2/"]);
        assert_eq!((page.objects.len(), page.next), (0, None));
        let query = KeyQuery {
            max: 1000,
            ..KeyQuery::default()
        };
        let page = store.list(bucket, &query).await.unwrap();
        assert_eq!(page.objects.len(), 1000);
        assert!(page.objects.is_sorted_by(|a, b| a.key < b.key));
        let query = KeyQuery {
            max: 1000,
            after: page.next.unwrap(),
            ..KeyQuery::default()
        };
        let page = store.list(bucket, &query).await.unwrap();
        assert_eq!((page.objects.len(), page.next), (500, None));
    });
}

/// Checkpoints without a change between them: the superblock must keep the two newest.
#[test]
fn checkpoints_in_a_row_keep_the_two_newest() {
    run(async {
        let config = small();
        let devices = made(1, 8 << 20, &config).await;
        let (engine, store) = started(&devices, &config).await.unwrap();
        let bucket = store.create_bucket(bucket("rows")).await.unwrap().id;
        fill(&store, bucket, "a").await;
        for _ in 0..8 {
            engine.checkpoint().await.unwrap();
            let media = unplugged(&devices);
            let read = |place| {
                let mut block = vec![0; 4096];
                media[0].read(place, &mut block);
                blockhouse_format::Superblock::decode(&block)
            };
            let copies = blockhouse_format::copies(8 << 20).map(read);
            let superblock = blockhouse_format::choose(&copies).unwrap();
            let checkpoints = superblock.checkpoints();
            assert!(checkpoints.is_sorted_by(|newer, older| newer.lsn > older.lsn));
            assert_eq!(checkpoints.first().map(|c| c.lsn.0 > 0), Some(true));
        }
        is_filled(&store, bucket, "a").await;
    });
}

/// Many large deletes at once have more records than one frame holds.
#[test]
fn deletes_of_a_thousand_share_frames_without_overflowing_one() {
    run(async {
        let config = EngineConfig {
            segment_bytes: Some(8 << 20),
            ..EngineConfig::default()
        };
        let devices = made(1, 256 << 20, &config).await;
        let (engine, store) = started(&devices, &config).await.unwrap();
        let bucket = store.create_bucket(bucket("many")).await.unwrap().id;
        let enabled = BucketChange::Versioning(Versioning::Suspended);
        store
            .change_bucket(bucket, enabled, Timestamp::from_secs(5))
            .await
            .unwrap();
        let targets = |n: usize| -> Vec<DeleteTarget> {
            let target = |k| DeleteTarget {
                key: ObjectKey::parse(&format!("{n}/{k}")).unwrap(),
                version: None,
                condition: WriteCondition::None,
            };
            (0..1000).map(target).collect()
        };
        let deletes: Vec<_> = (0..12)
            .map(|n| {
                let store = store.clone();
                let targets = targets(n);
                tokio::task::spawn_local(async move {
                    let now = Timestamp::from_secs(9);
                    // Twice: the second replaces the markers of the first.
                    store.delete(bucket, targets.clone(), now).await.unwrap();
                    store.delete(bucket, targets, now).await.unwrap().len()
                })
            })
            .collect();
        for delete in deletes {
            assert_eq!(delete.await.unwrap(), 1000);
        }
        assert_eq!(engine.stats().index_rows, 12_000);
        engine.audit().unwrap();
    });
}

/// A bucket with the longest documents is one row of the log and of a checkpoint, longer than sections
/// usually are.
#[test]
fn the_longest_documents_survive_log_and_checkpoint() {
    run(async {
        let config = EngineConfig {
            segment_bytes: Some(8 << 20),
            ..EngineConfig::default()
        };
        let devices = made(1, 256 << 20, &config).await;
        let (engine, store) = started(&devices, &config).await.unwrap();
        let names = ["long", "longer", "short"].map(|name| BucketName::parse(name).unwrap());
        let now = Timestamp::from_secs(5);
        let document = |kind: DocumentKind, less: usize| -> Arc<[u8]> {
            pattern(kind.bytes_max() - less, kind.code()).into()
        };
        for (name, less) in names.iter().zip([100_000, 0]) {
            let id = store.create_bucket(bucket(name.as_str())).await.unwrap().id;
            for kind in DocumentKind::ALL {
                let change = BucketChange::Document(kind, Some(document(kind, less)));
                store.change_bucket(id, change, now).await.unwrap();
            }
            let kind = DocumentKind::Addresses;
            let too_long = pattern(kind.bytes_max() + 1, 1).into();
            let change = BucketChange::Document(kind, Some(too_long));
            let refused = store.change_bucket(id, change, now).await;
            assert!(matches!(refused, Err(StoreError::Busy { .. })));
        }
        store.create_bucket(bucket("short")).await.unwrap();
        let check = |store: &EngineStore<SimDevice>| {
            for (name, less) in names.iter().zip([100_000, 0]) {
                let documents = &store.bucket(name).unwrap().documents;
                for kind in DocumentKind::ALL {
                    assert!(documents[&kind] == document(kind, less), "{name} {kind:?}");
                }
            }
            assert!(store.bucket(&names[2]).is_some());
        };
        // From the log, and from a checkpoint.
        for _ in 0..2 {
            let again = self::devices(unplugged(&devices));
            let (_, store) = started(&again, &config).await.unwrap();
            check(&store);
            engine.checkpoint().await.unwrap();
        }
        check(&store);
        engine.audit().unwrap();
    });
}

/// What fits no frame of a small pool is refused, and the store goes on.
#[test]
fn a_document_that_fits_no_frame_is_refused() {
    run(async {
        let config = small();
        let devices = made(1, 8 << 20, &config).await;
        let (engine, store) = started(&devices, &config).await.unwrap();
        let id = store.create_bucket(bucket("small")).await.unwrap().id;
        let now = Timestamp::from_secs(5);
        let (mut kept_bytes, mut refused) = (0, 0);
        for len in (26 << 10..36 << 10).step_by(512) {
            let change = BucketChange::Document(DocumentKind::Policy, Some(pattern(len, 1).into()));
            match store.change_bucket(id, change, now).await {
                Ok(()) => kept_bytes = len,
                Err(StoreError::Busy { .. }) => refused += 1,
                Err(other) => panic!("{other}"),
            }
            assert!(len >= kept_bytes && kept_bytes >= 26 << 10);
            engine.checkpoint().await.unwrap();
        }
        assert!(
            refused > 4 && kept_bytes < 32 << 10,
            "{refused} {kept_bytes}"
        );
        let kept = &store
            .bucket(&BucketName::parse("small").unwrap())
            .unwrap()
            .documents;
        assert_eq!(kept[&DocumentKind::Policy].len(), kept_bytes);
        put(&store, id, "key", pattern(100, 1)).await.unwrap();
        engine.audit().unwrap();
    });
}
