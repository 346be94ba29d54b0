//! What `decode` is told on the command line.
#![expect(clippy::doc_markdown, reason = "the comments are the text of --help")]

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::domain::ContractId;

/// Arguments of `decode`.
#[derive(Args, Clone, Debug)]
pub struct DecodeArgs {
    /// What to decode.
    #[command(subcommand)]
    pub command: DecodeCommand,
}

/// What can be decoded.
#[derive(Clone, Debug, Subcommand)]
pub enum DecodeCommand {
    /// Print the events of whole ledgers, as getEvents would list them, or how they changed contracts' storage
    ///
    /// A file holds one LedgerCloseMeta, framed records of them (as stellar-core writes them), or a
    /// LedgerCloseMetaBatch (as data lakes hold them); plain, gzip or zstd. The format is recognised by its first bytes.
    ///
    /// Each event is a line of JSON: id, txHash, successful, type, contractId, topic, value. The ids are those of
    /// Stellar RPC. A file that is no ledger ends the command with one line on standard error; the events of ledgers
    /// before the fault are printed, of the faulty one none.
    ///
    /// With --entries, each line is a change of an entry in a contract's storage instead: ledger, tx (its place in the
    /// ledger, counted from 1), op (counted from 0; null if the transaction as a whole made the change), txHash, change
    /// (created, updated, removed or restored), contractId, durability (persistent or temporary), key, and value (null
    /// if the entry was removed). Changes are in the order of application. Evicted entries come last; they have neither
    /// tx, op and txHash nor value, because no transaction evicts them.
    #[command(after_help = "Examples:
  flowfi-indexer decode ledger FFFF05FF--64000.xdr.zst
  flowfi-indexer decode ledger --contracts C… *.xdr.zst | flowfi-indexer decode event
  flowfi-indexer decode ledger --contracts C… --entries *.xdr.zst")]
    Ledger(LedgerArgs),
    /// Print what an event of the payment-stream contract says
    ///
    /// Prints a line of JSON: the event's type and fields, or {"unknown": NAME} where the contract has no event of
    /// that name, or {"refused": REASON} where it has one and this does not decode as it. An event of the network
    /// (type system) that tells of new code gives {"upgrade": {"old": HASH, "new": HASH}}.
    ///
    /// Without flags it reads rows of getEvents from standard input, one JSON object after the other, and begins each
    /// answer with the id of its row. What `decode ledger` prints are such rows.
    #[command(after_help = "Examples:
  flowfi-indexer decode event --topics AAAADw…,AAAABQ… --value AAAAEQ…
  flowfi-indexer decode ledger FILE | flowfi-indexer decode event")]
    Event(EventArgs),
}

/// Arguments of `decode ledger`.
#[derive(Args, Clone, Debug)]
pub struct LedgerArgs {
    /// Files of ledgers, read in this order; - is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Print changes of entries instead of events.
    #[arg(long)]
    pub entries: bool,

    /// Print only what concerns these contracts, separated by commas or by repeating the flag.
    #[arg(long, value_name = "C…,C…", value_delimiter = ',')]
    pub contracts: Vec<ContractId>,
}

/// Arguments of `decode event`.
#[derive(Args, Clone, Debug)]
pub struct EventArgs {
    /// The topics in their order, each an ScVal in base64, separated by commas or by repeating the flag.
    #[arg(long, alias = "topic", value_name = "BASE64", value_delimiter = ',', requires = "value")]
    pub topics: Vec<String>,

    /// The value, an ScVal in base64.
    #[arg(long, value_name = "BASE64")]
    pub value: Option<String>,
}
