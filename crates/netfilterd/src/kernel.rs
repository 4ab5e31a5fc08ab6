//! What the kernel has in one namespace, brought to what a plan says: links, addresses, routes, and
//! which routes replies take.
//!
//! Each is listed, compared and changed where it differs. What the kernel makes by itself (routes of a
//! link's own addresses, link-local addresses of IPv6) is left alone.

use blockhouse_netfilter::{Attach, Link as Planned, Plan, REPLY_TABLE_FIRST};
use blockhouse_netlink::{
    Cause, Failed, Idempotent as _,
    namespace::Namespace,
    route::{
        Address, BadName, Learning, Link, LinkDetail, LinkIndex, LinkName, Peer, Route,
        RouteSocket, Rule, Scope, State, TableId, Vxlan,
    },
};
use blockhouse_settings::{Carries, NetworkProfile};
use ipnet::IpNet;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// The UDP port of VXLAN. Source: RFC 7348, section 5.
const VXLAN_PORT: u16 = 4789;

/// What VXLAN, UDP, IPv6 and an inner Ethernet take of a packet, in bytes.
const VXLAN_OVERHEAD: u32 = 70;

/// The first of our policy rules, ahead of the kernel's own for its tables.
const RULE_PRIORITY_FIRST: u32 = 1000;

/// Settings of a namespace, written when it is made, before a link is in it.
///
/// `arp_ignore=1`: an address is told on its own link only. `arp_announce=2`: and asked from so.
/// `rp_filter=2`: a source must be reachable at all. That it is by the link that it came in by is asked,
/// and counted, by the rules; `1` would drop such packets before they are, and uncounted. Source: Linux,
/// Documentation/networking/ip-sysctl.rst.
const SETTINGS: [(&str, &str); 22] = [
    ("ipv4/ip_forward", "0"),
    ("ipv4/tcp_syncookies", "1"),
    ("ipv4/icmp_echo_ignore_broadcasts", "1"),
    ("ipv4/conf/all/arp_ignore", "1"),
    ("ipv4/conf/default/arp_ignore", "1"),
    ("ipv4/conf/all/arp_announce", "2"),
    ("ipv4/conf/default/arp_announce", "2"),
    ("ipv4/conf/all/rp_filter", "2"),
    ("ipv4/conf/default/rp_filter", "2"),
    ("ipv4/conf/all/accept_redirects", "0"),
    ("ipv4/conf/default/accept_redirects", "0"),
    ("ipv4/conf/all/send_redirects", "0"),
    ("ipv4/conf/default/send_redirects", "0"),
    ("ipv4/conf/all/accept_source_route", "0"),
    ("ipv4/conf/default/accept_source_route", "0"),
    ("ipv6/conf/all/forwarding", "0"),
    ("ipv6/conf/all/accept_ra", "0"),
    ("ipv6/conf/default/accept_ra", "0"),
    ("ipv6/conf/all/accept_redirects", "0"),
    ("ipv6/conf/default/accept_redirects", "0"),
    // No link speaks IPv6 before a plan gives it an address.
    ("ipv6/conf/default/disable_ipv6", "1"),
    ("ipv6/conf/default/addr_gen_mode", "0"),
];

/// Why a namespace is not as planned.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The kernel refuses a step.
    #[error(transparent)]
    Failed(#[from] Failed),
    /// An interface that the hardware profile does not offer.
    #[error("the hardware profile does not offer {what}")]
    NotOffered {
        /// The interface or uplink, and what for.
        what: String,
    },
    /// There is no such interface on this machine.
    #[error("there is no interface {name}")]
    NoInterface {
        /// Its name.
        name: String,
    },
    /// A name that no link can have: our own fault.
    #[error(transparent)]
    Name(#[from] BadName),
}

/// Prepares a namespace that was just made.
pub(crate) fn prepare(inside: &Namespace) -> Result<(), Failed> {
    for (path, value) in SETTINGS {
        match inside.set_sysctl(path, value) {
            // A kernel without IPv6 has no such settings, and nothing to be set.
            Err(failed) if failed.cause == Cause::NotFound && path.starts_with("ipv6/") => {}
            set => set?,
        }
    }
    let mut route = RouteSocket::open_in(inside)?;
    let lo = route.links()?.into_iter().find(|link| link.name == "lo");
    lo.map_or(Ok(()), |lo| route.set_state(lo.index, State::Up))
}

/// Where links come from and go back to.
#[derive(Debug)]
pub(crate) struct Home {
    namespace: Namespace,
    route: RouteSocket,
}

impl Home {
    /// The namespace that this process is in.
    pub(crate) fn own() -> Result<Self, Failed> {
        let namespace = Namespace::own()?;
        let route = RouteSocket::open_in(&namespace)?;
        Ok(Self { namespace, route })
    }
}

/// A namespace, and what may be taken into it from where.
pub(crate) struct Kernel<'a> {
    pub(crate) inside: &'a Namespace,
    pub(crate) here: &'a mut RouteSocket,
    pub(crate) home: &'a mut Home,
    pub(crate) profile: &'a NetworkProfile,
}

impl Kernel<'_> {
    /// Brings all of it to the plan; gives what was not so, for people to read.
    pub(crate) fn apply(&mut self, plan: &Plan) -> Result<Vec<String>, KernelError> {
        let mut mended = Vec::new();
        self.let_go(&plan.links, &mut mended)?;
        let links = self.attach(plan, &mut mended)?;
        self.address(plan, &links, &mut mended)?;
        // A route needs its link to be on.
        for (name, link) in &links {
            if !link.is_up {
                mended.push(format!("{name} was off"));
                self.here.set_state(link.index, State::Up)?;
            }
        }
        self.route(plan, &links, &mut mended)?;
        Ok(mended)
    }

    /// Gives back, or deletes, the links that the plan has not, or has as something else.
    pub(crate) fn let_go(
        &mut self,
        planned: &[Planned],
        mended: &mut Vec<String>,
    ) -> Result<(), KernelError> {
        for link in self.here.links()? {
            if link.name == "lo" {
                continue;
            }
            let wanted = planned.iter().find(|wanted| wanted.name == link.name);
            if wanted.is_some_and(|wanted| is_attached(&link, &wanted.attach)) {
                continue;
            }
            mended.push(format!("{} is not of this network", link.name));
            self.remove(&link)?;
        }
        Ok(())
    }

    fn remove(&mut self, link: &Link) -> Result<(), Failed> {
        match link.detail {
            LinkDetail::Vlan(_) | LinkDetail::Vxlan { .. } => {
                self.here.delete_link(link.index).or_absent()
            }
            LinkDetail::None => {
                self.here.set_state(link.index, State::Down)?;
                self.here.move_to(link.index, &self.home.namespace)
            }
        }
    }

    /// Makes or fetches the links that are missing; gives all of them, by name.
    fn attach(
        &mut self,
        plan: &Plan,
        mended: &mut Vec<String>,
    ) -> Result<BTreeMap<String, Link>, KernelError> {
        let there = |links: Vec<Link>| -> BTreeMap<String, Link> {
            links
                .into_iter()
                .map(|link| (link.name.clone(), link))
                .collect()
        };
        let have = there(self.here.links()?);
        for wanted in plan
            .links
            .iter()
            .filter(|wanted| !have.contains_key(&wanted.name))
        {
            mended.push(format!("{} was missing", wanted.name));
            self.fetch(&wanted.name, &wanted.attach)?;
        }
        let mut links = there(self.here.links()?);
        links.remove("lo");
        for wanted in &plan.links {
            let Some(link) = links.get(&wanted.name) else {
                let name = wanted.name.clone();
                return Err(KernelError::NoInterface { name });
            };
            if let Attach::Vxlan { peers, .. } = &wanted.attach {
                self.peers(link.index, peers)?;
            }
        }
        Ok(links)
    }

    fn fetch(&mut self, name: &str, attach: &Attach) -> Result<(), KernelError> {
        let link_name: LinkName = name.parse()?;
        let offered = |name: &str, carries, what: &str| {
            let uplink = self.profile.uplink(name, carries);
            uplink.ok_or_else(|| KernelError::NotOffered {
                what: format!("{what} on {name}"),
            })
        };
        match attach {
            Attach::Interface(interface) => {
                if !self.profile.may_give(interface.as_str()) {
                    let what = interface.to_string();
                    return Err(KernelError::NotOffered { what });
                }
            }
            Attach::Vlan { uplink, vlan } => {
                let uplink = offered(uplink.as_str(), Carries::Vlan, "VLANs")?;
                let below = self.find_home(&uplink.interface)?;
                self.home
                    .route
                    .add_vlan(&link_name, below.index, *vlan)
                    .or_exists()?;
            }
            Attach::Vxlan {
                uplink,
                vxlan,
                local,
                ..
            } => {
                let uplink = offered(uplink.as_str(), Carries::Vxlan, "VXLANs")?;
                let below = self.find_home(&uplink.interface)?;
                let tunnel = Vxlan {
                    id: *vxlan,
                    local: *local,
                    port: VXLAN_PORT,
                    mtu: uplink
                        .mtu
                        .unwrap_or(below.mtu)
                        .saturating_sub(VXLAN_OVERHEAD),
                    learning: Learning::Off,
                };
                self.home.route.add_vxlan(&link_name, &tunnel).or_exists()?;
            }
        }
        let link = self.find_home(name)?;
        Ok(self.home.route.move_to(link.index, self.inside)?)
    }

    fn find_home(&mut self, name: &str) -> Result<Link, KernelError> {
        match self.home.route.link(&name.parse()?) {
            Err(failed) if failed.cause == Cause::NotFound => {
                let name = name.to_owned();
                Err(KernelError::NoInterface { name })
            }
            found => Ok(found?),
        }
    }

    fn peers(&mut self, link: LinkIndex, wanted: &[IpAddr]) -> Result<(), Failed> {
        let there = self
            .here
            .peers()?
            .into_iter()
            .filter(|peer| peer.link == link);
        let there: BTreeSet<IpAddr> = there.map(|peer| peer.address).collect();
        let wanted: BTreeSet<IpAddr> = wanted.iter().copied().collect();
        for address in wanted.difference(&there).copied() {
            self.here.add_peer(Peer { link, address })?;
        }
        for address in there.difference(&wanted).copied() {
            self.here.delete_peer(Peer { link, address }).or_absent()?;
        }
        Ok(())
    }

    fn address(
        &mut self,
        plan: &Plan,
        links: &BTreeMap<String, Link>,
        mended: &mut Vec<String>,
    ) -> Result<(), KernelError> {
        let mut wanted = BTreeSet::new();
        for planned in &plan.links {
            let Some(link) = links.get(&planned.name) else {
                continue;
            };
            let own = planned.addresses.iter();
            wanted.extend(own.map(|net| Address {
                link: link.index,
                net: *net,
            }));
        }
        let ours: BTreeSet<LinkIndex> = links.values().map(|link| link.index).collect();
        let there = self.here.addresses()?.into_iter();
        let there: BTreeSet<Address> = there.filter(|a| ours.contains(&a.link)).collect();
        for (name, link) in links {
            self.speak_ipv6(name, link.index, &there, &wanted)?;
        }
        let there = there.into_iter().filter(|a| !is_link_local(a.net.addr()));
        let there: BTreeSet<Address> = there.collect();
        for address in there.difference(&wanted) {
            mended.push(format!("{address} is not of this network"));
            self.here.delete_address(*address).or_absent()?;
        }
        for address in wanted.difference(&there) {
            mended.push(format!("{address} was missing"));
            self.here.add_address(*address).or_exists()?;
        }
        Ok(())
    }

    /// Lets a link speak IPv6, or be silent in it, if that has to be otherwise than it is. A silent link
    /// refuses addresses; one that speaks gives itself a link-local one.
    fn speak_ipv6(
        &self,
        name: &str,
        link: LinkIndex,
        there: &BTreeSet<Address>,
        wanted: &BTreeSet<Address>,
    ) -> Result<(), Failed> {
        let is_v6 = |a: &&Address| a.link == link && a.net.addr().is_ipv6();
        let speaks = wanted.iter().any(|a| is_v6(&a));
        let lacks = wanted.difference(there).any(|a| is_v6(&a));
        let has = there.iter().any(|a| is_v6(&a));
        let path = format!("ipv6/conf/{name}/disable_ipv6");
        match (speaks, lacks, has) {
            (true, true, _) => self.inside.set_sysctl(&path, "0"),
            (false, _, true) => self.inside.set_sysctl(&path, "1"),
            _ => Ok(()),
        }
    }

    fn route(
        &mut self,
        plan: &Plan,
        links: &BTreeMap<String, Link>,
        mended: &mut Vec<String>,
    ) -> Result<(), KernelError> {
        let planned = plan.routes.iter().filter_map(|route| {
            let scope = match (route.via, route.to.net()) {
                (None, IpNet::V4(_)) => Scope::Link,
                _ => Scope::Universe,
            };
            Some(Route {
                table: TableId(route.table),
                to: route.to.net(),
                gateway: route.via,
                link: Some(links.get(&route.link)?.index),
                source: None,
                scope,
            })
        });
        let wanted: BTreeSet<Route> = planned.collect();
        let there = self.here.routes()?.into_iter();
        let there: BTreeSet<Route> = there.filter(|r| is_ours(r.table)).collect();
        for route in there.difference(&wanted) {
            mended.push(format!("the route {route} is not of this network"));
            self.here.delete_route(route).or_absent()?;
        }
        for route in wanted.difference(&there) {
            mended.push(format!("the route {route} was missing"));
            self.here.add_route(route).or_exists()?;
        }
        let planned = plan.reply_rules.iter().map(|rule| Rule {
            from: rule.from.into(),
            table: TableId(rule.table),
            priority: RULE_PRIORITY_FIRST + rule.table - REPLY_TABLE_FIRST.min(rule.table),
        });
        let wanted: BTreeSet<Rule> = planned.collect();
        let there = self.here.rules()?.into_iter();
        let there: BTreeSet<Rule> = there.filter(|rule| is_ours(rule.table)).collect();
        for rule in there.difference(&wanted) {
            mended.push(format!("the policy rule {rule} is not of this network"));
            self.here.delete_rule(rule).or_absent()?;
        }
        for rule in wanted.difference(&there) {
            mended.push(format!("the policy rule {rule} was missing"));
            self.here.add_rule(rule).or_exists()?;
        }
        Ok(())
    }
}

/// The tables that plans use; the kernel's own are above them.
fn is_ours(table: TableId) -> bool {
    table.0 >= REPLY_TABLE_FIRST && !(253..=255).contains(&table.0)
}

/// The kernel gives those itself.
fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// Whether a link is what the plan says, not only called so.
fn is_attached(link: &Link, attach: &Attach) -> bool {
    match (attach, &link.detail) {
        (Attach::Interface(_), LinkDetail::None) => true,
        (Attach::Vlan { vlan, .. }, LinkDetail::Vlan(id)) => vlan == id,
        (
            Attach::Vxlan { vxlan, local, .. },
            LinkDetail::Vxlan {
                id,
                local: from,
                port,
            },
        ) => vxlan == id && *from == Some(*local) && *port == VXLAN_PORT,
        _ => false,
    }
}
