//! The rolling check: a few records at a time against the contract's own storage, beside the running index. It reads both
//! sides as the proof does, and sets what differs from the chain unless records follow from events alone.
//!
//! A look goes on where the last one stopped, in the order of the stream numbers, and starts over after the highest record.
//! Streams that differed are looked at first until they agree. A round goes from record to record and so ends whatever the
//! contract counts; streams that were created and never seen lie between two records or above the highest one.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rand::rngs::StdRng;
use tokio::time::sleep;

use super::{
    checked,
    compare::{Finding, Seen},
    read::{KEYS_AT_ONCE, Reading},
};
use crate::{
    domain::{ContractId, Epoch, StreamId},
    ingest::error::IngestError,
    source::EndpointPool,
    store::{RecordLook, Store},
};

/// At most this many keys of a look go to streams that differed before, so that the round goes on.
const KEYS_FOR_DIFFERING: usize = 99;
/// At most this many streams above the highest record are looked at: the newest.
const NEWEST: u64 = 99;
/// Of a wider gap between two records only the edges are looked at. Streams are created one after the other, so those that
/// were missed lie next to others that were seen.
const WIDEST_GAP: u64 = 2_000;
const EDGE: u64 = 50;
/// At most this many streams are remembered as differing.
const MOST_REMEMBERED: usize = 1_000;

/// One look at some records of a contract.
pub(in crate::ingest) struct RollingLook<'a> {
    pub(in crate::ingest) store: &'a Store,
    pub(in crate::ingest) source: &'a EndpointPool,
    pub(in crate::ingest) contract_id: &'a ContractId,
    pub(in crate::ingest) epoch: Epoch,
    /// A difference is looked at again after this time, and counts only if it is still there.
    pub(in crate::ingest) moment: Duration,
    /// Whether records that still differ then are set from the chain.
    pub(in crate::ingest) corrects: bool,
}

impl RollingLook<'_> {
    /// Looks, and stores what it found. If the source or the database fails, nothing is stored and the next look is at the
    /// same streams.
    pub(in crate::ingest) async fn look(&self, rng: StdRng) -> Result<(), IngestError> {
        let before = self.store.record_check(self.contract_id).await?.unwrap_or_default().look;
        let Choice { streams, in_round, room } = self.choose(&before).await?;
        let mut reading =
            Reading::new(self.store, self.source, self.contract_id, self.epoch, Duration::ZERO, rng).without_patience();
        let seen = reading.look(&streams).await?;
        if self.corrects {
            let equal = streams.iter().copied().filter(|id| judge(&seen, *id) == Verdict::Equal);
            checked::write(self.store, self.contract_id, self.epoch, &seen, equal).await?;
        }
        let mut suspects = never_seen(&seen, self.store.highest_stream_id(self.contract_id).await?);
        let mut differing = before.differing;
        for stream_id in streams {
            match judge(&seen, stream_id) {
                Verdict::Equal | Verdict::NothingThere => drop(differing.remove(&stream_id)),
                Verdict::Differs(_) => drop(suspects.insert(stream_id)),
                Verdict::NotComparable => {}
            }
        }
        if !suspects.is_empty() {
            sleep(self.moment).await;
            self.look_again(&mut reading, &seen, suspects, &mut differing).await?;
        }
        let was_compared = |id: &&StreamId| matches!(judge(&seen, **id), Verdict::Equal | Verdict::Differs(_));
        let compared = u64::try_from(in_round.iter().filter(was_compared).count()).unwrap_or(u64::MAX);
        let compared = before.compared.saturating_add(compared);
        let has_ended = in_round.len() < room;
        let reached = in_round.last().copied().unwrap_or(before.looked_up_to);
        let (looked_up_to, so_far) = if has_ended { (StreamId(0), 0) } else { (reached, compared) };
        let look = RecordLook { looked_up_to, compared: so_far, differing };
        let ended = has_ended.then_some(compared);
        Ok(self.store.write_record_look(self.epoch, self.contract_id, &look, ended).await?)
    }

    /// Chooses the streams to look at: those that differed, and the next ones of the round.
    async fn choose(&self, before: &RecordLook) -> Result<Choice, IngestError> {
        let differed: Vec<StreamId> = before.differing.keys().copied().take(KEYS_FOR_DIFFERING).collect();
        let room = KEYS_AT_ONCE - differed.len();
        let limit = u32::try_from(room).expect("a small number");
        let records = self.store.stream_ids_above(self.contract_id, before.looked_up_to, limit).await?;
        let in_round = next_in_round(before.looked_up_to, &records, room);
        let streams: BTreeSet<StreamId> = differed.into_iter().chain(in_round.iter().copied()).collect();
        Ok(Choice { streams: streams.into_iter().collect(), in_round, room })
    }

    /// Looks a second time at what differed, and remembers what still does.
    async fn look_again(
        &self,
        reading: &mut Reading<'_>,
        first: &Seen,
        suspects: BTreeSet<StreamId>,
        differing: &mut BTreeMap<StreamId, String>,
    ) -> Result<(), IngestError> {
        let suspects: Vec<StreamId> = suspects.into_iter().take(KEYS_AT_ONCE).collect();
        let seen = reading.look(&suspects).await?;
        let mut set = Vec::new();
        if self.corrects {
            // One node that lacks an entry proves nothing.
            let is_gone = |seen: &Seen, id: StreamId| matches!(seen.find(id), Finding::Deleted(_));
            let sure = suspects.iter().copied().filter(|id| !is_gone(&seen, *id) || is_gone(first, *id));
            set = checked::write(self.store, self.contract_id, self.epoch, &seen, sure).await?;
        }
        for stream_id in suspects {
            match judge(&seen, stream_id) {
                _ if set.contains(&stream_id) => drop(differing.remove(&stream_id)),
                Verdict::Differs(field) if differing.len() < MOST_REMEMBERED || differing.contains_key(&stream_id) => {
                    differing.insert(stream_id, field.to_owned());
                }
                Verdict::Equal | Verdict::NothingThere => drop(differing.remove(&stream_id)),
                Verdict::Differs(_) | Verdict::NotComparable => {}
            }
        }
        Ok(())
    }
}

/// The streams of one look.
struct Choice {
    /// All of them, each once.
    streams: Vec<StreamId>,
    /// Those that are next in the round.
    in_round: Vec<StreamId>,
    /// How many of the round there was room for: fewer are its last.
    room: usize,
}

/// What a look says of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Equal,
    /// The record differs in this field, or as a whole where it is missing.
    Differs(&'static str),
    /// The chain has no entry to compare with: it was archived, or never created.
    NothingThere,
    /// One side is ahead of the other.
    NotComparable,
}

fn judge(seen: &Seen, stream_id: StreamId) -> Verdict {
    match seen.find(stream_id) {
        Finding::Equal { .. } => Verdict::Equal,
        Finding::Different(differences) => Verdict::Differs(differences.first().map_or("record", |found| found.field)),
        Finding::Deleted(found) => Verdict::Differs(found.field),
        Finding::Missing if seen.entries.contains_key(&stream_id) => Verdict::Differs("record"),
        Finding::Missing | Finding::Archived => Verdict::NothingThere,
        Finding::Outdated(found) if seen.is_settled(stream_id) => Verdict::Differs(found.field),
        Finding::Behind | Finding::Moved | Finding::Outdated(_) => Verdict::NotComparable,
    }
}

/// Returns the newest streams above the highest record, if the index has reached the ledger of their count: they were
/// created and never seen.
fn never_seen(seen: &Seen, highest: Option<StreamId>) -> BTreeSet<StreamId> {
    let (highest, count) = (highest.unwrap_or_default().0, seen.count.unwrap_or(0));
    if seen.at_ledger > seen.whole || count <= highest {
        return BTreeSet::new();
    }
    (highest.max(count.saturating_sub(NEWEST)) + 1..=count).map(StreamId).collect()
}

/// Returns the next streams of the round, at most `room`: the records above `after`, and the numbers between them.
fn next_in_round(after: StreamId, records: &[StreamId], room: usize) -> Vec<StreamId> {
    let mut chosen = Vec::new();
    let mut before = after.0;
    for record in records {
        let left = room - chosen.len();
        chosen.extend(gap(before.saturating_add(1), record.0).chain([record.0]).map(StreamId).take(left));
        before = record.0;
    }
    chosen
}

/// Returns the numbers of a gap that are looked at.
fn gap(from: u64, to_exclusive: u64) -> impl Iterator<Item = u64> {
    let is_wide = to_exclusive.saturating_sub(from) > WIDEST_GAP;
    let first_to_exclusive = if is_wide { from + EDGE } else { to_exclusive };
    let last_from = if is_wide { to_exclusive - EDGE } else { to_exclusive };
    (from..first_to_exclusive).chain(last_from..to_exclusive)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::LedgerSequence;

    fn ids(numbers: impl IntoIterator<Item = u64>) -> Vec<StreamId> {
        numbers.into_iter().map(StreamId).collect()
    }

    /// Goes one round over these records and returns what was looked at, look by look.
    fn round(records: &BTreeSet<u64>, room: usize) -> Vec<Vec<StreamId>> {
        let mut looks = Vec::new();
        let mut after = StreamId(0);
        loop {
            let above: Vec<StreamId> = records.iter().copied().filter(|id| *id > after.0).map(StreamId).collect();
            let chosen = next_in_round(after, &above[..above.len().min(room)], room);
            after = chosen.last().copied().unwrap_or(after);
            looks.push(chosen);
            if looks.last().is_some_and(|chosen| chosen.len() < room) {
                return looks;
            }
        }
    }

    #[test]
    fn a_round_over_enormous_numbers_ends() {
        let records = BTreeSet::from([3, 1 << 60, u64::MAX - 1, u64::MAX]);
        let looks = round(&records, 199);
        assert!(looks.len() <= 3, "{}", looks.len());
        let looked_at: BTreeSet<u64> = looks.concat().iter().map(|id| id.0).collect();
        assert!(looked_at.is_superset(&records));
        assert!([1, 2, 4, (1 << 60) - 1, (1 << 60) + 1].iter().all(|edge| looked_at.contains(edge)));
    }

    #[test]
    fn only_the_newest_of_many_streams_that_were_never_seen_are_looked_at() {
        let seen = |count, at_ledger| Seen {
            at_ledger: LedgerSequence(at_ledger),
            entries: std::collections::HashMap::new(),
            count,
            records: std::collections::HashMap::new(),
            live_until: std::collections::HashMap::new(),
            parties: std::collections::HashMap::new(),
            whole: LedgerSequence(10),
        };
        let newest = |count, highest| never_seen(&seen(count, 10), highest).into_iter().collect::<Vec<_>>();
        assert_eq!(newest(Some(5), Some(StreamId(3))), ids([4, 5]));
        assert_eq!(newest(Some(u64::MAX), None), ids(u64::MAX - 98..=u64::MAX));
        assert!(newest(Some(3), Some(StreamId(3))).is_empty() && newest(None, Some(StreamId(3))).is_empty());
        assert!(never_seen(&seen(Some(5), 11), None).is_empty(), "the index has not come so far");
    }

    proptest! {
        #[test]
        fn a_round_comes_to_every_record_and_every_number_between_them_once_and_in_order(
            records in prop::collection::btree_set(1..3_000_u64, 0..40),
            room in 100..200_usize,
        ) {
            let looks = round(&records, room);
            prop_assert!(looks.iter().all(|look| look.len() <= room));
            let highest = records.last().copied().unwrap_or(0);
            let wide = |from: u64, to: u64| to - from > WIDEST_GAP;
            let has_wide = std::iter::once(&0).chain(&records).zip(&records).any(|(from, to)| wide(from + 1, *to));
            prop_assume!(!has_wide);
            prop_assert_eq!(looks.concat(), ids(1..=highest));
        }
    }
}
