//! Checks whether a source of whole ledgers belongs to the indexed chain. A lake survives a reset of its network, and
//! the passphrase stays the same.

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

/// The facts that every ledger of the chain must agree with.
#[derive(Debug)]
pub(super) struct ChainCheck<'a> {
    store: &'a Store,
    /// When the last ledger of the previous epoch closed.
    began_after: Option<DateTime<Utc>>,
    /// A ledger with its close time.
    seen: Option<KnownClose>,
    stored: Stored,
    /// Whether the source has the ledger whose hash we know.
    is_proven: bool,
}

/// The first ledger with a stored event that does not precede the last checked ledger.
#[derive(Clone, Copy, Debug)]
enum Stored {
    NotRead,
    Next(LedgerSequence, DateTime<Utc>),
    NoMore,
}

impl<'a> ChainCheck<'a> {
    /// Compares the ledger that identifies the chain with the source's, if the source has it.
    ///
    /// # Errors
    /// [`SourceError::OtherChain`]; the failure of a source that cannot say; a transient failure while the database
    /// cannot say which chain is ours.
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
            warn!("no ledger identifies the chain yet, so {name} is compared with the index by close times only");
        }
        Ok((check, known_ledger))
    }

    /// Checks that a source belongs to the indexed chain before it is read starting at `from`, if a ledger that
    /// identifies the chain was recorded. A lake that ends before that ledger is recognized by the close times of
    /// ledgers with stored events: on a chain that started over, each ledger number closes later.
    ///
    /// # Errors
    /// [`SourceError::OtherChain`]; [`SourceError::Permanent`] if those ledgers closed at other times, or the source
    /// has none of them; the failure of a source that cannot say; a transient failure while the database cannot say
    /// which chain is ours.
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
            "{name} has neither ledger {known}, which identifies the indexed chain, nor a ledger near {from} with a \
             stored event, so it may belong to another chain"
        );
        Err(SourceError::Permanent { detail })
    }

    /// Returns the first ledger from this one on with a stored event, and the last one before it.
    async fn stored_around(
        &self,
        from: LedgerSequence,
    ) -> Result<impl Iterator<Item = (LedgerSequence, DateTime<Utc>)> + use<>, SourceError> {
        let unknown = |failure: StoreError| SourceError::unknown_chain(failure.to_string());
        let next = self.store.first_close_from(from).await.map_err(unknown)?;
        let last = self.store.newest_close_up_to(EventId::end_of_ledger(from.previous())).await.map_err(unknown)?;
        Ok(next.into_iter().chain(last))
    }

    /// Does the same check for a hole before the endpoints' oldest ledger. That ledger must follow the source's last
    /// ledger of the hole. This recognizes even a source that lacks the identifying ledger.
    ///
    /// # Errors
    /// As [`ChainCheck::of`], but [`SourceError::LedgerMissing`] if nothing connects the source to the indexed chain,
    /// and [`SourceError::Permanent`] if the source is ours and the endpoints continue from another ledger.
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
            // The endpoints give no headers, so only close times connect the source to them.
            Ok(None) if known.is_none() => return Ok(check),
            Ok(None) => {}
            Ok(Some(oldest)) => match check.compare(whole, to, oldest.previous_hash).await {
                Err(SourceError::OtherChain { ledger, expected, found }) if is_ours => {
                    let name = whole.name();
                    let detail = format!(
                        "the endpoints serve another chain: {name}, which serves the indexed one, has a \
                         ledger {ledger} with {found}, but they continue from one with {expected}"
                    );
                    return Err(SourceError::Permanent { detail });
                }
                compared => compared?,
            },
            // The endpoints themselves cannot be told apart from those of another chain.
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

    /// Refuses a ledger that closed before the epoch began, later than a stored ledger that follows it, or at another
    /// time than its stored close time. Ledgers must be checked in order.
    ///
    /// # Errors
    /// [`SourceError::Permanent`], which names the ledger; a transient failure while the database does not answer.
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

/// Returns the failure of a source whose ledger's close time contradicts an indexed ledger.
fn closed_otherwise(header: &LedgerHeader, (ledger, closed_at): (LedgerSequence, DateTime<Utc>)) -> SourceError {
    let detail = format!(
        "ledger {} closed at {}, but the indexed ledger {ledger} at {closed_at}: another chain",
        header.sequence, header.closed_at
    );
    SourceError::Permanent { detail }
}

/// Returns the failure of a source whose ledger closed before an earlier ledger.
pub(super) fn closed_too_early(ledger: &LedgerEvents) -> SourceError {
    let (sequence, closed_at) = (ledger.header.sequence, ledger.header.closed_at);
    let detail =
        format!("ledger {sequence} closed at {closed_at}, earlier than ledgers that precede it: another chain");
    SourceError::Permanent { detail }
}
