//! One version of the state as requests ask it: compiled, immutable, found by who acts.

use crate::{
    Access, Group, Guardrail, Kind, ManagedPolicy, Name, Resource, Role, State, UniqueId, User,
    VpcEndpointPolicy, identity::Tags,
};
use blockhouse_policy::{
    self as policy, Policy,
    address_list::{Entry, Networks},
};
use blockhouse_types::{AccountId, BucketName, OutpostId, Timestamp};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// Names of one account, and who they are.
type ByName = HashMap<AccountId, HashMap<Box<str>, Arc<Identity>>>;

/// What requests are judged by. A request keeps the one that it began with.
#[derive(Debug, Default)]
pub struct Snapshot {
    version: u64,
    state: State,
    users: ByName,
    roles: ByName,
    networks: HashMap<AccountId, Arc<Networks>>,
    access_points: HashMap<Name, Arc<Access>>,
    by_alias_token: HashMap<Box<str>, Arc<Access>>,
    /// How many access points a bucket has.
    of_bucket: HashMap<(AccountId, BucketName), usize>,
    guardrail: Option<Arc<Policy>>,
    /// By the endpoint's id.
    endpoint_policies: HashMap<Box<str>, Arc<Policy>>,
}

/// A user, or whoever has assumed a role.
#[derive(Debug)]
pub struct Identity {
    /// `AIDA…` or `AROA…`.
    pub id: Option<UniqueId>,
    /// When it was made. What was signed or sealed earlier was so for another of the same name.
    pub created: Timestamp,
    /// What stands before its name in its ARN.
    pub path: Box<str>,
    /// Its tags.
    pub tags: Tags,
    /// What it may do: its own policies, those that it has, those of its groups.
    pub policies: Box<[Arc<Policy>]>,
    /// The most that it may do.
    pub boundary: Option<Arc<Policy>>,
}

impl Snapshot {
    /// Compiles a version. Policies that an earlier one compiled are not compiled again.
    pub fn new(version: u64, state: State) -> Self {
        let mut snapshot = Self {
            version,
            ..Self::default()
        };
        for (name, resource) in state.resources() {
            let with_networks = match resource {
                Resource::AddressGroup(_) | Resource::PublicRanges(_) => name.account(),
                Resource::Vpc(vpc) => Some(vpc.account),
                _ => None,
            };
            if let Some(account) = with_networks {
                let networks = snapshot.networks.entry(account);
                networks.or_insert_with(|| Arc::new(state.networks(account)));
            }
            let Some(account) = name.account() else {
                continue;
            };
            if let Resource::AccessPoint(access_point) = resource
                && let Some(access) = Access::of(name, access_point)
            {
                let of_bucket = (account, access.bucket.clone());
                *snapshot.of_bucket.entry(of_bucket).or_default() += 1;
                let access = Arc::new(access);
                let token = access.token().into();
                snapshot.by_alias_token.insert(token, Arc::clone(&access));
                snapshot.access_points.insert(name.clone(), access);
            }
            let (identities, identity) = match resource {
                Resource::User(user) => (&mut snapshot.users, state.user(name, user)),
                Resource::Role(role) => (&mut snapshot.roles, state.role(name, role)),
                _ => continue,
            };
            let of_account = identities.entry(account).or_default();
            of_account.insert(name.last().into(), Arc::new(identity));
        }
        snapshot.guardrail = state.guardrail();
        snapshot.endpoint_policies = state.endpoint_policies().collect();
        snapshot.state = state;
        snapshot
    }

    /// Which version it is.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The resources.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The user of that name; `None` when there is none, or its row cannot be read.
    pub fn user(&self, account: AccountId, name: &str) -> Option<&Arc<Identity>> {
        self.users.get(&account)?.get(name)
    }

    /// The role of that name, likewise.
    pub fn role(&self, account: AccountId, name: &str) -> Option<&Arc<Identity>> {
        self.roles.get(&account)?.get(name)
    }

    /// The access point of that name.
    pub fn access_point(&self, account: AccountId, name: &str) -> Option<&Arc<Access>> {
        let name = Name::of(Kind::AccessPoint, account, name)?;
        self.access_points.get(&name)
    }

    /// The access point of a host's label, in lower case: `NAME-ACCOUNT`, or an alias on this
    /// Outpost.
    pub fn access_point_of(&self, label: &str, outpost: &OutpostId) -> Option<&Arc<Access>> {
        if let Some(token) = Access::token_of(label) {
            let found = self.by_alias_token.get(token)?;
            return (found.alias(outpost) == label).then_some(found);
        }
        let (name, account) = label.rsplit_once('-')?;
        self.access_point(AccountId::parse(account).ok()?, name)
    }

    /// All access points, in no order.
    pub fn access_points(&self) -> impl Iterator<Item = &Arc<Access>> {
        self.access_points.values()
    }

    /// How many access points the bucket of this account has.
    pub fn access_points_of(&self, owner: AccountId, bucket: &BucketName) -> usize {
        let of_bucket = (owner, bucket.clone());
        self.of_bucket.get(&of_bucket).copied().unwrap_or(0)
    }

    /// The path and the policies of a group, likewise.
    pub fn group(&self, account: AccountId, name: &str) -> Option<(&str, Vec<Arc<Policy>>)> {
        let name = Name::of(Kind::Group, account, name)?;
        match self.state.get(&name)? {
            Resource::Group(group) => {
                Some((&*group.path, self.state.of_group(&name, group).collect()))
            }
            _ => None,
        }
    }

    /// What the account's address lists may name beside addresses; `None` when that is nothing.
    pub fn networks(&self, account: AccountId) -> Option<&Arc<Networks>> {
        self.networks.get(&account)
    }

    /// The most that may be done through the VPC endpoint; `None` when that is everything.
    pub fn endpoint_policy(&self, endpoint: &str) -> Option<&Arc<Policy>> {
        self.endpoint_policies.get(endpoint)
    }

    /// The most that may happen here at all.
    pub fn guardrail(&self) -> Option<&Arc<Policy>> {
        self.guardrail.as_ref()
    }
}

impl State {
    /// What the account's address lists may name beside addresses. A group or declaration that cannot be
    /// read back is not there: lists that name it let nobody in.
    pub fn networks(&self, account: AccountId) -> Networks {
        let groups = self.of(Kind::AddressGroup, account);
        let groups = groups.filter_map(|(name, resource)| match resource {
            Resource::AddressGroup(group) => Some((name.last().into(), group.entries.0.clone())),
            _ => None,
        });
        let own = self.of(Kind::PublicRanges, account);
        let own = own.filter_map(|(_, resource)| match resource {
            Resource::PublicRanges(own) => Some(own.ranges.0.clone()),
            _ => None,
        });
        Networks {
            own: own
                .flatten()
                .chain(
                    self.vpcs(account)
                        .map(|id| Entry::Vpc(id.as_str().into(), None)),
                )
                .collect(),
            groups: groups.collect(),
        }
    }

    fn user(&self, name: &Name, user: &User) -> Identity {
        let mut policies: Vec<_> = user.inline(name).collect();
        policies.extend(self.attached(name, &user.attached));
        for group in &user.groups {
            let group_name = name.beside(Kind::Group, group);
            match self.get(&group_name) {
                Some(Resource::Group(group)) => {
                    policies.extend(self.of_group(&group_name, group));
                }
                _ => policies.push(unreadable(policy::Kind::GroupInline, &group_name)),
            }
        }
        Identity {
            id: user.id.clone(),
            created: user.created.map_or(Timestamp::default(), |born| born.0),
            path: user.path.clone(),
            tags: user.tags.clone(),
            policies: policies.into(),
            boundary: self.boundary(name, user.boundary.as_deref()),
        }
    }

    fn role(&self, name: &Name, role: &Role) -> Identity {
        let mut policies: Vec<_> = role.inline(name).collect();
        policies.extend(self.attached(name, &role.attached));
        Identity {
            id: role.id.clone(),
            created: role.created.map_or(Timestamp::default(), |born| born.0),
            path: role.path.clone(),
            tags: role.tags.clone(),
            policies: policies.into(),
            boundary: self.boundary(name, role.boundary.as_deref()),
        }
    }

    fn of_group<'a>(
        &'a self,
        name: &'a Name,
        group: &'a Group,
    ) -> impl Iterator<Item = Arc<Policy>> + 'a {
        let attached = self.attached(name, &group.attached);
        group.inline(name).chain(attached)
    }

    fn attached<'a>(
        &'a self,
        name: &'a Name,
        attached: &'a BTreeSet<Box<str>>,
    ) -> impl Iterator<Item = Arc<Policy>> + 'a {
        let attached = attached.iter();
        attached.map(|policy| self.managed(&name.beside(Kind::Policy, policy)))
    }

    fn boundary(&self, name: &Name, boundary: Option<&str>) -> Option<Arc<Policy>> {
        Some(self.managed(&name.beside(Kind::Policy, boundary?)))
    }

    /// A managed policy. One that is not there, or cannot be read, may have denied anything.
    fn managed(&self, name: &Name) -> Arc<Policy> {
        match self.get(name) {
            Some(Resource::Policy(managed)) => ManagedPolicy::compiled(managed, name),
            _ => unreadable(policy::Kind::Managed, name),
        }
    }

    /// The policies of VPC endpoints. One that cannot be read may have denied anything.
    fn endpoint_policies(&self) -> impl Iterator<Item = (Box<str>, Arc<Policy>)> {
        let kind = policy::Kind::Endpoint;
        let read = self
            .resources()
            .filter_map(move |(name, resource)| match resource {
                Resource::VpcEndpointPolicy(VpcEndpointPolicy { document }) => {
                    Some((name.last().into(), document.policy(kind, name.last())))
                }
                _ => None,
            });
        let lost = self.unreadable().values().filter_map(move |row| {
            let name = row.name.as_ref()?;
            let policy = unreadable(kind, name);
            (name.kind() == Kind::VpcEndpointPolicy).then(|| (name.last().into(), policy))
        });
        read.chain(lost)
    }

    /// A row whose kind cannot even be told may have been any limit: nothing is allowed until it is
    /// gone.
    fn guardrail(&self) -> Option<Arc<Policy>> {
        let kind = policy::Kind::Guardrail;
        let mut rows = self.unreadable().iter();
        let lost = rows.find(|(_, row)| {
            let kind = row.name.as_ref().map(Name::kind);
            kind.is_none_or(|kind| kind == Kind::Guardrail)
        });
        if let Some((row, _)) = lost {
            return Some(Arc::new(Policy::unreadable(kind, row)));
        }
        match self.get(&Name::of_node(Kind::Guardrail)?)? {
            Resource::Guardrail(Guardrail { document }) => {
                Some(document.policy(kind, kind.as_str()))
            }
            _ => None,
        }
    }
}

fn unreadable(kind: policy::Kind, name: &Name) -> Arc<Policy> {
    Arc::new(Policy::unreadable(kind, &name.to_string()))
}
