//! Why bytes did not become a domain value.

use thiserror::Error;

/// Why an event (or a storage entry) did not decode.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// A topic or the value is not base64.
    #[error("{part} is not base64")]
    NotBase64 {
        /// Which part of the event.
        part: String,
    },
    /// A topic or the value is no XDR that this version reads.
    #[error("{part} is not known XDR: {reason}")]
    Xdr {
        /// Which part of the event.
        part: String,
        /// What the XDR reader says.
        reason: String,
    },
    /// The entry of the ledger holds something else than a contract's data.
    #[error("the entry of the ledger is not a contract's data")]
    NotContractData,
    /// The entry of the ledger holds something else than what a contract keeps for itself.
    #[error("the entry of the ledger is not a contract's instance")]
    NotAnInstance,
    /// The entry of the ledger holds something else than an account.
    #[error("the entry of the ledger is not an account")]
    NotAnAccount,
    /// The value should be a map with symbol keys.
    #[error("the value is not a map")]
    NotAMap,
    /// A field that every version of the contract sends is absent.
    #[error("the field {field} is missing")]
    Missing {
        /// The contract's name of the field.
        field: &'static str,
    },
    /// A field holds a value of another type.
    #[error("the field {field} should be {wanted}")]
    WrongType {
        /// The contract's name of the field.
        field: &'static str,
        /// The type it should have.
        wanted: &'static str,
    },
    /// The source says that the call failed, so the event changed nothing.
    #[error("the contract call did not succeed")]
    UnsuccessfulCall,
}
