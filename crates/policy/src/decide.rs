//! The decision: every policy that applies, in AWS's order.
//!
//! ```text
//!   1  any Deny that speaks of the request, in any policy            ─► explicit deny
//!   2  guardrail and VPC-endpoint policy, where there are any: each must allow
//!   3  nobody signed: the bucket's policy must allow everybody; never through an access point
//!   4  identity: root, or an Allow in identity policies that boundary and session policy allow too
//!   5  bucket, and access point if there is one, each by itself:
//!        the caller's own account   identity is enough, and so is an Allow that names the caller:
//!                                   by its own ARN past its limits, by its role or as one of all
//!                                   within them; its account alone only delegates
//!        another account            identity and an Allow in the policy, both
//!   6  else                                                          ─► implicit deny
//! ```
//!
//! A decision says which statement decided, as numbers, so that it costs nothing to make one; the
//! whole story is told by [`crate::explain`], which asks again. Sources: IAM user guide, "Policy
//! evaluation logic", "Policy evaluation for requests within a single account", "Cross-account policy
//! evaluation logic"; Amazon S3 user guide, "Configuring IAM policies for using access points".

use crate::{
    key::Dialect,
    kind::Kind,
    policy::Policy,
    principal::Grants,
    request::Request,
    statement::{Effect, Names},
};
use blockhouse_types::AccountId;
use serde::{Deserialize, Serialize};
use std::{ops::ControlFlow, sync::Arc};

/// The policies that apply to a request. An absent one does not limit; one that is there and cannot
/// be read is [`Policy::unreadable`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Policies<'a> {
    /// Of the caller: its own, its groups', its role's.
    pub identity: &'a [Arc<Policy>],
    /// The most that the caller may do.
    pub boundary: Option<&'a Policy>,
    /// The most that the session may do: what any of these allows. A federated user without one may
    /// do nothing that no resource grants it.
    pub session: Option<&'a [Arc<Policy>]>,
    /// Of the bucket; of a role to be assumed, its trust policy.
    pub resource: Option<&'a Policy>,
    /// Of the access point.
    pub access_point: Option<&'a Policy>,
    /// Of the VPC endpoint that the request came through.
    pub endpoint: Option<&'a Policy>,
    /// Of the node.
    pub guardrail: Option<&'a Policy>,
}

/// Which of them a policy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// The node's.
    Guardrail,
    /// The VPC endpoint's.
    Endpoint,
    /// An identity's.
    Identity,
    /// The identity's boundary.
    Boundary,
    /// The session's.
    Session,
    /// The access point's.
    AccessPoint,
    /// The bucket's, or the trust policy.
    Resource,
}

impl Layer {
    /// Every layer, in the order in which their Denys are looked for.
    pub const ALL: [Self; 7] = [
        Self::Guardrail,
        Self::Endpoint,
        Self::Resource,
        Self::AccessPoint,
        Self::Identity,
        Self::Boundary,
        Self::Session,
    ];
}

/// A statement of one of the policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StatementRef {
    /// Which kind of policy.
    pub layer: Layer,
    /// Which of them, counted from zero.
    pub policy: u32,
    /// Which statement of it, counted from zero.
    pub statement: u32,
}

/// What was decided, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// It may be.
    Allow(Grounds),
    /// It must not be.
    Deny(Because),
}

/// What allows a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Grounds {
    /// The caller is the root of its account, which needs no policy.
    pub root: bool,
    /// A statement of the caller's.
    pub identity: Option<StatementRef>,
    /// A statement of the access point's.
    pub access_point: Option<StatementRef>,
    /// A statement of the bucket's.
    pub resource: Option<StatementRef>,
}

/// What denies a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// A statement says so.
    Explicit(StatementRef),
    /// No statement of this layer allows it.
    Implicit(Layer),
    /// Nobody signed, and access points and Outposts are never for everybody.
    AnonymousAccessPoint,
}

impl Decision {
    /// Whether it may be.
    pub fn is_allowed(self) -> bool {
        matches!(self, Self::Allow(_))
    }

    /// As IAM's simulator says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow(_) => "allowed",
            Self::Deny(Because::Explicit(_)) => "explicitDeny",
            Self::Deny(_) => "implicitDeny",
        }
    }
}

/// Decides.
pub fn decide(policies: &Policies<'_>, request: &Request<'_>) -> Decision {
    let case = Case { policies, request };
    match case.judge() {
        Ok(grounds) => Decision::Allow(grounds),
        Err(because) => Decision::Deny(because),
    }
}

/// The bucket's policy is not held against its owner's root for these: else it could lock everybody
/// out for ever. Source: Amazon S3 user guide, "Bucket policies": root of the owning account.
const OWNER_KEEPS: [&str; 3] = [
    "s3:PutBucketPolicy",
    "s3:GetBucketPolicy",
    "s3:DeleteBucketPolicy",
];

/// A question with the policies that answer it.
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) policies: &'a Policies<'a>,
    pub(crate) request: &'a Request<'a>,
}

/// A policy on a resource, whose it is, and what it grants.
struct Guard<'a> {
    layer: Layer,
    policy: Option<&'a Policy>,
    owner: Option<AccountId>,
}

impl<'a> Case<'a> {
    fn judge(self) -> Result<Grounds, Because> {
        self.no_deny()?;
        for layer in [Layer::Guardrail, Layer::Endpoint] {
            self.within(layer)?;
        }
        let caller = self.request.principal;
        let through_access_point = self.request.resource.access_point.is_some();
        let outposts = self.request.action.dialect() == Dialect::Outposts;
        if caller.is_anonymous() && (through_access_point || outposts) {
            return Err(Because::AnonymousAccessPoint);
        }
        let identity = self.identity();
        let mut grounds = Grounds {
            root: caller.is_root(),
            identity: identity.ok().flatten(),
            ..Grounds::default()
        };
        if let Some((_, owner)) = self.request.resource.access_point {
            let guard = Guard {
                layer: Layer::AccessPoint,
                policy: self.policies.access_point,
                owner: Some(owner),
            };
            grounds.access_point = self.passes(&guard, identity)?;
        }
        let guard = Guard {
            layer: Layer::Resource,
            policy: self.policies.resource,
            owner: self.request.resource.owner.or(caller.account()),
        };
        grounds.resource = self.passes(&guard, identity)?;
        Ok(grounds)
    }

    /// The policies of a layer.
    pub(crate) fn layer(self, layer: Layer) -> impl Iterator<Item = &'a Policy> {
        let (many, one): (&'a [Arc<Policy>], Option<&'a Policy>) = match layer {
            Layer::Guardrail => (&[], self.policies.guardrail),
            Layer::Endpoint => (&[], self.policies.endpoint),
            Layer::Identity => (self.policies.identity, None),
            Layer::Boundary => (&[], self.policies.boundary),
            Layer::Session => (self.policies.session.unwrap_or_default(), None),
            Layer::AccessPoint => (&[], self.policies.access_point),
            Layer::Resource => (&[], self.policies.resource),
        };
        many.iter().map(|policy| &**policy).chain(one)
    }

    /// The names of the resource that a layer's policies see. An access point's policy speaks of the
    /// access point; all others may speak of an object by either name.
    pub(crate) fn names(self, layer: Layer) -> Names<'a> {
        let resource = &self.request.resource;
        let through = resource.access_point.map(|(name, _)| name);
        match layer {
            Layer::AccessPoint => [through, None],
            _ => [resource.name, through],
        }
    }

    /// Whether the layer's Denys are held against the caller.
    pub(crate) fn denies_count(self, layer: Layer) -> bool {
        let caller = self.request.principal;
        let owner = self.request.resource.owner;
        layer != Layer::Resource
            || !caller.is_root()
            || caller.account() != owner
            || !OWNER_KEEPS.iter().any(|name| self.request.action.is(name))
    }

    fn no_deny(self) -> Result<(), Because> {
        for layer in Layer::ALL {
            if self.denies_count(layer)
                && let Some(statement) = self.first(layer, Effect::Deny, |_| true)
            {
                return Err(Because::Explicit(statement));
            }
        }
        Ok(())
    }

    /// The first statement of this effect that speaks of the request and names the caller well
    /// enough.
    fn first(
        self,
        layer: Layer,
        effect: Effect,
        enough: impl Fn(Grants) -> bool,
    ) -> Option<StatementRef> {
        let names = self.names(layer);
        for (number, policy) in (0u32..).zip(self.layer(layer)) {
            let mut found = None;
            let mut visit = |statement: u32, grants: Grants| {
                if enough(grants) {
                    found = Some(statement);
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            };
            let half = policy.half(effect);
            // Whether it broke off is what `found` says.
            let _ = half.search(policy.statements(), self.request, names, &mut visit);
            if let Some(statement) = found {
                return Some(StatementRef {
                    layer,
                    policy: number,
                    statement,
                });
            }
        }
        None
    }

    /// Whether a layer that limits, if there is one, allows the request.
    fn within(self, layer: Layer) -> Result<(), Because> {
        let there = match layer {
            Layer::Session => {
                // GetFederationToken without a policy gives no permission.
                self.policies.session.is_some() || self.request.principal.is_federated_user()
            }
            Layer::Boundary if self.request.principal.is_root() => false,
            _ => self.layer(layer).next().is_some(),
        };
        match there && self.first(layer, Effect::Allow, |_| true).is_none() {
            true => Err(Because::Implicit(layer)),
            false => Ok(()),
        }
    }

    /// Boundary and session policy.
    fn within_limits(self) -> Result<(), Because> {
        self.within(Layer::Boundary)?;
        self.within(Layer::Session)
    }

    /// Whether the caller's own account lets it: by which statement; of root, by none.
    fn identity(self) -> Result<Option<StatementRef>, Because> {
        if self.request.principal.is_root() {
            self.within(Layer::Session)?;
            return Ok(None);
        }
        let caller_has_account = self.request.principal.account().is_some();
        let statement = caller_has_account
            .then(|| self.first(Layer::Identity, Effect::Allow, |_| true))
            .flatten()
            .ok_or(Because::Implicit(Layer::Identity))?;
        self.within_limits()?;
        Ok(Some(statement))
    }

    /// Whether a resource's policy, with what identity says, lets the request pass, and by which
    /// statement of its own.
    fn passes(
        self,
        guard: &Guard<'_>,
        identity: Result<Option<StatementRef>, Because>,
    ) -> Result<Option<StatementRef>, Because> {
        let caller = self.request.principal.account();
        let at_home = caller.is_some() && caller == guard.owner;
        let any = || self.first(guard.layer, Effect::Allow, |_| true);
        if caller.is_none() {
            // Nobody, a service, a provider: only the resource can let them.
            return any().map(Some).ok_or(Because::Implicit(guard.layer));
        }
        // A role is not assumed without its trust policy's word, whatever identity says.
        let identity_alone = guard
            .policy
            .is_none_or(|policy| policy.kind() != Kind::Trust);
        match identity {
            Ok(_) if at_home && identity_alone => Ok(None),
            Ok(_) => any().map(Some).ok_or(Because::Implicit(guard.layer)),
            Err(lack) if at_home => self.directly(guard.layer).map(Some).ok_or(lack),
            Err(lack) => Err(lack),
        }
    }

    /// An Allow that needs no help of identity policies.
    fn directly(self, layer: Layer) -> Option<StatementRef> {
        let past_limits = self.first(layer, Effect::Allow, |grants| grants.has(Grants::DIRECT));
        past_limits.or_else(|| {
            self.within_limits().ok()?;
            self.first(layer, Effect::Allow, |grants| {
                grants.has(Grants::LIMITED.and(Grants::EVERYONE))
            })
        })
    }
}
