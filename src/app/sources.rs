//! Where the chain is read, from the arguments.

use anyhow::Context;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tracing::warn;

use super::{BadConfig, random_generator};
use crate::source::{EndpointPool, Lake, SourceArgs, SourceError, WholeLedgers};

/// Returns the endpoints; nothing is asked yet.
pub(super) fn endpoints(args: &SourceArgs) -> anyhow::Result<EndpointPool> {
    if args.rpc_urls.is_empty() {
        return Err(BadConfig("--rpc-url (FLOWFI_RPC_URL) is needed to read the chain".to_owned()).into());
    }
    let pool = EndpointPool::new(&args.rpc_urls, args.network_passphrase.clone(), random_generator().random());
    Ok(pool.map_err(|failure| BadConfig(format!("--rpc-url: {failure}")))?)
}

/// Returns the sources of whole ledgers that the arguments name, the lake first.
pub(super) async fn whole_ledgers(
    args: &SourceArgs,
    endpoints: Option<&EndpointPool>,
) -> anyhow::Result<Vec<WholeLedgers>> {
    let mut sources = Vec::new();
    if let Some(location) = &args.lake {
        let reads = usize::from(args.lake_reads);
        let bad = |failure| BadConfig(format!("--lake: {failure}"));
        let lake = Lake::at(location, &args.network_passphrase, reads, generator()).map_err(bad)?;
        match lake.check().await {
            Ok(()) => {}
            // It is needed only for holes; the index must not wait for it.
            Err(failure @ SourceError::Transient { .. }) => {
                warn!("the lake is opened once a hole is to be filled from it: {failure}");
            }
            Err(failure) => return Err(bad(failure).into()),
        }
        sources.push(WholeLedgers::of_lake(lake).context("no threads to read ledgers on")?);
    }
    if let Some(endpoints) = endpoints {
        let of_rpc = WholeLedgers::of_rpc(endpoints.clone(), generator());
        sources.push(of_rpc.context("no threads to read ledgers on")?);
    }
    Ok(sources)
}

/// Returns the sources of whole ledgers of a command that needs one.
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
