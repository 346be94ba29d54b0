//! What operators see of each open subscription. It never includes an address.

use std::sync::Arc;

use tokio::time::Instant;

use super::stats::FilterKind;

/// The limit of connections shown; the oldest ones are.
pub(super) const MOST_SHOWN: usize = 1_000;

/// The client behind a subscription.
#[derive(Clone, Debug)]
pub struct Client {
    /// The name that this connection was given.
    pub id: Box<str>,
    /// The subject that signed in, if any.
    pub subject: Option<Arc<str>>,
}

/// An open subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenConnection {
    /// The name that this connection was given.
    pub client_id: Box<str>,
    /// What kind of events it asks for.
    pub filter: FilterKind,
    /// Seconds since it was opened.
    pub age_seconds: u64,
    /// The number of matching events that were published and that it has not read yet.
    pub pending_events: usize,
    /// Whether it is still reading earlier events from memory or the table. The pending events come after those.
    pub catching_up: bool,
    /// The subject that signed in, if any.
    pub subject: Option<Arc<str>>,
}

/// The open subscriptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenConnections {
    /// The number of all of them.
    pub total: usize,
    /// The oldest ones, at most a thousand, the oldest first.
    pub connections: Vec<OpenConnection>,
}

/// A client, and when it was introduced.
#[derive(Debug)]
pub(super) struct ConnectedClient {
    pub(super) client: Client,
    pub(super) since: Instant,
}

impl ConnectedClient {
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
