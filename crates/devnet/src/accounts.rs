//! The devnet's fixed names: its contracts and its sample accounts, derived from words so that they are the same in
//! every run.

use sha2::{Digest, Sha256};
use stellar_strkey::{Strkey, ed25519};

use flowfi_domain::{Address, ContractId};

/// What a network of this kind calls itself; its hash starts the chain of ledger hashes.
pub(super) const PASSPHRASE: &str = "FlowFi Local Network ; 2026";
/// What a node of another network calls it.
pub(super) const OTHER_PASSPHRASE: &str = "Another Local Network ; 2026";

/// The accounts that the scenario plays with and that a developer is shown.
pub(super) const SAMPLE_NAMES: [&str; 6] = ["alice", "bob", "carol", "dave", "erin", "frank"];

/// Returns the account that belongs to `name`.
pub(super) fn account(name: &str) -> Address {
    let key = Strkey::PublicKeyEd25519(ed25519::PublicKey(digest_of(name)));
    Address::from_strkey(&key).expect("a public key is an address")
}

/// Returns the sample accounts, in the order of their names.
pub(super) fn samples() -> impl Iterator<Item = (&'static str, Address)> {
    SAMPLE_NAMES.into_iter().map(|name| (name, account(name)))
}

/// Returns the id of the first payment-stream contract.
pub(super) fn stream_contract() -> ContractId {
    stream_contract_of(0)
}

/// Returns the id of a payment-stream contract by its number; the first is number 0.
pub(super) fn stream_contract_of(number: u8) -> ContractId {
    let name = if number == 0 { "stream contract".to_owned() } else { format!("stream contract {number}") };
    ContractId::from_bytes(digest_of(&name))
}

/// Returns the id of the one token there is.
pub(super) fn token_contract() -> ContractId {
    ContractId::from_bytes(digest_of("token contract"))
}

fn digest_of(name: &str) -> [u8; 32] {
    Sha256::digest(format!("flowfi devnet {name}")).into()
}
