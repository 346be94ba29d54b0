//! What can go wrong outside, sorted by what to do about it.

use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};
use thiserror::Error;

use crate::domain::LedgerSequence;

/// A failure of a source.
#[derive(Clone, Debug, Error)]
pub enum SourceError {
    /// It may work later or elsewhere.
    #[error("{}: {detail}", reason.as_str())]
    Transient {
        /// Why, in one of a few words.
        reason: TransientReason,
        /// How long the server asks to be left alone.
        retry_after: Option<Duration>,
        /// What was seen.
        detail: String,
    },
    /// It will not work until somebody changes something.
    #[error("{detail}")]
    Permanent {
        /// What was seen.
        detail: String,
    },
    /// The ledgers from `wanted` to before `oldest` are gone from this source.
    #[error("the source no longer has ledger {wanted}; its oldest is {oldest}")]
    BehindRetention {
        /// The ledger that was asked for.
        wanted: LedgerSequence,
        /// The oldest ledger it has.
        oldest: LedgerSequence,
    },
    /// The source has not seen the asked ledger yet.
    #[error("the source is behind: asked for ledger {wanted}, its newest is {latest}")]
    NodeBehind {
        /// The ledger that was asked for.
        wanted: LedgerSequence,
        /// The newest ledger it has.
        latest: LedgerSequence,
    },
    /// The source serves another network than was configured.
    #[error("the source serves the network \"{found}\", not \"{wanted}\"")]
    OtherNetwork {
        /// The passphrase of the network it serves.
        found: String,
        /// The passphrase that was configured.
        wanted: String,
    },
    /// The source serves another chain of that name: a network that started over, or a fork.
    #[error("the source serves another chain: its ledger {ledger} has {found}, ours has {expected}")]
    OtherChain {
        /// The ledger that was compared.
        ledger: LedgerSequence,
        /// What it is known by on our chain.
        expected: LedgerMark,
        /// What it is known by on the source's chain.
        found: LedgerMark,
    },
    /// The host gives transactions without their metadata, and so without events.
    #[error(
        "the Horizon {host} leaves out result_meta_xdr (transaction {transaction}); it cannot be used as a cross-check"
    )]
    NoTransactionMeta {
        /// The host.
        host: String,
        /// The hash of a transaction that came without.
        transaction: String,
    },
    /// The source has no such ledger: not yet, or there is a hole in it.
    #[error("the source has no ledger {ledger}")]
    LedgerMissing {
        /// The first ledger that is not there.
        ledger: LedgerSequence,
    },
}

/// What tells a ledger from another one of the same number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerMark {
    /// Its hash, in hex.
    Hash(String),
    /// When it closed.
    ClosedAt(DateTime<Utc>),
    /// When a later ledger closed, where its own close time is not known.
    ClosedBy(DateTime<Utc>),
}

impl fmt::Display for LedgerMark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hash(hash) => write!(formatter, "the hash {hash}"),
            Self::ClosedAt(time) => write!(formatter, "the close time {time}"),
            Self::ClosedBy(time) => write!(formatter, "a close time no later than {time}"),
        }
    }
}

/// Why a failure may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransientReason {
    /// No connection, or it broke.
    Network,
    /// No answer in time.
    Timeout,
    /// HTTP 429.
    RateLimited,
    /// HTTP 5xx or an internal error of the node.
    Server,
    /// The answer was no JSON-RPC reply: cut off, HTML, or without what every reply has.
    BadReply,
    /// The node gave up on a request that was too much for it.
    ProcessingLimit,
    /// The endpoints do not agree on which chain this is.
    Disagreement,
    /// Nobody shows the ledger that our chain is known by.
    UnknownChain,
    /// HTTP 3xx or 4xx: a key that ran out, a quota, a proxy's own answer.
    Refused,
}

impl TransientReason {
    /// Returns the reason as logs and metrics name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network error",
            Self::Timeout => "timeout",
            Self::RateLimited => "rate limited",
            Self::Server => "server error",
            Self::BadReply => "bad reply",
            Self::ProcessingLimit => "processing limit",
            Self::Disagreement => "endpoints disagree",
            Self::UnknownChain => "chain not recognised",
            Self::Refused => "refused",
        }
    }
}

impl SourceError {
    /// Returns whether a healthy source does not have the ledger: no longer, or not yet.
    pub(super) const fn is_lack(&self) -> bool {
        matches!(self, Self::BehindRetention { .. } | Self::NodeBehind { .. })
    }

    pub(super) fn transient(reason: TransientReason, detail: impl Into<String>) -> Self {
        Self::Transient { reason, retry_after: None, detail: detail.into() }
    }

    /// Returns the failure with what was being read.
    pub(super) fn about(self, what: &str) -> Self {
        match self {
            Self::Transient { reason, retry_after, detail } => {
                Self::Transient { reason, retry_after, detail: format!("{what}: {detail}") }
            }
            Self::Permanent { detail } => Self::Permanent { detail: format!("{what}: {detail}") },
            other => other,
        }
    }

    /// A failure to find out which chain a source is to be compared with.
    pub(crate) fn unknown_chain(detail: impl Into<String>) -> Self {
        Self::transient(TransientReason::UnknownChain, detail)
    }

    /// Returns whether nobody could say which chain is ours.
    pub(crate) const fn leaves_the_chain_open(&self) -> bool {
        matches!(self, Self::Transient { reason: TransientReason::Disagreement | TransientReason::UnknownChain, .. })
    }

    pub(super) fn bad_reply(detail: impl Into<String>) -> Self {
        Self::transient(TransientReason::BadReply, detail)
    }
}
