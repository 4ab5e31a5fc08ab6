//! The links that are used on one I/O thread, so that a revocation reaches those under way, and that
//! a list can be shown.
//!
//! ```text
//!   request by a link ─ begin ─► under way ─ the answer's last byte ─► seen
//!   administrator ── Rolls ──► each thread's Roll: cut what a revocation means; tell what was seen
//! ```
//!
//! A request is under way before the store is asked whether its link was revoked, and a revocation is
//! in the store before the threads are asked to cut what it means: so none slips through between.
//! What is cut loses its connection: bytes that the kernel took already may still arrive, nothing else.

use crate::watch::{Order, Watch};
use blockhouse_store::{LinkFacts, Revocation};
use blockhouse_types::{AccountId, LinkId, Timestamp};
use slab::Slab;
use std::{
    cell::RefCell,
    collections::HashMap,
    mem,
    net::IpAddr,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{mpsc, oneshot};

/// Links that one thread remembers to have seen; beyond that, those are forgotten that were used
/// the longest time ago.
const SEEN_MAX: usize = 4096;

/// Of those, how many are kept together.
const GENERATION_MAX: usize = SEEN_MAX / 2;

/// The connection of a request, for who must end it. The default is one that nobody can end.
#[derive(Debug, Clone, Default)]
pub struct Line(Option<Rc<Watch>>);

impl Line {
    /// This connection.
    pub(crate) fn of(watch: &Rc<Watch>) -> Self {
        Self(Some(Rc::clone(watch)))
    }

    fn cut(&self) {
        if let Some(watch) = &self.0 {
            watch.tell(Order::Cut);
        }
    }
}

/// A link that was used here.
#[derive(Debug, Clone)]
pub(crate) struct SeenLink {
    pub(crate) facts: Arc<LinkFacts>,
    /// When the link ends.
    pub(crate) expires_at: Option<Timestamp>,
    /// When it was first used, since this thread began.
    pub(crate) first: Timestamp,
    /// When it was last used.
    pub(crate) last: Timestamp,
    /// How often.
    pub(crate) uses: u64,
    /// From where, the last time.
    pub(crate) source: IpAddr,
}

/// The links of one thread.
#[derive(Debug, Default)]
pub struct Roll {
    under_way: RefCell<Slab<(Arc<LinkFacts>, Line)>>,
    seen: RefCell<Seen>,
}

/// The links that were seen, in two generations: those used lately, and those used before. When the
/// younger is full it becomes the elder, and who was in that and was not used since is forgotten. So no
/// request ever looks through all of them.
#[derive(Debug, Default)]
struct Seen {
    younger: HashMap<LinkId, SeenLink>,
    elder: HashMap<LinkId, SeenLink>,
}

impl Seen {
    /// The entry of a link, among those used lately.
    fn used(&mut self, link: LinkId, new: impl FnOnce() -> SeenLink) -> &mut SeenLink {
        let mut known = None;
        if !self.younger.contains_key(&link) {
            // Before its generation is forgotten.
            known = self.elder.remove(&link);
            if self.younger.len() >= GENERATION_MAX {
                mem::swap(&mut self.younger, &mut self.elder);
                self.younger.clear();
            }
        }
        let entry = self.younger.entry(link);
        entry.or_insert_with(|| known.unwrap_or_else(new))
    }

    fn all(&self) -> impl Iterator<Item = &SeenLink> {
        self.younger.values().chain(self.elder.values())
    }
}

impl Roll {
    /// A request by a link begins; it ends when what is returned is dropped.
    pub(crate) fn begin(self: &Rc<Self>, facts: &Arc<LinkFacts>, line: Line) -> UnderWay {
        let entry = (Arc::clone(facts), line);
        UnderWay {
            roll: Rc::clone(self),
            number: self.under_way.borrow_mut().insert(entry),
        }
    }

    /// A link was let through.
    pub(crate) fn note(
        &self,
        facts: &Arc<LinkFacts>,
        expires_at: Option<Timestamp>,
        source: IpAddr,
        now: Timestamp,
    ) {
        let mut seen = self.seen.borrow_mut();
        let entry = seen.used(facts.link, || SeenLink {
            facts: Arc::clone(facts),
            expires_at,
            first: now,
            last: now,
            uses: 0,
            source,
        });
        entry.last = now;
        entry.uses += 1;
        entry.source = source;
    }

    /// Ends the connections of the links that the revocation means; tells how many.
    pub(crate) fn cut(&self, revocation: &Revocation) -> usize {
        let under_way = self.under_way.borrow();
        let meant = under_way
            .iter()
            .filter(|(_, (facts, _))| revocation.covers(facts));
        meant.map(|(_, (_, line))| line.cut()).count()
    }

    pub(crate) fn seen_by(&self, account: AccountId) -> Vec<SeenLink> {
        let seen = self.seen.borrow();
        let has_a_say = |seen: &&SeenLink| {
            seen.facts.signer == account || seen.facts.bucket_owner == Some(account)
        };
        seen.all().filter(has_a_say).cloned().collect()
    }
}

/// A request by a link, under way until this is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay {
    roll: Rc<Roll>,
    number: usize,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.roll.under_way.borrow_mut().try_remove(self.number);
    }
}

impl SeenLink {
    /// What two threads saw of one link.
    fn united(self, other: Self) -> Self {
        let (first, uses) = (self.first.min(other.first), self.uses + other.uses);
        let later = if self.last >= other.last { self } else { other };
        Self {
            first,
            uses,
            ..later
        }
    }
}

/// What a thread is asked. Every question of an administrator's connection waits for its answer, so
/// their number bounds the queues.
enum Ask {
    Cut(Arc<Revocation>, oneshot::Sender<usize>),
    Seen(AccountId, oneshot::Sender<Vec<SeenLink>>),
}

/// The rolls of all threads. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Rolls(Arc<Mutex<Vec<mpsc::UnboundedSender<Ask>>>>);

impl Rolls {
    /// Enters a thread's roll; what is returned answers for it for as long as it is polled.
    pub(crate) fn join(&self, roll: Rc<Roll>) -> impl Future<Output = ()> + use<> {
        let (ask, mut asked) = mpsc::unbounded_channel();
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(ask);
        async move {
            while let Some(ask) = asked.recv().await {
                // Whoever asked may have gone.
                match ask {
                    Ask::Cut(revocation, answer) => drop(answer.send(roll.cut(&revocation))),
                    Ask::Seen(account, answer) => drop(answer.send(roll.seen_by(account))),
                }
            }
        }
    }

    /// Ends the connections of links that a revocation means, on all threads; tells how many.
    pub(crate) async fn cut(&self, revocation: &Revocation) -> usize {
        let revocation = Arc::new(revocation.clone());
        let cut = self.ask(|answer| Ask::Cut(Arc::clone(&revocation), answer));
        cut.await.into_iter().sum()
    }

    /// The links that all threads have seen and that the account has a say in.
    pub(crate) async fn seen(&self, account: AccountId) -> Vec<SeenLink> {
        let mut all: HashMap<LinkId, SeenLink> = HashMap::new();
        let seen = self.ask(|answer| Ask::Seen(account, answer)).await;
        for one in seen.into_iter().flatten() {
            let link = one.facts.link;
            let united = match all.remove(&link) {
                Some(other) => other.united(one),
                None => one,
            };
            all.insert(link, united);
        }
        let mut all: Vec<_> = all.into_values().collect();
        all.sort_unstable_by_key(|seen| (seen.last, seen.facts.link));
        all
    }

    /// Asks every thread; one that has ended has no answer.
    async fn ask<T>(&self, question: impl Fn(oneshot::Sender<T>) -> Ask) -> Vec<T> {
        let threads = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut answers = Vec::new();
        for thread in threads {
            let (answer, answered) = oneshot::channel();
            if thread.send(question(answer)).is_ok() {
                answers.extend(answered.await);
            }
        }
        answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blockhouse_types::RevokedLinks;

    fn facts(number: u16) -> Arc<LinkFacts> {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&number.to_le_bytes());
        Arc::new(LinkFacts {
            link: LinkId(id),
            once: None,
            key_id: "AK".into(),
            signer: AccountId::from_number(1).unwrap(),
            signed_at: Timestamp::from_secs(1),
            bucket: None,
            bucket_owner: None,
            key: None,
        })
    }

    fn revocation(of: &LinkFacts) -> Revocation {
        Revocation {
            owner: of.signer,
            links: RevokedLinks::Link(of.link),
            signed_until: Timestamp::from_secs(9),
            until: Timestamp::from_secs(9),
        }
    }

    #[test]
    fn what_is_meant_is_cut_while_it_is_under_way() {
        let roll = Rc::new(Roll::default());
        let (one, other) = (facts(1), facts(2));
        let watches = [Watch::new(), Watch::new()];
        let first = roll.begin(&one, Line::of(&watches[0]));
        let _second = roll.begin(&other, Line::of(&watches[1]));
        assert_eq!(roll.cut(&revocation(&one)), 1);
        let told = |watch: &Watch| watch.order(std::task::Waker::noop());
        assert_eq!(
            [told(&watches[0]), told(&watches[1])],
            [Order::Cut, Order::Serve]
        );
        drop(first);
        assert_eq!(roll.cut(&revocation(&one)), 0);
    }

    #[test]
    fn those_not_used_for_long_are_forgotten_first() {
        let roll = Roll::default();
        let source = IpAddr::from([127, 0, 0, 1]);
        let end = SEEN_MAX as u16 + 1;
        for n in 0..end {
            roll.note(&facts(n), None, source, Timestamp::from_secs(n.into()));
        }
        roll.note(&facts(end - 1), None, source, Timestamp::from_secs(9999));
        let seen = roll.seen_by(AccountId::from_number(1).unwrap());
        assert!(seen.len() <= SEEN_MAX && seen.len() >= SEEN_MAX / 2 - 1);
        let last = seen
            .iter()
            .find(|seen| *seen.facts == *facts(end - 1))
            .unwrap();
        assert_eq!((last.uses, last.last), (2, Timestamp::from_secs(9999)));
        assert!(seen.iter().all(|seen| *seen.facts != *facts(0)));
        assert!(roll.seen_by(AccountId::from_number(2).unwrap()).is_empty());
    }

    /// Also by the use at which the generations change.
    #[test]
    fn what_is_used_again_is_remembered() {
        let roll = Roll::default();
        let (source, kept) = (IpAddr::from([127, 0, 0, 1]), facts(0));
        let mut others = 1..;
        for uses in 1..=5 {
            roll.note(&kept, None, source, Timestamp::from_secs(uses));
            // The rest of its generation, and all of the next: it is found among the elder, and the
            // younger has no room.
            for other in others.by_ref().take(2 * GENERATION_MAX - 1) {
                roll.note(&facts(other), None, source, Timestamp::from_secs(uses));
            }
            let seen = roll.seen_by(AccountId::from_number(1).unwrap());
            let first = seen.iter().find(|seen| *seen.facts == *kept).unwrap();
            assert_eq!((first.uses, first.first), (uses, Timestamp::from_secs(1)));
        }
    }

    #[tokio::test]
    async fn all_threads_are_asked() {
        let rolls = Rolls::default();
        let source = IpAddr::from([127, 0, 0, 1]);
        let tasks = tokio::task::LocalSet::new();
        for n in 0..2 {
            let roll = Rc::new(Roll::default());
            roll.note(&facts(7), None, source, Timestamp::from_secs(n));
            tasks.spawn_local(rolls.join(roll));
        }
        let account = AccountId::from_number(1).unwrap();
        let seen = tasks.run_until(rolls.seen(account)).await;
        let [seen] = &seen[..] else {
            panic!("{seen:?}")
        };
        assert_eq!(
            (seen.uses, seen.first, seen.last),
            (2, Timestamp::from_secs(0), Timestamp::from_secs(1))
        );
        assert_eq!(tasks.run_until(rolls.cut(&revocation(&facts(7)))).await, 0);
    }
}
