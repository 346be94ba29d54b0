//! `verify`: compares every stream record with the contract's own storage.

use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;

use super::{BadConfig, index::Index, progress::Progress, random_generator, sources};
use crate::{
    config::VerifyArgs,
    domain::StreamId,
    ingest::{self, Verified, VerifyProgress, VerifySettings},
    source::{Anchor, EndpointPool, KnownChain},
};

/// The number of stream ids shown in a line.
const SHOWN: usize = 20;

/// Compares the records, and prints the differences.
pub(super) async fn run(args: VerifyArgs) -> anyhow::Result<ExitCode> {
    let source = sources::endpoints(&args.source)?;
    let indexes = Index::open_each(&args.index).await?;
    let mut all_proven = true;
    for index in &indexes {
        check_network(index, &source, &args.source.network_passphrase).await?;
        index.announce(&indexes);
        all_proven &= prove(index, &source, &args).await?;
    }
    Index::close(&indexes).await;
    Ok(if all_proven { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Compares the streams of one contract and prints the differences. Returns whether there are none.
async fn prove(index: &Index, source: &EndpointPool, args: &VerifyArgs) -> anyhow::Result<bool> {
    let settings =
        VerifySettings { sample: args.sample, repair: args.repair, patience: args.patience, rng: random_generator() };
    let mut progress = Progress::new("streams", index.json);
    let report = |at: VerifyProgress| {
        progress.show(at.streams, at.streams_in_all, &format!("{} differences", at.differences));
    };
    let verified = ingest::verify(&index.store, source, &index.contract_id, settings, report).await;
    progress.finish();
    let verified = verified?;
    if index.json {
        print_json(&verified);
    } else {
        print_table(&verified);
    }
    Ok(verified.is_proven())
}

/// Checks that the configured network is the indexed one, and tells the endpoints which chain that is.
async fn check_network(index: &Index, source: &EndpointPool, passphrase: &str) -> anyhow::Result<()> {
    let Some(network) = index.store.network().await.context("cannot read which network the database holds")? else {
        return Ok(());
    };
    if network.passphrase != passphrase {
        let found = network.passphrase;
        let rule = format!("--network-passphrase: the database holds the network \"{found}\", not \"{passphrase}\"");
        return Err(BadConfig(rule).into());
    }
    let anchor = network.known.map(|known| Anchor { sequence: known.sequence, hash: known.hash });
    source.set_chain(KnownChain { anchor, closed: network.seen });
    Ok(())
}

fn print_json(verified: &Verified) {
    for found in &verified.differences {
        let line =
            json!({"streamId": found.stream_id, "field": found.field, "ours": found.ours, "chains": found.chains});
        println!("{line}");
    }
    println!(
        "{}",
        json!({"atLedger": verified.at_ledger, "isProven": verified.is_proven(), "equal": verified.equal,
            "unverified": verified.unverified, "differences": verified.differences.len(),
            "missing": verified.missing_here, "archived": verified.archived, "behind": verified.behind,
            "lostTransfers": verified.lost_transfers, "repaired": verified.repaired, "notLookedFor": verified.created.why_not_walked()})
    );
}

fn print_table(verified: &Verified) {
    if !verified.differences.is_empty() {
        println!("{:>10}  {:<18}  {:<40}  the chain's", "stream", "field", "ours");
    }
    for found in &verified.differences {
        println!("{:>10}  {:<18}  {:<40}  {}", found.stream_id, found.field, found.ours, found.chains);
    }
    let lists = [
        ("missing here", &verified.missing_here),
        ("not compared: the index lags, or they changed at every read", &verified.behind),
        ("archived on chain, not comparable", &verified.archived),
        ("equal, but no source had the event that replaced their recipient", &verified.lost_transfers),
        ("corrected from the chain", &verified.repaired),
    ];
    for (what, streams) in lists.iter().filter(|(_, streams)| !streams.is_empty()) {
        println!("{} streams {what}: {}", streams.len(), shown(streams));
    }
    if verified.unverified > 0 {
        println!("{} matching streams are still marked unverified; --repair removes the marks", verified.unverified);
    }
    if let Some(reason) = verified.created.why_not_walked() {
        println!("{reason}");
    }
    let verdict = if verified.is_proven() { "proven" } else { "not proven" };
    println!("{verdict} at ledger {}: {} streams equal the chain's in every field", verified.at_ledger, verified.equal);
}

fn shown(streams: &[StreamId]) -> String {
    let numbers: Vec<String> = streams.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = if streams.len() > SHOWN { " …" } else { "" };
    format!("{}{more}", numbers.join(" "))
}
