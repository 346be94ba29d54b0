//! Accounts as the ledger stores them: who may sign for them, and how much a signature weighs.

use std::collections::BTreeMap;

use serde::Deserialize;
use stellar_strkey::Strkey;
use stellar_xdr::{
    AccountEntry, AccountId, PublicKey, SequenceNumber, Signer, SignerKey, SignerKeyEd25519SignedPayload, Thresholds,
    Uint256,
};
use thiserror::Error;

use flowfi_domain::{Address, LedgerSequence};

/// What an account holds, in stroops. It plays no part here.
const BALANCE_STROOPS: i64 = 100_000_000_000;
/// Accounts have at most so many signers beside their own key.
const MAX_SIGNERS: usize = 20;

/// How much an account's own key weighs, and what each class of operations asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountThresholds {
    /// The weight of the account's own key; 0 takes its power.
    pub master_weight: u8,
    /// What the lightest class asks for.
    pub low: u8,
    /// What most operations ask for.
    pub medium: u8,
    /// What changes of the signers ask for.
    pub high: u8,
}

impl Default for AccountThresholds {
    /// Returns those of a new account.
    fn default() -> Self {
        Self { master_weight: 1, low: 0, medium: 0, high: 0 }
    }
}

/// Why there can be no such account.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoSuchAccount {
    /// Its address is not that of an account.
    #[error("{0} is not an account G…")]
    NotAnAccount(Address),
    /// A signer's key is none.
    #[error("{0:?} is not a signer's key G…, T…, X… or P…")]
    NotASigner(String),
    /// It has too many signers.
    #[error("an account has at most {MAX_SIGNERS} signers beside its own key")]
    TooManySigners,
}

/// The accounts that a network's ledger has.
#[derive(Debug, Default)]
pub(super) struct AccountEntries(BTreeMap<AccountId, (AccountEntry, LedgerSequence)>);

impl AccountEntries {
    /// Adds an account or replaces it, as of this ledger.
    pub(super) fn set(
        &mut self,
        address: &Address,
        signers: &[(&str, u32)],
        thresholds: AccountThresholds,
        ledger: LedgerSequence,
    ) -> Result<(), NoSuchAccount> {
        let Ok(Strkey::PublicKeyEd25519(key)) = Strkey::from_string(address.as_str()) else {
            return Err(NoSuchAccount::NotAnAccount(address.clone()));
        };
        let account_id = AccountId(PublicKey::PublicKeyTypeEd25519(Uint256(key.0)));
        let AccountThresholds { master_weight, low, medium, high } = thresholds;
        let signers = signers.iter().map(|(key, weight)| signer(key, *weight)).collect::<Result<Vec<_>, _>>()?;
        let entry = AccountEntry {
            account_id: account_id.clone(),
            balance: BALANCE_STROOPS,
            seq_num: SequenceNumber(i64::from(ledger.0) << 32),
            num_sub_entries: u32::try_from(signers.len()).map_err(|_| NoSuchAccount::TooManySigners)?,
            thresholds: Thresholds([master_weight, low, medium, high]),
            signers: signers.try_into().map_err(|_| NoSuchAccount::TooManySigners)?,
            ..AccountEntry::default()
        };
        self.0.insert(account_id, (entry, ledger));
        Ok(())
    }

    /// Returns an account and the ledger that last changed it.
    pub(super) fn get(&self, account_id: &AccountId) -> Option<&(AccountEntry, LedgerSequence)> {
        self.0.get(account_id)
    }
}

fn signer(text: &str, weight: u32) -> Result<Signer, NoSuchAccount> {
    let not_a_signer = || NoSuchAccount::NotASigner(text.to_owned());
    let key = match Strkey::from_string(text).map_err(|_| not_a_signer())? {
        Strkey::PublicKeyEd25519(key) => SignerKey::Ed25519(Uint256(key.0)),
        Strkey::PreAuthTx(key) => SignerKey::PreAuthTx(Uint256(key.0)),
        Strkey::HashX(key) => SignerKey::HashX(Uint256(key.0)),
        Strkey::SignedPayloadEd25519(key) => SignerKey::Ed25519SignedPayload(SignerKeyEd25519SignedPayload {
            ed25519: Uint256(*key.ed25519()),
            payload: key.payload().to_vec().try_into().map_err(|_| not_a_signer())?,
        }),
        _ => return Err(not_a_signer()),
    };
    Ok(Signer { key, weight })
}
