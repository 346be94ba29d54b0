//! Endpoints that lie about entries: what they answer is neither a record nor proof of one.

use std::time::Duration;

use flowfi_indexer::{
    domain::{LedgerSequence, StreamId, StreamRecord},
    ingest::{Indexer, IngestSettings, PaceArgs, RecordState},
    source::{EndpointPool, SourceError, TransientReason},
    xdr::stream_entry_key,
};
use serde_json::Value;
use sqlx::PgPool;

use crate::{
    relay::Relay,
    world::{World, eventually},
};

impl Relay {
    /// Answers with the data of the next entry under each key.
    fn swap_data(&self) {
        self.change(|mut reply| {
            let entries = reply["result"]["entries"].as_array_mut().unwrap();
            let mut data: Vec<Value> = entries.iter().map(|entry| entry["xdr"].clone()).collect();
            data.rotate_left(1);
            entries.iter_mut().zip(data).for_each(|(entry, xdr)| entry["xdr"] = xdr);
            reply
        });
    }

    /// Waits until this many more requests for entries have been answered.
    async fn answers(&self, more: usize) {
        self.was_asked(self.asked().len() + more + 1).await;
    }
}

impl World {
    /// Returns an indexer that compares records with the chain all the time and corrects them.
    fn correcting(&self) -> Indexer {
        let check_interval = Duration::from_millis(5);
        let pace = PaceArgs { state: RecordState::Both, check_interval, ..self.settings().pace };
        let settings = IngestSettings { pace, ..self.settings() };
        Indexer::new(self.source(), Vec::new(), self.store.clone(), settings)
    }

    /// Creates two streams and indexes them through a relay.
    async fn behind_a_relay(pool: PgPool) -> (Self, Relay) {
        let mut world = Self::new(pool).await;
        world.create("alice", "bob", 1_000_000, 1_000).await;
        world.create("carol", "dave", 2_000_000, 500).await;
        let relay = Relay::to(&world.rpc_url).await;
        world.rpc_urls = vec![relay.url.clone()];
        (world, relay)
    }

    async fn first_two(&self) -> Vec<StreamRecord> {
        let mut records = self.store.streams(&self.devnet.contract_id(), &[StreamId(1), StreamId(2)]).await.unwrap();
        records.sort_by_key(|record| record.stream_id);
        records
    }

    fn keys(&self) -> Vec<String> {
        [1, 2].map(|number| stream_entry_key(&self.devnet.contract_id(), StreamId(number))).to_vec()
    }

    async fn all_are_certain(&self) {
        eventually("every record is certain", || async {
            let uncertain = self.store.uncertain_streams(&self.devnet.contract_id(), StreamId(0), 10).await.unwrap();
            uncertain.is_empty()
        })
        .await;
    }
}

#[sqlx::test]
async fn an_entry_of_another_key_is_a_bad_reply_and_the_next_endpoint_is_asked(pool: PgPool) {
    let (world, relay) = World::behind_a_relay(pool).await;
    let keys = world.keys();
    relay.swap_data();
    let failure = world.source().ledger_entries(&keys).await.expect_err("both entries belong to other keys");
    let is_bad = matches!(&failure, SourceError::Transient { reason: TransientReason::BadReply, .. });
    assert!(is_bad, "{failure}");
    let urls = [relay.url.clone(), world.rpc_url.clone()];
    let both = EndpointPool::new(&urls, world.devnet.passphrase().to_owned(), 7).unwrap();
    let found = both.ledger_entries(&keys).await.unwrap();
    assert_eq!(found.entries.len(), 2);
    assert_eq!(both.health()[0].last_failure.as_deref(), Some(TransientReason::BadReply.as_str()));
    assert!(found.latest_ledger > LedgerSequence(0));
}

#[sqlx::test]
async fn no_record_is_set_from_the_entry_of_another_stream(pool: PgPool) {
    let (mut world, relay) = World::behind_a_relay(pool).await;
    relay.swap_data();
    world.start(world.correcting());
    world.indexed().await;
    relay.answers(4).await;
    let records = world.first_two().await;
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|record| record.checked_at_ledger.is_none()), "{records:?}");
    world.assert_equal_to_the_chain().await;
    relay.change(|reply| reply);
    world.all_are_certain().await;
    world.assert_equal_to_the_chain().await;
}
