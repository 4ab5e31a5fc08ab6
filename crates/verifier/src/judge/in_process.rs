//! A judge without a process of its own.

use super::Judge;
use crate::chains::Chains;
use blockhouse_verifier_wire::{
    Call, CallVerifier, ChainId, Failure, Link, LinkSigner, Ordered, Question, Unreachable,
    Verified, Verifier,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A judge in the process that asks, with all chains in one place: for tests, tools and measurements.
/// On a node the judge is in a process of its own.
#[derive(Debug, Clone)]
pub struct InProcess {
    judge: Judge,
    chains: Arc<Mutex<Chains>>,
}

impl InProcess {
    /// Asks this judge.
    pub fn new(judge: Judge) -> Self {
        let chains = Arc::default();
        Self { judge, chains }
    }

    /// Judges a head; the outer error means that there is no room for its chain.
    pub fn judge(
        &self,
        question: Question<'_>,
    ) -> Result<Result<Verified, Box<Failure>>, Unreachable> {
        match self.judge.judge(question) {
            Ok((mut verified, chain)) => {
                let admitted = self.chains().admit(&mut verified, chain, question.now);
                admitted.map(|()| Ok(verified))
            }
            Err(failure) => Ok(Err(failure)),
        }
    }

    /// Judges the next link of a chain.
    pub fn judge_link(&self, chain: ChainId, link: &Link) -> bool {
        self.chains().verify_link(chain, link)
    }

    /// The map is changed by single calls, so that a panic elsewhere leaves it whole.
    fn chains(&self) -> MutexGuard<'_, Chains> {
        self.chains.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Verifier for InProcess {
    async fn verify(
        &self,
        question: Question<'_>,
    ) -> Result<Result<Verified, Box<Failure>>, Unreachable> {
        self.judge(question)
    }

    async fn verify_link(&self, chain: ChainId, link: Link) -> Result<bool, Unreachable> {
        Ok(self.judge_link(chain, &link))
    }

    fn end_chain(&self, chain: ChainId) {
        self.chains().end(chain);
    }
}

impl CallVerifier for InProcess {
    async fn verify_call(
        &self,
        call: Call<'_>,
    ) -> Result<Result<Verified, Box<Failure>>, Unreachable> {
        Ok(self.judge.judge_call(call))
    }
}

impl LinkSigner for InProcess {
    async fn order_link(
        &self,
        question: Question<'_>,
    ) -> Result<Result<Ordered, Box<Failure>>, Unreachable> {
        Ok(self.judge.order(question))
    }
}
