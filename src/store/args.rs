//! The database's command-line arguments.

use clap::Args;

/// Where a gateway reads, if not where the indexer writes.
#[derive(Args, Clone, Debug)]
pub struct ReplicaArgs {
    /// A read replica of the database, for everything that a gateway reads. An event is published once the replica has it, so
    /// a replica that lags delays and loses nothing. Sign-in, tickets, keys, revocations and what operators change use the
    /// database of --database-url. Name one server: of several behind one address, each may be behind the others.
    #[arg(long, env = "FLOWFI_READ_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub read_database_url: Option<String>,
}

/// Which database to use.
#[derive(Args, Clone, Debug)]
pub struct DatabaseArgs {
    /// PostgreSQL (14 or later) to keep the records in, as `postgres://user:password@host/database`. May hold a
    /// password, so prefer the environment.
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,

    /// The most connections to open for requests, or for a maintenance command. Beside them a gateway opens up to
    /// eight: four for the feed, two for the health, and one each to hear of commits and of revocations. An indexer opens
    /// up to six: four to prepare, report and check, the writer's, and one to hear of a pause. With --feed-redis it opens
    /// two more.
    #[arg(long, env = "FLOWFI_DATABASE_CONNECTIONS", value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(4..=1_000))]
    pub database_connections: u32,
}
