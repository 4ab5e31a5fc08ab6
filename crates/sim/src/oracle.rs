//! Is there a history that explains what is seen?
//!
//! A round is a handful of operations that were under way together. Each has an answer, or none,
//! because the power went first. The oracle looks for an order of the operations in which the model
//! gives the same answers and ends up looking as the store looks:
//!
//! * what was acknowledged is in the history (durability) with the answer that was given
//!   (linearizability: of many `If-None-Match: *` one wins);
//! * what was not answered, or with a failure of the device, is in it wholly or not at all
//!   (atomicity, prefix);
//! * what was refused for lack of space or as busy is not in it.
//!
//! An operation that was answered before another one began comes before it. Orders are tried
//! exhaustively: rounds are small.

use crate::executor::{Stuck, now};
use blockhouse_store::{
    Model, ObjectStore, StoreError,
    kit::{Names, Op, Outcome, View, apply, view},
};

use blockhouse_types::Timestamp;

/// One operation and its answer.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// What was asked.
    pub op: Op,
    /// What came back; `None` if nothing did.
    pub outcome: Option<Outcome>,
    /// When it began, by a counter of the round.
    pub begun: u64,
    /// When it was answered, by the same counter.
    pub ended: u64,
}

/// What an attempt demands of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Demand {
    /// In it, with this answer.
    Must,
    /// In it or not; the answer does not matter.
    May,
    /// Not in it.
    MustNot,
}

impl Attempt {
    /// An operation that ran beside all others of its round.
    pub fn concurrent(op: Op, outcome: Option<Outcome>) -> Self {
        Self {
            op,
            outcome,
            begun: 0,
            ended: u64::MAX,
        }
    }

    /// Whether this one must come before `other`.
    fn precedes(&self, other: &Self) -> bool {
        self.demand() == Demand::Must && self.ended < other.begun
    }

    fn demand(&self) -> Demand {
        match &self.outcome {
            None => Demand::May,
            Some(Outcome::Done(_)) => Demand::Must,
            Some(Outcome::Refused(why)) => refusal(why),
        }
    }
}

/// Judges an error by its text, which is all that an [`Outcome`] keeps of it.
fn refusal(why: &str) -> Demand {
    let is = |word: &str| why.contains(word);
    if is("Device {") || is("Closed {") {
        // A frame whose flush failed may be on the media or not.
        Demand::May
    } else if is("NoSpace") || is("Busy {") || is("Damaged {") {
        Demand::MustNot
    } else {
        Demand::Must
    }
}

/// The model as it was, and names for what was given.
pub struct Oracle {
    model: Model,
    names: Names,
}

/// No history explains it.
#[derive(Debug, thiserror::Error)]
pub enum Contradiction {
    /// Every history that fits the answers looks otherwise than the store.
    #[error("no history explains what is seen:\n  a model: {expected}\n  store:   {found}")]
    View {
        /// The first line in which the nearest history differs.
        expected: String,
        /// The same line of the store.
        found: String,
    },
    /// Not even the answers fit together.
    #[error("no order of the operations gives the answers that were given:\n  {round:#?}")]
    Answers {
        /// Operations and answers.
        round: Vec<Attempt>,
    },
    /// The time floor fell below what was acknowledged.
    #[error("the time floor is {found:?}, {acknowledged:?} was acknowledged")]
    Floor {
        /// The store's.
        found: Timestamp,
        /// The model's.
        acknowledged: Timestamp,
    },
    /// The model cannot be asked.
    #[error("the model failed")]
    Model(#[from] StoreError),
    /// The model waits, which it never does.
    #[error("the model waited")]
    Stuck(#[from] Stuck),
}

impl Oracle {
    /// Nothing has happened yet.
    pub fn new() -> Self {
        Self {
            model: Model::new(),
            names: Names::default(),
        }
    }

    /// The model's names: what the next operations may refer to.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The model as it is.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// An independent copy.
    pub fn fork(&self) -> Self {
        Self {
            model: self.model.fork(),
            names: self.names.clone(),
        }
    }

    /// Finds a history of `round` after which the model looks like `seen` and has a time floor of at
    /// most `floor`, and moves on to it.
    ///
    /// # Errors
    /// There is none.
    pub fn explain(
        &mut self,
        round: &[Attempt],
        seen: &View,
        floor: Timestamp,
    ) -> Result<(), Contradiction> {
        self.find(round, seen, floor, Since::Running)
    }

    /// The same of a store that was opened again after the round, with that time floor.
    ///
    /// # Errors
    /// There is none.
    pub fn explain_restarted(
        &mut self,
        round: &[Attempt],
        seen: &View,
        floor: Timestamp,
    ) -> Result<(), Contradiction> {
        self.find(round, seen, floor, Since::Restarted)
    }

    /// The store was opened again, and shows a time floor of `floor`.
    ///
    /// # Errors
    /// The model cannot be asked.
    pub fn restart(&mut self, floor: Timestamp) -> Result<(), Contradiction> {
        self.model = Since::Restarted.then(&self.model, floor);
        self.names = now(Names::recover(&self.model))??;
        Ok(())
    }

    fn find(
        &mut self,
        round: &[Attempt],
        seen: &View,
        floor: Timestamp,
        since: Since,
    ) -> Result<(), Contradiction> {
        let attempts: Vec<_> = round
            .iter()
            .filter(|a| a.demand() != Demand::MustNot)
            .collect();
        let mut search = Search {
            oracle: self,
            seen,
            floor,
            since,
            nearest: None,
        };
        let found = search.orders(&self.model, &attempts)?;
        let Some(model) = found else {
            let answers = || Contradiction::Answers {
                round: round.to_vec(),
            };
            return Err(search.nearest.unwrap_or_else(answers));
        };
        // What was not acknowledged may have raised the floor without leaving anything else.
        let model = since.then(&model, floor);
        self.names = now(Names::recover(&model))??;
        self.model = model;
        Ok(())
    }
}

impl Default for Oracle {
    fn default() -> Self {
        Self::new()
    }
}

/// What a store has gone through between a round and the look at it.
#[derive(Debug, Clone, Copy)]
enum Since {
    /// Nothing.
    Running,
    /// It was opened again.
    Restarted,
}

impl Since {
    /// The model as it would look then, by a store whose floor is this.
    fn then(self, model: &Model, floor: Timestamp) -> Model {
        let model = model.fork();
        model.observe(floor);
        if matches!(self, Self::Restarted) {
            // The simulated clock stands at 0: a store begins at its floor.
            model.restart(floor);
        }
        model
    }
}

struct Search<'a> {
    oracle: &'a Oracle,
    seen: &'a View,
    floor: Timestamp,
    since: Since,
    /// What is wrong with the last history that fits the answers.
    nearest: Option<Contradiction>,
}

impl Search<'_> {
    /// In what `model` is not the store.
    fn differs(&self, model: &Model) -> Result<Option<Contradiction>, Contradiction> {
        let view = now(view(&self.since.then(model, self.floor)))??;
        if view != *self.seen {
            let (expected, found) = view.first_difference(self.seen);
            return Ok(Some(Contradiction::View { expected, found }));
        }
        let (acknowledged, found) = (model.time_floor(), self.floor);
        Ok((acknowledged > found).then_some(Contradiction::Floor {
            found,
            acknowledged,
        }))
    }

    /// Tries every order of `left` after `model`.
    fn orders(&mut self, model: &Model, left: &[&Attempt]) -> Result<Option<Model>, Contradiction> {
        if left.iter().all(|attempt| attempt.demand() == Demand::May) {
            match self.differs(model)? {
                None => return Ok(Some(model.fork())),
                difference => self.nearest = difference,
            }
        }
        for (n, attempt) in left.iter().enumerate() {
            if left.iter().any(|earlier| earlier.precedes(attempt)) {
                continue;
            }
            let after = model.fork();
            // Names of its own: the operations of a round know nothing of each other.
            let mut names = self.oracle.names.clone();
            let outcome = now(apply(&after, &mut names, &attempt.op))?;
            if attempt.demand() == Demand::Must && attempt.outcome.as_ref() != Some(&outcome) {
                continue;
            }
            let rest: Vec<_> = left
                .iter()
                .enumerate()
                .filter(|(m, _)| *m != n)
                .map(|(_, a)| *a)
                .collect();
            if let Some(found) = self.orders(&after, &rest)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
