//! One asker: a frame of questions in, a frame of answers out, and the chains between them.

use crate::{
    chains::Chains,
    judge::{Judge, Told},
};
use blockhouse_sigv4::Batch;
use blockhouse_types::Timestamp;
use blockhouse_verifier_wire::{
    Call, Unreachable,
    frame::{Answer, AnswerBody, Asked, FrameBuilder, FrameError, Request, RequestBody, TooLong},
};
use std::collections::VecDeque;

/// Questions that are judged together at most: what a busy I/O thread asks at once. What is kept of them
/// meanwhile stays in the core's cache.
const TOGETHER_MAX: usize = 64;

/// What one socket knows.
#[derive(Debug)]
pub struct Session {
    judge: Judge,
    /// Where questions that came together are hashed.
    batch: Batch,
    answers: Answers,
}

/// What answers are made with.
#[derive(Debug, Default)]
struct Answers {
    chains: Chains,
    /// A frame that was sent: the next one is made in its memory.
    spare: Option<FrameBuilder>,
}

impl Session {
    /// A socket that was just accepted.
    pub fn new(judge: Judge) -> Self {
        Self {
            judge,
            batch: Batch::default(),
            answers: Answers::default(),
        }
    }

    /// Answers everything in a packet. The answers are in order, in as few frames as they fit in,
    /// `out` being filled up first. An error is the asker's: its socket is to be closed.
    pub fn answer(
        &mut self,
        packet: &[u8],
        out: &mut VecDeque<FrameBuilder>,
    ) -> Result<(), FrameError> {
        let mut gathered = Vec::new();
        for request in Request::read_all(packet)? {
            let Request { number, body } = request?;
            // Answers are in order.
            if !matches!(body, RequestBody::Verify(_)) || gathered.len() == TOGETHER_MAX {
                self.verify(&mut gathered, out);
            }
            match body {
                RequestBody::Verify(asked) => gathered.push((number, asked)),
                RequestBody::Order(asked) => {
                    let body = match self.judge.order(asked.question()) {
                        Ok(ordered) => AnswerBody::Ordered(Box::new(ordered)),
                        Err(failure) => AnswerBody::Refused(failure),
                    };
                    let answer = Answer { number, body };
                    self.answers.append(out, |frame| frame.answer(&answer));
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
                    self.answers.append(out, |frame| frame.answer(&answer));
                }
                RequestBody::Link(chain, link) => {
                    let body = AnswerBody::Link(self.answers.chains.verify_link(chain, &link));
                    let answer = Answer { number, body };
                    self.answers.append(out, |frame| frame.answer(&answer));
                }
                RequestBody::EndChain(chain) => self.answers.chains.end(chain),
            }
        }
        self.verify(&mut gathered, out);
        Ok(())
    }

    /// Takes back a frame that was sent.
    pub(crate) fn recycle(&mut self, mut frame: FrameBuilder) {
        frame.clear();
        self.answers.spare = Some(frame);
    }

    /// Answers the questions that gathered: together, where that costs less.
    fn verify(&mut self, gathered: &mut Vec<(u32, Asked<'_>)>, out: &mut VecDeque<FrameBuilder>) {
        let are_heads = gathered.iter().all(|(_, asked)| asked.is_head());
        if are_heads && self.batch.gains(gathered.len()) {
            let questions: Vec<_> = gathered.iter().map(|(_, asked)| asked.question()).collect();
            let mut numbers = gathered.iter().map(|(number, _)| *number);
            let (judge, answers) = (&self.judge, &mut self.answers);
            judge.decide_together(&questions, &mut self.batch, |question, decision| {
                if let Some(number) = numbers.next() {
                    answers.tell(number, question.now, decision.told(), out);
                }
            });
        } else {
            for (number, asked) in gathered.iter() {
                let question = asked.question();
                let told = self.judge.judge(question);
                self.answers.tell(*number, question.now, told, out);
            }
        }
        gathered.clear();
    }
}

impl Answers {
    /// Adds what a question came to.
    fn tell(
        &mut self,
        number: u32,
        now: Timestamp,
        judged: Told,
        out: &mut VecDeque<FrameBuilder>,
    ) {
        let body = match judged {
            Ok((mut verified, chain)) => match self.chains.admit(&mut verified, chain, now) {
                // The usual answer goes to its frame from where it was made.
                Ok(()) => return self.append(out, |frame| frame.verified(number, &verified)),
                Err(Unreachable) => AnswerBody::NoRoom,
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
