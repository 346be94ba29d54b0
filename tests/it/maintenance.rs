//! The operators' commands, run as programs on an index.

use std::process::{Output, Stdio};

use flowfi_indexer::domain::Epoch;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, PgPool};
use tokio::process::Command;

use crate::world::World;

pub async fn command(world: &World, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flowfi-indexer"))
        .args(arguments)
        .env("DATABASE_URL", world.pool.connect_options().to_url_lossy().as_str())
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

impl World {
    /// Leaves every creation as a version that did not know the name would have left it.
    pub async fn quarantine_the_creations(&self) {
        for statement in [
            "insert into quarantine (toid, event_index, contract_id, ledger_closed_at, tx_hash, kind, name, stream_id,
                 reason, in_successful_call, topics, value)
             select toid, event_index, contract_id, ledger_closed_at, tx_hash, 'unknown', 'stream_created', stream_id,
                 'this version does not know the name', true, topics, value
             from stream_events where type = 'stream.created'",
            "delete from stream_events where type = 'stream.created'",
            "truncate streams",
        ] {
            sqlx::query(statement).execute(&self.pool).await.unwrap();
        }
    }
}

async fn indexed_world(pool: PgPool) -> World {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.start_indexer(100);
    world.indexed().await;
    world
}

#[sqlx::test]
async fn coverage_prints_the_seen_ledgers_and_refuses_to_give_them_up(pool: PgPool) {
    let world = indexed_world(pool).await;
    let tip = world.devnet.latest_ledger();
    let seen = json!({"fromLedger": 2, "toLedger": tip, "seenFrom": "rpc"});
    assert_eq!(lines(&command(&world, &["coverage", "--json"]).await), [seen]);
    let refused = command(&world, &["coverage", "--accept-gap", "3-4"]).await;
    assert_eq!(refused.status.code(), Some(64));
    let line = text(&refused.stderr);
    assert!(line.contains("--accept-gap: ledger 3 was seen") && line.trim_end().lines().count() == 1, "{line}");
}

#[sqlx::test]
async fn coverage_repairs_holes_from_the_ledgers_of_an_endpoint(pool: PgPool) {
    let world = indexed_world(pool).await;
    let ids = world.stored_ids().await;
    world.forget(&ids[1..]).await;
    for statement in [
        "truncate streams",
        "update coverage set to_ledger = 2 where from_ledger = 2",
        "update cursors set revision = revision + 1",
    ] {
        sqlx::query(statement).execute(&world.pool).await.unwrap();
    }
    let tip = world.devnet.latest_ledger();
    let hole = json!({"fromLedger": 3, "toLedger": tip, "seenFrom": "hole"});
    assert_eq!(lines(&command(&world, &["coverage", "--json"]).await)[1], hole);
    let source = ["--rpc-urls", &world.rpc_urls[0], "--network-passphrase", world.devnet.passphrase()];
    let repaired = command(&world, &[&["coverage", "--repair", "--json"], source.as_slice()].concat()).await;
    let lines = lines(&repaired);
    assert!(lines.contains(&json!({"ledgers": tip.0 - 2, "events": 2})), "{lines:?}");
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn the_quarantine_is_listed_and_replayed_after_an_upgrade_of_the_program(pool: PgPool) {
    let world = indexed_world(pool).await;
    world.quarantine_the_creations().await;
    let listed = lines(&command(&world, &["quarantine", "list", "--json"]).await);
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0]["name"], &listed[0]["streamId"]), (&json!("stream_created"), &json!("1")));
    let replayed = lines(&command(&world, &["quarantine", "replay", "--json"]).await);
    assert_eq!(replayed.last(), Some(&json!({"released": 1, "kept": 0})));
    world.assert_equal_to_the_chain().await;
    assert!(lines(&command(&world, &["quarantine", "list", "--json"]).await).is_empty());
}

#[sqlx::test]
async fn a_quarantined_upgrade_leaves_the_quarantine_once_it_is_decoded(pool: PgPool) {
    let world = indexed_world(pool).await;
    let update: Value = serde_json::from_str(include_str!("../fixtures/executable-update.json")).unwrap();
    let topics: Vec<String> = serde_json::from_value(update["topics"].clone()).unwrap();
    let keep =
        "insert into quarantine (toid, event_index, contract_id, ledger_closed_at, tx_hash, event_kind, kind, name,
            reason, in_successful_call, topics, value)
        select toid, event_index + 1, contract_id, ledger_closed_at, tx_hash, 'system', 'unknown', 'executable_update',
            'this version does not know the form', true, $1, $2 from stream_events order by toid desc limit 1";
    sqlx::query(keep).bind(topics).bind(update["value"].as_str()).execute(&world.pool).await.unwrap();
    let replayed = lines(&command(&world, &["quarantine", "replay", "--json"]).await);
    assert_eq!(replayed.last(), Some(&json!({"released": 1, "kept": 0})));
    assert!(lines(&command(&world, &["quarantine", "list", "--json"]).await).is_empty());
    let contract_id = world.devnet.contract_id();
    assert_eq!(world.store.upgrades(&contract_id, 10).await.unwrap().len(), 1);
    assert_eq!(world.store.revisions_after(0).await.unwrap().len(), 1, "readers are told");
    let again = lines(&command(&world, &["quarantine", "replay", "--json"]).await);
    assert_eq!(again.last(), Some(&json!({"released": 0, "kept": 0})));
}

#[sqlx::test]
async fn commands_about_an_index_say_in_one_line_what_is_missing(pool: PgPool) {
    let world = World::new(pool).await;
    for (arguments, says) in [
        (&["coverage"][..], "holds no index"),
        (&["backfill", "9-3"][..], "FROM-TO"),
        (&["coverage", "--contracts", "CABC"][..], "--contracts"),
    ] {
        let refused = command(&world, arguments).await;
        let line = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(64), "{line}");
        assert!(line.contains(says) && line.trim_end().lines().count() == 1, "{line}");
    }
    let indexed = indexed_world(world.pool.clone()).await;
    let refused = command(&indexed, &["backfill", "2-3"]).await;
    assert!(text(&refused.stderr).contains("give --lake, --horizon-url or --rpc-urls"), "{}", text(&refused.stderr));
}

#[sqlx::test]
async fn archived_epochs_are_listed_and_dropped_by_their_number(pool: PgPool) {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let last = world.progress().await.unwrap().last_whole_ledger;
    assert!(lines(&command(&world, &["epochs", "list", "--json"]).await).is_empty());
    world.store.archive_epoch(Epoch(0)).await.unwrap().unwrap();
    let listed = lines(&command(&world, &["epochs", "list", "--json"]).await);
    assert_eq!((listed.len(), &listed[0]["epoch"], &listed[0]["lastWholeLedger"]), (1, &json!(0), &json!(last)));
    assert!(listed[0]["bytes"].as_u64().unwrap() > 0);
    let refused = command(&world, &["epochs", "drop", "7"]).await;
    assert_eq!(refused.status.code(), Some(64));
    assert!(text(&refused.stderr).contains("no archived epoch 7"), "{}", text(&refused.stderr));
    assert_eq!(lines(&command(&world, &["epochs", "drop", "0", "--json"]).await), [json!({"dropped": 0})]);
    assert!(lines(&command(&world, &["epochs", "list", "--json"]).await).is_empty());
}
