//! What stands at an endpoint: a Stellar RPC server or a Horizon, and what both say of their network and its ledgers.

use std::time::Duration;

use tokio::time::timeout;

use super::{
    SourceError, StellarRpc, Tip,
    horizon::{Horizon, Introduction},
};
use crate::{domain::LedgerSequence, xdr::LedgerHeader};

/// The version is nice to know, but not worth waiting for.
const VERSION_DEADLINE: Duration = Duration::from_secs(1);

/// What stands at an endpoint.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Rpc(StellarRpc),
    Horizon(Horizon),
}

impl Node {
    /// Returns what it is, as logs name it.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Rpc(_) => "RPC endpoint",
            Self::Horizon(_) => "Horizon",
        }
    }

    /// Returns its host, with the port where that is named.
    pub(super) fn host(&self) -> String {
        match self {
            Self::Rpc(rpc) => rpc.host(),
            Self::Horizon(horizon) => horizon.host(),
        }
    }

    /// Returns which network it is of, and what it runs, if it says so soon.
    pub(super) async fn introduction(&self) -> Result<Introduction, SourceError> {
        match self {
            Self::Rpc(rpc) => {
                let (passphrase, version) = tokio::join!(rpc.passphrase(), timeout(VERSION_DEADLINE, rpc.version()));
                Ok(Introduction { passphrase: passphrase?, version: version.ok().and_then(Result::ok) })
            }
            Self::Horizon(horizon) => horizon.introduction().await,
        }
    }

    /// Returns the newest ledger it has, and the oldest.
    pub(super) async fn tip(&self) -> Result<Tip, SourceError> {
        match self {
            Self::Rpc(rpc) => rpc.tip().await,
            Self::Horizon(horizon) => horizon.tip().await,
        }
    }

    /// Returns the hash of a ledger in hex, `None` where it cannot say.
    pub(super) async fn ledger_hash(&self, sequence: LedgerSequence) -> Result<Option<String>, SourceError> {
        match self {
            Self::Rpc(rpc) => rpc.ledger_hash(sequence).await,
            Self::Horizon(_) => Ok(self.ledger_header(sequence).await?.map(|header| header.hash)),
        }
    }

    /// Returns the header of a ledger, `None` as [`Node::ledger_hash`].
    pub(super) async fn ledger_header(&self, sequence: LedgerSequence) -> Result<Option<LedgerHeader>, SourceError> {
        match self {
            Self::Rpc(rpc) => rpc.ledger_header(sequence).await,
            Self::Horizon(horizon) => horizon.ledger_header(sequence).await,
        }
    }
}
