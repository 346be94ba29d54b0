//! Why an input is not the ledgers it should be, and where.

use std::io;

use thiserror::Error;

use super::MAX_LEDGER_MIB;
use crate::domain::LedgerSequence;

/// An input that could not be read as ledgers. Ledgers before the place were handed on.
#[derive(Debug, Error)]
#[error("ledger no. {ordinal} in it, byte {offset} unpacked: {fault}")]
pub struct LedgerInputError {
    /// Which ledger of the input, counted from 1.
    pub ordinal: u32,
    /// How many bytes of the unpacked input were used.
    pub offset: u64,
    /// What is wrong there.
    pub fault: LedgerFault,
}

/// What is wrong with an input.
#[derive(Debug, Error)]
pub enum LedgerFault {
    /// It has no bytes.
    #[error("it is empty")]
    Empty,
    /// Its first bytes are those of no form of ledgers.
    #[error(
        "this is neither a LedgerCloseMeta, nor framed records, nor a LedgerCloseMetaBatch that this version knows"
    )]
    UnknownForm,
    /// It could not be read or decompressed.
    #[error("cannot read or decompress: {0}")]
    Unreadable(io::Error),
    /// It ends where more was announced.
    #[error("it is cut short")]
    CutShort,
    /// One ledger is larger than any real one.
    #[error("a ledger of more than {MAX_LEDGER_MIB} MiB is not read")]
    TooLarge,
    /// The XDR is broken, or of a later protocol.
    #[error("not the XDR of a ledger, or that of a later protocol: {reason}")]
    Xdr {
        /// What the XDR reader says.
        reason: String,
    },
    /// Something follows where the ledgers should end.
    #[error("bytes follow after the last ledger")]
    TrailingBytes,
    /// A record's head lacks the bit that says that the record is whole.
    #[error("a record is split into fragments, or this is no record")]
    Fragment,
    /// A record's length is not that of its ledger.
    #[error("the length of the record, {announced} bytes, is not that of its ledger")]
    RecordLength {
        /// The length in the record's head.
        announced: u32,
    },
    /// A batch holds another ledger than its range says.
    #[error("the batch should hold ledger {expected} here and holds {found}")]
    NotInBatch {
        /// The ledger whose turn it is.
        expected: LedgerSequence,
        /// The ledger found.
        found: LedgerSequence,
    },
    /// The close time is beyond any calendar.
    #[error("the close time of ledger {sequence} is out of range")]
    CloseTime {
        /// The ledger.
        sequence: LedgerSequence,
    },
    /// There are more transactions or operations than event ids have numbers.
    #[error("event ids have no room for the number of ledger {sequence}, its transactions or their operations")]
    NoRoom {
        /// The ledger.
        sequence: LedgerSequence,
    },
    /// The transactions are not those that the header commits to: some are missing, or others or in another order.
    #[error("the transactions of ledger {sequence} are not those that its header commits to")]
    OtherTransactions {
        /// The ledger.
        sequence: LedgerSequence,
    },
    /// A transaction came without its metadata.
    #[error("transaction {transaction} comes without its metadata")]
    NoMetadata {
        /// Its hash.
        transaction: String,
    },
    /// The operating system gives no thread to read on.
    #[error("no thread to read on: {0}")]
    NoThread(io::Error),
}

impl From<io::Error> for LedgerFault {
    fn from(failure: io::Error) -> Self {
        match failure.kind() {
            io::ErrorKind::UnexpectedEof => Self::CutShort,
            _ => Self::Unreadable(failure),
        }
    }
}

impl From<stellar_xdr::Error> for LedgerFault {
    fn from(error: stellar_xdr::Error) -> Self {
        match error {
            stellar_xdr::Error::Io(failure) => failure.into(),
            stellar_xdr::Error::LengthLimitExceeded => Self::TooLarge,
            other => Self::Xdr { reason: other.to_string() },
        }
    }
}
