//! The source's part of the command line.

use clap::Args;

/// Where to read the chain.
#[derive(Args, Clone, Debug)]
pub struct SourceArgs {
    /// A Stellar RPC endpoint (protocol 23 or later). Needed by the roles that index.
    #[arg(long, env = "FLOWFI_RPC_URL", value_name = "URL")]
    pub rpc_url: Option<String>,

    /// The network's passphrase; the endpoint must serve this network.
    #[arg(
        long,
        env = "FLOWFI_NETWORK_PASSPHRASE",
        value_name = "TEXT",
        default_value = "Test SDF Network ; September 2015"
    )]
    pub network_passphrase: String,
}
