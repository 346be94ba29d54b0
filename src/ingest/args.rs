//! The indexer's command-line arguments.

use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::{
    domain::{ContractId, EventEffect, HarmlessField, HarmlessFields, LedgerSequence},
    duration::{Unit, durations},
    xdr::LedgerContents,
};

/// Payment-stream contracts.
#[derive(Args, Clone, Debug)]
pub struct ContractArgs {
    /// The payment-stream contracts, separated by commas or by repeating the flag.
    #[arg(
        id = "contracts",
        long,
        alias = "contract",
        env = "FLOWFI_CONTRACTS",
        value_name = "C…,C…",
        value_delimiter = ','
    )]
    pub ids: Vec<ContractId>,
}

const FOLLOWED: &str = "The payment-stream contracts to follow, at most 25, separated by commas or by repeating the \
    flag. One that is added later has its past read while the others go on; one that is left out stays readable and \
    stands still";

/// What to index, and how eagerly.
#[derive(Args, Clone, Debug)]
#[command(mut_arg("contracts", |arg| arg.required(true).help(FOLLOWED)))]
pub struct IngestArgs {
    /// Which contracts.
    #[command(flatten)]
    pub contracts: ContractArgs,

    /// What to do when the network started over (testnet does, a few times a year): stop and say so, or put what is
    /// indexed aside in a schema of its own and begin with the new network.
    #[arg(long, env = "FLOWFI_ON_RESET", value_enum, default_value_t = OnReset::Stop)]
    pub on_reset: OnReset,

    /// How to read entries.
    #[command(flatten)]
    pub entries: EntryArgs,

    /// How eagerly.
    #[command(flatten)]
    pub pace: PaceArgs,
}

/// What records follow from.
#[derive(Args, Clone, Copy, Debug)]
pub struct RecordArgs {
    /// What records follow from: the contract's events, its own stored entries, or its events and then the entries, which
    /// decide where both differ. Events need rules that fit the contract's version; entries need none, but until one is
    /// read nothing is computed of its stream (notYetChecked). All events are stored and sent in any case. Whole ledgers hold
    /// the entries with the events; beside events, they are asked for at the tip, at most 199 in a request. Maintenance
    /// commands need the same choice, so set the environment variable if it is not the default.
    #[arg(long, env = "FLOWFI_STATE", value_enum, default_value_t = RecordState::Both)]
    pub state: RecordState,
}

impl From<RecordState> for RecordArgs {
    fn from(state: RecordState) -> Self {
        Self { state }
    }
}

/// How the contracts' entries are read.
#[derive(Args, Clone, Debug)]
pub struct EntryArgs {
    /// Fields of a contract's stored record that this version does not know and may ignore, separated by commas or by
    /// repeating the flag. Nothing is computed from a record with any other unknown field (unknownField); the log names it
    /// when the daemon starts. Adding a name takes effect for all records at the next start; removing one takes effect when
    /// each record is next compared with its entry. Maintenance commands need the same names, so set the environment
    /// variable.
    #[arg(
        long,
        alias = "harmless-field",
        env = "FLOWFI_HARMLESS_FIELDS",
        value_name = "NAME,…",
        value_delimiter = ','
    )]
    pub harmless_fields: Vec<HarmlessField>,
}

impl EntryArgs {
    /// Returns the fields that are ignored.
    #[must_use]
    pub fn harmless(&self) -> HarmlessFields {
        self.harmless_fields.iter().cloned().collect()
    }
}

/// What to do when the network started over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnReset {
    /// Stop, and log why.
    Stop,
    /// Put the old epoch aside and begin the next.
    Archive,
}

/// What records follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RecordState {
    /// Events alone. What they do not tell stays unknown.
    Events,
    /// The contract's own entries alone. Events only say which of them to read.
    Entries,
    /// Events, and the contract's own entries after them.
    Both,
}

impl RecordState {
    /// Returns what is read of whole ledgers for it.
    #[must_use]
    pub const fn contents(self) -> LedgerContents {
        match self {
            Self::Events => LedgerContents::Events,
            Self::Entries | Self::Both => LedgerContents::EventsAndEntries,
        }
    }

    /// Returns what events do to records.
    #[must_use]
    pub const fn event_effect(self) -> EventEffect {
        match self {
            Self::Entries => EventEffect::Outdates,
            Self::Events | Self::Both => EventEffect::Applies,
        }
    }
}

/// What RPC endpoints are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Follow {
    /// The contracts' events.
    Events,
    /// Whole ledgers.
    Ledgers,
}

/// How eagerly to ask.
#[derive(Args, Clone, Debug)]
pub struct PaceArgs {
    /// The first ledger to index, for a database that has none yet. Default: the oldest the endpoints still have; with a
    /// lake or a Horizon it may be older.
    #[arg(long, env = "FLOWFI_START_LEDGER", value_name = "N")]
    pub start_ledger: Option<LedgerSequence>,

    /// The longest pause between two looks at the tip. The daemon chooses shorter pauses when the next ledger is about to
    /// close.
    #[arg(
        long,
        alias = "poll-ms",
        env = "FLOWFI_POLL_INTERVAL",
        value_name = "TIME",
        default_value = "1s",
        value_parser = durations(Unit::Milliseconds, Duration::from_millis(10)..=Duration::from_mins(1))
    )]
    pub poll_interval: Duration,

    /// What records follow from.
    #[command(flatten)]
    pub records: RecordArgs,

    /// What RPC endpoints are asked for: the contracts' events (getEvents), or whole ledgers (getLedgers). Whole ledgers
    /// are far larger, but they hold the contracts' entries too, exact at every transaction. A Horizon is always read
    /// ledger by ledger.
    #[arg(long, env = "FLOWFI_FOLLOW", value_enum, default_value_t = Follow::Events)]
    pub follow: Follow,

    /// How many events to ask for at once, or whole ledgers, of which an endpoint may give fewer.
    #[arg(long, env = "FLOWFI_PAGE_LIMIT", value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub page_limit: u32,

    /// The pause between two checks of some records against the chain. For each contract, a check costs one request for
    /// entries, and one to each endpoint for the newest events again.
    #[arg(
        long,
        alias = "check-interval-ms",
        env = "FLOWFI_CHECK_INTERVAL",
        value_name = "TIME",
        default_value = "30s",
        value_parser = durations(Unit::Milliseconds, Duration::from_secs(1)..=Duration::from_hours(1))
    )]
    pub check_interval: Duration,
}
