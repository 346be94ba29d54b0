//! Entries with fields that this version does not know: nothing is computed of them, unless they are named as harmless.

use flowfi_indexer::{
    domain::{ContractId, HarmlessFields, LedgerSequence, Schedule, StreamRecord},
    ingest::{Indexer, IngestSettings, PaceArgs, RecordState, Verified, VerifySettings, Waits, verify},
    source::EndpointPool,
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use sqlx::PgPool;
use stellar_xdr::ScVal;
use tokio::process::Command;

use crate::{
    made_chain::{Made, MadeChain, PASSPHRASE, change},
    made_stream::{STREAM, contract, creation, map, stored},
    world::{DEADLINE, GatewaySettings, World, eventually},
};

const SOON: std::time::Duration = std::time::Duration::from_millis(20);

/// The contract's record with a field that is not known.
fn entry(withdrawn: u64) -> ScVal {
    let mut fields = stored(withdrawn);
    fields.push(("memo", ScVal::U32(7)));
    map(&fields)
}

fn ignoring(names: &[&str]) -> HarmlessFields {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

struct Unknown {
    world: World,
    chain: MadeChain,
    base: String,
}

impl Unknown {
    /// A chain on which the stream was created in ledger 3, a gateway, and no indexer yet.
    async fn begin(pool: PgPool) -> Self {
        let (mut world, chain) = (World::new(pool).await, MadeChain::start().await);
        let of_gateway =
            GatewaySettings { asks_the_chain: false, contracts: Some(contract().into()), ..Default::default() };
        let base = world.start_gateway(of_gateway).await;
        let changes = change(&contract(), STREAM, None, Some(&entry(0)));
        chain.close(100, vec![Made { contract_id: contract(), events: vec![creation()], changes }]);
        Self { world, chain, base }
    }

    /// Runs an indexer that ignores these fields until the record is as wanted.
    async fn index(&self, source: EndpointPool, names: &[&str], what: &str, is_wanted: impl Fn(&StreamRecord) -> bool) {
        let settings = self.world.settings();
        let pace = PaceArgs {
            start_ledger: Some(LedgerSequence(2)),
            records: RecordState::Both.into(),
            ..settings.pace.clone()
        };
        let settings = IngestSettings {
            network_passphrase: PASSPHRASE.to_owned(),
            contracts: contract().into(),
            pace,
            waits: Waits { comparison: SOON, ..settings.waits },
            ..settings
        };
        let store = self.world.store.clone().ignoring(ignoring(names));
        let stop = self.world.stop.child_token();
        let run = Indexer::new(source, Vec::new(), store, settings).run(stop.clone());
        let until_then = async {
            eventually(what, || async {
                let record = self.world.store.stream(&contract(), STREAM).await.unwrap();
                record.is_some_and(|record| record.checked_at_ledger.is_some() && is_wanted(&record))
            })
            .await;
            stop.cancel();
        };
        let (ended, ()) = tokio::join!(Box::pin(run), until_then);
        ended.unwrap();
    }

    /// Compares the record with the chain's entry, in which no field is harmless.
    async fn verified(&self, repair: bool) -> Verified {
        let settings = VerifySettings { sample: None, repair, patience: DEADLINE, rng: StdRng::seed_from_u64(5) };
        verify(&self.world.store, &self.chain.source_of_events(), &contract(), settings, |_| ()).await.unwrap()
    }

    /// Returns what is claimable at the time when all is.
    async fn claimable(&self) -> (Value, Value) {
        let (status, shown) = self.world.get(&self.base, "/v1/streams/1/claimable?at=1000").await;
        assert_eq!(status, 200, "{shown}");
        (shown["claimableAmount"].clone(), shown["claimableReason"].clone())
    }
}

fn is_unknown(record: &StreamRecord) -> bool {
    matches!(record.schedule, Schedule::Unknown { .. })
}

fn is_linear(record: &StreamRecord) -> bool {
    record.schedule == Schedule::Linear && !record.awaits_entry
}

#[sqlx::test]
async fn an_unknown_field_withholds_what_is_claimable_until_it_is_named_as_harmless(pool: PgPool) {
    let unknown = Unknown::begin(pool).await;
    unknown.index(unknown.chain.source(), &["tag"], "the record is unknown", is_unknown).await;
    assert_eq!(unknown.claimable().await, (Value::Null, json!("unknownField")));

    let told = unknown.world.store.revisions_after(0).await.unwrap().len();
    unknown.index(unknown.chain.source(), &["memo", "tag"], "the field is ignored", is_linear).await;
    assert_eq!(unknown.claimable().await, (json!("1000"), Value::Null));
    let revisions = unknown.world.store.revisions_after(0).await.unwrap();
    assert_eq!(revisions.len(), told + 1, "readers are told");
    assert!(revisions[told].changed.as_ref().is_some_and(|streams| streams.len() == 1), "{revisions:?}");

    let changes = change(&contract(), STREAM, Some(&entry(0)), Some(&entry(60)));
    unknown.chain.close(110, vec![Made { contract_id: contract(), events: Vec::new(), changes }]);
    let is_paid = |record: &StreamRecord| record.withdrawn.to_string() == "60";
    unknown.index(unknown.chain.source(), &["memo"], "a later entry", |it| is_paid(it) && is_linear(it)).await;
    let revisions = unknown.world.store.revisions_after(0).await.unwrap();
    assert_eq!(revisions.len(), told + 2, "readers are told of the payment, and nothing was computed again");
    let changes = change(&contract(), STREAM, Some(&entry(60)), Some(&entry(70)));
    unknown.chain.close(120, vec![Made { contract_id: contract(), events: Vec::new(), changes }]);
    unknown.index(unknown.chain.source(), &[], "it counts as unknown once more", is_unknown).await;
    assert_eq!(unknown.claimable().await, (Value::Null, json!("unknownField")));
}

#[sqlx::test]
async fn the_same_holds_for_entries_that_are_read_one_by_one(pool: PgPool) {
    let unknown = Unknown::begin(pool).await;
    unknown.index(unknown.chain.source_of_events(), &[], "the record is unknown", is_unknown).await;
    assert_eq!(unknown.claimable().await, (Value::Null, json!("unknownField")));
    unknown.index(unknown.chain.source_of_events(), &["memo"], "the field is ignored", is_linear).await;
    assert_eq!(unknown.claimable().await, (json!("1000"), Value::Null));
}

#[sqlx::test]
async fn a_field_that_is_harmless_from_the_start_leaves_nothing_to_correct(pool: PgPool) {
    let unknown = Unknown::begin(pool).await;
    unknown.index(unknown.chain.source_of_events(), &["memo"], "the record is compared", is_linear).await;
    assert_eq!(unknown.claimable().await, (json!("1000"), Value::Null));
    assert!(unknown.world.store.corrections_of(&contract(), STREAM, 10).await.unwrap().is_empty());
}

#[sqlx::test]
async fn a_field_that_is_harmless_no_more_is_a_difference_until_a_repair(pool: PgPool) {
    let unknown = Unknown::begin(pool).await;
    unknown.index(unknown.chain.source_of_events(), &["memo"], "the record is compared", is_linear).await;
    let verified = unknown.verified(false).await;
    let fields: Vec<&str> = verified.differences.iter().map(|difference| difference.field).collect();
    assert_eq!((fields, verified.is_proven()), (vec!["schedule"], false));
    assert_eq!(unknown.verified(true).await.repaired, [STREAM]);
    assert_eq!(unknown.claimable().await, (Value::Null, json!("unknownField")));
}

#[tokio::test]
async fn a_field_that_is_known_is_no_harmless_one_and_ends_the_start() {
    let contract: ContractId = contract();
    for (names, rule) in [("memo,cliff_time", "cliff_time is a field that is read"), ("a memo", "is not a field name")]
    {
        let refused = Command::new(env!("CARGO_BIN_EXE_flowfi-indexer"))
            .args(["serve", "--auth", "off", "--rpc-urls", "http://127.0.0.1:1", "--network-passphrase", "none"])
            .args(["--contracts", contract.as_str(), "--harmless-fields", names])
            .env("DATABASE_URL", "postgres://127.0.0.1:1/none")
            .output()
            .await
            .unwrap();
        let line = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(64), "{line}");
        assert!(line.contains("--harmless-fields") && line.contains(rule), "{line}");
        assert_eq!(line.trim_end().lines().count(), 1, "{line}");
    }
}
