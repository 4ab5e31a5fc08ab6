use super::op::{ConditionRef, Content, LinkRef, Op, VersionRef};
use crate::{
    Body, BodyFailed, BucketChange, CompletedPart, Completion, DeleteTarget, Deleted, KeyQuery,
    NewBucket, NewObject, NewUpload, ObjectAttributes, ObjectReader, ObjectStore, OpenError,
    PartQuery, Seal, StoredObject, UploadQuery, UploadRef, VersionQuery, WriteCondition,
};
use blockhouse_types::{BucketId, BucketName, ETag, ObjectKey, UploadId, VersionId};
use bytes::Bytes;
use std::{collections::BTreeMap, fmt::Write as _};

/// What one store was given names for, in order. Two stores that behave alike get theirs in the
/// same order, so the n-th of one is the n-th of the other.
#[derive(Debug, Clone, Default)]
pub struct Names {
    pub(super) buckets: BTreeMap<BucketName, BucketId>,
    versions: Vec<VersionId>,
    pub(super) uploads: Vec<(UploadRef, BTreeMap<u16, Content>)>,
    /// The newest version of the desired state.
    pub(super) desired: u64,
}

impl Names {
    /// Whether no bucket was ever made.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// How many uploads were begun.
    pub fn uploads(&self) -> usize {
        self.uploads.len()
    }

    /// The parts last stored in the n-th upload.
    pub fn parts_of(&self, upload: usize) -> Vec<(u16, Content)> {
        let parts = self.uploads.get(upload).map(|(_, parts)| parts);
        parts
            .into_iter()
            .flatten()
            .map(|(number, content)| (*number, *content))
            .collect()
    }

    /// The bucket last made under the name; one that never was otherwise.
    fn bucket(&self, name: &BucketName) -> BucketId {
        self.buckets
            .get(name)
            .copied()
            .unwrap_or(BucketId(u64::MAX))
    }

    fn resolve(&self, version: VersionRef) -> Option<VersionId> {
        match version {
            VersionRef::Current => None,
            VersionRef::Null => Some(VersionId::NULL),
            VersionRef::Given(_) if self.versions.is_empty() => Some(VersionId::NULL),
            VersionRef::Given(n) => Some(self.versions[n % self.versions.len()]),
        }
    }

    pub(super) fn given(&mut self, version: VersionId) {
        if !version.is_null() {
            self.versions.push(version);
        }
    }

    /// The version as text that is the same for every store.
    fn show(&self, version: VersionId) -> String {
        if version.is_null() {
            return "null".to_owned();
        }
        let known = self.versions.iter().position(|v| *v == version);
        known.map_or_else(|| "unknown".to_owned(), |n| format!("v{n}"))
    }

    fn show_upload(&self, upload: UploadId) -> String {
        let known = self.uploads.iter().position(|(of, _)| of.upload == upload);
        known.map_or_else(|| "unknown".to_owned(), |n| format!("u{n}"))
    }
}

/// What an operation did, without anything of the store's own choosing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It worked; what came back, as text.
    Done(String),
    /// It was refused; the error, as text.
    Refused(String),
}

impl Outcome {
    fn of<T, E: std::fmt::Debug>(result: Result<T, E>, show: impl FnOnce(T) -> String) -> Self {
        match result {
            Ok(value) => Self::Done(show(value)),
            Err(error) => Self::Refused(format!("{error:?}")),
        }
    }

    /// Whether the store said that it did it.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

/// Headers and tags that go with a content.
fn attributes(content: Content, tagged: bool) -> ObjectAttributes {
    let pair = |n: u64| (format!("x-amz-meta-{n}"), format!("value-{}", content.seed));
    let tags = if tagged {
        vec![("tag".to_owned(), content.seed.to_string())]
    } else {
        Vec::new()
    };
    ObjectAttributes {
        headers: (0..content.seed % 3).map(pair).collect(),
        tags,
    }
}

fn condition(reference: ConditionRef) -> WriteCondition {
    match reference {
        ConditionRef::None => WriteCondition::None,
        ConditionRef::Absent => WriteCondition::Absent,
        ConditionRef::Present => WriteCondition::Present,
        ConditionRef::Holds(content) => WriteCondition::Matches(content.etag()),
    }
}

/// A body that comes in uneven pieces and may break off before its end.
struct PiecesBody {
    rest: Bytes,
    content: Content,
    fails: bool,
}

impl PiecesBody {
    fn new(content: Content, fails: bool) -> Self {
        Self {
            rest: content.bytes(),
            content,
            fails,
        }
    }
}

impl Body for PiecesBody {
    fn declared_len(&self) -> Option<u64> {
        // Every other content does not say, as chunked encoding does not.
        self.content
            .seed
            .is_multiple_of(2)
            .then_some(self.content.len_bytes as u64)
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, BodyFailed> {
        let piece = self
            .rest
            .split_to(self.rest.len().min(1 + self.content.len_bytes * 2 / 3));
        if self.fails && self.rest.is_empty() {
            return Err(BodyFailed);
        }
        Ok((!piece.is_empty()).then_some(piece))
    }

    fn seal(&mut self) -> Seal {
        Seal {
            etag: self.content.etag(),
            checksum: None,
        }
    }
}

/// Makes the call on `store`.
pub async fn apply<S: ObjectStore>(store: &S, names: &mut Names, op: &Op) -> Outcome {
    match op {
        Op::CreateBucket { name, owner, now } => {
            let (owner, now) = (*owner, *now);
            let new = NewBucket {
                name: name.clone(),
                owner,
                now,
                buckets_max: 100,
            };
            let made = store.create_bucket(new).await;
            if let Ok(bucket) = &made {
                names.buckets.insert(name.clone(), bucket.id);
            }
            Outcome::of(made, |b| format!("{} {:?}", b.owner, b.created))
        }
        Op::DeleteBucket { name, now } => {
            Outcome::of(store.delete_bucket(names.bucket(name), *now).await, |()| {
                String::new()
            })
        }
        Op::SetVersioning {
            name,
            versioning,
            now,
        } => {
            change(
                store,
                names,
                name,
                BucketChange::Versioning(*versioning),
                *now,
            )
            .await
        }
        Op::SetDocument {
            name,
            kind,
            content,
            now,
        } => {
            let bytes = content.map(|c| c.bytes().to_vec().into());
            change(
                store,
                names,
                name,
                BucketChange::Document(*kind, bytes),
                *now,
            )
            .await
        }
        Op::Put { .. } => put(store, names, op).await,
        Op::Get {
            name,
            key,
            version,
            from,
            len_bytes,
        } => {
            let version = names.resolve(*version);
            get(
                store,
                names,
                (names.bucket(name), key),
                version,
                (*from, *len_bytes),
            )
            .await
        }
        Op::Delete { name, targets, now } => {
            let bucket = names.bucket(name);
            let target = |(key, version, unless): &(ObjectKey, VersionRef, ConditionRef)| {
                let (version, condition) = (names.resolve(*version), condition(*unless));
                DeleteTarget {
                    key: key.clone(),
                    version,
                    condition,
                }
            };
            let targets = targets.iter().map(target).collect();
            deleted(names, store.delete(bucket, targets, *now).await)
        }
        Op::SetTags {
            name,
            key,
            version,
            count,
            now,
        } => {
            let tags = (0..*count)
                .map(|n| (format!("k{n}"), format!("v{n}")))
                .collect();
            let (bucket, version) = (names.bucket(name), names.resolve(*version));
            let done = store.set_tags(bucket, key, version, tags, *now).await;
            shown(names, done)
        }
        Op::List {
            name,
            prefix,
            delimiter,
            max,
        } => list(store, names.bucket(name), (prefix, delimiter, *max)).await,
        Op::ListVersions {
            name,
            prefix,
            delimiter,
            max,
        } => list_versions(store, names, names.bucket(name), (prefix, delimiter, *max)).await,
        Op::ListUploads {
            name,
            prefix,
            delimiter,
            max,
        } => list_uploads(store, names, names.bucket(name), (prefix, delimiter, *max)).await,
        Op::CreateUpload { name, key, now } => {
            let content = Content {
                seed: 2,
                len_bytes: 0,
            };
            let (bucket, attributes) = (names.bucket(name), attributes(content, true));
            let new = NewUpload {
                bucket,
                key: key.clone(),
                attributes,
                checksum: None,
                now: *now,
            };
            let made = store.create_upload(new).await;
            if let Ok(upload) = made {
                let of = UploadRef {
                    bucket,
                    key: key.clone(),
                    upload,
                };
                names.uploads.push((of, BTreeMap::new()));
            }
            Outcome::of(made, |_| String::new())
        }
        Op::PutPart { .. } | Op::ListParts { .. } | Op::Complete { .. } | Op::Abort { .. } => {
            of_upload(store, names, op).await
        }
        Op::UseLink { link, now } => done(store.use_link(link.usage(*now)).await),
        Op::ResumeLink { number, token, now } => {
            let (link, token) = (LinkRef::id(*number), LinkRef::hash(*token));
            done(store.resume_link(link, token, *now).await)
        }
        Op::EndLink { number, end, now } => {
            done(store.end_link(LinkRef::id(*number), *end, *now).await)
        }
        Op::Revoke { revocation, now } => done(store.revoke(revocation.order(*now)).await),
        Op::ApplyDesired { change, now } => {
            let applied = store.apply_desired(change.change(*now)).await;
            if let Ok(version) = applied {
                names.desired = names.desired.max(version);
            }
            Outcome::of(applied, |version| version.to_string())
        }
    }
}

fn done<E: std::fmt::Debug>(result: Result<(), E>) -> Outcome {
    Outcome::of(result, |()| String::new())
}

async fn change<S: ObjectStore>(
    store: &S,
    names: &Names,
    name: &BucketName,
    change: BucketChange,
    now: blockhouse_types::Timestamp,
) -> Outcome {
    Outcome::of(
        store.change_bucket(names.bucket(name), change, now).await,
        |()| String::new(),
    )
}

async fn put<S: ObjectStore>(store: &S, names: &mut Names, op: &Op) -> Outcome {
    let Op::Put {
        name,
        key,
        content,
        tagged,
        condition: unless,
        link,
        body_fails,
        now,
    } = op
    else {
        return Outcome::Refused("not a put".into());
    };
    let new = NewObject {
        bucket: names.bucket(name),
        key: key.clone(),
        attributes: attributes(*content, *tagged),
        condition: condition(*unless),
        link: link.map(|link| link.usage(*now)),
        now: *now,
    };
    let written = store
        .put(new, &mut PiecesBody::new(*content, *body_fails))
        .await;
    if let Ok(written) = &written {
        names.given(written.version);
    }
    Outcome::of(written, |w| {
        format!("{} {} {:?}", names.show(w.version), w.etag, w.modified)
    })
}

/// What is known of an object and the hash of a range of it, as text.
async fn get<S: ObjectStore>(
    store: &S,
    names: &Names,
    (bucket, key): (BucketId, &ObjectKey),
    version: Option<VersionId>,
    (from, len_bytes): (u64, u64),
) -> Outcome {
    let object = match store.open(bucket, key, version).await {
        Ok(object) => object,
        Err(error) => return shown(names, Err(error)),
    };
    let mut info = crate::ObjectInfo::clone(object.info());
    let shown = names.show(info.version);
    info.version = VersionId::NULL;
    let start = from.min(info.size);
    let range = start..start.saturating_add(len_bytes).min(info.size);
    match read(object, range).await {
        Ok((len, hash)) => Outcome::Done(format!("{shown} {info:?} {len} {hash:016x}")),
        Err(error) => Outcome::Refused(format!("{error:?}")),
    }
}

/// Length and hash (FNV-1a) of what a read gives.
pub(super) async fn read<O: StoredObject>(
    object: O,
    range: std::ops::Range<u64>,
) -> Result<(usize, u64), crate::ReadError> {
    let mut reader = object.read(range);
    let (mut len, mut hash) = (0, 0xcbf2_9ce4_8422_2325_u64);
    while let Some(piece) = reader.next().await? {
        len += piece.len();
        hash = piece.iter().fold(hash, |h, b| {
            (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3)
        });
    }
    Ok((len, hash))
}

fn deleted<E: std::fmt::Debug>(
    names: &mut Names,
    result: Result<Vec<Result<Deleted, crate::DeleteError>>, E>,
) -> Outcome {
    let results = match result {
        Ok(results) => results,
        Err(error) => return Outcome::Refused(format!("{error:?}")),
    };
    let mut text = String::new();
    for one in results {
        if let Ok(Deleted {
            marker: Some(marker),
            version: None,
        }) = one
        {
            names.given(marker);
        }
        let one = one.map(|d| {
            (
                d.marker.map(|m| names.show(m)),
                d.version.map(|v| names.show(v)),
            )
        });
        let _ = write!(text, "{one:?};");
    }
    Outcome::Done(text)
}

/// A version, or the error without a marker's id, which is the store's own.
fn shown(names: &Names, result: Result<VersionId, OpenError>) -> Outcome {
    match result {
        Ok(version) => Outcome::Done(names.show(version)),
        Err(OpenError::DeleteMarker { version, modified }) => {
            Outcome::Refused(format!("marker {} {modified:?}", names.show(version)))
        }
        Err(error) => Outcome::Refused(format!("{error:?}")),
    }
}

/// At most this many pages are walked, so that a listing that does not advance ends.
const PAGES_MAX: usize = 10_000;

/// All pages of a listing, one text.
async fn list<S: ObjectStore>(
    store: &S,
    bucket: BucketId,
    (prefix, delimiter, max): (&str, &str, usize),
) -> Outcome {
    let mut query = KeyQuery {
        prefix: prefix.to_owned(),
        delimiter: delimiter.to_owned(),
        after: String::new(),
        max,
    };
    let mut text = String::new();
    for _ in 0..PAGES_MAX {
        let page = match store.list(bucket, &query).await {
            Ok(page) => page,
            Err(error) => return Outcome::Refused(format!("{error:?}")),
        };
        for object in &page.objects {
            let (size, etag, modified) = (object.size, object.etag, object.modified);
            let _ = write!(text, "{:?} {size} {etag} {modified:?};", object.key);
        }
        let _ = writeln!(text, "{:?} -> {:?}", page.common_prefixes, page.next);
        match page.next {
            Some(next) => query.after = next,
            None => return Outcome::Done(text),
        }
    }
    Outcome::Refused("the listing does not end".into())
}

async fn list_versions<S: ObjectStore>(
    store: &S,
    names: &Names,
    bucket: BucketId,
    (prefix, delimiter, max): (&str, &str, usize),
) -> Outcome {
    let mut query = VersionQuery {
        prefix: prefix.to_owned(),
        delimiter: delimiter.to_owned(),
        max,
        ..VersionQuery::default()
    };
    let mut text = String::new();
    for _ in 0..PAGES_MAX {
        let page = match store.list_versions(bucket, &query).await {
            Ok(page) => page,
            Err(error) => return Outcome::Refused(format!("{error:?}")),
        };
        for v in &page.versions {
            let (id, latest, kind) = (names.show(v.version), v.latest, v.kind);
            let _ = write!(
                text,
                "{:?} {id} {latest} {kind:?} {} {};",
                v.key, v.size, v.etag
            );
        }
        let next = page
            .next
            .as_ref()
            .map(|(key, id)| (key, id.map(|id| names.show(id))));
        let _ = writeln!(text, "{:?} -> {next:?}", page.common_prefixes);
        match page.next {
            Some((key, version)) => {
                (query.key_marker, query.version_marker) = (key, version);
            }
            None => return Outcome::Done(text),
        }
    }
    Outcome::Refused("the listing does not end".into())
}

async fn list_uploads<S: ObjectStore>(
    store: &S,
    names: &Names,
    bucket: BucketId,
    (prefix, delimiter, max): (&str, &str, usize),
) -> Outcome {
    let mut query = UploadQuery {
        prefix: prefix.to_owned(),
        delimiter: delimiter.to_owned(),
        max,
        ..UploadQuery::default()
    };
    let mut text = String::new();
    for _ in 0..PAGES_MAX {
        let page = match store.list_uploads(bucket, &query).await {
            Ok(page) => page,
            Err(error) => return Outcome::Refused(format!("{error:?}")),
        };
        for u in &page.uploads {
            let _ = write!(
                text,
                "{:?} {} {:?};",
                u.key,
                names.show_upload(u.upload),
                u.initiated
            );
        }
        let next = page
            .next
            .as_ref()
            .map(|(key, id)| (key, id.map(|id| names.show_upload(id))));
        let _ = writeln!(text, "{:?} -> {next:?}", page.common_prefixes);
        match page.next {
            Some((key, upload)) => (query.key_marker, query.upload_marker) = (key, upload),
            None => return Outcome::Done(text),
        }
    }
    Outcome::Refused("the listing does not end".into())
}

async fn of_upload<S: ObjectStore>(store: &S, names: &mut Names, op: &Op) -> Outcome {
    let (Op::PutPart { upload: n, .. }
    | Op::ListParts { upload: n, .. }
    | Op::Complete { upload: n, .. }
    | Op::Abort { upload: n, .. }) = op
    else {
        return Outcome::Refused("not of an upload".into());
    };
    let Some((of, stored)) = names.uploads.get_mut(*n) else {
        return Outcome::Refused("no upload was begun".into());
    };
    match op {
        Op::PutPart {
            number,
            content,
            body_fails,
            now,
            ..
        } => {
            let mut body = PiecesBody::new(*content, *body_fails);
            let part = store.put_part(of, *number, &mut body, *now).await;
            if part.is_ok() {
                stored.insert(*number, *content);
            }
            Outcome::of(part, |p| format!("{p:?}"))
        }
        Op::ListParts { max, .. } => {
            let page = store
                .list_parts(
                    of,
                    PartQuery {
                        after: 1,
                        max: *max,
                    },
                )
                .await;
            Outcome::of(page, |p| format!("{p:?}"))
        }
        Op::Complete {
            parts,
            condition: unless,
            now,
            ..
        } => {
            let part = |(number, content): &(u16, Content)| CompletedPart {
                number: *number,
                etag: content.etag(),
            };
            let order = Completion {
                upload: of.clone(),
                parts: parts.iter().map(part).collect(),
                etag: ETag::of_parts([parts.len() as u8; 16], parts.len() as u32),
                checksum: None,
                condition: condition(*unless),
                now: *now,
            };
            let written = store.complete_upload(order).await;
            if let Ok(written) = &written {
                names.given(written.version);
            }
            Outcome::of(written, |w| {
                format!("{} {} {:?}", names.show(w.version), w.etag, w.modified)
            })
        }
        Op::Abort { now, .. } => {
            Outcome::of(store.abort_upload(of, *now).await, |()| String::new())
        }
        _ => Outcome::Refused("not of an upload".into()),
    }
}
