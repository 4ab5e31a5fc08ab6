//! What was asked of a node and what it answered, in an order that all tasks share.

use crate::Attempt;
use blockhouse_engine::Engine;
use blockhouse_store::{
    ObjectStore, StoreError,
    kit::{Names, Op, apply},
};
use std::{cell::RefCell, rc::Rc};

/// One thing to do with a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A call of the contract.
    Op(Op),
    /// A checkpoint.
    Checkpoint,
    /// What an idle node does.
    Tick,
}

/// The attempts of a round. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Journal(Rc<RefCell<Entries>>);

#[derive(Debug, Default)]
struct Entries {
    attempts: Vec<Attempt>,
    count: u64,
    failures: Vec<StoreError>,
}

impl Journal {
    /// What was asked so far; without an answer where there is none yet.
    pub fn attempts(&self) -> Vec<Attempt> {
        self.0.borrow().attempts.clone()
    }

    /// Errors of checkpoints and ticks.
    pub fn failures(&self) -> Vec<StoreError> {
        self.0.borrow().failures.clone()
    }

    /// Does one step. Names are as they were before the round: operations of a round know nothing of
    /// each other.
    pub async fn perform<S: ObjectStore>(
        self,
        store: S,
        engine: Engine,
        mut names: Names,
        step: Step,
    ) {
        let op = match step {
            Step::Op(op) => op,
            Step::Checkpoint => return self.note(engine.checkpoint().await),
            Step::Tick => return self.note(engine.tick().await),
        };
        let index = self.begin(op.clone());
        let outcome = apply(&store, &mut names, &op).await;
        let mut entries = self.0.borrow_mut();
        entries.count += 1;
        let ended = entries.count;
        let attempt = &mut entries.attempts[index];
        (attempt.outcome, attempt.ended) = (Some(outcome), ended);
    }

    fn begin(&self, op: Op) -> usize {
        let mut entries = self.0.borrow_mut();
        entries.count += 1;
        let begun = entries.count;
        entries.attempts.push(Attempt {
            op,
            outcome: None,
            begun,
            ended: u64::MAX,
        });
        entries.attempts.len() - 1
    }

    fn note(&self, result: Result<(), StoreError>) {
        self.0.borrow_mut().failures.extend(result.err());
    }
}
