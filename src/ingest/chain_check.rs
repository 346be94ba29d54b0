//! Whether a source of whole ledgers is of the chain that is indexed. A lake outlives a reset of its network, and its
//! passphrase is the same before and after.

use chrono::{DateTime, Utc};
use tracing::warn;

use crate::{
    domain::{EventId, LedgerSequence},
    source::{
        Anchor, EndpointPool, KnownChain, KnownClose, LedgerEvents, LedgerMark, Proof, SourceError, WholeLedgers,
    },
    store::{Store, StoreError},
    xdr::LedgerHeader,
};

/// What every ledger of the chain must agree with.
#[derive(Debug)]
pub(super) struct ChainCheck<'a> {
    store: &'a Store,
    /// When the last ledger of the epoch before closed.
    began_after: Option<DateTime<Utc>>,
    /// A ledger and when it closed.
    seen: Option<KnownClose>,
    stored: Stored,
    /// Whether the source has a ledger of a hash that we know.
    is_proven: bool,
}

/// The first ledger with a stored event that does not come before the ledger that was checked last.
#[derive(Clone, Copy, Debug)]
enum Stored {
    NotRead,
    Next(LedgerSequence, DateTime<Utc>),
    NoMore,
}

impl<'a> ChainCheck<'a> {
    /// Compares the ledger that was noted to recognise the chain by with the source's, where the source has it.
    ///
    /// # Errors
    /// [`SourceError::OtherChain`]; those of a source that does not say; a transient one while the database does not say
    /// which chain is ours.
    async fn compared(store: &'a Store, whole: &WholeLedgers) -> Result<(Self, Option<LedgerSequence>), SourceError> {
        let network = store.network().await;
        let network = network.map_err(|failure| SourceError::unknown_chain(failure.to_string()))?;
        let began_after = network.as_ref().and_then(|network| network.began_after);
        let seen = network.as_ref().and_then(|network| network.seen);
        let known = network.and_then(|network| network.known);
        let known_ledger = known.as_ref().map(|known| known.sequence);
        let anchor = known.map(|known| Anchor { sequence: known.sequence, hash: known.hash });
        whole.set_chain(KnownChain { anchor: anchor.clone(), closed: seen });
        let mut check = Self { store, began_after, seen, stored: Stored::NotRead, is_proven: false };
        if let Some(anchor) = anchor {
            check.compare(whole, anchor.sequence, anchor.hash).await?;
        } else {
            let name = whole.name();
            warn!("no ledger was noted yet, so {name} is compared with what is indexed by close times only");
        }
        Ok((check, known_ledger))
    }

    /// Makes sure that a source that is to be read from a ledger on is of the chain that is indexed, if a ledger of that
    /// was noted. A lake that ends before that ledger is told by when one closed of which an event is stored: a chain
    /// that starts over closes each number later.
    ///
    /// # Errors
    /// [`SourceError::OtherChain`]; [`SourceError::Permanent`] if those closed at another time, or the source has none of
    /// them; those of a source that does not say; a transient one while the database does not say which chain is ours.
    pub(super) async fn of(store: &'a Store, whole: &WholeLedgers, from: LedgerSequence) -> Result<Self, SourceError> {
        let (check, known) = Self::compared(store, whole).await?;
        let Some(known) = known.filter(|_| !check.is_proven && !whole.makes_sure_itself()) else { return Ok(check) };
        for stored in check.stored_around(from).await? {
            match whole.header_of(stored.0).await? {
                Some(header) if header.closed_at == stored.1 => return Ok(check),
                Some(header) => return Err(closed_otherwise(&header, stored)),
                None => {}
            }
        }
        let name = whole.name();
        let detail = format!(
            "{name} has neither ledger {known}, by which the chain that is indexed is known, nor one near {from} of which \
             an event is stored, so it may be of another chain"
        );
        Err(SourceError::Permanent { detail })
    }

    /// Returns the next ledger from this one on, and the last one before it, of which an event is stored.
    async fn stored_around(
        &self,
        from: LedgerSequence,
    ) -> Result<impl Iterator<Item = (LedgerSequence, DateTime<Utc>)> + use<>, SourceError> {
        let unknown = |failure: StoreError| SourceError::unknown_chain(failure.to_string());
        let next = self.store.first_close_from(from).await.map_err(unknown)?;
        let last = self.store.newest_close_up_to(EventId::end_of_ledger(from.previous())).await.map_err(unknown)?;
        Ok(next.into_iter().chain(last))
    }

    /// The same for a hole before the oldest ledger of the endpoints, whose previous one must be the source's last of the
    /// hole. That also tells a source that does not have the ledger that was noted.
    ///
    /// # Errors
    /// As [`ChainCheck::of`], but [`SourceError::LedgerMissing`] if nothing ties the source to the chain that is indexed,
    /// and [`SourceError::Permanent`] if it is ours and the endpoints go on from another one.
    pub(super) async fn of_hole(
        store: &'a Store,
        whole: &WholeLedgers,
        endpoints: &EndpointPool,
        to: LedgerSequence,
    ) -> Result<Self, SourceError> {
        let (mut check, known) = Self::compared(store, whole).await?;
        let is_ours = check.is_proven;
        let proof = if is_ours { Proof::WhereThereIs } else { Proof::Always };
        match endpoints.header_of(to.next(), proof).await {
            // They tell of no headers, so nothing ties it to them but close times.
            Ok(None) if known.is_none() => return Ok(check),
            Ok(None) => {}
            Ok(Some(oldest)) => match check.compare(whole, to, oldest.previous_hash).await {
                Err(SourceError::OtherChain { ledger, expected, found }) if is_ours => {
                    let name = whole.name();
                    let detail = format!(
                        "the endpoints are of another chain: {name}, which is of the one that is indexed, has a \
                         ledger {ledger} with {found}, and they go on from one with {expected}"
                    );
                    return Err(SourceError::Permanent { detail });
                }
                compared => compared?,
            },
            // They themselves cannot be told from those of another chain.
            Err(failure) if failure.leaves_the_chain_open() && !is_ours => {}
            Err(failure) => return Err(failure),
        }
        if is_ours || check.is_proven { Ok(check) } else { Err(SourceError::LedgerMissing { ledger: to }) }
    }

    async fn compare(
        &mut self,
        whole: &WholeLedgers,
        ledger: LedgerSequence,
        expected: String,
    ) -> Result<(), SourceError> {
        match whole.header_of(ledger).await? {
            Some(header) if !header.hash.eq_ignore_ascii_case(&expected) => {
                let (expected, found) = (LedgerMark::Hash(expected), LedgerMark::Hash(header.hash));
                Err(SourceError::OtherChain { ledger, expected, found })
            }
            found => {
                self.is_proven = found.is_some();
                Ok(())
            }
        }
    }

    /// Refuses a ledger that closed before the epoch began, later than a stored one that comes after it, or at another time
    /// than it is stored with.
    /// Ledgers are to be checked in order.
    ///
    /// # Errors
    /// [`SourceError::Permanent`], which names the ledger; a transient one while the database does not answer.
    pub(super) async fn check(&mut self, ledger: &LedgerEvents) -> Result<(), SourceError> {
        let (sequence, closed_at) = (ledger.header.sequence, ledger.header.closed_at);
        if self.began_after.is_some_and(|began_after| closed_at <= began_after) {
            return Err(closed_too_early(ledger));
        }
        let is_passed = match self.stored {
            Stored::NotRead => true,
            Stored::Next(stored, _) => stored < sequence,
            Stored::NoMore => false,
        };
        if is_passed {
            let next = self.store.first_close_from(sequence).await;
            let next = next.map_err(|failure| SourceError::unknown_chain(failure.to_string()))?;
            let next = next.or(self.seen.filter(|(seen, _)| *seen >= sequence));
            self.stored = next.map_or(Stored::NoMore, |(stored, closed_at)| Stored::Next(stored, closed_at));
        }
        match self.stored {
            Stored::Next(stored, stored_closed_at)
                if closed_at > stored_closed_at || (sequence == stored && closed_at != stored_closed_at) =>
            {
                Err(closed_otherwise(&ledger.header, (stored, stored_closed_at)))
            }
            _ => Ok(()),
        }
    }
}

/// Returns the failure of a source whose ledger cannot have closed when it did, beside one of what is indexed.
fn closed_otherwise(header: &LedgerHeader, (ledger, closed_at): (LedgerSequence, DateTime<Utc>)) -> SourceError {
    let detail = format!(
        "ledger {} closed at {}, and ledger {ledger} of what is indexed at {closed_at}: another chain",
        header.sequence, header.closed_at
    );
    SourceError::Permanent { detail }
}

/// Returns the failure of a source whose ledger closed before one that comes before it.
pub(super) fn closed_too_early(ledger: &LedgerEvents) -> SourceError {
    let (sequence, closed_at) = (ledger.header.sequence, ledger.header.closed_at);
    let detail = format!("ledger {sequence} closed at {closed_at}, before ledgers that come before it: another chain");
    SourceError::Permanent { detail }
}
