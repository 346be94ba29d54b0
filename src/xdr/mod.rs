//! XDR to domain: the contract's events by a table, its storage, and whole ledgers. The only home of `stellar-xdr`
//! beside the devnet.
//!
//! Nothing here stops on what it reads: bytes that do not decode are a [`Refusal`] with its reason.

mod account;
mod args;
mod assemble;
mod challenge;
mod entry;
mod entry_key;
mod event;
mod ledger;
mod refusal;
mod table;
mod value;

pub use account::{AccountSigners, account_entry_key, decode_account_ledger_entry};
pub use args::{DecodeArgs, DecodeCommand, EventArgs, LedgerArgs};
pub use challenge::{
    ChallengeDraft, ChallengeTransaction, DataEntry, Signature, Unreadable, read_challenge, write_challenge,
};
pub use entry::{
    contract_instance_key, decode_contract_version, decode_stream_count, decode_stream_entry, decode_stream_key,
    decode_stream_ledger_entry, encode_stream_key, stream_entry_key,
};
pub use entry_key::key_of_ledger_entry;
pub use event::{Decoded, decode_event, decode_event_body};
pub use ledger::{
    BrokenChain, ChangeCause, EntryChange, Ledger, LedgerContents, LedgerEvent, LedgerFault, LedgerHeader,
    LedgerInputError, LedgerParts, LedgerScan, LedgerScanners, LeftValue, TransactionParts, read_ledgers, scan_ledger,
};
pub use refusal::Refusal;
