//! Composition: builds the parts from their arguments, connects them, and runs them until stopped.

mod account_reader;
mod auth;
mod chain_reader;
mod client_name;
mod coverage;
mod cross_check;
mod decode;
#[cfg(feature = "devnet")]
mod dev;
#[cfg(feature = "devnet")]
mod dev_access;
#[cfg(feature = "devnet")]
mod dev_lines;
mod epochs;
mod gateway;
mod index;
#[cfg(feature = "devnet")]
mod local_network;
mod open_files;
mod private_postgres;
mod progress;
mod quarantine;
mod reindex;
mod replayer;
mod serve;
mod sources;
mod starting;
mod stores;
mod token;
mod verify;

pub use account_reader::account_reader;
pub use chain_reader::chain_reader;
pub use replayer::quarantine_replayer;

use std::{process::ExitCode, time::Duration};

use anyhow::Context;
use rand::{SeedableRng, rngs::StdRng};
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket};

use self::client_name::client_name;
use crate::{
    config::{Cli, Command, Role, ServeArgs},
    http,
    store::{DatabaseArgs, Store},
    telemetry,
};

/// How many new connections wait in the kernel's queue, as for every other listener.
const BACKLOG: u32 = 1_024;

/// An invalid configuration that is only noticed when its parts are put together.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct BadConfig(String);

/// Runs the command of the command line.
///
/// # Errors
/// What prevented the start. Later failures are logged and determine the exit code.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    telemetry::init();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the async runtime")?;
    let ended = runtime.block_on(async {
        match cli.command {
            #[cfg(feature = "devnet")]
            Command::Dev(args) => dev::run(*args).await,
            Command::Serve(args) => serve::run(*args).await,
            #[cfg(feature = "devnet")]
            Command::Devnet(args) => local_network::run(args).await,
            Command::Migrate(args) => migrate(&args).await,
            Command::Coverage(args) => coverage::run(args).await,
            Command::Backfill(args) => coverage::backfill(args).await,
            Command::Reindex(args) => reindex::run(args).await,
            Command::CrossCheck(args) => cross_check::run(args).await,
            Command::Verify(args) => verify::run(args).await,
            Command::Quarantine(args) => quarantine::run(args).await,
            Command::Epochs(args) => epochs::run(args).await,
            Command::Postgres(args) => private_postgres::run(args).await,
            Command::Token(args) => token::run(*args),
            Command::Decode(args) => decode::run(&args),
            Command::Openapi => {
                print!("{}", http::openapi_text());
                Ok(ExitCode::SUCCESS)
            }
        }
    });
    runtime.shutdown_timeout(THREADS_MAY_TAKE);
    ended
}

/// A thread that reads from a host that does not answer never ends.
const THREADS_MAY_TAKE: Duration = Duration::from_millis(500);
/// A command's statement may read a whole table. A connection that falls silent meanwhile is noticed long before.
const FOR_OPERATORS: Duration = Duration::from_hours(1);

async fn migrate(args: &DatabaseArgs) -> anyhow::Result<ExitCode> {
    let store =
        Store::connect_as(&client_name(), required_database_url(args)?, args.database_connections, FOR_OPERATORS)
            .await?;
    store.migrate().await?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Returns the configured URL, checked before anything is opened.
fn database_url(args: &DatabaseArgs) -> Result<Option<&str>, BadConfig> {
    let Some(url) = args.database_url.as_deref() else { return Ok(None) };
    Store::check_url(url).map_err(|failure| BadConfig(format!("DATABASE_URL: {failure}")))?;
    Ok(Some(url))
}

fn required_database_url(args: &DatabaseArgs) -> Result<&str, BadConfig> {
    let missing = || BadConfig("no database: set DATABASE_URL (or try `flowfi-indexer dev`)".to_owned());
    database_url(args)?.ok_or_else(missing)
}

/// Returns the URL of the replica that a gateway reads, checked as well.
fn replica_url(args: &ServeArgs) -> Result<Option<&str>, BadConfig> {
    let Some(url) = args.replica.read_database_url.as_deref() else { return Ok(None) };
    if args.role != Role::Gateway {
        return Err(BadConfig(
            "--read-database-url is for gateways: start the indexer apart (--role gateway)".to_owned(),
        ));
    }
    Store::check_url(url).map_err(|failure| BadConfig(format!("--read-database-url: {failure}")))?;
    Ok(Some(url))
}

async fn listen(address: std::net::SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address} (choose another: --listen)"))
}

/// Listens for a gateway's clients.
async fn listen_for_clients(args: &http::HttpArgs) -> anyhow::Result<TcpListener> {
    open_files::raise_limit(&args.limits);
    if !args.reuse_port {
        return listen(args.listen).await;
    }
    let bind = || {
        let socket = if args.listen.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.set_reuseport(true)?;
        socket.bind(args.listen)?;
        socket.listen(BACKLOG)
    };
    bind().with_context(|| format!("cannot share {} with other processes (--reuse-port)", args.listen))
}

/// The only source of randomness; everything else is given a generator or a seed.
#[expect(clippy::disallowed_methods, reason = "the root of all generators")]
fn random_generator() -> StdRng {
    StdRng::from_rng(&mut rand::rng())
}
