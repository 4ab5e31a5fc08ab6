//! The chains that all endpoints of a namespace share.

use super::front::{Front, ping, troubles};
use crate::{
    filter::{
        Action, Chain, FORWARD, Filter, Holds, Hook, INPUT, Match, Meter, OUTPUT, PRE, Rule,
        SetKey, TRACK, Table,
    },
    intervals::Family,
    l3::L3Source,
    model::{Attach, Cidr, NetworkAcl},
    plan::{Link, Namespace, Plan, ReplyRule, Route},
    reason::Reason,
};
use ipnet::IpNet;
use std::net::IpAddr;

/// A link of the namespace.
pub(super) struct Segment<'a> {
    pub(super) attach: &'a Attach,
    /// What is on it.
    pub(super) cidrs: &'a [Cidr],
    /// Its own hosts.
    pub(super) hosts: L3Source,
    /// Whatever may come in by it.
    pub(super) sources: L3Source,
    /// The node's addresses on it.
    pub(super) addresses: &'a [IpAddr],
    /// Whether nothing is offered there but the answer to a ping.
    pub(super) silent: bool,
    pub(super) acl: Option<&'a NetworkAcl>,
}

/// A namespace before its rules are made.
pub(super) struct Shape<'a> {
    pub(super) segments: Vec<Segment<'a>>,
    pub(super) fronts: Vec<Front<'a>>,
}

/// Neighbour solicitation and advertisement. Routers are not asked and not believed: routes are the
/// model's.
const NEIGHBOURS: &[u8] = &[135, 136];
const SOLICITATION: &[u8] = &[135];
const ADVERTISEMENT: &[u8] = &[136];
/// The question which groups are listened to, without whose answer a switch may not pass neighbour
/// discovery on.
const GROUP_QUERY: &[u8] = &[130];
/// That answer.
const GROUP_REPORT: &[u8] = &[143];

/// Before connection tracking, and before its defragmentation's results are looked at.
const PRIORITY_RAW: i32 = -300;

impl Shape<'_> {
    pub(super) fn plan(
        self,
        namespace: Namespace,
        (routes, reply_rules): (Vec<Route>, Vec<ReplyRule>),
    ) -> Plan {
        let mut filter = Filter::default();
        let pre = self.pre(&mut filter);
        filter.chains.extend(pre);
        let input = self.input(&mut filter);
        filter
            .chains
            .extend([input, forward(), self.track(), self.output()]);
        for front in &self.fronts {
            let chains = front.chains(&mut filter);
            filter.chains.extend(chains);
        }
        let arp = self.arp(&mut filter);
        filter.chains.push(arp);
        let listeners = self.fronts.iter().flat_map(Front::listeners).collect();
        let links = self.segments.iter().map(Segment::link).collect();
        Plan {
            namespace,
            links,
            routes,
            reply_rules,
            listeners,
            filter,
        }
    }

    fn own(&self) -> L3Source {
        let addresses = self.segments.iter().flat_map(|segment| segment.addresses);
        L3Source::of_own(addresses.copied())
    }

    /// May this have come in by this link, and is it for us? A packet of which all is right is known by
    /// one rule; the others say what was wrong. With the chain are those that it leads to.
    fn pre(&self, filter: &mut Filter) -> Vec<Chain> {
        let (mut rules, mut chains) = (Vec::new(), Vec::new());
        for segment in &self.segments {
            let onward = self.onward(segment, filter);
            let action = match &onward {
                Some(chain) => Action::Ask(chain.name.clone()),
                None => Action::Accept,
            };
            chains.extend(onward);
            let sources = self.sources(segment, filter);
            for address in segment.addresses {
                let family = Family::of(*address);
                let matches = vec![
                    Match::In(segment.attach.link()),
                    Match::To(*address),
                    Match::Whole(family),
                    Match::Source(family, Holds::Yes, sources.clone()),
                ];
                rules.push(Rule::new(matches, action.clone()));
            }
        }
        let links: Vec<_> = self
            .segments
            .iter()
            .map(|segment| segment.attach.link())
            .collect();
        let foreign = (!links.is_empty()).then_some(Match::InByNone(links));
        rules.push(Rule::drop(Vec::from_iter(foreign), Reason::WrongInterface));
        for family in Family::BOTH {
            rules.push(Rule::drop(vec![Match::Fragment(family)], Reason::Fragment));
        }
        let own = filter.set("own", "all", self.own());
        let in_own = |family, holds| Match::Source(family, holds, own.clone());
        for family in Family::BOTH {
            rules.push(Rule::drop(
                vec![in_own(family, Holds::Yes)],
                Reason::OwnAddress,
            ));
        }
        rules.extend(self.link_control(filter));
        let cidrs = self.segments.iter().map(|segment| segment.cidrs);
        let group = filter.set("group", "all", L3Source::of_hosts_at_once(cidrs));
        for family in Family::BOTH {
            let to_group = Match::Destination(family, Holds::Yes, group.clone());
            rules.push(Rule::drop(vec![to_group], Reason::Group));
        }
        for segment in &self.segments {
            let sources = self.sources(segment, filter);
            rules.extend(segment.spoofs(&sources));
        }
        for family in Family::BOTH {
            let elsewhere = Match::Destination(family, Holds::No, own.clone());
            rules.push(Rule::drop(vec![elsewhere], Reason::Forward));
        }
        // What is left is for another link's address, and `input` says so.
        chains.push(base(PRE, "prerouting", PRIORITY_RAW, Policy::Accept, rules));
        chains
    }

    /// Whoever may speak on the link.
    fn sources(&self, segment: &Segment<'_>, filter: &mut Filter) -> SetKey {
        let sources = segment.sources.without(&self.own());
        filter.set("src", segment.attach.link(), sources)
    }

    /// What is asked of a packet for an address of the link; nothing, if there is nothing to ask. What is
    /// not refused goes on.
    fn onward(&self, segment: &Segment<'_>, filter: &mut Filter) -> Option<Chain> {
        let link = segment.attach.link();
        let mut rules = match segment.silent {
            true => segment.acl_rules(filter),
            false => Vec::new(),
        };
        for front in self.fronts.iter().filter(|front| front.link == link) {
            rules.extend(front.acl_rules(filter));
            if self.is_tracked() && !front.is_tracked() {
                rules.extend(front.untracked().0);
            }
        }
        (!rules.is_empty()).then(|| Chain {
            table: Table::Inet,
            name: format!("go_{link}"),
            hook: None,
            rules,
        })
    }

    /// What holds a link of IPv6 together: neighbour discovery among its own hosts, which no router has
    /// passed on, and the question for groups.
    fn link_control(&self, filter: &mut Filter) -> Vec<Rule> {
        let (own, mut rules) = (self.own(), Vec::new());
        let near = filter.set("near", "all", L3Source::of_link_local());
        for segment in self.segments.iter().filter(|segment| segment.has_v6()) {
            let link = segment.attach.link();
            let neighbors = segment.hosts.without(&own).with(&L3Source::of_link_local());
            let speakers = filter.set("nd", &link, neighbors.clone().with_probes());
            let by = Match::In(link);
            let discovery = |types, more: &[Match]| {
                let from = Match::Source(Family::V6, Holds::Yes, speakers.clone());
                let icmp = Match::Icmp(Family::V6, types);
                Rule::accept([&[by.clone(), icmp, Match::FromLink, from], more].concat())
            };
            rules.push(discovery(SOLICITATION, &[]));
            rules.push(discovery(
                ADVERTISEMENT,
                &[Match::NeighborTarget(neighbors)],
            ));
            let other = vec![by.clone(), Match::Icmp(Family::V6, NEIGHBOURS)];
            rules.push(Rule::drop(other, Reason::ForeignNeighbor));
            let from_near = Match::Source(Family::V6, Holds::Yes, near.clone());
            let query = Match::Icmp(Family::V6, GROUP_QUERY);
            rules.push(Rule::accept(vec![by, query, from_near]));
        }
        rules
    }

    /// Which of our addresses is it for?
    fn input(&self, filter: &mut Filter) -> Chain {
        let entries = |family| {
            self.fronts
                .iter()
                .flat_map(move |front| front.entries(family))
        };
        // Only IPv6 has its link control among what is for an endpoint's address.
        let mut rules: Vec<_> = entries(Family::V4).collect();
        rules.extend(self.link_control(filter));
        rules.extend(entries(Family::V6));
        for segment in self.segments.iter().filter(|segment| segment.silent) {
            rules.extend(segment.pings(filter));
        }
        // What is for an address of ours came in by the wrong link, or there is nothing.
        let own: SetKey = filter.set("own", "all", self.own());
        for family in Family::BOTH {
            let to_own = Match::Destination(family, Holds::Yes, own.clone());
            rules.push(Rule::drop(vec![to_own], Reason::WrongInterface));
        }
        rules.push(Rule::drop(Vec::new(), Reason::NotEndpoint));
        base(INPUT, "input", 0, Policy::Drop, rules)
    }

    fn is_tracked(&self) -> bool {
        self.fronts.iter().any(Front::is_tracked)
    }

    /// Keeps the replies of endpoints that nothing is tracked for out of connection tracking.
    fn track(&self) -> Chain {
        let free = self
            .fronts
            .iter()
            .filter(|front| self.is_tracked() && !front.is_tracked());
        let rules = free.flat_map(|front| front.untracked().1).collect();
        base(TRACK, "output", PRIORITY_RAW, Policy::Accept, rules)
    }

    /// The node answers and never dials.
    fn output(&self) -> Chain {
        let mut rules: Vec<_> = self.fronts.iter().flat_map(Front::replies).collect();
        for segment in &self.segments {
            let by = Match::Out(segment.attach.link());
            if segment.has_v6() {
                let neighbours = Match::Icmp(Family::V6, NEIGHBOURS);
                rules.push(Rule::accept(vec![by.clone(), neighbours, Match::FromLink]));
                let report = Match::Icmp(Family::V6, GROUP_REPORT);
                rules.push(Rule::accept(vec![by.clone(), report]));
            }
            for address in segment.addresses {
                let family = Family::of(*address);
                let from = [by.clone(), Match::From(*address)];
                let pong = Match::Icmp(family, pong(family));
                rules.push(Rule::accept([&from[..], &[pong]].concat()));
            }
        }
        rules.push(Rule::drop(Vec::new(), Reason::Outgoing));
        base(OUTPUT, "output", 0, Policy::Drop, rules)
    }

    /// Who may say on a link which hardware has which address.
    fn arp(&self, filter: &mut Filter) -> Chain {
        let own = self.own();
        let mut rules = Vec::new();
        for segment in &self.segments {
            let link = segment.attach.link();
            let hosts = segment.hosts.without(&own).with_probes();
            let set = filter.set_in(Table::Arp, "arp", &link, hosts);
            rules.push(Rule::accept(vec![Match::In(link), Match::ArpSender(set)]));
        }
        rules.push(Rule::drop(Vec::new(), Reason::ForeignArp));
        Chain {
            table: Table::Arp,
            ..base(INPUT, "input", 0, Policy::Drop, rules)
        }
    }
}

impl Segment<'_> {
    fn has_v6(&self) -> bool {
        self.addresses.iter().any(IpAddr::is_ipv6)
    }

    fn link(&self) -> Link {
        let with_prefix = |address: &IpAddr| {
            let cidr = self.cidrs.iter().find(|cidr| cidr.contains(*address))?;
            IpNet::new(*address, cidr.net().prefix_len()).ok()
        };
        Link {
            name: self.attach.link(),
            attach: self.attach.clone(),
            addresses: self.addresses.iter().filter_map(with_prefix).collect(),
        }
    }

    fn spoofs(&self, sources: &SetKey) -> [Rule; 2] {
        let link = self.attach.link();
        Family::BOTH.map(|family| {
            let elsewhere = Match::Source(family, Holds::No, sources.clone());
            Rule::drop(vec![Match::In(link.clone()), elsewhere], Reason::Spoof)
        })
    }

    /// Of a packet that came by the link of a subnet without an endpoint: pings have no port, so rules
    /// that name ports say nothing.
    fn acl_rules(&self, filter: &mut Filter) -> Vec<Rule> {
        let Some(acl) = self.acl else {
            return Vec::new();
        };
        let set = filter.set("acl", self.attach.link(), L3Source::of_acl(acl, None));
        let denied = Family::BOTH.map(|family| {
            let outside = Match::Source(family, Holds::No, set.clone());
            Rule::drop(vec![outside], Reason::NetworkAcl)
        });
        denied.into()
    }

    fn pings(&self, filter: &mut Filter) -> Vec<Rule> {
        let (link, mut rules) = (self.attach.link(), Vec::new());
        for address in self.addresses {
            let family = Family::of(*address);
            let here = [Match::In(link.clone()), Match::To(*address)];
            let with = |more: &[Match]| [&here[..], more].concat();
            let asked = filter.over(Meter::asked(family, &link));
            let ping = Match::Icmp(family, ping(family));
            rules.push(Rule::drop(with(&[ping.clone(), asked]), Reason::Rate));
            rules.push(Rule::accept(with(&[ping])));
            rules.push(Rule::accept(with(&[Match::Icmp(family, troubles(family))])));
            rules.push(Rule::drop(with(&[]), Reason::NotEndpoint));
        }
        rules
    }
}

fn pong(family: Family) -> &'static [u8] {
    match family {
        Family::V4 => &[0],
        Family::V6 => &[129],
    }
}

fn forward() -> Chain {
    let rules = vec![Rule::drop(Vec::new(), Reason::Forward)];
    base(FORWARD, "forward", 0, Policy::Drop, rules)
}

enum Policy {
    Accept,
    Drop,
}

fn base(name: &str, hook: &'static str, priority: i32, policy: Policy, rules: Vec<Rule>) -> Chain {
    Chain {
        table: Table::Inet,
        name: name.to_owned(),
        hook: Some(Hook {
            name: hook,
            priority,
            drops: matches!(policy, Policy::Drop),
        }),
        rules,
    }
}
