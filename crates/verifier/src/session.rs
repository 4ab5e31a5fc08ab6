//! One asker: a frame of questions in, a frame of answers out, and the chains between them.

use crate::{chains::Chains, judge::Judge};
use blockhouse_verifier_wire::{
    Call, Question,
    frame::{Answer, AnswerBody, FrameBuilder, FrameError, Request, RequestBody, TooLong},
};
use std::collections::VecDeque;

/// What one socket knows.
#[derive(Debug)]
pub struct Session {
    judge: Judge,
    chains: Chains,
    /// A frame that was sent: the next one is made in its memory.
    spare: Option<FrameBuilder>,
}

impl Session {
    /// A socket that was just accepted.
    pub fn new(judge: Judge) -> Self {
        let chains = Chains::default();
        let spare = None;
        Self {
            judge,
            chains,
            spare,
        }
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
            match body {
                RequestBody::Verify(asked) => self.verify(number, asked.question(), out),
                RequestBody::Order(asked) => {
                    let body = match self.judge.order(asked.question()) {
                        Ok(ordered) => AnswerBody::Ordered(Box::new(ordered)),
                        Err(failure) => AnswerBody::Refused(failure),
                    };
                    let answer = Answer { number, body };
                    self.append(out, |frame| frame.answer(&answer));
                }
                RequestBody::Call(body_sha256, asked) => {
                    let question = asked.question();
                    let body = match self.judge.judge_call(Call {
                        question,
                        body_sha256,
                    }) {
                        Ok(verified) => AnswerBody::Verified(Box::new(verified)),
                        Err(failure) => AnswerBody::Refused(failure),
                    };
                    let answer = Answer { number, body };
                    self.append(out, |frame| frame.answer(&answer));
                }
                RequestBody::Link(chain, link) => {
                    let body = AnswerBody::Link(self.chains.verify_link(chain, &link));
                    let answer = Answer { number, body };
                    self.append(out, |frame| frame.answer(&answer));
                }
                RequestBody::EndChain(chain) => self.chains.end(chain),
            }
        }
        Ok(())
    }

    /// Takes back a frame that was sent.
    pub(crate) fn recycle(&mut self, mut frame: FrameBuilder) {
        frame.clear();
        self.spare = Some(frame);
    }

    fn verify(&mut self, number: u32, question: Question<'_>, out: &mut VecDeque<FrameBuilder>) {
        let body = match self.judge.judge(question) {
            Ok((verified, chain)) => match self.chains.admit(verified, chain, question.now) {
                // The usual answer goes to its frame from where it was made.
                Ok(verified) => {
                    return self.append(out, |frame| frame.verified(number, &verified));
                }
                Err(_) => AnswerBody::NoRoom,
            },
            Err(failure) => AnswerBody::Refused(failure),
        };
        let answer = Answer { number, body };
        self.append(out, |frame| frame.answer(&answer));
    }

    /// Adds an answer to the last frame, or to a new one when it does not fit any more.
    fn append(
        &mut self,
        out: &mut VecDeque<FrameBuilder>,
        answer: impl Fn(&mut FrameBuilder) -> Result<(), TooLong>,
    ) {
        if out.back_mut().is_some_and(|frame| answer(frame).is_ok()) {
            return;
        }
        let mut frame = self.spare.take().unwrap_or_default();
        if answer(&mut frame).is_err() {
            // No answer is this long; if one were, nobody would be let in by it: it has none.
            tracing::error!("an answer is longer than a frame");
            return;
        }
        out.push_back(frame);
    }
}
