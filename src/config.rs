//! The command line: each module owns its arguments, this file puts them together and explains them.
//!
//! Values come from flags, then from the environment. A bad one is one line that names it, before any port opens.

#[cfg(feature = "devnet")]
mod local;
mod token;

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum, error::ErrorKind};

#[cfg(feature = "devnet")]
pub use local::{DevArgs, DevnetCommandArgs};
pub use token::{TimeToLive, TokenCommandArgs};

use crate::{
    auth::{AuthArgs, AuthMode},
    decode::DecodeArgs,
    domain::{ContractId, LedgerRange},
    http::HttpArgs,
    ingest::IngestArgs,
    source::SourceArgs,
    store::DatabaseArgs,
};

/// Follows a payment-stream contract on Stellar, keeps every stream as a record in PostgreSQL, and tells subscribers
/// what happened over server-sent events.
///
/// Begin with `flowfi-indexer dev`: it brings its own database and a local network with streams that move. Logs go to
/// standard error; the environment variable `RUST_LOG` sets how much, for example `RUST_LOG=debug`.
#[derive(Debug, Parser)]
#[command(name = "flowfi-indexer", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything on this machine, for trying and developing
    ///
    /// Starts a private PostgreSQL, a local network with sample streams, the indexer, the API and the page, and prints
    /// what to open. Data is kept between runs.
    #[cfg(feature = "devnet")]
    Dev(Box<DevArgs>),
    /// Run the daemon: follow contracts and serve the API
    Serve(Box<ServeArgs>),
    /// Run only the local network: Stellar RPC, a stream contract, and calls to move it
    #[cfg(feature = "devnet")]
    Devnet(DevnetCommandArgs),
    /// Bring the database schema up to date, then end
    Migrate(DatabaseArgs),
    /// Show which ledgers were seen and every hole; repair holes, or give them up
    ///
    /// A hole that the daemon stands still before is filled by itself once a source has it. Holes behind the cursor are
    /// repaired with --repair.
    Coverage(CoverageArgs),
    /// Read ledgers behind the cursor that were never seen, and write what they hold
    ///
    /// The daemon may go on meanwhile. Safe to interrupt and run again: ledgers that were written are not read twice.
    Backfill(BackfillArgs),
    /// Build every record anew from the stored raw events or the chain, beside the tables that are read, then swap them
    ///
    /// All contracts are built, whichever is named: they share their tables. The daemon may go on meanwhile, and readers
    /// wait only for the swap. Safe to interrupt and run again; what an interrupted run built is used only if the network
    /// has not started over since and the same version of the program goes on with it, from the same rows or chain. Kept
    /// are what `verify --repair` read from the chain, and privileges, policies, indexes and views of yours.
    Reindex(ReindexArgs),
    /// Compare the stored events of some ledgers with a Horizon that serves transaction metadata
    ///
    /// Exit code 1 on any difference. Most public Horizons leave the metadata out; that is said, and is no answer.
    CrossCheck(CrossCheckArgs),
    /// Compare every stream record with the contract's own storage, field by field; exit 1 on any difference
    ///
    /// The parties that event rows name are compared too. The daemon may go on meanwhile. Streams whose entry the chain
    /// has archived are told apart: nothing can be said of them. Without --repair nothing is written.
    Verify(VerifyArgs),
    /// Look at events that did not decode, or decode them again after an upgrade
    Quarantine(QuarantineArgs),
    /// List or drop the epochs that were put aside when the network started over
    ///
    /// With --on-reset archive, what was indexed of the old network stays in a schema of its own until it is dropped here.
    Epochs(EpochsArgs),
    /// Print a token (JWT), for trying and for machines
    ///
    /// It is made with the same key as the daemon's, so give the same arguments or environment (the token secret, the
    /// home domains and so on). Who has the key can read everything: keep it as you keep a password.
    Token(Box<TokenCommandArgs>),
    /// Look at ledgers and events: XDR in, lines of JSON out
    Decode(DecodeArgs),
    /// Print the OpenAPI document of the API, as JSON
    Openapi,
    /// Run a command with `DATABASE_URL` set to a private PostgreSQL, and end with it
    #[command(hide = true)]
    Postgres(PostgresArgs),
}

/// Arguments of `serve`.
#[derive(Args, Debug)]
pub struct ServeArgs {
    /// Which part to run: the indexer writes, gateways answer; any number of gateways may share one database.
    #[arg(long, env = "FLOWFI_ROLE", value_enum, default_value_t = Role::All)]
    pub role: Role,

    /// Where to read the chain.
    #[command(flatten)]
    pub source: SourceArgs,

    /// What to index.
    #[command(flatten)]
    pub ingest: IngestArgs,

    /// Where to keep it.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// Where to listen.
    #[command(flatten)]
    pub http: HttpArgs,

    /// Whether callers must show a token.
    #[arg(long, env = "FLOWFI_AUTH", value_enum, default_value_t = AuthMode::Required, help_heading = "Who may read what")]
    pub auth: AuthMode,

    /// Who may read what.
    #[command(flatten)]
    pub door: AuthArgs,
}

/// Which part of the daemon to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Indexer and gateway in one process.
    All,
    /// Follow the chain and write.
    Indexer,
    /// Answer queries and subscriptions. Reads the database only, which may be a hot standby of the indexer's.
    Gateway,
}

/// The index that a command is about.
#[derive(Args, Debug)]
pub struct IndexArgs {
    /// Where it is kept.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// The contracts, one after the other. Default: all that the database holds.
    #[arg(long = "contract", env = "FLOWFI_CONTRACT", value_name = "C…,C…", value_delimiter = ',')]
    pub contracts: Vec<ContractId>,

    /// Print lines of JSON, for a machine to read.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `coverage`.
#[derive(Args, Debug)]
pub struct CoverageArgs {
    /// The index.
    #[command(flatten)]
    pub index: IndexArgs,

    /// Fill every hole behind the cursor from the lake or from `getLedgers`, accepted ones too.
    #[arg(long, conflicts_with = "accept_gap")]
    pub repair: bool,

    /// Give up the ledgers FROM to TO, which no source has: the daemon that stands still before them goes on after them,
    /// or with the first ledger after FROM that a source has, if that comes sooner.
    #[arg(long, value_name = "FROM-TO")]
    pub accept_gap: Option<LedgerRange>,

    /// Where to read ledgers.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// Arguments of `backfill`.
#[derive(Args, Debug)]
pub struct BackfillArgs {
    /// The ledgers to fill, FROM-TO. What was seen already is left out.
    #[arg(value_name = "FROM-TO")]
    pub ledgers: LedgerRange,

    /// The index.
    #[command(flatten)]
    pub index: IndexArgs,

    /// Where to read ledgers: the lake first, where one is given, then `getLedgers`.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// Arguments of `reindex`.
#[derive(Args, Debug)]
pub struct ReindexArgs {
    /// The index.
    #[command(flatten)]
    pub index: IndexArgs,

    /// Throw away what an interrupted run left instead of going on with it.
    #[arg(long)]
    pub fresh: bool,

    /// Read the events anew from whole ledgers, from the lake or from `getLedgers`, instead of the stored rows.
    #[arg(long)]
    pub from_chain: bool,

    /// Where to read ledgers.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// Arguments of `cross-check`.
#[derive(Args, Debug)]
pub struct CrossCheckArgs {
    /// The ledgers to compare, FROM-TO.
    #[arg(value_name = "FROM-TO")]
    pub ledgers: LedgerRange,

    /// The address of a Horizon.
    #[arg(long, value_name = "URL")]
    pub horizon: String,

    /// The index.
    #[command(flatten)]
    pub index: IndexArgs,
}

/// Arguments of `verify`.
#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// The index.
    #[command(flatten)]
    pub index: IndexArgs,

    /// Look at only so many streams, drawn at random.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub sample: Option<u32>,

    /// Set records that are missing or differ from the chain's, give event rows the parties they lack, and clear the mark
    /// of equal records that are marked unverified. What the chain said is kept: late events and a reindex do not undo it.
    #[arg(long)]
    pub repair: bool,

    /// Seconds to wait, in all, for an index that is behind what the chain answers.
    #[arg(long, value_name = "S", default_value_t = 30)]
    pub patience_seconds: u64,

    /// Where to ask the chain.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// Arguments of `quarantine`.
#[derive(Args, Debug)]
pub struct QuarantineArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: QuarantineCommand,
}

/// Arguments of `epochs`.
#[derive(Args, Debug)]
pub struct EpochsArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: EpochsCommand,
}

/// What to do with epochs that were put aside.
#[derive(Debug, Subcommand)]
pub enum EpochsCommand {
    /// Print their numbers, how far each was indexed, and how much room it takes
    List(IndexArgs),
    /// Drop one with everything in it, for good
    Drop(DropEpochArgs),
}

/// Arguments of `epochs drop`.
#[derive(Args, Debug)]
pub struct DropEpochArgs {
    /// The number of the epoch.
    #[arg(value_name = "EPOCH")]
    pub epoch: u32,

    /// Where it is.
    #[command(flatten)]
    pub index: IndexArgs,
}

/// What to do with events that are kept raw.
#[derive(Debug, Subcommand)]
pub enum QuarantineCommand {
    /// Print them, in the order of the chain
    List(IndexArgs),
    /// Decode them again, and store those that decode now
    Replay(IndexArgs),
}

/// Arguments of `postgres`.
#[derive(Args, Debug)]
pub struct PostgresArgs {
    /// Wait for the disk at every commit, as a real database does. Without it the data is only good for tests.
    #[arg(long)]
    pub durable: bool,

    /// The folder of PostgreSQL's programs, if they are not found.
    #[arg(long, env = "FLOWFI_PG_BIN", value_name = "FOLDER")]
    pub pg_bin: Option<PathBuf>,

    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// Why the command line was not taken.
#[derive(Debug)]
pub struct Refused {
    /// What to print: help, a version, or one line that says what is wrong.
    pub message: String,
    /// Whether that is an answer to what was asked (help, version) and no error.
    pub is_answer: bool,
}

impl Cli {
    /// Reads the command line and the environment.
    ///
    /// # Errors
    /// [`Refused`] with what to print, also for `--help` and `--version`.
    pub fn read() -> Result<Self, Refused> {
        Self::try_parse().map_err(|error| {
            if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
                return Refused { message: error.to_string(), is_answer: true };
            }
            if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
                return Refused { message: error.to_string(), is_answer: false };
            }
            let text = error.to_string();
            let first_paragraph = text.split("\n\n").next().unwrap_or_default();
            let line: Vec<&str> = first_paragraph.split_whitespace().collect();
            Refused { message: format!("{}\n", line.join(" ")), is_answer: false }
        })
    }
}
