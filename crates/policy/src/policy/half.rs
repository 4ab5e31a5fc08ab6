//! The statements of one effect, and which of them a request meets.
//!
//! ```text
//!   ""                         ─► statements on everything, or with a wildcard at the front
//!   "bkt"  ─► parent ""
//!   "bkt/a/" ─► parent "bkt"   the prefixes in order; each knows the longest other one it begins with
//!   "bkt/b"  ─► parent "bkt"
//! ```
//!
//! Whatever prefix a resource begins with, the last prefix not behind the resource in the order
//! begins with it too. So one binary search and a walk to the root meet them all.

use crate::{
    action::ActionBits,
    arn::Arn,
    principal::Grants,
    request::Request,
    statement::{Effect, Names, Statement},
};
use std::ops::ControlFlow;

/// As many statements are looked at one after the other without an index.
const UNINDEXED_MAX: usize = 8;

/// The statements of one effect.
#[derive(Debug, Clone)]
pub(crate) struct Half {
    rows: Box<[Row]>,
    index: Option<Index>,
}

/// What is looked at of every statement met: kept together, apart from the rest of it.
#[derive(Debug, Clone, Copy)]
struct Row {
    actions: ActionBits,
    /// Its number in the policy.
    statement: u32,
}

#[derive(Debug, Clone)]
struct Index {
    /// In order, none twice.
    prefixes: Box<[Box<str>]>,
    nodes: Box<[Node]>,
    /// The rows of every node, node by node.
    members: Box<[u32]>,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    /// The longest other prefix that this one begins with.
    parent: Option<u32>,
    first: u32,
    behind: u32,
}

/// What a search calls with every statement that speaks of the request.
pub(crate) trait Visit: FnMut(u32, Grants) -> ControlFlow<()> {}
impl<F: FnMut(u32, Grants) -> ControlFlow<()>> Visit for F {}

impl Half {
    pub(crate) fn new(statements: &[Statement], effect: Effect) -> Self {
        let numbered = (0u32..).zip(statements);
        let own = numbered.filter(|(_, s)| s.effect == effect);
        let rows: Box<[Row]> = own
            .map(|(statement, s)| Row {
                actions: s.actions.bits(),
                statement,
            })
            .collect();
        let index = (rows.len() > UNINDEXED_MAX).then(|| Index::new(&rows, statements));
        Self { rows, index }
    }

    /// Calls `visit` with every statement that speaks of the request, until it breaks; one with
    /// several resources perhaps more than once.
    pub(crate) fn search(
        &self,
        statements: &[Statement],
        request: &Request<'_>,
        names: Names<'_>,
        visit: &mut impl Visit,
    ) -> ControlFlow<()> {
        let mut meet = |row: &Row| {
            if request.action.is_in(&row.actions) == Some(false) {
                return ControlFlow::Continue(());
            }
            let Some(statement) = statements.get(row.statement as usize) else {
                return ControlFlow::Continue(());
            };
            let grants = match request.action.is_known() {
                true => statement.speaks_of_the_rest(request, names),
                false => statement.speaks_of(request, names),
            };
            match grants.any() {
                true => visit(row.statement, grants),
                false => ControlFlow::Continue(()),
            }
        };
        match &self.index {
            None => self.rows.iter().try_for_each(meet),
            Some(index) => {
                let mut meet = |row: u32| match self.rows.get(row as usize) {
                    Some(row) => meet(row),
                    None => ControlFlow::Continue(()),
                };
                index.meet_all(names, &mut meet)
            }
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.rows) + self.index.as_ref().map_or(0, Index::heap_bytes)
    }
}

impl Index {
    fn new(rows: &[Row], statements: &[Statement]) -> Self {
        let mut pairs: Vec<(&str, u32)> = Vec::new();
        for (number, row) in (0u32..).zip(rows) {
            let Some(statement) = statements.get(row.statement as usize) else {
                continue;
            };
            pairs.extend(statement.resources.literal_prefixes().map(|p| (p, number)));
        }
        pairs.sort_unstable();
        pairs.dedup();
        let (mut prefixes, mut nodes) = (Vec::<Box<str>>::new(), Vec::<Node>::new());
        let mut open: Vec<u32> = Vec::new();
        let mut at = 0u32;
        for group in pairs.chunk_by(|a, b| a.0 == b.0) {
            let prefix = group.first().map_or("", |(prefix, _)| *prefix);
            while let Some(last) = open.last()
                && !prefix.starts_with(&*prefixes[*last as usize])
            {
                open.pop();
            }
            let first = at;
            at += u32::try_from(group.len()).unwrap_or(u32::MAX);
            nodes.push(Node {
                parent: open.last().copied(),
                first,
                behind: at,
            });
            open.push(u32::try_from(prefixes.len()).unwrap_or(u32::MAX));
            prefixes.push(prefix.into());
        }
        Self {
            prefixes: prefixes.into(),
            nodes: nodes.into(),
            members: pairs.iter().map(|(_, row)| *row).collect(),
        }
    }

    fn meet_all(
        &self,
        names: Names<'_>,
        meet: &mut impl FnMut(u32) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let [first, second] = names.map(|name| name.map_or("", Arn::last));
        self.meet(first, meet)?;
        match second {
            "" => ControlFlow::Continue(()),
            second => self.meet(second, meet),
        }
    }

    fn meet(&self, name: &str, meet: &mut impl FnMut(u32) -> ControlFlow<()>) -> ControlFlow<()> {
        let behind = self.prefixes.partition_point(|prefix| **prefix <= *name);
        let mut next = behind.checked_sub(1);
        while let Some(at) = next {
            let (Some(prefix), Some(node)) = (self.prefixes.get(at), self.nodes.get(at)) else {
                break;
            };
            if name.starts_with(&**prefix) {
                let members = self.members.get(node.first as usize..node.behind as usize);
                members
                    .unwrap_or_default()
                    .iter()
                    .try_for_each(|row| meet(*row))?;
            }
            next = node.parent.map(|parent| parent as usize);
        }
        ControlFlow::Continue(())
    }

    fn heap_bytes(&self) -> usize {
        let text = self.prefixes.iter().map(|prefix| prefix.len());
        size_of_val(&*self.prefixes)
            + text.sum::<usize>()
            + size_of_val(&*self.nodes)
            + size_of_val(&*self.members)
    }
}
