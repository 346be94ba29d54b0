//! Builds the sources of the chain from the arguments.

use std::time::Duration;

use anyhow::Context;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::time::timeout;
use tracing::warn;

use super::{BadConfig, random_generator};
use crate::source::{EndpointPool, Lake, SourceArgs, SourceError, WholeLedgers};

/// Returns the endpoints. Nothing is requested yet.
pub(super) fn endpoints(args: &SourceArgs) -> anyhow::Result<EndpointPool> {
    if args.rpc_urls.is_empty() {
        return Err(BadConfig("--rpc-url (FLOWFI_RPC_URL) is needed to read the chain".to_owned()).into());
    }
    let pool = EndpointPool::new(&args.rpc_urls, args.network_passphrase.clone(), random_generator().random());
    Ok(pool.map_err(|failure| BadConfig(format!("--rpc-url: {failure}")))?)
}

/// How long the start waits for a lake to show that it is the right one.
const LAKE_PATIENCE: Duration = Duration::from_secs(5);

/// Returns the sources of whole ledgers from the arguments, the lake first.
pub(super) async fn whole_ledgers(
    args: &SourceArgs,
    endpoints: Option<&EndpointPool>,
) -> anyhow::Result<Vec<WholeLedgers>> {
    let mut sources = Vec::new();
    if let Some(location) = &args.lake {
        let reads = usize::from(args.lake_reads);
        let bad = |failure| BadConfig(format!("--lake: {failure}"));
        let lake = Lake::at(location, &args.network_passphrase, reads, generator()).map_err(bad)?;
        // A lake is only needed for holes, so the index must not wait for it.
        match timeout(LAKE_PATIENCE, lake.check()).await {
            Ok(Ok(())) => {}
            Ok(Err(failure @ SourceError::Transient { .. })) => {
                warn!("the lake cannot be opened yet; it will be tried again when a hole needs it: {failure}");
            }
            Ok(Err(failure)) => return Err(bad(failure).into()),
            Err(_) => {
                let seconds = LAKE_PATIENCE.as_secs();
                warn!(
                    "the lake cannot be opened yet; it will be tried again when a hole needs it: no answer within {seconds} s"
                );
            }
        }
        sources.push(WholeLedgers::of_lake(lake).context("cannot start the threads that read ledgers")?);
    }
    if let Some(endpoints) = endpoints {
        let of_rpc = WholeLedgers::of_endpoints(endpoints.clone(), generator());
        sources.push(of_rpc.context("cannot start the threads that read ledgers")?);
    }
    Ok(sources)
}

/// Returns the sources of whole ledgers for a command that needs at least one.
pub(super) async fn some_whole_ledgers(args: &SourceArgs) -> anyhow::Result<Vec<WholeLedgers>> {
    let endpoints = if args.rpc_urls.is_empty() { None } else { Some(endpoints(args)?) };
    let sources = whole_ledgers(args, endpoints.as_ref()).await?;
    if sources.is_empty() {
        return Err(BadConfig("no source of ledgers: give --lake or --rpc-url".to_owned()).into());
    }
    Ok(sources)
}

fn generator() -> StdRng {
    StdRng::from_rng(&mut random_generator())
}
