//! The end of a world: everything is mended, and what came of it is compared with what the chain says.

use std::collections::BTreeSet;

use flowfi_indexer::{
    domain::{EventId, LedgerRange, LedgerSequence, StreamEntry, StreamId, holes},
    store::{EventAtoms, EventRange},
};
use sqlx::Row;

use crate::{
    chain::{ByWhat, Place},
    client::Client,
    world::World,
};

/// After the last event, so that a quiet end is seen too.
const QUIET_LEDGERS: u32 = 3;

impl World<'_> {
    /// Mends everything, lets the history end, and compares.
    pub async fn finish(&mut self) -> Result<(), String> {
        self.tell("the end: no more faults");
        self.chain.devnet.clear_faults();
        self.place.database.fail_statements_after(-1).await;
        if self.indexers.is_empty() {
            self.start_indexer(false).await;
        }
        let tip = self.chain.devnet.latest_ledger();
        self.until("the tip is indexed", async |world| world.has_reached(tip).await).await?;
        self.repair().await?;
        let sentinel = self.chain.close_sentinel().await;
        self.until("every subscriber sees the last event", async |world| {
            world.clients.iter().all(|client| client.log.lock().unwrap().ids.last() == Some(&sentinel))
        })
        .await?;
        self.chain.close_quiet(&mut self.rng, QUIET_LEDGERS);
        let tip = self.chain.devnet.latest_ledger();
        self.until("quiet ledgers are indexed", async |world| world.has_reached(tip).await).await?;
        self.compare_rows().await?;
        self.compare_rest().await?;
        self.compare_records().await?;
        self.compare_coverage(tip).await?;
        self.clients.iter().enumerate().try_for_each(|(number, client)| {
            self.compare_client(client).map_err(|failure| format!("subscriber {number}: {failure}"))
        })?;
        self.chain.devnet.check_balances().map_err(|failure| failure.to_string())
    }

    async fn has_reached(&self, ledger: LedgerSequence) -> bool {
        self.cursor().await.is_some_and(|cursor| cursor.last_whole_ledger() >= ledger)
    }

    fn is_given_up(&self, id: EventId) -> bool {
        self.given_up.iter().any(|gap| gap.contains(id.ledger()))
    }

    /// Streams of which events are missing for good.
    fn incomplete(&self) -> BTreeSet<StreamId> {
        let missing = self.chain.events.keys().filter(|id| self.is_given_up(**id));
        missing.filter_map(|id| self.chain.stream_of(*id)).collect()
    }

    /// Of a ledger that was given up, some events may be there: those before the cursor that stood in it.
    fn compare_ids(&self, what: &str, expected: &[EventId], found: &[EventId]) -> Result<(), String> {
        let expected_set: BTreeSet<_> = expected.iter().collect();
        let found_set: BTreeSet<_> = found.iter().collect();
        let missing: Vec<_> = expected.iter().filter(|id| !found_set.contains(id) && !self.is_given_up(**id)).collect();
        let foreign: Vec<_> = found.iter().filter(|id| !expected_set.contains(id)).collect();
        let twice = found.len() - found_set.len();
        if missing.is_empty() && foreign.is_empty() && twice == 0 {
            return Ok(());
        }
        Err(format!("{what}: missing {missing:?}, foreign {foreign:?}, {twice} twice"))
    }

    async fn compare_rows(&self) -> Result<(), String> {
        let range = EventRange { after: EventId::ZERO, up_to: EventId::from_parts(i64::MAX, 0).unwrap() };
        let all = EventAtoms { all: true, ..EventAtoms::default() };
        let rows = self.control().matching_events(range, &all, 1_000_000).await.unwrap();
        let found: Vec<EventId> = rows.iter().map(|row| row.id).collect();
        self.compare_ids("event rows", &self.chain.ids_of(|place| matches!(place, Place::Row(..))), &found)?;
        let incomplete = self.incomplete();
        for row in rows.iter().filter(|row| row.stream_id.is_none_or(|id| !incomplete.contains(&id))) {
            let expected = self.chain.events[&row.id].place;
            if Place::Row(row.event_type, row.stream_id) != expected {
                return Err(format!("the row {} is another event than {expected:?}", row.id));
            }
            let parties = row.sender.clone().zip(row.recipient.clone());
            if parties != self.chain.parties_of(row.id) {
                return Err(format!("the row {} has other parties: {parties:?}", row.id));
            }
        }
        Ok(())
    }

    async fn compare_rest(&self) -> Result<(), String> {
        for (table, place) in [("quarantine", Place::Quarantine), ("contract_upgrades", Place::Upgrade)] {
            let select = format!("select toid, event_index from {table} order by toid, event_index");
            let rows = sqlx::query(sqlx::AssertSqlSafe(select)).fetch_all(&self.place.database.control).await.unwrap();
            let id = |row: &sqlx::postgres::PgRow| EventId::from_parts(row.get("toid"), row.get("event_index"));
            let found: Vec<EventId> = rows.iter().filter_map(id).collect();
            self.compare_ids(table, &self.chain.ids_of(|other| other == place), &found)?;
        }
        Ok(())
    }

    async fn compare_records(&self) -> Result<(), String> {
        let incomplete = self.incomplete();
        let count = u64::try_from(self.chain.devnet.stream_count()).unwrap();
        for stream_id in (1..=count).map(StreamId).filter(|id| !incomplete.contains(id)) {
            let record = self.control().stream(&self.contract_id(), stream_id).await.unwrap();
            let (found, expected) = (record.as_ref().map(StreamEntry::from), self.chain.devnet.stream_entry(stream_id));
            if found != expected {
                return Err(format!("stream {stream_id}: the record says {found:?}, the chain {expected:?}"));
            }
        }
        Ok(())
    }

    async fn compare_coverage(&self, tip: LedgerSequence) -> Result<(), String> {
        let covered = self.control().coverage(&self.contract_id()).await.unwrap();
        let whole = LedgerRange::new(LedgerSequence(2), tip).unwrap();
        let found = holes(whole, covered.iter().map(|covered| covered.ledgers));
        let kept = holes(whole, self.given_up.iter().copied());
        let expected = holes(whole, kept);
        if found == expected {
            return Ok(());
        }
        Err(format!("the coverage has the holes {found:?}, and {expected:?} were given up; covered: {covered:?}"))
    }

    fn compare_client(&self, client: &Client) -> Result<(), String> {
        let log = client.log.lock().unwrap();
        let start = log.start.ok_or("it never began")?;
        let unordered = log.ids.iter().zip(log.ids.iter().skip(1)).find(|(before, after)| before >= after);
        if let Some((before, after)) = unordered {
            return Err(format!("{after} came after {before}"));
        }
        let seen: BTreeSet<EventId> = log.ids.iter().copied().collect();
        for id in self.chain.events.keys().copied() {
            let matches = self.chain.matches(&client.plan.atoms, id).filter(|_| id > start);
            let Some(by) = matches else {
                if seen.contains(&id) {
                    return Err(format!("{id} is not for it"));
                }
                continue;
            };
            let of_touched = self.chain.stream_of(id).is_some_and(|stream_id| self.touched.contains(&stream_id));
            let need_not = self.late.contains(&id) || (by == ByWhat::Parties && of_touched);
            if !need_not && !seen.contains(&id) {
                return Err(format!(
                    "{id} never came, after {start}; {} events in {} sessions",
                    seen.len(),
                    log.sessions
                ));
            }
        }
        match log.ids.iter().find(|id| !self.chain.events.contains_key(id)) {
            Some(id) => Err(format!("{id} is no event")),
            None => Ok(()),
        }
    }
}
