//! The feed's counters and its open subscriptions, as JSON.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use crate::feed::{self, FeedStats, FilterKind};

/// The feed's statistics.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FeedCounters {
    /// Open subscriptions.
    connections: u64,
    /// The most at any one time since the start.
    peak_connections: u64,
    /// Open subscriptions by what they ask for.
    by_filter: SubscriptionsByFilter,
    /// Event frames sent to connections, including replayed ones.
    events_sent: u64,
    /// Event frames sent to connections that resumed or had fallen behind.
    events_replayed: u64,
    /// How often a connection fell behind and had to be caught up from the table.
    slow_clients: u64,
    /// How often a connection was told that its last event id cannot be resumed from.
    resets: u64,
}

/// Open subscriptions by what they ask for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SubscriptionsByFilter {
    /// Every event.
    all: u64,
    /// Streams only.
    streams: u64,
    /// Addresses only.
    users: u64,
    /// Streams and addresses.
    mixed: u64,
}

/// The open event streams of a gateway.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OpenConnections {
    /// How many there are.
    #[schema(value_type = u64)]
    total: usize,
    /// The oldest thousand of them, oldest first.
    connections: Vec<OpenConnection>,
}

/// An open event stream.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OpenConnection {
    /// The name that the client was given for this connection.
    #[schema(pattern = "^[0-9a-f]{16}$", examples("00a1b2c3d4e5f607"))]
    client_id: Box<str>,
    /// What it asks for, in one word.
    filter: FilterWord,
    /// Seconds since it was opened.
    age_seconds: u64,
    /// Matching events that were published but not yet delivered to it.
    #[schema(value_type = u64)]
    pending_events: usize,
    /// Whether it is still replaying earlier events.
    catching_up: bool,
    /// Who signed in; null where nobody did.
    #[schema(value_type = Option<String>)]
    subject: Option<Arc<str>>,
}

/// What an event stream asks for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum FilterWord {
    All,
    Streams,
    Users,
    Mixed,
}

impl From<FeedStats> for FeedCounters {
    fn from(stats: FeedStats) -> Self {
        let by_filter = stats.by_filter;
        Self {
            connections: stats.connections,
            peak_connections: stats.peak_connections,
            by_filter: SubscriptionsByFilter {
                all: by_filter.all,
                streams: by_filter.streams,
                users: by_filter.users,
                mixed: by_filter.mixed,
            },
            events_sent: stats.events_sent,
            events_replayed: stats.events_replayed,
            slow_clients: stats.slow_clients,
            resets: stats.resets,
        }
    }
}

impl From<feed::OpenConnections> for OpenConnections {
    fn from(open: feed::OpenConnections) -> Self {
        Self { total: open.total, connections: open.connections.into_iter().map(OpenConnection::from).collect() }
    }
}

impl From<feed::OpenConnection> for OpenConnection {
    fn from(open: feed::OpenConnection) -> Self {
        Self {
            client_id: open.client_id,
            filter: open.filter.into(),
            age_seconds: open.age_seconds,
            pending_events: open.pending_events,
            catching_up: open.catching_up,
            subject: open.subject,
        }
    }
}

impl From<FilterKind> for FilterWord {
    fn from(kind: FilterKind) -> Self {
        match kind {
            FilterKind::All => Self::All,
            FilterKind::Streams => Self::Streams,
            FilterKind::Users => Self::Users,
            FilterKind::Mixed => Self::Mixed,
        }
    }
}
