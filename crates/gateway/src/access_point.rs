//! The access points of the desired state, as hosts and ARNs of requests name them.

use blockhouse_s3::{
    error::{ErrorKind, S3Error},
    parse::{AccessPoint, AccessPoints, Style},
};
use blockhouse_state::{ACCESS_POINTS_OF_BUCKET_MAX, Access, Fault, Invalid, Kind, Name, Snapshot};
use blockhouse_store::ObjectStore;
use blockhouse_types::AccountId;
use blockhouse_verifier_wire::{AuthType, Service, Verified};

use crate::Site;
use blockhouse_policy::Arn;

/// Those of one version of the state.
#[derive(Debug)]
pub(crate) struct Known<'a> {
    /// The version.
    pub(crate) state: &'a Snapshot,
    /// The node.
    pub(crate) site: &'a Site,
}

impl AccessPoints for Known<'_> {
    fn by_label(&self, label: &str) -> Option<AccessPoint> {
        let outpost = self.site.domains.outpost()?;
        let found = self.state.access_point_of(label, &outpost.id)?;
        Some(named(found))
    }

    fn by_name(&self, account: AccountId, name: &str) -> Option<AccessPoint> {
        self.state
            .access_point(account, name)
            .map(|found| named(found))
    }
}

fn named(access: &Access) -> AccessPoint {
    AccessPoint {
        account: access.account,
        name: access.name.clone(),
        bucket: access.bucket.clone(),
    }
}

/// Refuses a signature that was made for the other kind of endpoint: what was signed for an access point
/// is good for nothing else, and the other way round.
pub(crate) fn check_service(signed: &Verified, style: Style) -> Result<(), S3Error> {
    let wanted = match style {
        Style::AccessPoint => Service::S3Outposts,
        Style::Path | Style::VirtualHost => Service::S3,
    };
    if signed.service == wanted {
        return Ok(());
    }
    let (kind, what) = match signed.auth_type {
        AuthType::Query => (
            ErrorKind::AuthorizationQueryParametersError,
            "Error parsing the X-Amz-Credential parameter",
        ),
        AuthType::Header | AuthType::Post => (
            ErrorKind::AuthorizationHeaderMalformed,
            "The authorization header is malformed",
        ),
    };
    let (given, wanted) = (signed.service.as_str(), wanted.as_str());
    Err(S3Error::from(kind).message(format!(
        "{what}; incorrect service \"{given}\". This endpoint belongs to \"{wanted}\"."
    )))
}

/// Whether the access points of the next version can be so: each has a bucket of its account, of which no
/// more than ten do, and a policy that speaks of it alone and of nobody but whom it names.
pub(crate) fn check<S: ObjectStore>(
    store: &S,
    site: &Site,
    old: &Snapshot,
    next: &Snapshot,
) -> Result<(), Invalid> {
    for access in next.access_points() {
        let same = |name: &Name| old.state().get(name) == next.state().get(name);
        let name = Name::of(Kind::AccessPoint, access.account, &access.name);
        if name.as_ref().is_some_and(same) {
            continue;
        }
        check_one(store, site, access, next).map_err(|fault| Invalid {
            resource: name
                .map_or_else(|| access.label(), |name| name.to_string())
                .into(),
            fault,
        })?;
    }
    Ok(())
}

fn check_one<S: ObjectStore>(
    store: &S,
    site: &Site,
    access: &Access,
    next: &Snapshot,
) -> Result<(), Fault> {
    let bucket = store.bucket(&access.bucket);
    if bucket.is_none_or(|bucket| bucket.owner != access.account) {
        let bucket = access.bucket.as_str().into();
        return Err(Fault::NoSuchBucket { bucket });
    }
    if next.access_points_of(access.account, &access.bucket) > ACCESS_POINTS_OF_BUCKET_MAX {
        return Err(Fault::TooMany {
            what: "access points of one bucket",
            max: ACCESS_POINTS_OF_BUCKET_MAX,
        });
    }
    let Some(policy) = &access.policy else {
        return Ok(());
    };
    let own = arn(site, access.account, &access.name);
    let own: Vec<Arn<'_>> = own.as_deref().and_then(Arn::parse).into_iter().collect();
    let judged = policy
        .refuse_foreign(&own)
        .and_then(|()| policy.refuse_public());
    judged.map_err(|fault| Fault::Policy {
        policy: "policy".into(),
        fault: Box::new(fault),
    })
}

/// The ARN of an access point; `None` on a node that is no Outpost.
pub(crate) fn arn(site: &Site, account: AccountId, name: &str) -> Option<String> {
    let outpost = site.domains.outpost()?;
    Some(outpost.arn(account, &format!("accesspoint/{name}")))
}
