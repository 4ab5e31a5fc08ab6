//! Routes.

use super::{LinkIndex, RouteSocket, family, read_range};
use crate::{
    Failed,
    socket::Question,
    wire::{Attribute, Attributes, Malformed, Writer},
};
use ipnet::IpNet;
use std::{fmt, net::IpAddr};

/// A table of routes. 254 is the one that is asked without rules of one's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(pub u32);

impl TableId {
    /// The one that is asked without rules of one's own.
    pub const MAIN: Self = Self(254);
}

impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "table {}", self.0)
    }
}

/// How far away a route's receivers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Behind a gateway, or anywhere.
    Universe,
    /// On the link itself.
    Link,
    /// On this machine.
    Host,
}

/// Where packets to a range go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    /// The table that it is in.
    pub table: TableId,
    /// The range; a default route is to all.
    pub to: IpNet,
    /// The router.
    pub gateway: Option<IpAddr>,
    /// The link.
    pub link: Option<LinkIndex>,
    /// The address that this machine sends from, if it has the choice.
    pub source: Option<IpAddr>,
    /// How far away it is. IPv6 knows one scope only, and lists all routes as [`Scope::Universe`].
    pub scope: Scope,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "to {}", self.to)?;
        if let Some(gateway) = self.gateway {
            write!(f, " by {gateway}")?;
        }
        if let Some(link) = self.link {
            write!(f, " on {link}")?;
        }
        write!(f, " in {}", self.table)
    }
}

impl RouteSocket {
    /// All routes to single receivers, in all tables. Those that the kernel makes for its own
    /// addresses in the local table are no such routes.
    pub fn routes(&mut self) -> Result<Vec<Route>, Failed> {
        let question = Question::bare(libc::RTM_GETROUTE, &[0; 12]);
        self.list("routes", &question, libc::RTM_NEWROUTE, Route::read)
    }

    /// Adds a route.
    pub fn add_route(&mut self, route: &Route) -> Result<(), Failed> {
        let question = Question {
            kind: libc::RTM_NEWROUTE,
            flags: libc::NLM_F_CREATE | libc::NLM_F_EXCL,
            fixed: &route.fixed(libc::RTPROT_STATIC, libc::RTN_UNICAST),
            attributes: &|w| route.write(w),
        };
        self.ask("adding the route", route, &question)
    }

    /// Deletes a route, whoever made it.
    pub fn delete_route(&mut self, route: &Route) -> Result<(), Failed> {
        let question = Question {
            kind: libc::RTM_DELROUTE,
            flags: 0,
            fixed: &route.fixed(libc::RTPROT_UNSPEC, libc::RTN_UNICAST),
            attributes: &|w| route.write(w),
        };
        self.ask("deleting the route", route, &question)
    }
}

impl Route {
    /// `rtmsg`: family u8, length of the receivers' range u8, of the senders' u8, service u8,
    /// table u8, protocol u8, scope u8, type u8, flags u32.
    ///
    /// The table is an attribute, because it may be more than a byte holds.
    pub(super) fn fixed(&self, protocol: u8, kind: u8) -> [u8; 12] {
        let scope = match self.scope {
            Scope::Universe => libc::RT_SCOPE_UNIVERSE,
            Scope::Link => libc::RT_SCOPE_LINK,
            Scope::Host => libc::RT_SCOPE_HOST,
        };
        let (family, len) = (family(self.to.addr()), self.to.prefix_len());
        [family, len, 0, 0, 0, protocol, scope, kind, 0, 0, 0, 0]
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.u32(libc::RTA_TABLE, self.table.0);
        w.address(libc::RTA_DST, self.to.network());
        if let Some(gateway) = self.gateway {
            w.address(libc::RTA_GATEWAY, gateway);
        }
        if let Some(link) = self.link {
            w.u32(libc::RTA_OIF, link.0);
        }
        if let Some(source) = self.source {
            w.address(libc::RTA_PREFSRC, source);
        }
    }

    /// Reads the body of an `RTM_NEWROUTE`; one that is not to single receivers is none.
    pub fn read(body: &[u8]) -> Result<Option<Self>, Malformed> {
        let (fixed, attributes) = Attributes::behind::<12>(body, "a route")?;
        let [family, len, _, _, table, _, scope, kind, ..] = *fixed;
        let is_ip = matches!(i32::from(family), libc::AF_INET | libc::AF_INET6);
        if !is_ip || kind != libc::RTN_UNICAST {
            return Ok(None);
        }
        let scope = match scope {
            libc::RT_SCOPE_LINK => Scope::Link,
            libc::RT_SCOPE_HOST => Scope::Host,
            _ => Scope::Universe,
        };
        let mut found = Found {
            table: u32::from(table),
            ..Found::default()
        };
        for attribute in attributes {
            found.add(attribute?)?;
        }
        let to = read_range(family, found.to, len, "a route's range")?;
        Ok(to.map(|to| Self {
            table: TableId(found.table),
            to,
            gateway: found.gateway,
            link: found.link,
            source: found.source,
            scope,
        }))
    }
}

/// The attributes of a route.
#[derive(Default)]
struct Found {
    table: u32,
    to: Option<IpAddr>,
    gateway: Option<IpAddr>,
    link: Option<LinkIndex>,
    source: Option<IpAddr>,
}

impl Found {
    fn add(&mut self, attribute: Attribute<'_>) -> Result<(), Malformed> {
        let address = |what| attribute.address(what).map(Some);
        match attribute.kind {
            libc::RTA_TABLE => self.table = attribute.u32("a route's table")?,
            libc::RTA_DST => self.to = address("a route's range")?,
            libc::RTA_GATEWAY => self.gateway = address("a route's gateway")?,
            libc::RTA_PREFSRC => self.source = address("a route's source")?,
            libc::RTA_OIF => self.link = Some(LinkIndex(attribute.u32("a route's link")?)),
            _ => {}
        }
        Ok(())
    }
}
