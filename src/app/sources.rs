//! Builds the sources of the chain from the arguments.

use std::time::Duration;

use anyhow::Context;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::time::timeout;
use tracing::warn;

use super::{BadConfig, random_generator};
use crate::{
    ingest::{Follow, PaceArgs},
    source::{EndpointPool, Lake, SourceArgs, SourceError, WholeLedgers},
    xdr::LedgerContents,
};

const NO_THREADS: &str = "cannot start the threads that read ledgers";

/// Returns the RPC endpoints; nothing is asked yet.
pub(super) fn endpoints(args: &SourceArgs) -> anyhow::Result<EndpointPool> {
    if args.rpc_urls.is_empty() {
        return Err(BadConfig("--rpc-urls (FLOWFI_RPC_URLS) is needed to read the chain".to_owned()).into());
    }
    let pool = EndpointPool::new(&args.rpc_urls, args.network_passphrase.clone(), random_generator().random());
    Ok(pool.map_err(|failure| BadConfig(format!("--rpc-urls: {failure}")))?)
}

/// Returns the endpoints if there are any to ask for what contracts and accounts store.
pub(super) fn endpoints_if_named(args: &SourceArgs) -> anyhow::Result<Option<EndpointPool>> {
    if args.rpc_urls.is_empty() { Ok(None) } else { endpoints(args).map(Some) }
}

/// Returns what an indexer follows: the RPC endpoints, else the Horizon.
pub(super) fn followed(args: &SourceArgs) -> anyhow::Result<EndpointPool> {
    // A wrong address is refused even if it is not needed yet.
    let horizon = horizon(args)?;
    if !args.rpc_urls.is_empty() {
        return endpoints(args);
    }
    let missing = "--rpc-urls (FLOWFI_RPC_URLS) or --horizon-url (FLOWFI_HORIZON_URL) is needed to read the chain";
    Ok(horizon.ok_or_else(|| BadConfig(missing.to_owned()))?)
}

fn horizon(args: &SourceArgs) -> Result<Option<EndpointPool>, BadConfig> {
    let Some(url) = &args.horizon.horizon_url else { return Ok(None) };
    let pool = EndpointPool::of_horizon(url, &args.network_passphrase, random_generator().random());
    pool.map(Some).map_err(|failure| bad_horizon(&failure))
}

/// Returns what is wrong with the Horizon that was named.
pub(super) fn bad_horizon(failure: &SourceError) -> BadConfig {
    BadConfig(format!("--horizon-url: {failure}"))
}

fn bad_lake(failure: &SourceError) -> BadConfig {
    BadConfig(format!("--lake: {failure}"))
}

/// So long the start waits for a lake or a Horizon to say whether it is the right one.
const PATIENCE: Duration = Duration::from_secs(5);

/// Returns the endpoints as an indexer asks them.
pub(super) fn as_followed(pool: EndpointPool, pace: &PaceArgs) -> anyhow::Result<EndpointPool> {
    let pool = pool.read_for(pace.records.state.contents());
    match pace.follow {
        Follow::Events => Ok(pool),
        Follow::Ledgers => pool.by_whole_ledgers().context(NO_THREADS),
    }
}

/// What to do with a lake or a Horizon that answers, but not as the right one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mistakes {
    /// It is refused as a mistake in the configuration.
    Refused,
    /// It is named in the log, and tried again when it is needed: even a proxy's error page looks like a mistake.
    WaitedFor,
}

/// Returns the sources of whole ledgers that the arguments name: the lake first, then the Horizon, whose histories are the
/// longest. They are read for `contents`. `followed` is what is followed, if anything is.
pub(super) async fn whole_ledgers(
    args: &SourceArgs,
    followed: Option<&EndpointPool>,
    contents: LedgerContents,
    mistakes: Mistakes,
) -> anyhow::Result<Vec<WholeLedgers>> {
    let mut sources = Vec::new();
    if let Some(location) = &args.lake {
        let reads = usize::from(args.lake_reads);
        let lake =
            Lake::at(location, &args.network_passphrase, reads, generator()).map_err(|failure| bad_lake(&failure))?;
        is_right("lake", lake.check(), mistakes).await.map_err(|failure| bad_lake(&failure))?;
        sources.push(WholeLedgers::of_lake(lake).context(NO_THREADS)?);
    }
    let (of_horizon, of_rpc) = match followed {
        Some(pool) if pool.is_horizon() => (Some(pool.clone()), None),
        pool => (horizon(args)?, pool.cloned()),
    };
    if let Some(horizon) = &of_horizon {
        is_right("Horizon", horizon.check(), mistakes).await.map_err(|failure| bad_horizon(&failure))?;
    }
    for pool in of_horizon.into_iter().chain(of_rpc) {
        sources.push(WholeLedgers::of_endpoints(pool, generator()).context(NO_THREADS)?);
    }
    Ok(sources.into_iter().map(|source| source.read_for(contents)).collect())
}

/// Waits for a source to say whether it is the right one. The index must not wait for one that does not answer now.
///
/// # Errors
/// Why it is not, if mistakes are refused.
async fn is_right(
    what: &str,
    says: impl Future<Output = Result<(), SourceError>>,
    mistakes: Mistakes,
) -> Result<(), SourceError> {
    let failure = match timeout(PATIENCE, says).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(failure @ SourceError::Transient { .. })) => failure.to_string(),
        Ok(Err(failure)) if mistakes == Mistakes::Refused => return Err(failure),
        Ok(Err(failure)) => failure.to_string(),
        Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
    };
    warn!("the {what} cannot be read yet; it will be tried again when it is needed: {failure}");
    Ok(())
}

/// Returns the sources of whole ledgers of a command that needs one.
pub(super) async fn some_whole_ledgers(args: &SourceArgs) -> anyhow::Result<Vec<WholeLedgers>> {
    let endpoints = endpoints_if_named(args)?;
    let sources = whole_ledgers(args, endpoints.as_ref(), LedgerContents::EventsAndEntries, Mistakes::Refused).await?;
    if sources.is_empty() {
        return Err(BadConfig("no source of ledgers: give --lake, --horizon-url or --rpc-urls".to_owned()).into());
    }
    Ok(sources)
}

fn generator() -> StdRng {
    StdRng::from_rng(&mut random_generator())
}
