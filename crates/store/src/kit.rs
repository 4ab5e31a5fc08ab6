//! The conformance kit: any implementation of [`ObjectStore`] against the [`Model`].
//!
//! An [`Op`] is one call of the contract in plain data. [`apply`] makes the call on any store and
//! turns what came back into an [`Outcome`] that holds nothing of a store's own choosing: version
//! and upload ids are replaced by the order in which they were given. So the same operation on two
//! stores gives equal outcomes, or one of them is wrong. [`View`] is all that can be seen of a
//! store, likewise without ids; crash tests compare it with the model's.
//!
//! ```text
//!   Generator(seed) ─► Op ─┬─► apply(model)   ─► Outcome ─┐
//!                          └─► apply(subject) ─► Outcome ─┴─ equal? ... every n steps: View equal?
//! ```
//!
//! Nothing here is random but what the seed says; a mismatch names seed, step and operation.

mod apply;
mod generate;
mod op;
mod recover;
mod view;

pub use apply::{Names, Outcome, apply};
pub use generate::{Generator, Profile, SplitMix};
pub use op::{ConditionRef, Content, DesiredRef, LinkRef, Op, RevocationRef, VersionRef};
pub use view::{View, view};

use crate::{Model, ObjectStore};
use std::fmt;

/// Where an implementation left the model.
#[derive(Debug)]
pub struct Mismatch {
    /// The seed that replays it.
    pub seed: u64,
    /// The step, from 0.
    pub step: usize,
    /// The operation.
    pub op: String,
    /// What the model did.
    pub expected: String,
    /// What the subject did.
    pub found: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed,
            step,
            op,
            expected,
            found,
        } = self;
        write!(
            f,
            "seed {seed}, step {step}: {op}\n  model:   {expected}\n  subject: {found}"
        )
    }
}

impl std::error::Error for Mismatch {}

/// Runs `steps` operations from `seed` on `subject`, which must be empty, and on a fresh model, and
/// compares every outcome, and everything visible each `view_every` steps and at the end.
pub async fn conform<S: ObjectStore>(
    subject: &S,
    profile: Profile,
    seed: u64,
    steps: usize,
    view_every: usize,
) -> Result<Model, Mismatch> {
    let model = Model::new();
    let (mut of_model, mut of_subject) = (Names::default(), Names::default());
    let mut generator = Generator::new(seed, profile);
    for step in 0..steps {
        let op = generator.next_op(&of_model);
        let expected = apply(&model, &mut of_model, &op).await;
        let found = apply(subject, &mut of_subject, &op).await;
        if expected != found {
            let (expected, found) = (format!("{expected:?}"), format!("{found:?}"));
            return Err(Mismatch {
                seed,
                step,
                op: format!("{op:?}"),
                expected,
                found,
            });
        }
        if (step + 1) % view_every.max(1) == 0 || step + 1 == steps {
            same_view(&model, subject, seed, step).await?;
        }
    }
    Ok(model)
}

async fn same_view<S: ObjectStore>(
    model: &Model,
    subject: &S,
    seed: u64,
    step: usize,
) -> Result<(), Mismatch> {
    let (expected, found) = (view(model).await, view(subject).await);
    if expected == found {
        return Ok(());
    }
    let (expected, found) = match (&expected, &found) {
        (Ok(a), Ok(b)) => a.first_difference(b),
        _ => (format!("{expected:?}"), format!("{found:?}")),
    };
    Err(Mismatch {
        seed,
        step,
        op: "everything visible".into(),
        expected,
        found,
    })
}

#[cfg(test)]
mod tests;
