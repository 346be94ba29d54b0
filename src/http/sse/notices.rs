//! The frames of an event stream that are not events of the feed: their names, and their data with its schema.

use serde::Serialize;
use utoipa::ToSchema;

use super::NoticeData;
use crate::{
    domain::{self, Address, ChangedStreams, ContractId, EventType, FeedId, StreamId},
    http::openapi::words,
};

/// The notices: their names and the schemas of their data.
pub(in crate::http) const NOTICES: &[(&str, &str)] = &[
    (ConnectedNotice::NAME, "ConnectedNotice"),
    (ResetNotice::NAME, "ResetNotice"),
    (RevisedNotice::NAME, "RevisedNotice"),
    (ChangedNotice::NAME, "ChangedNotice"),
    (ExpiredNotice::NAME, "ExpiredNotice"),
    (ResumeNotice::NAME, "ResumeNotice"),
];

impl NoticeData for ConnectedNotice {
    const NAME: &'static str = "connected";
}

impl NoticeData for ResetNotice {
    const NAME: &'static str = "reset";
}

impl NoticeData for RevisedNotice {
    const NAME: &'static str = "revised";
}

impl NoticeData for ChangedNotice {
    const NAME: &'static str = "changed";
}

impl NoticeData for ExpiredNotice {
    const NAME: &'static str = "expired";
}

impl NoticeData for ResumeNotice {
    const NAME: &'static str = "resume";
}

/// The first event of every event stream: what was understood. Its `id:` is a place to resume from; it has none where a
/// `reset` follows, whose `id:` is that place.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct ConnectedNotice {
    /// The connection's name in logs.
    #[schema(pattern = "^[0-9a-f]{16}$", examples("00a1b2c3d4e5f607"))]
    pub(in crate::http) client_id: String,
    /// Where the subscription starts; null before anything was indexed.
    #[schema(value_type = Option<words::EventId>)]
    pub(in crate::http) last_event_id: Option<FeedId>,
    /// The filter.
    pub(in crate::http) filter: SubscriptionFilter,
    /// Those of the filter's streams that the caller sees nothing of yet: they do not exist, or are not the caller's to
    /// see. Their events are sent once there are any that the caller may see. At most 500.
    #[schema(examples("7"))]
    pub(in crate::http) unknown_streams: Vec<String>,
}

/// What a subscription asks for. Streams and users widen it, types narrow it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct SubscriptionFilter {
    /// Everything that the caller may see.
    pub(in crate::http) all: bool,
    /// Streams, as `7` or as `C…:7`.
    #[schema(examples("7"))]
    pub(in crate::http) streams: Vec<String>,
    /// Senders and recipients.
    #[schema(value_type = Vec<words::Address>)]
    pub(in crate::http) users: Vec<Address>,
    /// The saved filter that adds to those; absent if there is none.
    #[schema(value_type = Option<String>, nullable = false, examples("payroll"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) feed: Option<String>,
    /// The only contract whose events are sent; absent if there is no such restriction.
    #[schema(value_type = Option<words::ContractId>, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) contract: Option<ContractId>,
    /// The types; empty for all types.
    #[schema(value_type = Vec<words::EventType>)]
    pub(in crate::http) types: Vec<EventType>,
}

/// The last event id cannot be resumed from: fetch everything you show again. Only new events follow.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct ResetNotice {
    /// Why: it is no id, lies beyond the newest event, lies before what is kept, or is of before a reset of the network.
    reason: ResetReason,
    /// The oldest event; null for callers who may not see every event.
    #[schema(value_type = Option<words::EventId>)]
    oldest_event_id: Option<FeedId>,
    /// The newest event; null for callers who may not see every event.
    #[schema(value_type = Option<words::EventId>)]
    newest_event_id: Option<FeedId>,
}

/// Why an id cannot be resumed from.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) enum ResetReason {
    Malformed,
    BeyondTip,
    BeforeOldest,
    NetworkReset,
}

/// Events of this range were added or corrected after their turn: fetch them anew. They are not sent. What happened while a
/// client was away is told in one notice when it comes back. The notice has no `id:`; an `id:` alone follows it, so that a
/// client that breaks off in between is told again.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct RevisedNotice {
    /// The first; for callers who may not see every event, the end of the ledger before its ledger.
    #[schema(value_type = words::EventId)]
    pub(super) from_id: FeedId,
    /// The last; for callers who may not see every event, the end of its ledger.
    #[schema(value_type = words::EventId)]
    pub(super) to_id: FeedId,
}

/// Streams whose records changed without an event: they were completed or corrected from the chain's entries. Fetch them anew.
/// Sent to those who follow a stream or one of its parties, where a party that was replaced counts too. What happened while a
/// client was away is told in one notice when it comes back; it is `revised` instead if that is too much, or if events came
/// late besides. The notice has no `id:`; an `id:` alone follows it, so that a client that breaks off in between is told
/// again.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ChangedNotice {
    /// The streams.
    streams: Vec<ChangedStream>,
}

/// A stream whose record changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct ChangedStream {
    /// Its contract.
    #[schema(value_type = words::ContractId)]
    contract_id: ContractId,
    /// Its number there.
    #[schema(value_type = words::StreamId)]
    stream_id: StreamId,
}

/// The token is no longer valid, and the stream ends. Reconnect with a new token and the last id.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ExpiredNotice {
    /// It expired, or it was revoked.
    pub(in crate::http) reason: ExpiredReason,
}

/// Why a token is no longer valid.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) enum ExpiredReason {
    Expired,
    Revoked,
}

/// The client read nothing for longer than the service waits, and the stream ends. Reconnect with the last id.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ResumeNotice {
    /// Why the stream ends.
    pub(in crate::http) reason: ResumeReason,
}

/// Why a stream ends that is to be resumed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) enum ResumeReason {
    Slow,
}

impl From<domain::Reset> for ResetNotice {
    fn from(reset: domain::Reset) -> Self {
        Self {
            reason: reset.reason.into(),
            oldest_event_id: reset.oldest_event_id,
            newest_event_id: reset.newest_event_id,
        }
    }
}

impl From<&ChangedStreams> for ChangedNotice {
    fn from(streams: &ChangedStreams) -> Self {
        let keys = streams.keys().cloned();
        Self { streams: keys.map(|(contract_id, stream_id)| ChangedStream { contract_id, stream_id }).collect() }
    }
}

impl From<domain::ResetReason> for ResetReason {
    fn from(reason: domain::ResetReason) -> Self {
        match reason {
            domain::ResetReason::Malformed => Self::Malformed,
            domain::ResetReason::BeyondTip => Self::BeyondTip,
            domain::ResetReason::BeforeOldest => Self::BeforeOldest,
            domain::ResetReason::NetworkReset => Self::NetworkReset,
        }
    }
}
