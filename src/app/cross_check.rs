//! `cross-check`: compares the stored events of some ledgers with a Horizon.

use std::process::ExitCode;

use rand::{SeedableRng, rngs::StdRng};
use serde_json::json;

use super::{BadConfig, index::Index, random_generator, sources};
use crate::{
    config::CrossCheckArgs,
    domain::{EventId, EventKind, LedgerRange, RawContractEvent},
    source::{EventDifference, Horizon},
};

const CHUNK: u32 = 10_000;

/// Compares, and prints each difference.
pub(super) async fn run(args: CrossCheckArgs) -> anyhow::Result<ExitCode> {
    let rng = StdRng::from_rng(&mut random_generator());
    let url = args.horizon.horizon_url.as_deref();
    let url =
        url.ok_or_else(|| BadConfig("--horizon-url (FLOWFI_HORIZON_URL) is needed to compare with".to_owned()))?;
    let horizon = Horizon::new(url, rng).map_err(|failure| sources::bad_horizon(&failure))?;
    let indexes = Index::open_each(&args.index).await?;
    let mut all_equal = true;
    for index in &indexes {
        index.announce(&indexes);
        all_equal &= compare(index, &horizon, args.ledgers).await?;
    }
    Index::close(&indexes).await;
    Ok(if all_equal { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints each difference of one contract. Returns whether there is none.
async fn compare(index: &Index, horizon: &Horizon, range: LedgerRange) -> anyhow::Result<bool> {
    let stored = stored_events(index, range).await?;
    let ledgers = range.from()..=range.to();
    let mut differences = horizon.differences(&index.contract_id, ledgers, &stored).await?;
    // The network's own events about the contract are not stored as event rows.
    differences.retain(|difference| difference.event().kind == EventKind::Contract);
    for difference in &differences {
        let (event, what) = (difference.event(), what_differs(difference));
        if index.json {
            println!("{}", json!({"id": event.id, "transactionHash": event.tx_hash, "difference": what}));
        } else {
            println!("{}  {what}", event.id);
        }
    }
    let (events, count) = (stored.len(), differences.len());
    if index.json {
        println!("{}", json!({"events": events, "differences": count}));
    } else {
        println!("{events} stored events of ledgers {range}, {count} differences");
    }
    Ok(differences.is_empty())
}

async fn stored_events(index: &Index, ledgers: LedgerRange) -> anyhow::Result<Vec<RawContractEvent>> {
    let mut events = Vec::new();
    let mut after = EventId::end_of_ledger(ledgers.from().previous());
    let end = EventId::end_of_ledger(ledgers.to());
    loop {
        let mut chunk = index.store.raw_events_after(&index.contract_id, after, CHUNK).await?;
        chunk.retain(|event| event.id <= end);
        let Some(last) = chunk.last() else { return Ok(events) };
        after = last.id;
        events.append(&mut chunk);
    }
}

const fn what_differs(difference: &EventDifference) -> &'static str {
    match difference {
        EventDifference::NotInHorizon(_) => "stored, but not in Horizon",
        EventDifference::OnlyInHorizon(_) => "in Horizon, but not stored",
        EventDifference::Differs { .. } => "differs from Horizon's",
    }
}
