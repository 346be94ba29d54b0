//! `coverage` and `backfill`: show which ledgers were seen, and read the missing ones.

use std::process::ExitCode;

use serde_json::json;

use super::{BadConfig, index::Index, progress::Progress, sources};
use crate::{
    config::{BackfillArgs, CoverageArgs},
    domain::{LedgerRange, holes},
    ingest,
    source::WholeLedgers,
};

/// Shows the coverage, after carrying out what the arguments ask for.
pub(super) async fn run(args: CoverageArgs) -> anyhow::Result<ExitCode> {
    let indexes = Index::open_each(&args.index).await?;
    let whole_ledgers = if args.repair { sources::some_whole_ledgers(&args.source).await? } else { Vec::new() };
    for index in &indexes {
        index.announce(&indexes);
        if let Some(gap) = args.accept_gap {
            accept(index, gap).await?;
        }
        if args.repair {
            for hole in holes_behind_the_cursor(index).await? {
                fill(index, &whole_ledgers, hole).await?;
            }
        }
        show(index).await?;
    }
    Index::close(&indexes).await;
    Ok(ExitCode::SUCCESS)
}

/// Fills a range.
pub(super) async fn backfill(args: BackfillArgs) -> anyhow::Result<ExitCode> {
    let indexes = Index::open_each(&args.index).await?;
    let whole_ledgers = sources::some_whole_ledgers(&args.source).await?;
    for index in &indexes {
        index.announce(&indexes);
        fill(index, &whole_ledgers, args.ledgers).await?;
    }
    Index::close(&indexes).await;
    Ok(ExitCode::SUCCESS)
}

async fn fill(index: &Index, whole_ledgers: &[WholeLedgers], ledgers: LedgerRange) -> anyhow::Result<()> {
    let mut progress = Progress::new("ledgers", index.json);
    let report = |at: ingest::BackfillProgress| {
        progress.show(at.ledgers, at.ledgers_in_all, &format!("{} new events", at.events));
    };
    let filled = ingest::backfill(&index.store, &index.contract_id, whole_ledgers, ledgers, report).await;
    progress.finish();
    let filled = filled?;
    if index.json {
        println!("{}", json!({"ledgers": filled.ledgers, "events": filled.events}));
    } else {
        println!("{} ledgers of {ledgers} were filled, with {} new events", filled.ledgers, filled.events);
    }
    Ok(())
}

/// Accepts a gap. Only ledgers that were not seen can be given up.
async fn accept(index: &Index, gap: LedgerRange) -> anyhow::Result<()> {
    let covered = index.store.coverage(&index.contract_id).await?;
    let not_seen = holes(gap, covered.iter().map(|covered| covered.ledgers));
    if not_seen.first().is_none_or(|hole| hole.from() != gap.from()) {
        return Err(
            BadConfig(format!("--accept-gap: ledger {} was seen; name only missing ledgers", gap.from())).into()
        );
    }
    index.store.accept_gap(&index.contract_id, gap).await?;
    Ok(())
}

async fn holes_behind_the_cursor(index: &Index) -> anyhow::Result<Vec<LedgerRange>> {
    let Some(progress) = index.store.progress(&index.contract_id).await? else { return Ok(Vec::new()) };
    let covered = index.store.coverage(&index.contract_id).await?;
    let whole = LedgerRange::new(progress.from_ledger, progress.last_whole_ledger);
    Ok(whole.map(|whole| holes(whole, covered.iter().map(|covered| covered.ledgers))).unwrap_or_default())
}

async fn show(index: &Index) -> anyhow::Result<()> {
    let covered = index.store.coverage(&index.contract_id).await?;
    let accepted = index.store.accepted_gaps(&index.contract_id).await?;
    let mut rows: Vec<(LedgerRange, String)> =
        covered.iter().map(|covered| (covered.ledgers, covered.source.as_str().to_owned())).collect();
    for hole in holes_behind_the_cursor(index).await? {
        let given_up = holes(hole, accepted.iter().copied()).is_empty();
        rows.push((hole, if given_up { "hole, accepted".to_owned() } else { "hole".to_owned() }));
    }
    let report = index.store.indexer_report(&index.contract_id).await?;
    if let Some(missing) = report.and_then(|aged| aged.report.missing) {
        rows.push((missing, "hole, the daemon is waiting at it".to_owned()));
    }
    rows.sort_unstable();
    if !index.json {
        println!("{:>12} {:>12}  seen from", "from ledger", "to ledger");
    }
    for (ledgers, source) in rows {
        if index.json {
            println!("{}", json!({"fromLedger": ledgers.from(), "toLedger": ledgers.to(), "seenFrom": source}));
        } else {
            println!("{:>12} {:>12}  {source}", ledgers.from(), ledgers.to());
        }
    }
    Ok(())
}
