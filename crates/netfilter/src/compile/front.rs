//! What endpoints of both kinds have in common for the rules: their own chain.

use crate::{
    filter::{Action, Chain, Filter, Holds, Match, Meter, Rule, Table, digit},
    intervals::Family,
    l3::L3Source,
    model::{Limits, ListenPorts, NetworkAcl, Proxy, SecurityGroup},
    plan::{EndpointName, Listener, Service},
    reason::Reason,
};
use std::net::{IpAddr, SocketAddr};

/// The name service's port.
const NAME_PORT: u16 = 53;

/// Types of ICMP: a ping, and what tells that a packet does not get through, which a connection needs
/// to find out how large its packets may be.
pub(super) fn ping(family: Family) -> &'static [u8] {
    match family {
        Family::V4 => &[8],
        Family::V6 => &[128],
    }
}
pub(super) fn troubles(family: Family) -> &'static [u8] {
    match family {
        // Unreachable, of which "fragmentation needed" is one; time exceeded; parameter problem.
        Family::V4 => &[3, 11, 12],
        // Unreachable; packet too big; time exceeded; parameter problem.
        Family::V6 => &[1, 2, 3, 4],
    }
}

/// An endpoint.
pub(super) struct Front<'a> {
    pub(super) name: EndpointName,
    pub(super) link: String,
    pub(super) addresses: &'a [IpAddr],
    pub(super) ports: ListenPorts,
    pub(super) groups: Vec<&'a SecurityGroup>,
    pub(super) acl: Option<&'a NetworkAcl>,
    pub(super) cloak: Option<L3Source>,
    pub(super) proxy: Option<&'a Proxy>,
    pub(super) limits: Limits,
    /// Whether names are served at its address.
    pub(super) names: bool,
}

impl Front<'_> {
    fn chain_name(&self, family: Family) -> String {
        format!("ep{}_{}", digit(family), self.name)
    }

    pub(super) fn is_tracked(&self) -> bool {
        self.limits.connections_max.is_some()
    }

    fn services(&self) -> impl Iterator<Item = (Service, u16)> {
        let ListenPorts { http, https } = self.ports;
        let http = http.map(|port| (Service::Http, port.get()));
        http.into_iter()
            .chain(https.map(|port| (Service::Https, port.get())))
    }

    /// The ports of TCP and UDP, the name service's among them.
    pub(super) fn tcp_ports(&self) -> Vec<u16> {
        let names = self.names.then_some(NAME_PORT);
        self.services().map(|(_, port)| port).chain(names).collect()
    }

    pub(super) fn listeners(&self) -> Vec<Listener> {
        let names = [
            (Service::NamesUdp, NAME_PORT),
            (Service::NamesTcp, NAME_PORT),
        ];
        let names = names.into_iter().filter(|_| self.names);
        let mut listeners = Vec::new();
        for address in self.addresses {
            for (service, port) in self.services().chain(names.clone()) {
                let is_s3 = matches!(service, Service::Http | Service::Https);
                listeners.push(Listener {
                    endpoint: self.name.clone(),
                    address: SocketAddr::new(*address, port),
                    service,
                    link: self.link.clone(),
                    proxy: self.proxy.filter(|_| is_s3).cloned(),
                });
            }
        }
        listeners
    }

    /// The subnet's network ACL, of a packet that came by its link, before a connection is looked at.
    /// Whoever may reach any of the ports may also ask for the name and ping.
    pub(super) fn acl_rules(&self, filter: &mut Filter) -> Vec<Rule> {
        let Some(acl) = self.acl else {
            return Vec::new();
        };
        let ports: Vec<_> = self.services().map(|(_, port)| port).collect();
        let mut judged = Vec::new();
        for port in &ports {
            let allowed = L3Source::of_acl(acl, Some(*port));
            let set = filter.set("acl", format_args!("{port}.{}", self.name), allowed);
            judged.push((Match::Tcp(*port), set));
        }
        let any = L3Source::of_acl_any(acl, &ports);
        let any = filter.set("acl", format_args!("any.{}", self.name), any);
        if self.names {
            judged.push((Match::Udp(NAME_PORT), any.clone()));
            judged.push((Match::Tcp(NAME_PORT), any.clone()));
        }
        let pings = Family::BOTH.map(|f| (Match::Icmp(f, ping(f)), any.clone()));
        judged.extend(pings);
        let mut rules = Vec::new();
        for (what, set) in judged {
            for family in Family::BOTH {
                if matches!(&what, Match::Icmp(of, _) if *of != family) {
                    continue;
                }
                let denied = Match::Source(family, Holds::No, set.clone());
                let matches = vec![what.clone(), denied];
                rules.push(Rule::drop(matches, Reason::NetworkAcl).of(&self.name));
            }
        }
        rules
    }

    /// Rules that lead to its chain from its addresses of that family.
    pub(super) fn entries(&self, of: Family) -> impl Iterator<Item = Rule> {
        let addresses = self.addresses.iter();
        let addresses = addresses.filter(move |address| Family::of(**address) == of);
        addresses.map(move |address| {
            let matches = vec![Match::In(self.link.clone()), Match::To(*address)];
            Rule::new(matches, Action::Ask(self.chain_name(of)))
        })
    }

    /// A chain for each family of its addresses. Everything that comes this far is decided there: for each
    /// port what is refused, then what is left, so that a packet is asked no more than concerns it.
    pub(super) fn chains(&self, filter: &mut Filter) -> Vec<Chain> {
        let is_there = |family: &Family| self.addresses.iter().any(|a| Family::of(*a) == *family);
        let families = Family::BOTH.into_iter().filter(is_there);
        let chain = |family| Chain {
            table: Table::Inet,
            name: self.chain_name(family),
            hook: None,
            rules: self.decisions(family, filter),
        };
        families.map(chain).collect()
    }

    fn decisions(&self, family: Family, filter: &mut Filter) -> Vec<Rule> {
        let refused = |matches, reason| Rule::drop(matches, reason).of(&self.name);
        let accepted = |what| Rule::accept(vec![what]).of(&self.name);
        let outside = |set| Match::Source(family, Holds::No, set);
        let mut rules = Vec::new();
        if let Some(cloak) = &self.cloak {
            let set = filter.set("cloak", &self.name, cloak.clone());
            rules.push(refused(vec![outside(set)], Reason::Cloak));
        }
        let opened = filter.over(Meter::opened(family, &self.name, self.limits));
        for (_, port) in self.services() {
            let to = Match::Tcp(port);
            if let Some(proxy) = self.proxy {
                let set = filter.set("lb", &self.name, L3Source::of_proxy(proxy));
                let matches = vec![to.clone(), outside(set)];
                rules.push(refused(matches, Reason::NotLoadBalancer));
            }
            let allowed = L3Source::of_groups(self.groups.iter().copied(), port);
            let set = filter.set("sg", format_args!("{port}.{}", self.name), allowed);
            rules.push(refused(
                vec![to.clone(), outside(set)],
                Reason::SecurityGroup,
            ));
            let opening = |more: &[Match]| [&[to.clone(), Match::Opening], more].concat();
            rules.push(refused(
                opening(std::slice::from_ref(&opened)),
                Reason::Rate,
            ));
            if let Some(most) = self.limits.connections_max {
                let open = filter.over(Meter::open(family, &self.name, most));
                rules.push(refused(opening(&[Match::New, open]), Reason::Connections));
            }
            rules.push(accepted(to));
        }
        let asked = filter.over(Meter::asked(family, &self.name));
        if self.names {
            let (tcp, udp) = (Match::Tcp(NAME_PORT), Match::Udp(NAME_PORT));
            let opening = vec![tcp.clone(), Match::Opening, opened];
            rules.push(refused(opening, Reason::Rate));
            rules.push(accepted(tcp));
            rules.push(refused(vec![udp.clone(), asked.clone()], Reason::Rate));
            rules.push(accepted(udp));
        }
        let ping = Match::Icmp(family, ping(family));
        rules.push(refused(vec![ping.clone(), asked], Reason::Rate));
        rules.push(accepted(ping));
        rules.push(accepted(Match::Icmp(family, troubles(family))));
        rules.push(refused(Vec::new(), Reason::NotEndpoint));
        rules
    }

    /// What it may send: replies, which never open a connection.
    pub(super) fn replies(&self) -> Vec<Rule> {
        let mut rules = Vec::new();
        for address in self.addresses {
            let from = [Match::Out(self.link.clone()), Match::From(*address)];
            let reply = |more: &[Match]| Rule::accept([&from[..], more].concat());
            for port in self.tcp_ports() {
                rules.push(reply(&[Match::TcpFrom(port), Match::NotOpening]));
            }
            if self.names {
                rules.push(reply(&[Match::UdpFrom(NAME_PORT)]));
            }
        }
        rules
    }

    /// Rules that keep packets out of connection tracking: of those that came by its link, and of its replies.
    pub(super) fn untracked(&self) -> (Vec<Rule>, Vec<Rule>) {
        let (mut incoming, mut outgoing) = (Vec::new(), Vec::new());
        let untrack = |matches: &[Match]| Rule::new(matches.to_vec(), Action::Untrack);
        for port in self.tcp_ports() {
            incoming.push(untrack(&[Match::Tcp(port)]));
            let from = |address: &IpAddr| untrack(&[Match::From(*address), Match::TcpFrom(port)]);
            outgoing.extend(self.addresses.iter().map(from));
        }
        (incoming, outgoing)
    }
}
