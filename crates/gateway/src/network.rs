//! The way from the desired state to the network filter, which is another process.
//!
//! ```text
//!   change ─► prepare(version, model) ─► netfilterd judges it, and changes nothing
//!          ─► store (one commit)
//!          ─► activate(version) ───────► netfilterd makes it so; listeners come and go
//! ```
//! Whoever speaks to that process takes the orders from a channel, one after the other, and answers each.
//! A node without a network filter has no VPC, and refuses a state that would have one.

use blockhouse_netfilter::Model;
use tokio::sync::{mpsc, oneshot};

/// Orders that wait at most; whoever brings one more waits.
pub const ORDERS_MAX: usize = 16;

/// What the network filter is asked for.
#[derive(Debug)]
pub enum NetworkOrder {
    /// Can the network be so? Nothing is changed.
    Prepare {
        /// The version of the state that it would be of.
        version: u64,
        /// The network.
        model: Box<Model>,
        /// Where the answer goes.
        told: oneshot::Sender<Result<(), NetworkError>>,
    },
    /// Make it what was prepared last, under this version.
    Activate {
        /// The version, which is committed.
        version: u64,
        /// Where the answer goes, when it is so.
        told: oneshot::Sender<Result<(), NetworkError>>,
    },
    /// How is it? The answer is a JSON document.
    Status {
        /// Where the answer goes.
        told: oneshot::Sender<Result<String, NetworkError>>,
    },
}

/// Why the network filter did not do as it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// The node runs without one.
    #[error("this node has no network filter: its network cannot be configured")]
    None,
    /// It is not there; it may be again in a moment.
    #[error("the network filter does not answer")]
    Unreachable,
    /// It says no: a fault of the network that was asked for.
    #[error("{0}")]
    Refused(String),
}

/// The network filter, as the rest of the node asks it. The default is to have none.
#[derive(Debug, Default)]
pub struct NetworkFilter(Option<mpsc::Sender<NetworkOrder>>);

impl NetworkFilter {
    /// One that takes orders here.
    pub fn new() -> (Self, mpsc::Receiver<NetworkOrder>) {
        let (orders, taken) = mpsc::channel(ORDERS_MAX);
        (Self(Some(orders)), taken)
    }

    /// Whether the network can be so.
    pub(crate) async fn prepare(&self, version: u64, model: Model) -> Result<(), NetworkError> {
        let model = Box::new(model);
        self.ask(|told| NetworkOrder::Prepare {
            version,
            model,
            told,
        })
        .await
    }

    /// Makes it so.
    pub(crate) async fn activate(&self, version: u64) -> Result<(), NetworkError> {
        self.ask(|told| NetworkOrder::Activate { version, told })
            .await
    }

    /// How it is, as JSON.
    pub(crate) async fn status(&self) -> Result<String, NetworkError> {
        self.ask(|told| NetworkOrder::Status { told }).await
    }

    async fn ask<T>(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<T, NetworkError>>) -> NetworkOrder,
    ) -> Result<T, NetworkError> {
        let orders = self.0.as_ref().ok_or(NetworkError::None)?;
        let (told, answer) = oneshot::channel();
        let taken = orders.send(order(told)).await;
        taken.map_err(|_| NetworkError::Unreachable)?;
        answer.await.unwrap_or(Err(NetworkError::Unreachable))
    }
}
