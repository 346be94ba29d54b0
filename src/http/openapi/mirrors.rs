//! What others serialize whole, as schemas: the notices of an event stream, the feed's counters, an endpoint's health.
//! Nothing is made of these; that they say what is sent is tested against answers.

use utoipa::ToSchema;

use super::words;

/// The frames of an event stream that are no event of the feed: their name and the schema of their data.
pub(super) const NOTICES: &[(&str, &str)] = &[
    ("connected", "ConnectedNotice"),
    ("reset", "ResetNotice"),
    ("revised", "RevisedNotice"),
    ("expired", "ExpiredNotice"),
    ("resume", "ResumeNotice"),
];

/// The first event of every event stream: what was understood. Its `id:` is a place to resume from; it has none where a
/// `reset` follows, whose `id:` is that place.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "described, never made")]
pub(super) struct ConnectedNotice {
    /// The connection's name in logs.
    #[schema(pattern = "^[0-9a-f]{16}$", examples("00a1b2c3d4e5f607"))]
    client_id: String,
    /// Where the subscription begins; null before anything was indexed.
    last_event_id: Option<words::EventId>,
    /// The filter.
    filter: SubscriptionFilter,
    /// Those of the filter's streams that the caller sees nothing of yet: they do not exist, or are not the caller's to
    /// see. Their events are sent once there are any that the caller may see.
    #[schema(examples("7"))]
    unknown_streams: Vec<String>,
}

/// What a subscription asks for. Streams and users widen it, types narrow it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described, never made")]
pub(super) struct SubscriptionFilter {
    /// Everything that the caller may see.
    all: bool,
    /// Streams, as `7` or as `C…:7`.
    #[schema(examples("7"))]
    streams: Vec<String>,
    /// Senders and recipients.
    users: Vec<words::Address>,
    /// The only contract whose events are sent; left out where there is no such bound.
    #[schema(nullable = false)]
    contract: Option<words::ContractId>,
    /// The types; none for every type.
    types: Vec<words::EventType>,
}

/// The last event id cannot be resumed from: fetch anew what you show. Events of from now on follow.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "described, never made")]
pub(super) struct ResetNotice {
    /// Why: it is no id, lies beyond the newest event, lies before what is kept, or is of before a reset of the network.
    reason: ResetReason,
    /// The oldest event there is; null for callers who may not see every event.
    oldest_event_id: Option<words::EventId>,
    /// The newest event there is; null for callers who may not see every event.
    newest_event_id: Option<words::EventId>,
}

/// Why an id cannot be resumed from.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "described, never made")]
pub(super) enum ResetReason {
    Malformed,
    BeyondTip,
    BeforeOldest,
    NetworkReset,
}

/// Events of this range were added or corrected after their turn: fetch them anew. They are not sent. What happened while a
/// client was away is told in one notice when it comes back. The notice has no `id:`; an `id:` alone follows it, so that a
/// client that breaks off in between is told again.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "described, never made")]
pub(super) struct RevisedNotice {
    /// The first.
    from_id: words::EventId,
    /// The last.
    to_id: words::EventId,
}

/// The token is over, and the stream ends. Come back with another one and the last id.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described, never made")]
pub(super) struct ExpiredNotice {
    /// Its time was up, or it was taken back.
    reason: ExpiredReason,
}

/// Why a token is over.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "described, never made")]
pub(super) enum ExpiredReason {
    Expired,
    Revoked,
}

/// The client took nothing for longer than the service waits, and the stream ends. Come back with the last id.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described, never made")]
pub(super) struct ResumeNotice {
    /// Why the stream ends.
    reason: ResumeReason,
}

/// Why a stream ends that is to be resumed.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "described, never made")]
pub(super) enum ResumeReason {
    Slow,
}

/// What the feed counts.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "described, never made")]
pub(in crate::http) struct FeedCounters {
    /// Open subscriptions.
    connections: u64,
    /// The most there were at once since the start.
    peak_connections: u64,
    /// Open subscriptions by what they ask for.
    by_filter: SubscriptionsByFilter,
    /// Event frames handed to connections, replayed ones included.
    events_sent: u64,
    /// Event frames handed to connections that resumed or had fallen behind.
    events_replayed: u64,
    /// How often a connection fell so far behind that it had to be caught up.
    slow_clients: u64,
    /// How often a connection was told that its last event id cannot be resumed from.
    resets: u64,
}

/// Open subscriptions by what they ask for.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described, never made")]
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

/// How an endpoint that the indexer asks is doing.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "described, never made")]
pub(in crate::http) struct EndpointHealth {
    /// Its host, with the port if the URL names one.
    host: String,
    /// Whether it is asked: it is, not now because it failed, or it serves another network or refuses us.
    state: EndpointState,
    /// Until it may be asked again, in milliseconds.
    retry_in_ms: Option<u64>,
    /// How long its answers took of late, in milliseconds.
    latency_ms: Option<u64>,
    /// How many requests it has answered or failed.
    requests: u64,
    /// How many of them failed.
    failures: u64,
    /// How many failed since the last answer.
    failures_in_a_row: u64,
    /// Why the last failure was one, in a few words.
    last_failure: Option<String>,
    /// The newest ledger it ever told of.
    latest_ledger: Option<words::LedgerSequence>,
    /// The oldest ledger it has, by its last word on it.
    oldest_ledger: Option<words::LedgerSequence>,
    /// The passphrase of the network it serves.
    passphrase: Option<String>,
    /// The server's version.
    version: Option<String>,
    /// The largest page that is asked for, where that is bounded.
    page_limit: Option<u32>,
    /// The most ledgers that are asked for at once, where that is bounded.
    window_ledgers: Option<u32>,
}

/// Whether an endpoint is asked.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "described, never made")]
pub(super) enum EndpointState {
    Ready,
    Waiting,
    Unusable,
}

/// The open event streams of a gateway.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "described, never made")]
pub(in crate::http) struct OpenConnections {
    /// How many there are.
    total: u64,
    /// The oldest thousand of them, the oldest first.
    connections: Vec<OpenConnection>,
}

/// An open event stream.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "described, never made")]
pub(super) struct OpenConnection {
    /// The name that the client was given for this connection.
    #[schema(pattern = "^[0-9a-f]{16}$", examples("00a1b2c3d4e5f607"))]
    client_id: String,
    /// What it asks for, in a word.
    filter: FilterWord,
    /// Seconds since it was opened.
    age_seconds: u64,
    /// Matching events that were published and that it has not taken yet.
    pending_events: u64,
    /// Whether it reads what came before from memory or the table.
    catching_up: bool,
    /// Who signed in; null where nobody did.
    subject: Option<String>,
}

/// What an event stream asks for.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "described, never made")]
pub(super) enum FilterWord {
    All,
    Streams,
    Users,
    Mixed,
}
