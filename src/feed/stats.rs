//! The feed's counters.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::domain::EventFilter;

/// Counters that only grow, and the number of open connections.
#[derive(Debug, Default)]
pub(super) struct Counters {
    connections: [AtomicU64; FilterKind::ALL.len()],
    connections_now: AtomicU64,
    connections_peak: AtomicU64,
    pub(super) events_sent: AtomicU64,
    pub(super) events_replayed: AtomicU64,
    pub(super) slow_clients: AtomicU64,
    pub(super) resets: AtomicU64,
    events_carried: AtomicU64,
    follows_redis: AtomicBool,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedStats {
    /// Open subscriptions.
    pub connections: u64,
    /// The largest number of open subscriptions at once since the start.
    pub peak_connections: u64,
    /// Open subscriptions by what they ask for.
    pub by_filter: ByFilter,
    /// Events sent to connections, including replayed ones.
    pub events_sent: u64,
    /// Events sent to connections that resumed or had fallen behind.
    pub events_replayed: u64,
    /// How often a connection fell so far behind that it had to catch up from the ring or the table.
    pub slow_clients: u64,
    /// How often a connection could not resume from its last event id.
    pub resets: u64,
    /// Events that came with a wake-up, so that the table was not read for them.
    pub events_carried: u64,
    /// Whether commits are heard of by Redis.
    pub follows_redis: bool,
}

/// Open subscriptions by what they ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByFilter {
    /// Every event.
    pub all: u64,
    /// Streams only.
    pub streams: u64,
    /// Addresses only.
    pub users: u64,
    /// Streams and addresses.
    pub mixed: u64,
}

/// What a subscription asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterKind {
    /// Every event.
    All,
    /// Streams only.
    Streams,
    /// Addresses only.
    Users,
    /// Streams and addresses.
    Mixed,
}

impl FilterKind {
    const ALL: [Self; 4] = [Self::All, Self::Streams, Self::Users, Self::Mixed];

    pub(super) fn of(filter: &EventFilter) -> Self {
        match (filter.all, filter.streams.is_empty(), filter.users.is_empty()) {
            (true, ..) => Self::All,
            (false, _, true) => Self::Streams,
            (false, true, false) => Self::Users,
            (false, false, false) => Self::Mixed,
        }
    }
}

impl Counters {
    fn of(&self, kind: FilterKind) -> &AtomicU64 {
        let at = match kind {
            FilterKind::All => 0,
            FilterKind::Streams => 1,
            FilterKind::Users => 2,
            FilterKind::Mixed => 3,
        };
        &self.connections[at]
    }

    pub(super) fn connected(&self, kind: FilterKind) {
        self.of(kind).fetch_add(1, Ordering::Relaxed);
        let now = self.connections_now.fetch_add(1, Ordering::Relaxed) + 1;
        self.connections_peak.fetch_max(now, Ordering::Relaxed);
    }

    pub(super) fn disconnected(&self, kind: FilterKind) {
        self.of(kind).fetch_sub(1, Ordering::Relaxed);
        self.connections_now.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn count_carried(&self, events: usize) {
        self.events_carried.fetch_add(u64::try_from(events).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn set_follows_redis(&self, follows: bool) {
        self.follows_redis.store(follows, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> FeedStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let [all, streams, users, mixed] = FilterKind::ALL.map(|kind| read(self.of(kind)));
        FeedStats {
            connections: read(&self.connections_now),
            peak_connections: read(&self.connections_peak),
            by_filter: ByFilter { all, streams, users, mixed },
            events_sent: read(&self.events_sent),
            events_replayed: read(&self.events_replayed),
            slow_clients: read(&self.slow_clients),
            resets: read(&self.resets),
            events_carried: read(&self.events_carried),
            follows_redis: self.follows_redis.load(Ordering::Relaxed),
        }
    }
}
