//! The question as policies see it: who, and everything that condition keys may ask for.
//!
//! What is known of a request is filled from facts: the connection, the verified signature, the parsed
//! operation, the link's terms. A header counts only for the keys that are defined by it
//! (`aws:Referer`, `aws:UserAgent`, and the `x-amz-` ones, which a signature covers).

use super::{Action, Denied, Refused, Who, Why, why};
use crate::{
    Context, Origin, access_point,
    audit::{Ground, Permission},
    verify::Caller,
};
use blockhouse_policy::{
    self as policy, Arn, Because, Decision, Dialect, Fact, Family, Grounds, Layer, Policies,
    Policy, Request, Resource, StatementRef, Value, address_list::Admission,
};
use blockhouse_s3::{
    link::{LinkTerms, Source},
    operation::{Directive, Operation},
    parse::{AccessPoint, field_values},
};
use blockhouse_state::{Access, Snapshot};
use blockhouse_store::{Bucket, ObjectStore, StoredObject as _};
use blockhouse_types::{AccountId, ObjectKey, Timestamp, VersionId};
use blockhouse_verifier_wire::{
    AuthType, Credential, PayloadMode, Principal, SignatureVersion, Verified, Verifier,
};
use http::request::Parts;
use std::{borrow::Cow, cell::OnceCell, sync::Arc};

/// One request, as policies are asked about it.
pub(crate) struct Asker<'a, S: ObjectStore, V: Verifier> {
    pub(crate) context: &'a Context<S, V>,
    pub(crate) caller: &'a Caller<'a, V>,
    pub(crate) origin: &'a Origin,
    pub(crate) head: &'a Parts,
    pub(crate) now: Timestamp,
    pub(crate) terms: &'a LinkTerms,
    /// What is asked for; `None` for a part of it that has facts of its own.
    pub(crate) operation: Option<&'a Operation>,
    /// The access point that the request goes through.
    pub(crate) through: Option<&'a AccessPoint>,
    /// The state by which the request is judged.
    pub(crate) state: &'a Arc<Snapshot>,
    /// Made when it is first needed: most requests are the owner's and need none.
    pub(crate) who: OnceCell<Who>,
}

/// The policies that apply to a bucket, or to what is in no bucket, and what they may ask for: gathered
/// once, for everything that a request needs of it.
pub(crate) struct Applied<'a, S: ObjectStore, V: Verifier> {
    asker: &'a Asker<'a, S, V>,
    bucket: Option<&'a Bucket>,
    /// The access point that it is asked through.
    access: Option<&'a Access>,
    /// Whether that is not to be had from where the request comes.
    is_beyond_reach: bool,
    resource: Option<Arc<Policy>>,
    session: Option<[Arc<Policy>; 1]>,
    /// `None` for the owner's root where nothing limits it: it may everything.
    facts: Option<policy::Context<'a>>,
}

impl<S: ObjectStore, V: Verifier> Applied<'_, S, V> {
    /// Whether the caller may do all of these, with the bucket, or an object in it; and what allowed it
    /// the first. A refusal brings its explanation, while there is an allowance for that.
    pub(crate) async fn may(
        &self,
        actions: &[Action],
        key: Option<&ObjectKey>,
    ) -> Result<Permission, Refused> {
        let log = self.asker.context.events.audit();
        let explains = || log.is_some_and(|log| log.may_explain(self.asker.now));
        self.judge(actions, key, explains).await
    }

    /// The same where a "no" is no refusal of the request.
    pub(crate) async fn allows(&self, actions: &[Action], key: Option<&ObjectKey>) -> bool {
        self.judge(actions, key, || false).await.is_ok()
    }

    async fn judge(
        &self,
        actions: &[Action],
        key: Option<&ObjectKey>,
        explains: impl Fn() -> bool,
    ) -> Result<Permission, Refused> {
        let mut permission = Permission::default();
        if let (true, [action, ..]) = (self.is_beyond_reach, actions) {
            return Err(Refused::Denied(Denied {
                action: *action,
                because: Why::BeyondReach,
                statement: None,
                explanation: None,
            }));
        }
        let Some(facts) = &self.facts else {
            permission.root = true;
            return Ok(permission);
        };
        let signed = self.asker.caller.signed().is_some();
        let who = self.asker.who();
        let denied = |action: &Action, because| Denied {
            action: *action,
            because,
            statement: None,
            explanation: None,
        };
        if let (true, [action, ..]) = (who.is_gone(), actions) {
            return Err(Refused::Denied(denied(action, Why::Gone)));
        }
        let tagged = self.with_tags(key).await;
        let [name, by_access_point] = self.names(key);
        let resource = match (name.as_deref().and_then(Arn::parse), self.bucket) {
            (Some(name), Some(bucket)) => Resource::new(name, bucket.owner),
            _ => Resource::of_caller(Arn::parse("arn:aws:s3:::*")),
        };
        let by_access_point = by_access_point.as_deref().and_then(Arn::parse);
        let resource = match (by_access_point, self.access) {
            (Some(name), Some(access)) => resource.through(name, access.account),
            _ => resource,
        };
        let policies = self.policies();
        for (number, action) in actions.iter().enumerate() {
            let name = self.action(*action);
            let request = Request {
                principal: who.principal(),
                action: policy::Action::new(&name),
                resource,
                context: tagged.as_ref().unwrap_or(facts),
            };
            match policy::decide(&policies, &request) {
                Decision::Allow(grounds) if number == 0 => permission = self.permission(grounds),
                Decision::Allow(_) => {}
                Decision::Deny(because) => {
                    let explain = || policy::explain(&policies, &request).for_record();
                    return Err(Refused::Denied(Denied {
                        statement: statement_of(&policies, because),
                        explanation: explains().then(explain).map(Box::new),
                        ..denied(action, why(because, signed))
                    }));
                }
            }
        }
        Ok(permission)
    }

    /// The statements that allowed something.
    fn permission(&self, grounds: Grounds) -> Permission {
        let Grounds {
            root,
            identity,
            access_point,
            resource,
        } = grounds;
        let ground = |at: StatementRef| {
            let policy = match at.layer {
                Layer::Identity => self.asker.who().policies().get(at.policy as usize)?,
                Layer::Resource => self.resource.as_ref()?,
                Layer::AccessPoint => self.access?.policy.as_ref()?,
                // Nothing else grants here.
                _ => return None,
            };
            Some(Ground {
                layer: at.layer,
                policy: Arc::clone(policy),
                statement: at.statement,
            })
        };
        Permission {
            root,
            statements: [identity, access_point, resource].map(|at| at.and_then(ground)),
        }
    }

    /// What is asked for, in the words of the endpoint that is asked.
    fn action(&self, action: Action) -> Cow<'static, str> {
        match (self.access, action.0.strip_prefix("s3:")) {
            (Some(_), Some(name)) => format!("s3-outposts:{name}").into(),
            _ => action.0.into(),
        }
    }

    /// The names of the bucket, or of an object in it: its own, and by the access point.
    fn names(&self, key: Option<&ObjectKey>) -> [Option<String>; 2] {
        let Some(bucket) = self.bucket else {
            return [None, None];
        };
        let name = &bucket.name;
        let site = &self.asker.context.site;
        let (Some(access), Some(outpost)) = (self.access, site.domains.outpost()) else {
            let plain = match key {
                Some(key) => format!("arn:aws:s3:::{name}/{key}"),
                None => format!("arn:aws:s3:::{name}"),
            };
            return [Some(plain), None];
        };
        let behind = |what: String| match key {
            Some(key) => format!("{what}/object/{key}"),
            None => what,
        };
        let names = [
            outpost.arn(bucket.owner, &behind(format!("bucket/{name}"))),
            outpost.arn(
                access.account,
                &behind(format!("accesspoint/{}", access.name)),
            ),
        ];
        names.map(Some)
    }

    fn policies(&self) -> Policies<'_> {
        let who = self.asker.who();
        Policies {
            identity: who.policies(),
            boundary: who.boundary(),
            guardrail: self.asker.guardrail(),
            endpoint: self.asker.endpoint_policy(),
            session: self.session.as_ref().map(|policies| &policies[..]),
            resource: self.resource.as_deref(),
            access_point: self.access.and_then(|access| access.policy.as_deref()),
        }
    }

    /// The facts with the object's tags, if any policy asks for those: they must be read.
    async fn with_tags(&self, key: Option<&ObjectKey>) -> Option<policy::Context<'_>> {
        let (bucket, key) = (self.bucket?, key?);
        let policies = self.policies();
        if !every(&policies).any(|policy| policy.asks_for_tags(Family::ExistingObjectTag)) {
            return None;
        }
        let mut facts = self.asker.facts(Some(bucket), self.access);
        for (name, value) in self.asker.existing_tags(bucket, key).await {
            facts.set_tag(Family::ExistingObjectTag, name, value);
        }
        Some(facts)
    }
}

impl<S: ObjectStore, V: Verifier> Asker<'_, S, V> {
    /// The account that the caller acts for; `None` when nobody signed.
    pub(crate) fn account(&self) -> Option<AccountId> {
        self.caller.account()
    }

    pub(crate) fn store(&self) -> &S {
        &self.context.store
    }

    /// What the bucket's list of addresses says of where the request comes from. Changing the list is
    /// not subject to it.
    pub(super) fn admits(&self, bucket: &Bucket) -> Admission {
        use Operation as Op;
        let of_the_list = matches!(
            self.operation,
            Some(
                Op::GetBucketAddressList(_)
                    | Op::PutBucketAddressList(_)
                    | Op::DeleteBucketAddressList(_)
            )
        );
        if of_the_list {
            return Admission::NoList;
        }
        let networks = self.state.networks(bucket.owner);
        let list = self.context.compiled.list_of(bucket, networks);
        Admission::judge(list.as_deref(), self.origin.as_listed())
    }

    /// The policies that apply to a bucket, or to what is in no bucket.
    pub(crate) fn applied<'c>(&'c self, bucket: Option<&'c Bucket>) -> Applied<'c, S, V> {
        self.applied_through(bucket, self.through)
    }

    /// The policies that apply to a bucket through that access point, if any.
    pub(super) fn applied_through<'c>(
        &'c self,
        bucket: Option<&'c Bucket>,
        through: Option<&AccessPoint>,
    ) -> Applied<'c, S, V> {
        // Found when the request was read, in the same version of the state.
        let access = through.and_then(|through| {
            let found = self.state.access_point(through.account, &through.name);
            found.map(|access| &**access)
        });
        // One for a VPC is reached from there alone. One whose bucket is another account's by now leads
        // nowhere.
        let owner = bucket.map(|bucket| bucket.owner);
        let from = self.origin.vpc_endpoint().map(|endpoint| &*endpoint.vpc);
        let is_reached = |vpc: Option<&str>| vpc.is_none() || vpc == from;
        let leads =
            |access: &Access| is_reached(access.vpc.as_deref()) && owner == Some(access.account);
        let is_beyond_reach = through.is_some() && !access.is_some_and(leads);
        let signed = self.caller.signed();
        let compiled = &self.context.compiled;
        let resource = bucket.and_then(|bucket| compiled.of_bucket(bucket));
        let session = signed.and_then(|signed| match &signed.credential {
            Credential::LongTerm => None,
            Credential::Temporary(claims) => claims.policy.as_deref(),
        });
        let session = session.map(|text| [compiled.of_session(text)]);
        let is_owner = match signed.map(|signed| &signed.principal) {
            Some(Principal::Root { account }) => owner.is_none_or(|owner| owner == *account),
            _ => false,
        };
        let limited = resource.is_some()
            || session.is_some()
            || self.guardrail().is_some()
            || self.endpoint_policy().is_some()
            || access.is_some_and(|access| access.policy.is_some());
        let unlimited = is_owner && !limited;
        Applied {
            asker: self,
            bucket,
            access,
            is_beyond_reach,
            resource,
            session,
            facts: (!unlimited).then(|| self.facts(bucket, access)),
        }
    }

    /// The access point that a copy's source is read through.
    pub(super) fn source_through(&self) -> Option<&AccessPoint> {
        match self.operation {
            Some(Operation::CopyObject(op)) => op.source.through.as_ref(),
            Some(Operation::UploadPartCopy(op)) => op.source.through.as_ref(),
            _ => None,
        }
    }

    /// The caller, as the state knows it.
    fn who(&self) -> &Who {
        self.who
            .get_or_init(|| Who::of(self.caller.signed(), self.state))
    }

    /// The most that may happen here at all.
    fn guardrail(&self) -> Option<&Policy> {
        self.state.guardrail().map(|policy| &**policy)
    }

    /// The most that may be done by the way that the request came.
    fn endpoint_policy(&self) -> Option<&Policy> {
        let endpoint = self.origin.vpc_endpoint()?;
        let policy = self.state.endpoint_policy(&endpoint.id)?;
        Some(policy)
    }

    /// Everything that condition keys may ask for.
    fn facts<'c>(
        &'c self,
        bucket: Option<&'c Bucket>,
        access: Option<&'c Access>,
    ) -> policy::Context<'c> {
        let dialect = match access {
            Some(_) => Dialect::Outposts,
            None => Dialect::S3,
        };
        let mut facts = policy::Context::of(self.who().principal(), dialect);
        if let Some(access) = access {
            if let Some(arn) = access_point::arn(&self.context.site, access.account, &access.name) {
                facts.set(Fact::DataAccessPointArn, arn);
            }
            facts.set(Fact::DataAccessPointAccount, access.account.to_string());
            let origin = match access.vpc {
                Some(_) => "VPC",
                None => "Internet",
            };
            facts.set(Fact::AccessPointNetworkOrigin, origin);
        }
        facts.set_time(self.now);
        self.facts_of_origin(&mut facts);
        facts.set(Fact::SecureTransport, self.origin.tls());
        facts.set(Fact::ViaAwsService, false);
        // The node keeps its own state: none is newer.
        facts.set(Fact::PolicyAge, 0);
        facts.set(Fact::RequestedRegion, &*self.context.site.region);
        if let Some(bucket) = bucket {
            facts.set(Fact::ResourceAccount, bucket.owner.to_string());
            facts.set(Fact::S3ResourceAccount, bucket.owner.to_string());
        }
        let query = self.head.uri.query().unwrap_or_default();
        let values = field_values(&self.head.headers, query, FIELDS.map(|(_, name)| name));
        for ((fact, _), value) in FIELDS.into_iter().zip(values) {
            if let Some(value) = value {
                facts.set(fact, value);
            }
        }
        if let Some(signed) = self.caller.signed() {
            self.facts_of_signature(&mut facts, signed);
            self.who().tell(&mut facts, signed);
        }
        if let Some(operation) = self.operation {
            facts_of_operation(&mut facts, operation);
        }
        facts
    }

    /// Where it came from: a public address, or a VPC with an address in it, never both. Source: IAM user
    /// guide, "AWS global condition context keys".
    fn facts_of_origin<'c>(&'c self, facts: &mut policy::Context<'c>) {
        let address = self.origin.peer().ip();
        let Some(endpoint) = self.origin.vpc_endpoint() else {
            facts.set(Fact::SourceIp, address);
            return;
        };
        facts.set(Fact::VpcSourceIp, address);
        facts.set(Fact::SourceVpc, &*endpoint.vpc);
        facts.set(Fact::SourceVpce, &*endpoint.id);
        let arn = endpoint.vpc_arn(&self.context.site.region);
        facts.set(Fact::SourceVpcArn, arn);
    }

    fn facts_of_signature<'c>(&'c self, facts: &mut policy::Context<'c>, signed: &'c Verified) {
        facts.set(
            Fact::AuthType,
            match signed.auth_type {
                AuthType::Header => "REST-HEADER",
                AuthType::Query => "REST-QUERY-STRING",
                AuthType::Post => "POST",
            },
        );
        facts.set(
            Fact::SignatureVersion,
            match signed.signature_version {
                SignatureVersion::V4 => "AWS4-HMAC-SHA256",
                SignatureVersion::V4a => "AWS4-ECDSA-P256-SHA256",
            },
        );
        if signed.auth_type != AuthType::Header {
            // Computed, never read from a header.
            let age = self.now.millis().saturating_sub(signed.signed_at.millis());
            facts.set(Fact::SignatureAge, i64::try_from(age).unwrap_or(i64::MAX));
        }
        facts.set(Fact::ContentSha256, Value::Text(payload(signed.payload)));
        if let Credential::Temporary(claims) = &signed.credential {
            facts.set(Fact::TokenIssueTime, claims.issued_at);
        }
        if let Some(link) = signed.link {
            facts.set(Fact::LinkId, link.to_string());
            facts.set(Fact::LinkOnce, self.terms.once.is_some());
            if let Some(max) = self.terms.max_bytes {
                facts.set(Fact::LinkMaxBytes, i64::try_from(max).unwrap_or(i64::MAX));
            }
            if let Some(sources) = &self.terms.sources {
                let sources = sources.iter().map(|source| Cow::Owned(shown(source)));
                facts.set(Fact::LinkSource, Value::Texts(sources.collect()));
            }
        }
    }

    /// The tags of the object that is asked for, as it is now; none when it is not there.
    async fn existing_tags(&self, bucket: &Bucket, key: &ObjectKey) -> Vec<(String, String)> {
        let version = self.operation.and_then(version_of);
        match self.context.store.open(bucket.id, key, version).await {
            Ok(object) => object.info().attributes.tags.clone(),
            // Whether it can be read is told by the operation itself.
            Err(_) => Vec::new(),
        }
    }
}

/// The fields that are condition keys, as they stand there.
const FIELDS: [(Fact, &str); 10] = [
    (Fact::Referer, "referer"),
    (Fact::UserAgent, "user-agent"),
    (Fact::IfMatch, "if-match"),
    (Fact::IfNoneMatch, "if-none-match"),
    (Fact::Acl, "x-amz-acl"),
    (Fact::CopySource, "x-amz-copy-source"),
    (Fact::MetadataDirective, "x-amz-metadata-directive"),
    (Fact::StorageClass, "x-amz-storage-class"),
    (Fact::ServerSideEncryption, "x-amz-server-side-encryption"),
    (Fact::WebsiteRedirect, "x-amz-website-redirect-location"),
];

/// What the operation itself says.
fn facts_of_operation<'c>(facts: &mut policy::Context<'c>, operation: &'c Operation) {
    use Operation as Op;
    let listing = match operation {
        Op::ListObjects(op) => Some((&op.prefix, &op.delimiter, op.max_keys)),
        Op::ListObjectsV2(op) => Some((&op.prefix, &op.delimiter, op.max_keys)),
        Op::ListObjectVersions(op) => Some((&op.prefix, &op.delimiter, op.max_keys)),
        _ => None,
    };
    if let Some((prefix, delimiter, max_keys)) = listing {
        facts.set(Fact::Prefix, prefix.as_str());
        if !delimiter.is_empty() {
            facts.set(Fact::Delimiter, delimiter.as_str());
        }
        facts.set(Fact::MaxKeys, i64::try_from(max_keys).unwrap_or(i64::MAX));
    }
    if let Some(version) = version_of(operation) {
        facts.set(Fact::VersionId, version.to_string());
    }
    let tags = match operation {
        Op::PutObject(op) => &op.attributes.tags[..],
        Op::PostObject(op) => &op.put.attributes.tags,
        Op::CreateMultipartUpload(op) => &op.attributes.tags,
        Op::CopyObject(op) => match &op.tags {
            Directive::Replace(tags) => &tags[..],
            Directive::Copy => &[],
        },
        _ => &[],
    };
    if !tags.is_empty() {
        let names = tags.iter().map(|(name, _)| Cow::Borrowed(name.as_str()));
        facts.set(Fact::RequestObjectTagKeys, Value::Texts(names.collect()));
    }
    for (name, value) in tags {
        facts.set_tag(Family::RequestObjectTag, name.as_str(), value.as_str());
    }
    match operation {
        Op::PutObject(_)
        | Op::PostObject(_)
        | Op::CopyObject(_)
        | Op::CompleteMultipartUpload(_) => {
            facts.set(Fact::ObjectCreationOperation, true);
        }
        Op::CreateMultipartUpload(_) | Op::UploadPart(_) | Op::UploadPartCopy(_) => {
            facts.set(Fact::ObjectCreationOperation, false);
        }
        _ => {}
    }
}

fn version_of(operation: &Operation) -> Option<VersionId> {
    use Operation as Op;
    match operation {
        Op::GetObject(op) | Op::HeadObject(op) => op.version,
        Op::DeleteObject(op) => op.version,
        Op::GetObjectAttributes(op) => op.version,
        Op::GetObjectAcl(op)
        | Op::GetObjectTagging(op)
        | Op::PutObjectTagging(op)
        | Op::DeleteObjectTagging(op) => op.version,
        _ => None,
    }
}

fn payload<'c>(mode: PayloadMode) -> Cow<'c, str> {
    match mode {
        PayloadMode::Sha256(digest) => blockhouse_types::hex(&digest).into(),
        PayloadMode::Unsigned => "UNSIGNED-PAYLOAD".into(),
        PayloadMode::UnsignedTrailer => "STREAMING-UNSIGNED-PAYLOAD-TRAILER".into(),
        PayloadMode::SignedChunks { trailer: false } => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD".into(),
        PayloadMode::SignedChunks { trailer: true } => {
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER".into()
        }
    }
}

fn shown(source: &Source) -> String {
    match source {
        Source::Public(cidr) => cidr.to_string(),
        Source::Vpc { id, cidr } => format!("{id}/{cidr}"),
        Source::VpcEndpoint { id } => id.clone(),
    }
}

/// All policies that apply.
fn every<'p>(policies: &Policies<'p>) -> impl Iterator<Item = &'p Policy> {
    let lists = policies
        .identity
        .iter()
        .chain(policies.session.into_iter().flatten());
    let single = [
        policies.boundary,
        policies.resource,
        policies.access_point,
        policies.endpoint,
        policies.guardrail,
    ];
    lists
        .map(|policy| &**policy)
        .chain(single.into_iter().flatten())
}

/// The statement that denied, by its policy and name or number.
pub(super) fn statement_of(policies: &Policies<'_>, because: Because) -> Option<String> {
    let Because::Explicit(at) = because else {
        return None;
    };
    let number = at.policy as usize;
    let policy = match at.layer {
        Layer::Guardrail => policies.guardrail?,
        Layer::Endpoint => policies.endpoint?,
        Layer::Identity => policies.identity.get(number)?,
        Layer::Boundary => policies.boundary?,
        Layer::Session => policies.session?.get(number)?,
        Layer::AccessPoint => policies.access_point?,
        Layer::Resource => policies.resource?,
    };
    let number = at.statement as usize;
    Some(match policy.sid(number) {
        Some(sid) => format!("{}/{}/{sid}", policy.kind().as_str(), policy.id()),
        None => format!("{}/{}/{number}", policy.kind().as_str(), policy.id()),
    })
}
