//! `reindex`: rebuilds every record.

use std::process::ExitCode;

use serde_json::json;

use super::{index, progress::Progress, sources};
use crate::{
    config::ReindexArgs,
    domain::StreamKey,
    ingest::{NAMED_STREAMS, Reindex, ReindexProgress, Reindexed},
};

/// Builds the new tables and swaps them in.
pub(super) async fn run(args: ReindexArgs) -> anyhow::Result<ExitCode> {
    let (store, json) = (index::open(&args.index).await?, args.index.json);
    if args.fresh {
        store.drop_reindex().await?;
    }
    let opened = if args.from_chain { Reindex::open_from_chain(&store).await } else { Reindex::open(&store).await };
    let mut reindex = opened?;
    if args.from_chain {
        let whole_ledgers = sources::some_whole_ledgers(&args.source).await?;
        let mut progress = Progress::new("ledgers", json);
        let report = |at: ReindexProgress| progress.show(at.done, at.in_all, "");
        let read = reindex.read_chain(&whole_ledgers, report).await;
        progress.finish();
        read?;
    }
    let mut progress = Progress::new("events", json);
    let report = |at: ReindexProgress| progress.show(at.done, at.in_all.max(at.done), "");
    let built = reindex.read_stored_and_swap(report).await;
    progress.finish();
    let Reindexed { progress: ReindexProgress { done: events, .. }, changed } = built?;
    if json {
        let changed: Vec<_> = changed
            .iter()
            .map(|(contract_id, stream_id)| json!({"contractId": contract_id, "streamId": stream_id}))
            .collect();
        println!("{}", json!({"events": events, "changed": changed}));
    } else {
        println!("rebuilt every record and swapped the tables; read {events} stored events in this run");
        if !changed.is_empty() {
            println!("{}", other_than_before(&changed));
        }
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Lists the records that changed. Normally a record changes only if this program interprets its events differently
/// from the program that built it. Records that an older version corrected from the chain without keeping the entries
/// change too.
fn other_than_before(changed: &[StreamKey]) -> String {
    let names: Vec<String> =
        changed.iter().map(|(contract_id, stream_id)| format!("{stream_id} of {contract_id}")).collect();
    let or_more =
        if u32::try_from(changed.len()).is_ok_and(|named| named < NAMED_STREAMS) { "" } else { " and perhaps more" };
    format!(
        "records that changed: {}{or_more}. Compare them with the chain: flowfi-indexer verify, and correct them from \
         it: verify --repair",
        names.join(", ")
    )
}
