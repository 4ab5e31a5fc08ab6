//! The gateway's end of the socket: one [`Client`] per I/O thread, and its driver, a task.
//!
//! ```text
//!   request ─ verify ─► outbox ─┐            ┌─► frame ─► SOCK_SEQPACKET ─► verifier
//!   request ─ verify ─► outbox ─┼─► driver ──┤
//!   request ◄──────── oneshot ──┘            └◄─ frame ◄──────────────────────┘
//! ```
//!
//! # How it moves
//! A question goes into the outbox and wakes the driver. The driver lets everything that is ready run
//! first, and then sends all that gathered as one frame: a lone request travels alone and at once,
//! under load they share frames. Answers are told apart by number and may come in any order.
//!
//! # When the verifier is not there
//! Whoever waits hears [`Unreachable`] when the socket breaks, and the next question connects anew.
//! The listening socket outlives the verifier, so a question asked while it is being restarted waits
//! in the kernel; one that waits longer than [`PATIENCE_SECS`] is given up, and the socket with it. A
//! chain belongs to the socket on which it was opened and ends with it.
//!
//! # What it never does
//! It never blocks, and never lets a request pass that nobody judged. The socket being full while the
//! outbox holds [`OUTBOX_FRAMES_MAX`] frames, or [`WAITING_MAX`] questions being under way, is
//! `Unreachable`.

mod counts;
mod looks;
mod socket;
mod waiting;

pub use counts::{Counted, Counts};
pub use socket::address;

use crate::frame::{Answer, AnswerBody, FRAME_BYTES_MAX, FrameBuilder, FrameError, TooLong};
use crate::{
    Call, CallVerifier, ChainId, Failure, Link, LinkSigner, Ordered, Question, Unreachable,
    Verified, Verifier,
};
use looks::Looks;
use socket::Socket;
use std::{
    cell::RefCell,
    collections::VecDeque,
    future::{Future, poll_fn},
    io,
    path::{Path, PathBuf},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    sync::Notify,
    task::spawn_local,
    time::{Interval, MissedTickBehavior, interval},
};
use waiting::Waiting;

/// Questions of one I/O thread that may be under way, counted from the oldest without an answer.
pub const WAITING_MAX: usize = 4096;

/// Frames that may gather before the driver runs: what all connections of a thread may ask at once.
pub const OUTBOX_FRAMES_MAX: usize = 32;

/// How long a question may go without an answer, in seconds, give or take one.
pub const PATIENCE_SECS: u64 = 5;

/// What a socket buffers in each direction: a few frames of the greatest length.
pub const SOCKET_BUFFER_BYTES: usize = 4 * FRAME_BYTES_MAX;

/// Asks the verifier at a path. Cheap to clone; belongs to one thread.
#[derive(Clone)]
pub struct Client(Rc<Shared>);

/// How a client waits for answers.
#[derive(Debug, Clone, Copy)]
pub enum Wait {
    /// Asleep.
    Asleep,
    /// Without sleeping at first, as the verifier has a core of its own: an answer is sooner there than a
    /// thread is woken. What else runs on the thread goes on meanwhile.
    Looking {
        /// Does what the thread does by itself only before it sleeps.
        before: fn(),
    },
}

struct Shared {
    path: PathBuf,
    wait: Wait,
    state: RefCell<State>,
    /// Wakes the driver when the outbox is not empty any more.
    asked: Notify,
    counts: Arc<Counts>,
}

/// A question that is in the outbox.
struct Asked {
    number: u32,
    /// Whether the outbox was empty before, and the driver does not know of it.
    is_first: bool,
}

/// The answer to a question. Whoever lets go of it before it is there leaves nothing open.
struct Answered<'s> {
    shared: &'s Shared,
    number: u32,
    taken: bool,
}

impl Future for Answered<'_> {
    type Output = Result<AnswerBody, Unreachable>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.shared.state.borrow_mut();
        let polled = state.waiting.poll(self.number, context);
        drop(state);
        self.taken = polled.is_ready();
        polled
    }
}

impl Drop for Answered<'_> {
    fn drop(&mut self) {
        if self.taken {
            return;
        }
        let mut state = self.shared.state.borrow_mut();
        let unheard = state.waiting.leave(self.number);
        if unheard.is_some_and(|unheard| state.end_chain_of(&unheard)) {
            self.shared.asked.notify_one();
        }
    }
}

#[derive(Default)]
struct State {
    outbox: Outbox,
    waiting: Waiting,
    /// Counts the sockets: the upper half of the chains' numbers, so that a chain of an earlier
    /// socket is never taken for one of this.
    generation: u32,
    ticks: u64,
}

/// The frames that are being gathered; the last one is not full yet.
#[derive(Default)]
struct Outbox {
    frames: VecDeque<FrameBuilder>,
    /// A frame that was sent: the next one is made in its memory.
    spare: Option<FrameBuilder>,
}

impl Outbox {
    fn add(
        &mut self,
        mut message: impl FnMut(&mut FrameBuilder) -> Result<(), TooLong>,
    ) -> Result<(), TooLong> {
        if self
            .frames
            .back_mut()
            .is_some_and(|frame| message(frame).is_ok())
        {
            return Ok(());
        }
        if self.frames.len() >= OUTBOX_FRAMES_MAX {
            return Err(TooLong);
        }
        let mut frame = self.spare.take().unwrap_or_default();
        message(&mut frame)?;
        self.frames.push_back(frame);
        Ok(())
    }

    /// Takes back a frame that was sent.
    fn recycle(&mut self, mut frame: FrameBuilder) {
        frame.clear();
        self.spare = Some(frame);
    }
}

/// Why a socket is given up.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the socket")]
    Socket(#[from] io::Error),
    #[error("what the verifier sent")]
    Frame(#[from] FrameError),
    #[error("the verifier closed the socket")]
    Closed,
    #[error("no answer for {PATIENCE_SECS} s")]
    Silent,
}

impl Client {
    /// A client of the verifier that listens at `path`, whether it does already or not. Its driver
    /// is started on the local task set of this thread, and ends with the thread's runtime.
    pub fn new(path: &Path) -> Self {
        Self::counted(path, Wait::Asleep, Arc::default())
    }

    /// The same, counting what it does; no other client may count there.
    pub fn counted(path: &Path, wait: Wait, counts: Arc<Counts>) -> Self {
        let client = Self(Rc::new(Shared {
            path: path.to_owned(),
            wait,
            state: RefCell::default(),
            asked: Notify::new(),
            counts,
        }));
        spawn_local(drive(Rc::clone(&client.0)));
        client
    }

    async fn ask(
        &self,
        add: impl FnMut(&mut FrameBuilder, u32) -> Result<(), TooLong>,
    ) -> Result<AnswerBody, Unreachable> {
        let Self(shared) = self;
        shared.counts.asked();
        let asked = shared.state.borrow_mut().ask(add);
        let body = match asked {
            Ok(Asked { number, is_first }) => {
                if is_first {
                    shared.asked.notify_one();
                }
                let taken = false;
                Answered {
                    shared,
                    number,
                    taken,
                }
                .await
            }
            Err(Unreachable) => Err(Unreachable),
        };
        match &body {
            Ok(body) => shared.counts.answered(body),
            Err(Unreachable) => shared.counts.not_judged(),
        }
        body
    }
}

impl Verifier for Client {
    async fn verify(
        &self,
        question: Question<'_>,
    ) -> Result<Result<Verified, Box<Failure>>, Unreachable> {
        match self
            .ask(|frame, number| frame.verify(number, question))
            .await?
        {
            AnswerBody::Verified(verified) => Ok(Ok(*verified)),
            AnswerBody::Refused(failure) => Ok(Err(failure)),
            AnswerBody::Ordered(_) | AnswerBody::Link(_) | AnswerBody::NoRoom => Err(Unreachable),
        }
    }

    async fn verify_link(&self, chain: ChainId, link: Link) -> Result<bool, Unreachable> {
        if !self.0.state.borrow().is_ours(chain) {
            return Err(Unreachable);
        }
        match self
            .ask(|frame, number| frame.link(number, theirs(chain), &link))
            .await?
        {
            AnswerBody::Link(holds) => Ok(holds),
            _ => Err(Unreachable),
        }
    }

    fn end_chain(&self, chain: ChainId) {
        let mut state = self.0.state.borrow_mut();
        // A chain whose end finds no place in the outbox ends by its age, or with the socket.
        if state.is_ours(chain) && state.end_chain(chain).is_ok() {
            self.0.asked.notify_one();
        }
    }
}

impl CallVerifier for Client {
    async fn verify_call(
        &self,
        call: Call<'_>,
    ) -> Result<Result<Verified, Box<Failure>>, Unreachable> {
        match self.ask(|frame, number| frame.call(number, &call)).await? {
            AnswerBody::Verified(verified) => Ok(Ok(*verified)),
            AnswerBody::Refused(failure) => Ok(Err(failure)),
            _ => Err(Unreachable),
        }
    }
}

impl LinkSigner for Client {
    async fn order_link(
        &self,
        question: Question<'_>,
    ) -> Result<Result<Ordered, Box<Failure>>, Unreachable> {
        match self
            .ask(|frame, number| frame.order(number, question))
            .await?
        {
            AnswerBody::Ordered(ordered) => Ok(Ok(*ordered)),
            AnswerBody::Refused(failure) => Ok(Err(failure)),
            _ => Err(Unreachable),
        }
    }
}

/// The chain's number as the verifier knows it.
fn theirs(chain: ChainId) -> ChainId {
    ChainId(chain.0 & u64::from(u32::MAX))
}

impl State {
    fn ask(
        &mut self,
        mut add: impl FnMut(&mut FrameBuilder, u32) -> Result<(), TooLong>,
    ) -> Result<Asked, Unreachable> {
        if self.waiting.len() >= WAITING_MAX {
            return Err(Unreachable);
        }
        let number = self.waiting.next();
        let is_first = self.outbox.frames.is_empty();
        self.outbox
            .add(|frame| add(frame, number))
            .map_err(|_| Unreachable)?;
        self.waiting.push(self.ticks);
        Ok(Asked { number, is_first })
    }

    fn is_ours(&self, chain: ChainId) -> bool {
        chain.0 >> 32 == u64::from(self.generation)
    }

    /// Hands an answer to whoever waits for it. A chain that nobody waits for any more is ended.
    fn deliver(&mut self, answer: Answer) {
        let Answer { number, mut body } = answer;
        if let AnswerBody::Verified(verified) = &mut body
            && let Some(chain) = &mut verified.chain
        {
            chain.0 = theirs(*chain).0 | u64::from(self.generation) << 32;
        }
        if let Err(unheard) = self.waiting.answer(number, body) {
            self.end_chain_of(&unheard);
        }
    }

    /// Ends the chain of an answer that nobody takes. Whether there is something to be sent for that.
    fn end_chain_of(&mut self, unheard: &AnswerBody) -> bool {
        let AnswerBody::Verified(verified) = unheard else {
            return false;
        };
        // Without a place in the outbox it ends by its age.
        verified
            .chain
            .is_some_and(|chain| self.end_chain(chain).is_ok())
    }

    fn end_chain(&mut self, chain: ChainId) -> Result<(), TooLong> {
        self.outbox.add(|frame| frame.end_chain(theirs(chain)))
    }

    /// Begins anew with another socket: everybody who waits hears that nobody judged.
    fn break_off(&mut self) {
        self.outbox.frames.clear();
        self.waiting.clear();
        self.generation = self.generation.wrapping_add(1);
    }

    /// A second has passed. Whether somebody has waited too long.
    fn tick(&mut self) -> bool {
        self.ticks += 1;
        let patience = self.ticks.saturating_sub(PATIENCE_SECS);
        let longest = self.waiting.longest_since_ticks();
        longest.is_some_and(|since| since < patience)
    }
}

/// The driver.
async fn drive(shared: Rc<Shared>) {
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        shared.asked.notified().await;
        let ended = match Socket::connect(&shared.path) {
            Ok(mut socket) => serve(&shared, &mut socket, &mut seconds).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = ended {
            let why: &dyn std::error::Error = &error;
            tracing::warn!(error = why, "the verifier cannot be reached");
        }
        shared.counts.socket_broke();
        shared.state.borrow_mut().break_off();
        shared.counts.waiting(0);
    }
}

/// Sends what gathers and hands out what comes, until the socket breaks.
async fn serve(shared: &Shared, socket: &mut Socket, seconds: &mut Interval) -> Result<(), Broken> {
    let mut packet = vec![0; FRAME_BYTES_MAX];
    let mut sending: Option<FrameBuilder> = None;
    let mut looks = Looks::new(shared.wait);
    // What woke the driver is in the outbox.
    shared.asked.notify_one();
    loop {
        tokio::select! {
            biased;
            ready = socket.readable() => {
                ready?;
                looks.end();
                receive(shared, socket, &mut packet)?;
            }
            ready = socket.room(), if sending.is_some() => ready?,
            () = shared.asked.notified(), if sending.is_none() => behind_the_others().await,
            _ = seconds.tick() => {
                if shared.state.borrow_mut().tick() {
                    return Err(Broken::Silent);
                }
                continue;
            }
            true = looks.look(&shared.counts) => continue,
        }
        loop {
            if sending.is_none() {
                sending = shared.state.borrow_mut().outbox.frames.pop_front();
            }
            let Some(frame) = &sending else { break };
            match socket.send(frame.bytes())? {
                true => {
                    if let Some(sent) = sending.take() {
                        let mut state = shared.state.borrow_mut();
                        shared.counts.frame_sent();
                        shared.counts.waiting(state.waiting.unanswered());
                        state.outbox.recycle(sent);
                    }
                }
                // Tried again when the socket has room.
                false => break,
            }
        }
        if shared.state.borrow().waiting.unanswered() > 0 {
            looks.begin();
        }
    }
}

/// Goes to the end of the queue of what is ready on this thread. tokio's own `yield_now` looks at all
/// sockets in between, a call to the kernel that a question would wait for.
async fn behind_the_others() {
    let mut queued = false;
    poll_fn(|context| {
        if queued {
            return Poll::Ready(());
        }
        queued = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Takes packets until nobody waits for one, or none is there.
fn receive(shared: &Shared, socket: &Socket, packet: &mut [u8]) -> Result<(), Broken> {
    loop {
        let len = match socket.receive(packet)? {
            None => return Ok(()),
            // There are no empty packets: this is the end.
            Some(0) => return Err(Broken::Closed),
            Some(len) => len,
        };
        let mut state = shared.state.borrow_mut();
        for answer in Answer::read_all(&packet[..len])? {
            state.deliver(answer?);
        }
        shared.counts.waiting(state.waiting.unanswered());
        if state.waiting.unanswered() == 0 {
            return Ok(socket.forget_readiness()?);
        }
    }
}
