//! The source's command-line arguments.

use clap::Args;

/// Which Horizon to read ledgers from.
#[derive(Args, Clone, Debug)]
pub struct HorizonArgs {
    /// A Horizon that gives the metadata of transactions (`SKIP_TXMETA=false`; most public ones leave it out). Whole ledgers
    /// are read from it: it fills holes that the lake does not, and without --rpc-urls the daemon follows it alone.
    #[arg(long, env = "FLOWFI_HORIZON_URL", value_name = "URL", alias = "horizon")]
    pub horizon_url: Option<String>,
}

/// Where to read the chain.
#[derive(Args, Clone, Debug)]
pub struct SourceArgs {
    /// Stellar RPC endpoints (protocol 23 or later): separate them by commas or repeat the flag. The first one is
    /// preferred; the next ones, in this order, are asked while it fails, is slow or is behind. The roles that index need
    /// this or --horizon-url; with it a gateway can also answer with the chain's own record of a stream.
    #[arg(long, alias = "rpc-url", env = "FLOWFI_RPC_URLS", value_name = "URL", value_delimiter = ',')]
    pub rpc_urls: Vec<String>,

    /// A data lake of whole ledgers (SEP-54) to fill holes from: a folder, or an http(s) address. Without one, holes are
    /// filled from the endpoints' `getLedgers`, which reach as far back as they keep ledgers.
    #[arg(long, env = "FLOWFI_LAKE", value_name = "FOLDER|URL")]
    pub lake: Option<String>,

    /// How many of the lake's objects are read at once.
    #[arg(long, env = "FLOWFI_LAKE_READS", value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub lake_reads: u16,

    /// A Horizon to read ledgers from.
    #[command(flatten)]
    pub horizon: HorizonArgs,

    /// The network's passphrase; the endpoint must serve this network.
    #[arg(
        long,
        env = "FLOWFI_NETWORK_PASSPHRASE",
        value_name = "TEXT",
        default_value = "Test SDF Network ; September 2015"
    )]
    pub network_passphrase: String,
}
