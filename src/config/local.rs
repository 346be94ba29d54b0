//! The command-line arguments of `dev` and `devnet`.

use std::path::PathBuf;

use clap::Args;

use crate::{
    auth::AuthArgs,
    devnet::DevnetArgs,
    http::HttpArgs,
    ingest::{EntryArgs, PaceArgs},
    postgres::ProgramsArgs,
    store::DatabaseArgs,
};

const AUTH: &str = "Whether callers must show a token. If you give no secret or sign-in key, they are generated";

/// Arguments of `dev`.
#[derive(Args, Debug)]
#[command(mut_arg("auth", |arg| arg.default_value("off").help(AUTH)))]
pub struct DevArgs {
    /// The folder for the database and the local network. Default: flowfi-indexer in `XDG_DATA_HOME` or ~/.local/share;
    /// for root, whose home the database's account cannot enter, in /var/lib.
    #[arg(long, env = "FLOWFI_DATA_DIR", value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,

    /// Discard what earlier runs left and start over.
    #[arg(long, conflicts_with = "database_url")]
    pub fresh: bool,

    /// Where PostgreSQL is.
    #[command(flatten)]
    pub programs: ProgramsArgs,

    /// Use another database instead of the private one.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// How eagerly to ask the local network.
    #[command(flatten)]
    pub pace: PaceArgs,

    /// How to read entries.
    #[command(flatten)]
    pub entries: EntryArgs,

    /// Where to listen and how to keep connections.
    #[command(flatten)]
    pub http: HttpArgs,

    /// Who may read what.
    #[command(flatten)]
    pub auth: AuthArgs,

    /// The local network.
    #[command(flatten)]
    pub devnet: DevnetArgs,
}

/// Arguments of `devnet`.
#[derive(Args, Debug)]
pub struct DevnetCommandArgs {
    /// The address to listen on; Stellar RPC is at /devnet/rpc.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8000")]
    pub listen: std::net::SocketAddr,

    /// A file that records what happens, to resume from after a restart. Without one, a restart begins with a new
    /// network.
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,

    /// The local network.
    #[command(flatten)]
    pub devnet: DevnetArgs,
}
