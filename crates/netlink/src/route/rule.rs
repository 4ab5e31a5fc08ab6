//! Policy rules: which table of routes is asked, by where a packet comes from.

use super::{RouteSocket, TableId, family, read_range};
use crate::{
    Failed,
    socket::Question,
    wire::{Attributes, Malformed, Writer},
};
use ipnet::IpNet;
use std::fmt;

// `FRA_…`
const SOURCE: u16 = 2;
const PRIORITY: u16 = 6;
const TABLE: u16 = 15;

/// `FR_ACT_TO_TBL`: ask a table.
const ASK_TABLE: u8 = 1;

/// Packets from a range ask this table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rule {
    /// The range. The kernel's own three rules are from all.
    pub from: IpNet,
    /// The table.
    pub table: TableId,
    /// Lower ones are asked first.
    pub priority: u32,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            from,
            table,
            priority,
        } = self;
        write!(f, "{priority}: from {from} {table}")
    }
}

impl RouteSocket {
    /// All rules that ask a table by the source alone.
    pub fn rules(&mut self) -> Result<Vec<Rule>, Failed> {
        let question = Question::bare(libc::RTM_GETRULE, &[0; 12]);
        self.list("policy rules", &question, libc::RTM_NEWRULE, Rule::read)
    }

    /// Adds a rule.
    pub fn add_rule(&mut self, rule: &Rule) -> Result<(), Failed> {
        let question = Question {
            kind: libc::RTM_NEWRULE,
            flags: libc::NLM_F_CREATE | libc::NLM_F_EXCL,
            fixed: &rule.fixed(),
            attributes: &|w| rule.write(w),
        };
        self.ask("adding the policy rule", rule, &question)
    }

    /// Deletes a rule.
    pub fn delete_rule(&mut self, rule: &Rule) -> Result<(), Failed> {
        let question = Question {
            kind: libc::RTM_DELRULE,
            flags: 0,
            fixed: &rule.fixed(),
            attributes: &|w| rule.write(w),
        };
        self.ask("deleting the policy rule", rule, &question)
    }
}

impl Rule {
    /// `fib_rule_hdr`: family u8, length of the receivers' range u8, of the senders' u8, service u8,
    /// table u8, nothing u16, action u8, flags u32.
    pub(super) fn fixed(&self) -> [u8; 12] {
        let (family, len) = (family(self.from.addr()), self.from.prefix_len());
        [family, 0, len, 0, 0, 0, 0, ASK_TABLE, 0, 0, 0, 0]
    }

    pub(super) fn write(&self, w: &mut Writer) {
        if self.from.prefix_len() > 0 {
            w.address(SOURCE, self.from.network());
        }
        w.u32(TABLE, self.table.0);
        w.u32(PRIORITY, self.priority);
    }

    /// Reads the body of an `RTM_NEWRULE`; one that does something else is none.
    pub fn read(body: &[u8]) -> Result<Option<Self>, Malformed> {
        let (fixed, attributes) = Attributes::behind::<12>(body, "a policy rule")?;
        let [family, to_len, from_len, _, table, _, _, action, ..] = *fixed;
        let is_ip = matches!(i32::from(family), libc::AF_INET | libc::AF_INET6);
        if !is_ip || action != ASK_TABLE || to_len > 0 {
            return Ok(None);
        }
        let (mut from, mut priority, mut table) = (None, 0, u32::from(table));
        for attribute in attributes {
            let attribute = attribute?;
            match attribute.kind {
                SOURCE => from = Some(attribute.address("a rule's source")?),
                PRIORITY => priority = attribute.u32("a rule's priority")?,
                TABLE => table = attribute.u32("a rule's table")?,
                _ => {}
            }
        }
        let from = read_range(family, from, from_len, "a rule's source")?;
        Ok(from.map(|from| Self {
            from,
            table: TableId(table),
            priority,
        }))
    }
}
