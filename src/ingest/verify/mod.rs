//! The proof: every stream record against the contract's own storage, field by field. Exact although the chain moves on
//! meanwhile, because what is compared is compared as of one ledger.

mod checked;
mod compare;
mod correct;
mod created;
mod missed;
mod read;
mod rolling;
mod uncertain;

use std::{collections::BTreeSet, time::Duration};

use rand::{Rng, rngs::StdRng};

pub use self::created::CreatedStreams;
pub(super) use self::rolling::RollingLook;
pub(super) use self::uncertain::{Unanswered, UncertainRecords};
use self::{
    compare::{Finding, Seen},
    read::{KEYS_AT_ONCE, Reading},
};
use super::error::IngestError;
use crate::{
    domain::{ContractId, FieldDifference, LedgerSequence, StreamEntry, StreamId},
    source::EndpointPool,
    store::Store,
};

/// A stream that moves while it is looked at is looked at again, so often.
const LOOKS: u32 = 20;

/// How fields begin that are those of event rows.
const OF_EVENT_ROWS: &str = "events.";

/// How to prove.
#[derive(Debug)]
pub struct VerifySettings {
    /// Only so many streams, drawn at random.
    pub sample: Option<u32>,
    /// Whether to set records from the chain: those that are missing or differ, and what is marked unverified.
    pub repair: bool,
    /// How long, in all, to wait for an index that is behind what the chain answered.
    pub patience: Duration,
    /// Draws the sample and spreads waiting times.
    pub rng: StdRng,
}

/// What the proof found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Streams whose record equals the chain's in every field.
    pub equal: u64,
    /// Of those, how many are still marked as unverified; a repair takes the marks away.
    pub unverified: u64,
    /// Streams that the chain does not answer for, since their entry left its live state. Nothing can be said of them.
    pub archived: Vec<StreamId>,
    /// Streams whose record equals the chain's although an event that replaced the recipient is missing, so that earlier
    /// events name another one. No source had that event.
    pub lost_transfers: Vec<StreamId>,
    /// What differs.
    pub differences: Vec<Difference>,
    /// Streams that the contract has and that there is no record of.
    pub missing_here: Vec<StreamId>,
    /// Streams that could not be compared: the index is behind, or they moved at every look.
    pub behind: Vec<StreamId>,
    /// Streams whose records were set from the chain.
    pub repaired: Vec<StreamId>,
    /// How many streams the contract says that it has created.
    pub created: CreatedStreams,
    /// The ledger of the chain's last answer.
    pub at_ledger: LedgerSequence,
}

impl Verified {
    /// Returns whether everything that could be looked at was, and is equal.
    #[must_use]
    pub const fn is_proven(&self) -> bool {
        self.differences.is_empty() && self.missing_here.is_empty() && self.behind.is_empty()
    }
}

/// One field in which a record differs from the chain's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The stream.
    pub stream_id: StreamId,
    /// The contract's name of the field, after `events.` where the stream's event rows differ; `record` for the whole of it.
    pub field: &'static str,
    /// What we have.
    pub ours: String,
    /// What the chain has.
    pub chains: String,
}

impl Difference {
    /// Returns whether the contract changes the field only in calls that publish an event of the stream. Parties in event
    /// rows follow from those.
    fn comes_with_an_event(&self) -> bool {
        !self.field.starts_with(OF_EVENT_ROWS) && StreamEntry::changes_with_an_event(self.field)
    }
}

impl From<Difference> for FieldDifference {
    fn from(Difference { field, ours, chains, .. }: Difference) -> Self {
        Self { field, ours, chains }
    }
}

/// How far a proof is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifyProgress {
    /// Streams to look at in all, as known at the start.
    pub streams_in_all: u64,
    /// Streams looked at.
    pub streams: u64,
    /// Fields that differ so far.
    pub differences: u64,
}

/// Compares the stream records of one contract with its storage. Without `repair` nothing is written.
///
/// # Errors
/// [`IngestError::NotBegun`] before the contract's index began; a failure of the source that does not pass, or of the
/// store. What was repaired before stays so.
pub async fn verify(
    store: &Store,
    source: &EndpointPool,
    contract_id: &ContractId,
    settings: VerifySettings,
    mut report: impl FnMut(VerifyProgress),
) -> Result<Verified, IngestError> {
    store.progress(contract_id).await?.ok_or(IngestError::NotBegun)?;
    let epoch = store.epoch().await?;
    let reading = Reading::new(store, source, contract_id, epoch, settings.patience, settings.rng);
    let (repair, absent_before) = (settings.repair, BTreeSet::new());
    let mut proof = Proof { reading, repair, absent_before, verified: Verified::default() };
    let created = CreatedStreams::of(proof.reading.stream_count().await?);
    proof.verified.created = created;
    let known = created.walked_up_to();
    let in_all = if known > 0 { known } else { store.record_count(contract_id).await? };
    let mut progress = VerifyProgress { streams_in_all: in_all, ..VerifyProgress::default() };
    if let Some(sample) = settings.sample.map(u64::from).filter(|sample| *sample < in_all) {
        progress.streams_in_all = sample;
        let drawn = match known {
            0 => proof.reading.draw_of_records(sample).await?,
            known => proof.reading.draw(sample, known),
        };
        for chunk in drawn.chunks(KEYS_AT_ONCE) {
            proof.look_at(chunk.to_vec()).await?;
            proof.tell(&mut progress, chunk, &mut report);
        }
        return Ok(proof.verified);
    }
    let mut after = StreamId(0);
    loop {
        let chunk = proof.reading.next_ids(after, known).await?;
        let Some(last) = chunk.last() else { return Ok(proof.verified) };
        after = *last;
        proof.look_at(chunk.clone()).await?;
        proof.tell(&mut progress, &chunk, &mut report);
    }
}

struct Proof<'a> {
    reading: Reading<'a>,
    repair: bool,
    /// Streams whose entries were found to be deleted once.
    absent_before: BTreeSet<StreamId>,
    verified: Verified,
}

impl Proof<'_> {
    fn tell(&self, progress: &mut VerifyProgress, chunk: &[StreamId], report: &mut impl FnMut(VerifyProgress)) {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        progress.streams += number(chunk.len());
        progress.streams_in_all = progress.streams_in_all.max(progress.streams);
        progress.differences = number(self.verified.differences.len() + self.verified.missing_here.len());
        report(*progress);
    }

    /// Looks at these streams, again at those that moved or were repaired, until something can be said of each.
    async fn look_at(&mut self, mut left: Vec<StreamId>) -> Result<(), IngestError> {
        for look in 0..LOOKS {
            if left.is_empty() {
                return Ok(());
            }
            if look > 0 {
                self.reading.pause().await;
            }
            let seen = self.reading.look(&left).await?;
            self.verified.at_ledger = self.verified.at_ledger.max(seen.at_ledger);
            let findings: Vec<(StreamId, Finding)> = left.into_iter().map(|id| (id, seen.find(id))).collect();
            let corrected = if self.repair { self.correct(&seen, &findings).await? } else { BTreeSet::new() };
            left = Vec::new();
            for (stream_id, finding) in findings {
                let may_come_to_rest = match finding {
                    Finding::Moved => true,
                    Finding::Outdated(_) => look + 1 < LOOKS,
                    _ => false,
                };
                if may_come_to_rest || corrected.contains(&stream_id) {
                    left.push(stream_id);
                } else {
                    if matches!(finding, Finding::Equal { .. }) && seen.lacks_a_transfer(stream_id) {
                        self.verified.lost_transfers.push(stream_id);
                    }
                    self.note(stream_id, finding);
                }
            }
        }
        self.verified.behind.append(&mut left);
        Ok(())
    }

    /// Sets what can be set, each stream once, and returns what is to be looked at again: what was set, what moved before it
    /// could be, and what was absent for the first time.
    async fn correct(
        &mut self,
        seen: &Seen,
        findings: &[(StreamId, Finding)],
    ) -> Result<BTreeSet<StreamId>, IngestError> {
        let wanted = findings.iter().filter(|(id, finding)| finding.is_wrong() && !self.verified.repaired.contains(id));
        let wanted: BTreeSet<StreamId> = wanted.map(|(id, _)| *id).collect();
        let deleted =
            findings.iter().filter(|(id, finding)| matches!(finding, Finding::Deleted(_)) && wanted.contains(id));
        let deleted: BTreeSet<StreamId> = deleted.map(|(id, _)| *id).collect();
        let mut wanted: BTreeSet<StreamId> = wanted.into_iter().filter(|id| seen.entry_of(*id).is_some()).collect();
        let (absent_again, absent): (BTreeSet<StreamId>, BTreeSet<StreamId>) =
            deleted.iter().copied().partition(|id| self.absent_before.contains(id));
        self.absent_before.extend(absent);
        if !absent_again.is_empty() {
            let Reading { store, contract_id, epoch, .. } = self.reading;
            let closed = checked::write(store, contract_id, epoch, seen, absent_again).await?;
            self.verified.repaired.extend(closed);
        }
        if !wanted.is_empty() {
            let Reading { store, contract_id, epoch, .. } = self.reading;
            let missed_in = missed::withdraw(store, contract_id, epoch, seen, wanted.iter().copied()).await?;
            let set = correct::from_chain(store, contract_id, epoch, seen, (&wanted, &missed_in)).await?;
            self.verified.repaired.extend(set);
        }
        wanted.extend(deleted);
        Ok(wanted)
    }

    fn note(&mut self, stream_id: StreamId, finding: Finding) {
        match finding {
            Finding::Equal { unverified } => {
                self.verified.equal += 1;
                self.verified.unverified += u64::from(unverified);
            }
            Finding::Archived => self.verified.archived.push(stream_id),
            Finding::Outdated(difference) | Finding::Deleted(difference) => self.verified.differences.push(difference),
            Finding::Different(mut differences) => self.verified.differences.append(&mut differences),
            Finding::Missing => self.verified.missing_here.push(stream_id),
            Finding::Behind | Finding::Moved => self.verified.behind.push(stream_id),
        }
    }
}

/// Returns `count` different numbers from 1 to `highest`, in order.
fn draw(rng: &mut StdRng, count: u64, highest: u64) -> Vec<StreamId> {
    let mut drawn = BTreeSet::new();
    while u64::try_from(drawn.len()).is_ok_and(|drawn| drawn < count.min(highest)) {
        drawn.insert(StreamId(rng.random_range(1..=highest)));
    }
    drawn.into_iter().collect()
}
