//! One asker: a frame of questions in, a frame of answers out, and the chains between them.

use crate::{chains::Chains, judge::Judge};
use blockhouse_verifier_wire::{
    Question,
    frame::{Answer, AnswerBody, FrameBuilder, FrameError, Request, RequestBody},
};
use std::collections::VecDeque;

/// What one socket knows.
#[derive(Debug)]
pub struct Session {
    judge: Judge,
    chains: Chains,
}

impl Session {
    /// A socket that was just accepted.
    pub fn new(judge: Judge) -> Self {
        let chains = Chains::default();
        Self { judge, chains }
    }

    /// Answers everything in a packet. The answers are in order, in as few frames as they fit in,
    /// `out` being filled up first. An error is the asker's: its socket is to be closed.
    pub fn answer(
        &mut self,
        packet: &[u8],
        out: &mut VecDeque<FrameBuilder>,
    ) -> Result<(), FrameError> {
        for request in Request::read_all(packet)? {
            let Request { number, body } = request?;
            let body = match body {
                RequestBody::Verify(asked) => self.verify(asked.question()),
                RequestBody::Order(asked) => match self.judge.order(asked.question()) {
                    Ok(ordered) => AnswerBody::Ordered(Box::new(ordered)),
                    Err(failure) => AnswerBody::Refused(failure),
                },
                RequestBody::Link(chain, link) => {
                    AnswerBody::Link(self.chains.verify_link(chain, &link))
                }
                RequestBody::EndChain(chain) => {
                    self.chains.end(chain);
                    continue;
                }
            };
            append(out, &Answer { number, body });
        }
        Ok(())
    }

    fn verify(&mut self, question: Question<'_>) -> AnswerBody {
        match self.judge.judge(question) {
            Ok((verified, chain)) => match self.chains.admit(verified, chain, question.now) {
                Ok(verified) => AnswerBody::Verified(Box::new(verified)),
                Err(_) => AnswerBody::NoRoom,
            },
            Err(failure) => AnswerBody::Refused(failure),
        }
    }
}

fn append(out: &mut VecDeque<FrameBuilder>, answer: &Answer) {
    if out
        .back_mut()
        .is_some_and(|frame| frame.answer(answer).is_ok())
    {
        return;
    }
    let mut frame = FrameBuilder::default();
    if frame.answer(answer).is_err() {
        // No answer is this long; if one were, nobody would be let in by it: it has none.
        tracing::error!("an answer is longer than a frame");
        return;
    }
    out.push_back(frame);
}
