//! Late rows: removed as if they had never been seen, and brought back.

use std::collections::BTreeSet;

use flowfi_indexer::{
    domain::{EventId, LedgerRange, LedgerSequence, StreamId},
    ingest::{LateEvents, backfill, replay_quarantine, write_late},
    store::WithdrawnLedger,
};
use rand::{Rng, seq::IteratorRandom};
use tokio::time::Instant;

use crate::world::World;

impl World<'_> {
    /// Removes rows as if they had never been seen, or as if an older version had not been able to read them.
    pub async fn forget(&mut self) -> Result<(), String> {
        #[expect(clippy::disallowed_methods, reason = "nobody drops it while it starts")]
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
        self.tell(format!("{} rows of {touched:?} are removed, into quarantine: {into_quarantine}", gone.len()));
        // A running command may have read them before, and may bring them back.
        self.losses.miss(&gone, self.is_maintained().then(Instant::now));
        self.losses.touched.extend(&touched);
        if !into_quarantine {
            self.losses.forgotten.extend(&gone);
        }
        self.write_late(&kept).await
    }

    async fn write_late(&mut self, ids: &[EventId]) -> Result<(), String> {
        let events: Vec<_> = ids.iter().map(|id| self.chain.history.events[id].raw.clone()).collect();
        let contract_id = self.contract_id();
        self.insist(async |store| {
            let late = LateEvents { events: events.clone(), ..LateEvents::default() };
            let epoch = store.epoch().await.map_err(|failure| failure.to_string())?;
            write_late(store, &contract_id, epoch, late).await.map_err(|failure| failure.to_string())
        })
        .await?;
        Ok(())
    }

    /// Brings the removed rows back.
    pub async fn write_forgotten(&mut self) -> Result<(), String> {
        self.losses.may_be_written();
        let forgotten = std::mem::take(&mut self.losses.forgotten);
        self.write_late(&forgotten).await?;
        let contract_id = self.contract_id();
        self.insist(async |store| {
            replay_quarantine(store, &contract_id, |_| {}).await.map_err(|failure| failure.to_string())
        })
        .await?;
        Ok(())
    }

    /// Brings back what was removed or given up.
    pub async fn repair(&mut self) -> Result<(), String> {
        self.tell("repairs");
        self.write_forgotten().await?;
        let Some(cursor) = self.cursor().await else { return Ok(()) };
        let gaps = &self.losses.given_up;
        let behind = gaps.iter().all(|gap| gap.to() <= cursor.last_whole_ledger());
        if behind && !gaps.is_empty() && (self.losses.partly_filled || self.rng.random()) {
            let contract_id = self.contract_id();
            let lake = [self.lake().await];
            let all = LedgerRange::new(LedgerSequence(2), cursor.last_whole_ledger()).unwrap();
            self.insist(async |store| {
                backfill(store, &contract_id, &lake, all, |_| {}).await.map_err(|failure| failure.to_string())
            })
            .await?;
            self.losses.given_up.clear();
            self.losses.partly_filled = false;
            self.tell("the given-up ledgers are backfilled from the lake");
        }
        Ok(())
    }

    /// Reads the ledgers again that a proof withdrew, because rows of theirs were missing then.
    pub async fn read_withdrawn_again(&self) -> Result<(), String> {
        const AT_MOST: u32 = 10_000;
        let (contract_id, lake) = (self.contract_id(), [self.lake().await]);
        let withdrawn = self.control().withdrawn_ledgers(&contract_id, &["none"], AT_MOST).await.unwrap();
        for WithdrawnLedger { ledger, .. } in withdrawn {
            self.insist(async |store| {
                let only = LedgerRange::only(ledger);
                backfill(store, &contract_id, &lake, only, |_| {}).await.map_err(|failure| failure.to_string())
            })
            .await?;
        }
        Ok(())
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
