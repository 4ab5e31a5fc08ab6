//! Who waits for an answer, and the answers that nobody has taken yet.

use crate::{Unreachable, frame::AnswerBody};
use std::{
    collections::{HashMap, VecDeque},
    mem,
    task::{Context, Poll, Waker},
};

/// Places from which on answers are set aside that nobody takes: they keep all the places behind them.
const LATE_FROM: usize = if cfg!(test) { 4 } else { 1024 };

/// The questions under way, in the order of their numbers. Answers come in nearly the same order, so
/// that a place is found by counting from the first.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// The number of the first place.
    first: u32,
    places: VecDeque<Place>,
    unanswered: usize,
    /// Answers that were set aside, by number. Each is still to be taken by somebody, or left.
    late: HashMap<u32, AnswerBody>,
}

#[derive(Debug)]
struct Place {
    since_ticks: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Asked, by somebody who is to be woken if he has looked already.
    Asked(Option<Waker>),
    /// Asked, by somebody who has gone.
    Left,
    /// Answered, and not taken yet.
    Answered(AnswerBody),
    /// There is nothing more to it.
    Done,
}

impl Waiting {
    /// The number of the next question.
    pub(super) fn next(&self) -> u32 {
        self.first.wrapping_add(self.places.len() as u32)
    }

    /// Places that are taken: those without an answer, and those behind the first of them.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Questions without an answer.
    pub(super) fn unanswered(&self) -> usize {
        self.unanswered
    }

    /// A question was asked.
    pub(super) fn push(&mut self, since_ticks: u64) {
        if self.places.len() >= LATE_FROM {
            self.set_aside();
        }
        let state = State::Asked(None);
        self.places.push_back(Place { since_ticks, state });
        self.unanswered += 1;
    }

    /// Wakes who waits for this answer. Gives back one that nobody waits for.
    pub(super) fn answer(&mut self, number: u32, body: AnswerBody) -> Result<(), AnswerBody> {
        let Some(place) = self.place(number) else {
            return Err(body);
        };
        match &mut place.state {
            State::Asked(waker) => {
                let waker = waker.take();
                place.state = State::Answered(body);
                waker.into_iter().for_each(Waker::wake);
                self.unanswered -= 1;
                Ok(())
            }
            State::Left => {
                place.state = State::Done;
                self.unanswered -= 1;
                self.forget_done();
                Err(body)
            }
            // It was answered already.
            State::Answered(_) | State::Done => Err(body),
        }
    }

    /// The answer to a question, once it is there.
    pub(super) fn poll(
        &mut self,
        number: u32,
        context: &Context<'_>,
    ) -> Poll<Result<AnswerBody, Unreachable>> {
        let Some(place) = self.place(number) else {
            // Or everybody was sent away.
            return Poll::Ready(self.late.remove(&number).ok_or(Unreachable));
        };
        match mem::replace(&mut place.state, State::Done) {
            State::Asked(waker) => {
                let same = waker.filter(|waker| waker.will_wake(context.waker()));
                let waker = same.unwrap_or_else(|| context.waker().clone());
                place.state = State::Asked(Some(waker));
                Poll::Pending
            }
            State::Answered(body) => {
                self.forget_done();
                Poll::Ready(Ok(body))
            }
            State::Left | State::Done => Poll::Ready(Err(Unreachable)),
        }
    }

    /// Who asked has gone. Gives the answer that came and was not taken.
    pub(super) fn leave(&mut self, number: u32) -> Option<AnswerBody> {
        let Some(place) = self.place(number) else {
            return self.late.remove(&number);
        };
        match mem::replace(&mut place.state, State::Done) {
            State::Asked(_) | State::Left => {
                place.state = State::Left;
                None
            }
            State::Answered(body) => {
                self.forget_done();
                Some(body)
            }
            State::Done => None,
        }
    }

    /// Sends everybody away: nobody judged. Numbers go on.
    pub(super) fn clear(&mut self) {
        self.first = self.next();
        self.unanswered = 0;
        self.late.clear();
        for place in self.places.drain(..) {
            if let State::Asked(Some(waker)) = place.state {
                waker.wake();
            }
        }
    }

    /// When the oldest question without an answer was asked.
    pub(super) fn longest_since_ticks(&self) -> Option<u64> {
        let mut places = self.places.iter();
        let oldest = places.find(|place| matches!(place.state, State::Asked(_) | State::Left));
        oldest.map(|place| place.since_ticks)
    }

    fn place(&mut self, number: u32) -> Option<&mut Place> {
        let place = number.wrapping_sub(self.first) as usize;
        self.places.get_mut(place)
    }

    fn forget_done(&mut self) {
        while let Some(Place {
            state: State::Done, ..
        }) = self.places.front()
        {
            self.pop_first();
        }
    }

    fn pop_first(&mut self) {
        self.places.pop_front();
        self.first = self.first.wrapping_add(1);
    }

    /// Sets the answers aside that stand before the oldest question without one.
    fn set_aside(&mut self) {
        while let Some(place) = self.places.front_mut() {
            match mem::replace(&mut place.state, State::Done) {
                State::Answered(body) => {
                    self.late.insert(self.first, body);
                }
                State::Done => {}
                unanswered => {
                    place.state = unanswered;
                    break;
                }
            }
            self.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    /// What the answer to a question is here: told apart by being a link that holds or does not.
    fn body(number: u32) -> AnswerBody {
        AnswerBody::Link(number.is_multiple_of(2))
    }

    #[derive(Debug, Clone)]
    enum Step {
        Ask,
        Answer(prop::sample::Index),
        Poll(prop::sample::Index),
        Leave(prop::sample::Index),
        Clear,
    }

    fn step() -> impl Strategy<Value = Step> {
        let index = any::<prop::sample::Index>;
        prop_oneof![
            4 => Just(Step::Ask),
            4 => index().prop_map(Step::Answer),
            4 => index().prop_map(Step::Poll),
            1 => index().prop_map(Step::Leave),
            1 => Just(Step::Clear),
        ]
    }

    /// A question as a plain map would keep it.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Plain {
        Asked,
        Left,
        Answered,
        Done,
    }

    proptest! {
        #[test]
        fn it_is_what_a_map_would_be(
            first: u32,
            steps in prop::collection::vec(step(), 0..60),
        ) {
            let mut waiting = Waiting { first, ..Waiting::default() };
            let mut plain: HashMap<u32, Plain> = HashMap::new();
            let mut numbers = vec![first.wrapping_sub(1)];
            let context = Context::from_waker(Waker::noop());
            for step in steps {
                match step {
                    Step::Ask => {
                        let number = waiting.next();
                        waiting.push(0);
                        plain.insert(number, Plain::Asked);
                        numbers.push(number);
                    }
                    Step::Answer(at) => {
                        let number = *at.get(&numbers);
                        let was = plain.get(&number).copied();
                        let heard = waiting.answer(number, body(number));
                        prop_assert_eq!(heard.is_ok(), was == Some(Plain::Asked));
                        match was {
                            Some(Plain::Asked) => plain.insert(number, Plain::Answered),
                            Some(Plain::Left) => plain.insert(number, Plain::Done),
                            _ => None,
                        };
                    }
                    Step::Poll(at) => {
                        let number = *at.get(&numbers);
                        let was = plain.get(&number).copied();
                        // Who has gone looks no more.
                        if was == Some(Plain::Left) {
                            continue;
                        }
                        let polled = waiting.poll(number, &context);
                        match was {
                            Some(Plain::Asked) => prop_assert_eq!(polled, Poll::Pending),
                            Some(Plain::Answered) => {
                                prop_assert_eq!(polled, Poll::Ready(Ok(body(number))));
                                plain.insert(number, Plain::Done);
                            }
                            Some(Plain::Left | Plain::Done) | None => {
                                prop_assert_eq!(polled, Poll::Ready(Err(Unreachable)));
                            }
                        }
                    }
                    Step::Leave(at) => {
                        let number = *at.get(&numbers);
                        let left = waiting.leave(number);
                        let was = plain.get(&number).copied();
                        prop_assert_eq!(left.is_some(), was == Some(Plain::Answered));
                        match was {
                            Some(Plain::Asked) => plain.insert(number, Plain::Left),
                            Some(Plain::Answered) => plain.insert(number, Plain::Done),
                            _ => None,
                        };
                    }
                    Step::Clear => {
                        waiting.clear();
                        plain.clear();
                    }
                }
                let open = |state: &Plain| matches!(state, Plain::Asked | Plain::Left);
                let unanswered = plain.values().filter(|state| open(state)).count();
                prop_assert_eq!(waiting.unanswered, unanswered);
                prop_assert_eq!(waiting.longest_since_ticks().is_some(), unanswered > 0);
                if plain.values().all(|state| *state == Plain::Done) {
                    prop_assert_eq!((waiting.len(), waiting.late.len()), (0, 0));
                }
            }
        }
    }
}
