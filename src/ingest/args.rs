//! The indexer's command-line arguments.

use clap::{Args, ValueEnum};

use crate::domain::{ContractId, LedgerSequence};

/// What to index, and how eagerly.
#[derive(Args, Clone, Debug)]
pub struct IngestArgs {
    /// The payment-stream contracts to follow, at most 25, separated by commas or by repeating the option. One that is
    /// added later has its past read while the others go on; one that is left out stays readable and stands still.
    #[arg(long = "contract", env = "FLOWFI_CONTRACT", value_name = "C…,C…", value_delimiter = ',', required = true)]
    pub contracts: Vec<ContractId>,

    /// What to do when the network started over (testnet does, a few times a year): stop and say so, or put what is
    /// indexed aside in a schema of its own and begin with the new network.
    #[arg(long, env = "FLOWFI_ON_RESET", value_enum, default_value_t = OnReset::Stop)]
    pub on_reset: OnReset,

    /// How eagerly.
    #[command(flatten)]
    pub pace: PaceArgs,
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
    /// Events, and the contract's own entries after them.
    Both,
}

/// How eagerly to ask.
#[derive(Args, Clone, Debug)]
pub struct PaceArgs {
    /// The first ledger to index, for a database that has none yet. Default: the oldest the endpoints still have; with a
    /// lake or a Horizon it may be older.
    #[arg(long, env = "FLOWFI_START_LEDGER", value_name = "N")]
    pub start_ledger: Option<LedgerSequence>,

    /// The longest pause between two looks at the tip, in milliseconds. The daemon chooses shorter pauses when
    /// the next ledger is about to close.
    #[arg(long, env = "FLOWFI_POLL_MS", value_name = "MS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    pub poll_ms: u64,

    /// What records follow from: the contract's events alone, or its events and then its own stored entries, which decide
    /// where both differ. Entries are asked for at the tip, at most 199 in a request.
    #[arg(long, env = "FLOWFI_STATE", value_enum, default_value_t = RecordState::Both)]
    pub state: RecordState,

    /// How many events to ask for at once.
    #[arg(long, env = "FLOWFI_PAGE_LIMIT", value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub page_limit: u32,

    /// The pause between two checks of some records against the chain, in milliseconds. A check costs one request for each
    /// contract, and a second one where there are two endpoints, which asks the other for the newest events.
    #[arg(long, env = "FLOWFI_CHECK_INTERVAL_MS", value_name = "MS", default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(1_000..=3_600_000))]
    pub check_interval_ms: u64,
}
