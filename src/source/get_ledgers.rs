//! Stellar RPC's `getLedgers`: pages of whole ledgers.

use std::sync::atomic::{AtomicU32, Ordering};

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use serde_json::json;

use super::{
    SourceError, StellarRpc, TransientReason,
    packed::PackedLedger,
    rpc::result_of,
    wire::{Ledgers, WholeLedger},
};
use crate::domain::LedgerSequence;

/// The server's own default. It allows 200; an archive node allows 5 to 20.
const FIRST_LIMIT: u32 = 50;
/// Larger pages are halved, so that only a few large ledgers are in memory at once.
const LARGE_REPLY_BYTES: usize = 32 << 20;

/// A page of whole ledgers.
#[derive(Clone, Debug)]
pub struct LedgerPage {
    /// The ledgers, ascending from the requested one.
    pub ledgers: Vec<PackedLedger>,
    /// The newest ledger that the node had when it answered.
    pub latest_ledger: LedgerSequence,
    /// When that ledger closed, if the node says.
    pub latest_closed_at: Option<DateTime<Utc>>,
    /// The oldest ledger the node still has, if it says.
    pub oldest_ledger: Option<LedgerSequence>,
    /// Whether a smaller page would be wiser.
    pub(super) is_large: bool,
}

impl StellarRpc {
    /// `getLedgers`: returns at most `limit` ledgers, starting with `from`. Asks by ledger and never by cursor, because
    /// servers refuse a cursor at the tip.
    ///
    /// # Errors
    /// [`SourceError::NodeBehind`] or [`SourceError::BehindRetention`] if the node does not have `from`; otherwise what
    /// the reply says.
    pub async fn ledger_page(&self, from: LedgerSequence, limit: u32) -> Result<LedgerPage, SourceError> {
        let params = json!({"startLedger": from, "pagination": {"limit": limit}});
        let body = self.post("getLedgers", params).await?;
        let page = tokio::task::spawn_blocking(move || {
            let reply: Ledgers<'_> = result_of(&body, from)?;
            let ledgers = reply.ledgers.into_iter().map(packed).collect::<Result<_, _>>()?;
            Ok(LedgerPage {
                ledgers,
                latest_ledger: reply.latest_ledger,
                latest_closed_at: reply.latest_ledger_close_time,
                oldest_ledger: Some(reply.oldest_ledger),
                is_large: body.len() > LARGE_REPLY_BYTES,
            })
        });
        page.await.map_err(|_| SourceError::bad_reply("reading the reply failed"))?
    }
}

fn packed(ledger: WholeLedger<'_>) -> Result<PackedLedger, SourceError> {
    let WholeLedger { hash, sequence, metadata_xdr } = ledger;
    let meta = BASE64_STANDARD.decode(metadata_xdr.as_bytes());
    let meta = meta.map_err(|_| SourceError::bad_reply(format!("ledger {sequence} is not base64")))?;
    Ok(PackedLedger { sequence, hash, meta: meta.into() })
}

/// How many ledgers to ask for at once, learned from the node's refusals and failures.
#[derive(Debug)]
pub(super) struct PageLimit(AtomicU32);

impl PageLimit {
    pub(super) const fn new() -> Self {
        Self(AtomicU32::new(FIRST_LIMIT))
    }

    /// Returns the page from `from` on with at most `most` ledgers, asking for fewer until the node can answer.
    pub(super) async fn page(
        &self,
        rpc: &StellarRpc,
        from: LedgerSequence,
        most: u32,
    ) -> Result<LedgerPage, SourceError> {
        loop {
            let limit = self.0.load(Ordering::Relaxed).min(most.max(1));
            let page = rpc.ledger_page(from, limit).await;
            let Some(smaller) = smaller(limit, &page) else { return page };
            self.0.store(smaller, Ordering::Relaxed);
            if page.is_ok() {
                return page;
            }
        }
    }
}

/// Returns the next limit to try; `None` if another limit would not help.
fn smaller(limit: u32, page: &Result<LedgerPage, SourceError>) -> Option<u32> {
    use TransientReason::{BadReply, ProcessingLimit, Timeout};
    let smaller = match page {
        Ok(page) => page.is_large.then_some(limit / 2)?,
        Err(SourceError::Transient { reason: Timeout | BadReply | ProcessingLimit, .. }) => limit / 2,
        Err(SourceError::Permanent { detail }) => {
            let (_, number) = detail.split_once("must not exceed ")?;
            number.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()?
        }
        Err(_) => return None,
    };
    (1..limit).contains(&smaller).then_some(smaller)
}
