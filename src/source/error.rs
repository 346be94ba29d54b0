//! The failures of sources, classified by what to do about them.

use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};
use thiserror::Error;

use crate::domain::LedgerSequence;

/// A failure of a source.
#[derive(Clone, Debug, Error)]
pub enum SourceError {
    /// It may work later, or at another endpoint.
    #[error("{}: {detail}", reason.as_str())]
    Transient {
        /// The kind of failure.
        reason: TransientReason,
        /// How long the server asks us to wait.
        retry_after: Option<Duration>,
        /// What happened.
        detail: String,
    },
    /// It will not work until somebody changes something.
    #[error("{detail}")]
    Permanent {
        /// What happened.
        detail: String,
    },
    /// The ledgers from `wanted` up to `oldest`, exclusive, are no longer available from this source.
    #[error("the source no longer has ledger {wanted}; its oldest is {oldest}")]
    BehindRetention {
        /// The requested ledger.
        wanted: LedgerSequence,
        /// The oldest ledger that the source has.
        oldest: LedgerSequence,
    },
    /// The source does not have the requested ledger yet.
    #[error("the source is behind: asked for ledger {wanted}, its newest is {latest}")]
    NodeBehind {
        /// The requested ledger.
        wanted: LedgerSequence,
        /// The newest ledger that the source has.
        latest: LedgerSequence,
    },
    /// The source serves another network than the configured one.
    #[error("the source serves the network \"{found}\", not \"{wanted}\"")]
    OtherNetwork {
        /// The passphrase of the source's network.
        found: String,
        /// The configured passphrase.
        wanted: String,
    },
    /// The source serves another chain with the same passphrase: the network started over, or it is a fork.
    #[error("the source serves another chain: its ledger {ledger} has {found}, ours has {expected}")]
    OtherChain {
        /// The ledger that differs.
        ledger: LedgerSequence,
        /// Its mark on our chain.
        expected: LedgerMark,
        /// Its mark on the source's chain.
        found: LedgerMark,
    },
    /// The host sends transactions without their metadata, and so without events.
    #[error(
        "the Horizon {host} gives no result_meta_xdr (transaction {transaction}), and so no events: run it with \
         SKIP_TXMETA=false and ingest its history again, or read a lake (--lake) instead"
    )]
    NoTransactionMeta {
        /// The host.
        host: String,
        /// The hash of a transaction without metadata.
        transaction: String,
    },
    /// What the source tells has a form that this version does not know.
    #[error("{detail}")]
    UnknownForm {
        /// What was seen.
        detail: String,
    },
    /// The source has no such ledger: not yet, or there is a hole in it.
    #[error("the source has no ledger {ledger}")]
    LedgerMissing {
        /// The first missing ledger.
        ledger: LedgerSequence,
    },
}

/// What distinguishes a ledger from another one with the same number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerMark {
    /// Its hash in hex.
    Hash(String),
    /// Its close time.
    ClosedAt(DateTime<Utc>),
    /// The close time of a later ledger, if its own is unknown.
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

/// Why a failure is transient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransientReason {
    /// There was no connection, or it broke.
    Network,
    /// No answer came in time.
    Timeout,
    /// HTTP 429.
    RateLimited,
    /// HTTP 5xx or an internal error of the node.
    Server,
    /// The answer was not a JSON-RPC reply: it was cut off, HTML, or lacked what every reply has.
    BadReply,
    /// The request was too much for the node, which gave up.
    ProcessingLimit,
    /// The endpoints disagree on which chain this is.
    Disagreement,
    /// No endpoint has the ledger that identifies our chain.
    UnknownChain,
    /// HTTP 3xx or 4xx: an expired key, a quota, or a proxy's own answer.
    Refused,
    /// The contract itself has no entry: it is not there, it is archived, or the node has no entries.
    NoContract,
}

impl TransientReason {
    /// Returns the reason as logs and metrics spell it.
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
            Self::NoContract => "no such contract",
        }
    }
}

impl SourceError {
    /// Returns whether a healthy source lacks the ledger: it no longer has it, or does not have it yet.
    pub(super) const fn is_lack(&self) -> bool {
        matches!(self, Self::BehindRetention { .. } | Self::NodeBehind { .. })
    }

    /// Returns whether the source is of another network or another chain.
    pub(super) const fn is_of_another_chain(&self) -> bool {
        matches!(self, Self::OtherNetwork { .. } | Self::OtherChain { .. })
    }

    /// An endpoint claimed a tip that another answer does not know.
    #[must_use]
    pub fn refuted_tip(claimed: LedgerSequence, newest: LedgerSequence) -> Self {
        let detail =
            format!("an endpoint claimed to have ledger {claimed}, but by another answer {newest} is the newest");
        Self::transient(TransientReason::Disagreement, detail)
    }

    pub(super) fn transient(reason: TransientReason, detail: impl Into<String>) -> Self {
        Self::Transient { reason, retry_after: None, detail: detail.into() }
    }

    /// Returns the failure, prefixed with what was being read.
    pub(super) fn about(self, what: &str) -> Self {
        match self {
            Self::Transient { reason, retry_after, detail } => {
                Self::Transient { reason, retry_after, detail: format!("{what}: {detail}") }
            }
            Self::Permanent { detail } => Self::Permanent { detail: format!("{what}: {detail}") },
            Self::UnknownForm { detail } => Self::UnknownForm { detail: format!("{what}: {detail}") },
            other => other,
        }
    }

    /// Returns the failure for a source that no known chain can be compared with.
    pub(crate) fn unknown_chain(detail: impl Into<String>) -> Self {
        Self::transient(TransientReason::UnknownChain, detail)
    }

    /// Returns whether it is undecided which chain is ours.
    pub(crate) const fn leaves_the_chain_open(&self) -> bool {
        matches!(self, Self::Transient { reason: TransientReason::Disagreement | TransientReason::UnknownChain, .. })
    }

    /// A failure of a source whose `what` looks like no other source's. Nothing is guessed from it.
    pub(super) fn unknown_form(what: &str, found: &str) -> Self {
        const SHOWN: usize = 80;
        let shown: String = found.chars().take(SHOWN).collect();
        Self::UnknownForm { detail: format!("its {what} has a form that is not known here: {shown:?}") }
    }

    pub(super) fn bad_reply(detail: impl Into<String>) -> Self {
        Self::transient(TransientReason::BadReply, detail)
    }
}
