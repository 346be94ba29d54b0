//! What happens in a world: one random step after the other, while everything runs.

use std::{collections::BTreeSet, time::Duration};

use flowfi_indexer::{
    devnet::Fault,
    domain::{Epoch, EventId, EventType, LedgerRange, LedgerSequence, StreamId, holes},
    ingest::{LateEvents, backfill, replay_quarantine, write_late},
    store::EventAtoms,
};
use rand::{
    Rng,
    seq::{IndexedRandom, IteratorRandom},
};

use tokio::time::sleep;

use crate::{
    client::Plan,
    world::{Filler, World},
};

/// So long an indexer is waited for that may not reach the hole, which is in order.
const LOOKS_AT_A_HOLE: u32 = 100;
const LOOK: Duration = Duration::from_millis(5);
/// More than any world closes.
const KEEP_ALL_LEDGERS: u32 = 100_000;

impl World<'_> {
    /// Plays the whole history.
    pub async fn play(&mut self) -> Result<(), String> {
        let ledgers = self.rng.random_range(1..5);
        self.close_ledgers(ledgers).await;
        self.start_indexer(false).await;
        self.until("the index begins", async |world| world.cursor().await.is_some()).await?;
        for _ in 0..self.rng.random_range(1..=2) {
            self.start_gateway().await;
        }
        for _ in 0..self.rng.random_range(2..5) {
            self.new_client();
        }
        for _ in 0..self.rng.random_range(15..45) {
            self.step().await?;
            self.check()?;
            self.let_run(12).await;
        }
        Ok(())
    }

    async fn step(&mut self) -> Result<(), String> {
        match self.rng.random_range(0..100) {
            0..34 => {
                let ledgers = self.rng.random_range(1..4);
                self.close_ledgers(ledgers).await;
            }
            34..40 => self.close_quiet_ledgers(),
            40..54 => self.inject_fault(),
            54..58 => self.clear_faults(),
            58..65 => self.kill().await,
            65..69 => self.start_another().await,
            69..72 => self.stop_one().await?,
            72..77 => self.break_connections().await,
            77..81 => self.fail_statements().await,
            81..85 => self.drop_ledgers().await?,
            85..90 => self.forget().await?,
            90..93 => self.repair().await?,
            93..95 => self.restart_a_gateway().await,
            95..98 => self.new_client(),
            _ => self.let_run(100).await,
        }
        Ok(())
    }

    async fn close_ledgers(&mut self, count: u32) {
        for _ in 0..count {
            let inputs = if self.rng.random_ratio(1, 8) { 40 } else { self.rng.random_range(0..8) };
            self.chain.close(&mut self.rng, inputs).await;
        }
        self.tell(format!("{count} ledgers, up to {}", self.chain.devnet.latest_ledger()));
    }

    fn close_quiet_ledgers(&mut self) {
        let count = self.rng.random_range(1..8);
        self.chain.close_quiet(&mut self.rng, count);
        self.tell(format!("{count} quiet ledgers, up to {}", self.chain.devnet.latest_ledger()));
    }

    fn inject_fault(&mut self) {
        let endpoint = *self.endpoints().choose(&mut self.rng).unwrap();
        let times = Some(self.rng.random_range(1..4));
        let (fault, times) = match self.rng.random_range(0..13) {
            0 => (Fault::Status { status: 503, retry_after_seconds: None }, times),
            1 => (Fault::Status { status: 429, retry_after_seconds: None }, times),
            2 => (Fault::RpcError { code: -32603, message: None }, times),
            3 => (Fault::CutBody, times),
            4 | 5 => (Fault::EmptyPages { ledgers: 0 }, times),
            6 => (Fault::DuplicatePages, None),
            7 => (Fault::LimitRefused { limit: self.rng.random_range(1..20) }, None),
            8 | 9 => (Fault::ProcessingLimit { ledgers: self.rng.random_range(1..4), events: None }, None),
            10 => (Fault::NodeBehind { ledgers: self.rng.random_range(1..6) }, None),
            11 => return self.let_every_node_be_behind(),
            _ => (Fault::Delay { delay_ms: self.rng.random_range(1..40) }, times),
        };
        self.tell(format!("at {endpoint}: {fault:?}, times {times:?}"));
        self.chain.devnet.inject_at(endpoint, fault, times).unwrap();
    }

    fn let_every_node_be_behind(&mut self) {
        let (ledgers, times) = (self.rng.random_range(1..6), self.rng.random_range(2..12));
        for endpoint in self.endpoints() {
            self.chain.devnet.inject_at(endpoint, Fault::NodeBehind { ledgers }, Some(times)).unwrap();
        }
        self.tell(format!("every node is {ledgers} ledgers behind, for {times} requests"));
    }

    fn clear_faults(&mut self) {
        let endpoint = *self.endpoints().choose(&mut self.rng).unwrap();
        self.chain.devnet.clear_faults_at(endpoint);
        self.tell(format!("no faults at {endpoint}"));
    }

    async fn kill(&mut self) {
        if !self.indexers.is_empty() {
            let which = self.rng.random_range(0..self.indexers.len());
            drop(self.indexers.remove(which));
        }
        self.tell("kill -9 of an indexer");
        self.let_run(30).await;
        if self.indexers.is_empty() {
            self.start_indexer(false).await;
        }
    }

    async fn start_another(&mut self) {
        if self.indexers.len() < 3 {
            let with_another_lock = self.rng.random();
            self.start_indexer(with_another_lock).await;
            self.tell(format!("another indexer, with another lock: {with_another_lock}"));
        }
    }

    async fn stop_one(&mut self) -> Result<(), String> {
        if let Some(indexer) = self.indexers.pop() {
            indexer.stop().await?;
        }
        self.tell("an indexer stopped in good order");
        if self.indexers.is_empty() {
            self.start_indexer(false).await;
        }
        Ok(())
    }

    async fn break_connections(&mut self) {
        self.tell("connections to the database break");
        self.place.database.terminate(0.5).await;
    }

    async fn fail_statements(&mut self) {
        let pass = self.rng.random_range(0..12);
        self.tell(format!("serialization failures after {pass} statements"));
        self.place.database.fail_statements_after(pass).await;
    }

    /// While no indexer runs, the endpoints drop ledgers that are not indexed.
    async fn drop_ledgers(&mut self) -> Result<(), String> {
        self.end_indexers().await;
        let Some(cursor) = self.cursor().await else { return Ok(()) };
        let ledgers = self.rng.random_range(2..6);
        self.close_ledgers(ledgers).await;
        let (first, latest) = (cursor.last_whole_ledger().next(), self.chain.devnet.latest_ledger());
        let oldest = LedgerSequence(self.rng.random_range(first.0 + 1..=latest.0));
        let kept = latest.0 - oldest.0 + 1;
        self.tell(format!("indexed up to {cursor}, the oldest ledger is {oldest} now"));
        if self.filler == Filler::GetLedgers {
            for endpoint in self.endpoints() {
                self.chain.devnet.inject_at(endpoint, Fault::Retention { ledgers: kept }, None).unwrap();
            }
        } else {
            self.chain.devnet.set_retention(kept);
            self.chain.devnet.set_retention(KEEP_ALL_LEDGERS);
        }
        self.place.database.forget_reports().await;
        self.start_indexer(false).await;
        if self.filler == Filler::Nobody {
            if self.rng.random() {
                self.let_it_stand(first).await;
            }
            self.give_up(LedgerRange::new(first, oldest.previous()).unwrap()).await?;
        }
        Ok(())
    }

    /// Gives the indexer the time to come to the hole and to say so; faults may keep it from that.
    async fn let_it_stand(&self, first: LedgerSequence) {
        for _ in 0..LOOKS_AT_A_HOLE {
            let is_over = self.cursor().await.is_some_and(|cursor| cursor.last_whole_ledger() >= first);
            if is_over || self.place.database.reports_a_hole().await {
                return;
            }
            sleep(LOOK).await;
        }
    }

    async fn give_up(&mut self, gap: LedgerRange) -> Result<(), String> {
        let cursor = self.cursor().await.map(EventId::last_whole_ledger);
        let new = holes(gap, self.given_up.iter().copied());
        if new.first().is_some_and(|new| cursor >= Some(new.from())) {
            return Err(format!("the indexer went on to ledger {cursor:?} over {gap}, which nobody has given up"));
        }
        self.control().accept_gap(&self.contract_id(), gap).await.unwrap();
        let lost = self.chain.events.keys().copied().filter(|id| gap.contains(id.ledger()));
        let lost: Vec<EventId> = lost.collect();
        self.touched.extend(lost.iter().filter_map(|id| self.chain.stream_of(*id)));
        self.late.extend(lost);
        self.given_up.push(gap);
        self.tell(format!("ledgers {gap} are given up"));
        Ok(())
    }

    /// Takes rows out as if they had never been seen, or as if an older version had not been able to read them.
    async fn forget(&mut self) -> Result<(), String> {
        let mut lock = self.place.database.control.begin().await.unwrap();
        sqlx::query("select from cursors for update").fetch_one(&mut *lock).await.unwrap();
        let rows = sqlx::query_as("select toid, event_index from stream_events").fetch_all(&mut *lock).await.unwrap();
        let ids = rows.into_iter().filter_map(|(toid, index)| EventId::from_parts(toid, index));
        let rows: Vec<(EventId, StreamId)> = ids.filter_map(|id| Some((id, self.chain.stream_of(id)?))).collect();
        let streams: BTreeSet<StreamId> = rows.iter().map(|(_, stream_id)| *stream_id).collect();
        let touched: Vec<StreamId> = streams.into_iter().choose_multiple(&mut self.rng, 6);
        let of_touched = rows.iter().filter(|(_, stream_id)| touched.contains(stream_id)).map(|(id, _)| *id);
        let (mut gone, mut kept) = (Vec::new(), Vec::new());
        for id in of_touched {
            if self.rng.random() { gone.push(id) } else { kept.push(id) }
        }
        let into_quarantine = self.rng.random();
        for id in &gone {
            take_out(&mut lock, *id, into_quarantine).await;
        }
        let names: Vec<String> = touched.iter().map(ToString::to_string).collect();
        let delete = "delete from streams where stream_id::text = any($1)";
        sqlx::query(delete).bind(&names).execute(&mut *lock).await.unwrap();
        sqlx::query("update cursors set revision = revision + 1").execute(&mut *lock).await.unwrap();
        lock.commit().await.unwrap();
        self.tell(format!("{} rows of {touched:?} are gone, into quarantine: {into_quarantine}", gone.len()));
        self.late.extend(&gone);
        self.touched.extend(&touched);
        if !into_quarantine {
            self.forgotten.extend(&gone);
        }
        self.write_late(&kept).await
    }

    async fn write_late(&mut self, ids: &[EventId]) -> Result<(), String> {
        let events: Vec<_> = ids.iter().map(|id| self.chain.events[id].raw.clone()).collect();
        let contract_id = self.contract_id();
        self.insist(async |store| {
            let late = LateEvents { events: events.clone(), ..LateEvents::default() };
            write_late(store, &contract_id, Epoch(0), late).await.map_err(|failure| failure.to_string())
        })
        .await?;
        Ok(())
    }

    /// Brings back what was taken out or given up.
    pub async fn repair(&mut self) -> Result<(), String> {
        self.tell("repairs");
        let forgotten = std::mem::take(&mut self.forgotten);
        self.write_late(&forgotten).await?;
        let contract_id = self.contract_id();
        self.insist(async |store| {
            replay_quarantine(store, &contract_id, |_| {}).await.map_err(|failure| failure.to_string())
        })
        .await?;
        let Some(cursor) = self.cursor().await else { return Ok(()) };
        let behind = self.given_up.iter().all(|gap| gap.to() <= cursor.last_whole_ledger());
        if behind && !self.given_up.is_empty() && self.rng.random() {
            let lake = [self.lake().await];
            let all = LedgerRange::new(LedgerSequence(2), cursor.last_whole_ledger()).unwrap();
            self.insist(async |store| {
                backfill(store, &contract_id, &lake, all, |_| {}).await.map_err(|failure| failure.to_string())
            })
            .await?;
            self.given_up.clear();
            self.tell("what was given up is backfilled from the lake");
        }
        Ok(())
    }

    async fn restart_a_gateway(&mut self) {
        self.restart_gateway().await;
        self.tell("another gateway");
    }

    fn new_client(&mut self) {
        let mut atoms = EventAtoms::default();
        if self.rng.random_ratio(1, 3) {
            atoms.all = true;
        } else {
            atoms.users.push(self.chain.sentinel());
            for _ in 0..self.rng.random_range(1..4) {
                let party = format!("random {}", self.rng.random_range(0..12));
                atoms.users.push(self.chain.devnet.account(&party));
            }
            if self.rng.random() {
                atoms.streams.push((self.contract_id(), StreamId(self.rng.random_range(1..20))));
            }
        }
        if self.rng.random_ratio(1, 4) {
            let others = EventType::ALL.iter().copied().filter(|other| *other != EventType::StreamCreated);
            atoms.types = others.choose_multiple(&mut self.rng, 3);
            atoms.types.push(EventType::StreamCreated);
        }
        let begins_now = self.rng.random_ratio(1, 3);
        let plan = Plan {
            atoms,
            from: (!begins_now).then(|| EventId::end_of_ledger(LedgerSequence(1))),
            over_http: self.rng.random_ratio(1, 3),
            seed: self.rng.random(),
        };
        self.tell(format!("subscriber {}: {:?} from {:?}", self.clients.len(), plan.atoms, plan.from));
        self.add_client(plan);
    }
}

async fn take_out(connection: &mut sqlx::PgConnection, id: EventId, into_quarantine: bool) {
    let keep =
        "insert into quarantine (toid, event_index, contract_id, ledger_closed_at, tx_hash, kind, name, stream_id,
                    reason, in_successful_call, topics, value)
                select toid, event_index, contract_id, ledger_closed_at, tx_hash, 'refused', type, stream_id,
                    'an older version could not read it', true, topics, value
                from stream_events where toid = $1 and event_index = $2";
    let delete = "delete from stream_events where toid = $1 and event_index = $2";
    for statement in [keep, delete].into_iter().skip(usize::from(!into_quarantine)) {
        let index = i64::from(id.index());
        sqlx::query(statement).bind(id.toid()).bind(index).execute(&mut *connection).await.unwrap();
    }
}
