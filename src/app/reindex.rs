//! `reindex`: every record built anew.

use std::process::ExitCode;

use serde_json::json;

use super::{index, progress::Progress, sources};
use crate::{
    config::ReindexArgs,
    ingest::{Reindex, ReindexProgress},
};

/// Builds and swaps.
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
    let events = built?.done;
    if json {
        println!("{}", json!({"events": events}));
    } else {
        println!("every record was built anew and swapped in; {events} stored events were gone through in this run");
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}
