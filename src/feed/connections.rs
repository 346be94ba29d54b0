//! What operators see of each open subscription: never an address.

use std::sync::Arc;

use tokio::time::Instant;

use super::stats::FilterKind;

/// At most so many are shown, the oldest.
pub(super) const MOST_SHOWN: usize = 1_000;

/// Who subscribed.
#[derive(Clone, Debug)]
pub struct Client {
    /// The name that the client was given for this connection.
    pub id: Box<str>,
    /// Who signed in, if somebody did.
    pub subject: Option<Arc<str>>,
}

/// An open subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenConnection {
    /// The name that the client was given for this connection.
    pub client_id: Box<str>,
    /// What it asks for.
    pub filter: FilterKind,
    /// Seconds since it was opened.
    pub age_seconds: u64,
    /// Matching events that were published and that it has not taken yet.
    pub pending_events: usize,
    /// Whether it reads what came before from memory or the table; what is pending comes after that.
    pub catching_up: bool,
    /// Who signed in, if somebody did.
    pub subject: Option<Arc<str>>,
}

/// The open subscriptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenConnections {
    /// How many there are.
    pub total: usize,
    /// The oldest thousand of them, the oldest first.
    pub connections: Vec<OpenConnection>,
}

/// A client's name, and since when it is there.
#[derive(Debug)]
pub(super) struct Introduced {
    pub(super) client: Client,
    pub(super) since: Instant,
}

impl Introduced {
    pub(super) fn show(&self, kind: FilterKind, pending_events: usize, catching_up: bool) -> OpenConnection {
        OpenConnection {
            client_id: self.client.id.clone(),
            filter: kind,
            age_seconds: self.since.elapsed().as_secs(),
            pending_events,
            catching_up,
            subject: self.client.subject.clone(),
        }
    }
}
