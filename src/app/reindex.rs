//! `reindex`: every record built anew.

use std::process::ExitCode;

use serde_json::json;

use super::{index::Index, progress::Progress};
use crate::{config::ReindexArgs, ingest};

/// Builds and swaps.
pub(super) async fn run(args: ReindexArgs) -> anyhow::Result<ExitCode> {
    let index = Index::open(&args.index).await?;
    if args.fresh {
        index.store.drop_reindex().await?;
    }
    let mut progress = Progress::new("events", index.json);
    let report = |at: ingest::ReindexProgress| progress.show(at.events, at.events_in_all.max(at.events), "");
    let built = ingest::reindex(&index.store, &index.contract_id, report).await;
    progress.finish();
    let events = built?.events;
    if index.json {
        println!("{}", json!({"events": events}));
    } else {
        println!("every record was built anew; {events} events were gone through in this run");
    }
    index.store.close().await;
    Ok(ExitCode::SUCCESS)
}
