//! `quarantine`: lists or replays events that are kept undecoded.

use std::process::ExitCode;

use serde_json::json;

use super::{index::Index, progress::Progress};
use crate::{
    config::{QuarantineArgs, QuarantineCommand},
    domain::EventId,
    ingest::replay_quarantine,
};

const CHUNK: u32 = 1_000;

/// Lists or replays.
pub(super) async fn run(args: QuarantineArgs) -> anyhow::Result<ExitCode> {
    let indexes = match &args.command {
        QuarantineCommand::List(args) | QuarantineCommand::Replay(args) => Index::open_each(args).await?,
    };
    for index in &indexes {
        index.announce(&indexes);
        match args.command {
            QuarantineCommand::List(_) => list(index).await?,
            QuarantineCommand::Replay(_) => replay(index).await?,
        }
    }
    Index::close(&indexes).await;
    Ok(ExitCode::SUCCESS)
}

async fn list(index: &Index) -> anyhow::Result<()> {
    let mut after = EventId::ZERO;
    loop {
        let kept = index.store.quarantined_after(&index.contract_id, after, CHUNK).await?;
        let Some(last) = kept.last() else { return Ok(()) };
        after = last.raw.id;
        for event in &kept {
            let name = event.name.as_deref().unwrap_or("-");
            if index.json {
                let raw = &event.raw;
                println!(
                    "{}",
                    json!({"id": raw.id, "kind": event.kind.as_str(), "name": event.name, "streamId": event.stream_id,
                        "reason": event.reason, "transactionHash": raw.tx_hash, "topic": raw.topics, "value": raw.value})
                );
            } else {
                println!("{}  {:8} {name:24} {}", event.raw.id, event.kind.as_str(), event.reason);
            }
        }
    }
}

async fn replay(index: &Index) -> anyhow::Result<()> {
    let count = index.store.quarantine_count(&index.contract_id).await?;
    let in_all = count.unknown + count.refused;
    let mut progress = Progress::new("events", index.json);
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let replayed = replay_quarantine(&index.store, &index.contract_id, |at| {
        let note = format!("{} decode now", at.released);
        progress.show(number(at.released) + number(at.kept), in_all, &note);
    });
    let replayed = replayed.await;
    progress.finish();
    let replayed = replayed?;
    if index.json {
        println!("{}", json!({"released": replayed.released, "kept": replayed.kept}));
    } else {
        println!("{} events decode now and were stored; {} are still kept undecoded", replayed.released, replayed.kept);
    }
    Ok(())
}
