//! Many requests at once: what is hashed of them is hashed side by side.
//!
//! ```text
//!   questions ─► queries ─► claims ─► heard ─┬─► digests ─► signatures ─┬─► decisions
//!                                            └──────────────────────────┘
//! ```
//! Each arrow is taken by all of them before the next is by any. One that is refused drops out, with
//! its refusal; what a question comes to is what it comes to alone.

use super::{Decision, Heard, Judge, Signing, read_claim, read_query, signature::Hashed};
use blockhouse_sigv4::{Batch, Chain, SigningKey};
use blockhouse_verifier_wire::{Failure, Question, Verified};

/// What is told of a question: who signed, and of a body of signed chunks what goes on judging it.
pub type Told = Result<(Verified, Option<Box<Chain>>), Box<Failure>>;

impl Judge {
    /// Decides the heads of requests without a form, in their order, as [`Judge::decide`] does each, and
    /// hands on each decision as it is made.
    pub fn decide_together(
        &self,
        questions: &[Question<'_>],
        batch: &mut Batch,
        mut hand_on: impl FnMut(&Question<'_>, Decision),
    ) {
        let queries: Vec<_> = questions.iter().map(read_query).collect();
        let asked = questions.iter().zip(&queries);
        let claims: Vec<_> = asked
            .map(|(question, query)| match query {
                Ok(query) => read_claim(question, query),
                Err(failure) => Err(failure.clone()),
            })
            .collect();
        let asked = questions.iter().zip(&queries).zip(&claims);
        let heard: Vec<_> = asked
            .map(|((question, query), claim)| match (query, claim) {
                (Ok(query), Ok(claim)) => self.0.hear(question, query, claim),
                (Err(failure), _) | (_, Err(failure)) => Err(failure.clone()),
            })
            .collect();
        let mut hashed = hash(&heard, batch).into_iter();
        for (question, heard) in questions.iter().zip(&heard) {
            let decided = match heard {
                Ok(heard) => {
                    let hashed = hmac_of(heard).and_then(|_| hashed.next());
                    self.0.judge(heard, hashed)
                }
                Err(failure) => Err(failure.clone()),
            };
            hand_on(question, decided.unwrap_or_else(Decision::refusal));
        }
    }
}

/// The signature of a request that has its part in [`hash`], and the key that made it.
fn hmac_of<'h>(heard: &'h Heard<'_>) -> Option<(&'h Signing<'h>, &'h SigningKey)> {
    let signing = heard.signed.as_ref().ok()?;
    Some((signing, signing.signature.hmac_key()?))
}

/// What those come to whose signature is an HMAC, in their order.
fn hash(heard: &[Result<Heard<'_>, Box<Failure>>], batch: &mut Batch) -> Vec<Hashed> {
    let signings: Vec<_> = heard
        .iter()
        .flatten()
        .filter_map(|heard| Some((heard, hmac_of(heard)?)))
        .collect();
    let requests = signings.iter();
    let digests =
        batch.digests(requests.map(|(heard, (signing, _))| heard.canonical(signing.payload_hash)));
    let strings: Vec<_> = signings
        .iter()
        .zip(&digests)
        .map(|((_, (signing, key)), digest)| (*key, signing.signature.string_of(*digest)))
        .collect();
    let signatures = batch.sign(&strings);
    let pairs = digests.into_iter().zip(signatures);
    pairs
        .map(|(digest, signature)| Hashed { digest, signature })
        .collect()
}
