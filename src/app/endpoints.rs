//! The RPC endpoints that the arguments name.

use rand::Rng;

use super::{BadConfig, random_generator};
use crate::source::{EndpointPool, SourceArgs};

/// Returns them, `None` if the arguments name none. Nothing is sent yet.
pub(super) fn endpoints(args: &SourceArgs) -> Result<Option<EndpointPool>, BadConfig> {
    if args.rpc_urls.is_empty() {
        return Ok(None);
    }
    let pool = EndpointPool::new(&args.rpc_urls, args.network_passphrase.clone(), random_generator().random());
    pool.map(Some).map_err(|failure| BadConfig(format!("--rpc-url: {failure}")))
}
