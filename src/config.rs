//! The command line. Each module owns its arguments; this file joins and explains them.
//!
//! Values come from flags, then from the environment. An invalid one is reported in one line that names it, before any
//! port opens.

#[cfg(feature = "devnet")]
mod local;
mod old_variables;
mod token;

use std::{ffi::OsString, time::Duration};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, error::ErrorKind};

#[cfg(feature = "devnet")]
pub use local::{DevArgs, DevnetCommandArgs};
pub use token::TokenCommandArgs;

use crate::{
    auth::AuthArgs,
    domain::LedgerRange,
    duration::{Unit, durations},
    feed::FeedArgs,
    http::{HttpArgs, TlsArgs},
    ingest::{ContractArgs, EntryArgs, IngestArgs, RecordArgs},
    postgres::ProgramsArgs,
    source::{HorizonArgs, SourceArgs},
    store::{DatabaseArgs, ReplicaArgs},
    xdr::DecodeArgs,
};

/// Follows payment-stream contracts on Stellar, keeps every stream as a record in PostgreSQL, and notifies subscribers
/// of every change over server-sent events.
///
/// Start with `flowfi-indexer dev`: it brings its own database and a local network with moving streams. Logs go to
/// standard error; the environment variable `RUST_LOG` sets their level, for example `RUST_LOG=debug`.
#[derive(Debug, Parser)]
#[command(name = "flowfi-indexer", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything on this machine, to try it out or develop against it
    ///
    /// Starts a private PostgreSQL, a local network with sample streams, the indexer, the API and the page, and prints
    /// what to open. Data is kept between runs.
    #[cfg(feature = "devnet")]
    Dev(Box<DevArgs>),
    /// Run the daemon: follow contracts and serve the API
    Serve(Box<ServeArgs>),
    /// Run only the local network: Stellar RPC, a stream contract, and calls that move its streams
    #[cfg(feature = "devnet")]
    Devnet(DevnetCommandArgs),
    /// Bring the database schema up to date and exit
    Migrate(DatabaseArgs),
    /// Show which ledgers were seen and every hole; repair holes, or accept them
    ///
    /// The daemon fills a hole that it is waiting at as soon as a source has its ledgers. Use --repair for holes behind
    /// the cursor.
    Coverage(CoverageArgs),
    /// Read ledgers behind the cursor that were never seen, and store their events
    ///
    /// The daemon may keep running. Safe to interrupt and run again: ledgers that were stored are not read twice.
    Backfill(BackfillArgs),
    /// Rebuild every record from the stored raw events or the chain, next to the live tables, then swap them
    ///
    /// All contracts are rebuilt, whichever is named, because they share their tables. The daemon may keep running;
    /// readers wait only for the swap. Safe to interrupt and run again: an interrupted run is continued only by the
    /// same version of the program, from the same source, and if the network has not been reset since. Corrections by
    /// `verify --repair` are kept, and so are your own privileges, policies, indexes and views.
    Reindex(ReindexArgs),
    /// Compare the stored events of some ledgers with a Horizon that serves transaction metadata
    ///
    /// Exits with 1 on any difference. Most public Horizons leave the metadata out; that is reported as an error, not
    /// as a match.
    CrossCheck(CrossCheckArgs),
    /// Compare every stream record with the contract's own storage, field by field; exits with 1 on any difference
    ///
    /// Also compares the parties in event rows. The daemon may keep running. Streams whose entry the chain has archived
    /// are counted apart, because they cannot be compared. Without --repair, nothing is written.
    Verify(VerifyArgs),
    /// List events that did not decode, or decode them again after an upgrade
    Quarantine(QuarantineArgs),
    /// List or drop the epochs that were archived when the network was reset
    ///
    /// With `--on-reset archive`, the index of the old network stays in a schema of its own until you drop it here.
    Epochs(EpochsArgs),
    /// Print a token (JWT), for tests and for services
    ///
    /// Signs with the daemon's key, so give the same arguments or environment (token secret, home domains and so on).
    /// Whoever has that key can read everything: guard it like a password.
    Token(Box<TokenCommandArgs>),
    /// Decode ledgers and events: XDR in, lines of JSON out
    Decode(DecodeArgs),
    /// Print the OpenAPI document of the API, as JSON
    Openapi,
    /// Run a command with `DATABASE_URL` set to a private PostgreSQL, which stops with it
    #[command(hide = true)]
    Postgres(PostgresArgs),
}

/// Arguments of `serve`.
#[derive(Args, Debug)]
pub struct ServeArgs {
    /// Which part to run. One indexer writes; any number of gateways serve from the same database.
    #[arg(long, env = "FLOWFI_ROLE", value_enum, default_value_t = Role::All)]
    pub role: Role,

    /// Where to read the chain.
    #[command(flatten)]
    pub source: SourceArgs,

    /// What to index.
    #[command(flatten)]
    pub ingest: IngestArgs,

    /// Where to store it.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// Where to read it.
    #[command(flatten)]
    pub replica: ReplicaArgs,

    /// How commits are announced.
    #[command(flatten)]
    pub feed: FeedArgs,

    /// Where to listen.
    #[command(flatten)]
    pub http: HttpArgs,

    /// How to encrypt.
    #[command(flatten)]
    pub tls: TlsArgs,

    /// Who may read what.
    #[command(flatten)]
    pub auth: AuthArgs,
}

/// Which part of the daemon to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Indexer and gateway in one process.
    All,
    /// Follow the chain and write to the database.
    Indexer,
    /// Answer queries and subscriptions. Only reads the database, which may be a hot standby.
    Gateway,
}

const PROCESSED: &str = "The contracts, processed one after the other. Default: all contracts in the database";

/// The index that a command works on.
#[derive(Args, Debug)]
#[command(mut_arg("contracts", |arg| arg.help(PROCESSED)))]
pub struct IndexArgs {
    /// Where it is stored.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// Which contracts of it.
    #[command(flatten)]
    pub contracts: ContractArgs,

    /// What records follow from.
    #[command(flatten)]
    pub records: RecordArgs,

    /// How the contracts' entries are read.
    #[command(flatten)]
    pub entries: EntryArgs,

    /// Print lines of JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `coverage`.
#[derive(Args, Debug)]
pub struct CoverageArgs {
    /// The index.
    #[command(flatten)]
    pub index: IndexArgs,

    /// Fill every hole behind the cursor, accepted ones too, from the lake, the Horizon or `getLedgers`.
    #[arg(long, conflicts_with = "accept_gap")]
    pub repair: bool,

    /// Accept that the ledgers FROM to TO are lost: the daemon that waits at them continues after TO, or at the first
    /// ledger after FROM that a source has, if that comes sooner.
    #[arg(long, value_name = "FROM-TO")]
    pub accept_gap: Option<LedgerRange>,

    /// Where to read ledgers.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// Arguments of `backfill`.
#[derive(Args, Debug)]
pub struct BackfillArgs {
    /// The ledgers to fill, FROM-TO. Ledgers that were already seen are skipped.
    #[arg(value_name = "FROM-TO")]
    pub ledgers: LedgerRange,

    /// The index.
    #[command(flatten)]
    pub index: IndexArgs,

    /// Where to read ledgers: the lake first, then the Horizon, then `getLedgers`.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// Arguments of `reindex`.
#[derive(Args, Debug)]
pub struct ReindexArgs {
    /// The index.
    #[command(flatten)]
    pub index: IndexArgs,

    /// Discard what an interrupted run left instead of continuing it.
    #[arg(long)]
    pub fresh: bool,

    /// Read the events again from whole ledgers (the lake, the Horizon or `getLedgers`) instead of the stored rows.
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

    /// The Horizon.
    #[command(flatten)]
    pub horizon: HorizonArgs,

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

    /// Check only this many streams, chosen at random.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub sample: Option<u32>,

    /// Correct records that are missing or differ from the chain, add missing parties to event rows, and clear the mark
    /// "unverified" of records that match. Late events and a reindex do not undo these corrections.
    #[arg(long)]
    pub repair: bool,

    /// How long to wait in total for an index that lags behind the chain's answers.
    #[arg(
        long,
        alias = "patience-seconds",
        value_name = "TIME",
        default_value = "30s",
        value_parser = durations(Unit::Seconds, Duration::ZERO..=Duration::MAX)
    )]
    pub patience: Duration,

    /// How to reach the chain.
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

/// What to do with archived epochs.
#[derive(Debug, Subcommand)]
pub enum EpochsCommand {
    /// Print the archived epochs: their numbers, how far each was indexed, and their sizes on disk
    List(IndexArgs),
    /// Drop one archived epoch for good, with everything in it
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

/// What to do with quarantined events.
#[derive(Debug, Subcommand)]
pub enum QuarantineCommand {
    /// Print the quarantined events, in chain order
    List(IndexArgs),
    /// Decode the quarantined events again and store those that succeed
    Replay(IndexArgs),
}

/// Arguments of `postgres`.
#[derive(Args, Debug)]
pub struct PostgresArgs {
    /// Wait for the disk at every commit, as a production database does. Without it, the data is only fit for tests.
    #[arg(long)]
    pub durable: bool,

    /// Where PostgreSQL is.
    #[command(flatten)]
    pub programs: ProgramsArgs,

    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// Why the command line was refused.
#[derive(Debug)]
pub struct Refused {
    /// What to print: the help, the version, or one line that says what is wrong.
    pub message: String,
    /// Whether the message is requested output (help or version) rather than an error.
    pub is_answer: bool,
}

impl Cli {
    /// Reads the command line and the environment.
    ///
    /// # Errors
    /// [`Refused`] with the message to print, also for `--help` and `--version`.
    pub fn read() -> Result<Self, Refused> {
        let matches = old_variables::with_old_variables(Self::command()).try_get_matches();
        matches.and_then(|matches| Self::from_arg_matches(&matches)).map_err(|error| {
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
