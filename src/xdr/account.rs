//! An account's entry of the ledger: who may sign for it, and how much a signature weighs.

use base64::{Engine, prelude::BASE64_STANDARD};
use stellar_strkey::Strkey;
use stellar_xdr::{
    AccountEntry, AccountId, LedgerEntryData, LedgerKey, LedgerKeyAccount, Limits, PublicKey, ReadXdr, SignerKey,
    Uint256, WriteXdr,
};

use super::{Refusal, value};
use crate::domain::Address;

/// Who may sign for an account. Signers that are no ed25519 key (hashes, transactions signed beforehand) cannot sign a
/// challenge and are left out; so are those of weight 0, which sign for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSigners {
    /// The public keys and their weights, from 1 to 255, the account's own key among them unless its power was taken.
    pub signers: Vec<([u8; 32], u32)>,
    /// The weight that most operations ask for.
    pub medium_threshold: u32,
}

/// Returns the key that an account lies under in the ledger (a `LedgerKey`, XDR in base64); `None` for an address that
/// is no `G…`.
#[must_use]
pub fn account_entry_key(address: &Address) -> Option<String> {
    let Ok(Strkey::PublicKeyEd25519(key)) = Strkey::from_string(address.as_str()) else { return None };
    let account_id = AccountId(PublicKey::PublicKeyTypeEd25519(Uint256(key.0)));
    let xdr = LedgerKey::Account(LedgerKeyAccount { account_id }).to_xdr(Limits::none());
    Some(BASE64_STANDARD.encode(xdr.expect("writing to memory without limits does not fail")))
}

/// Decodes an account's entry of the ledger: a `LedgerEntryData`, XDR in base64.
///
/// # Errors
/// A [`Refusal`], if it is no such entry.
pub fn decode_account_ledger_entry(text: &str) -> Result<AccountSigners, Refusal> {
    const PART: &str = "the entry of the ledger";
    let bytes = BASE64_STANDARD.decode(text).map_err(|_| Refusal::NotBase64 { part: PART.to_owned() })?;
    match LedgerEntryData::from_xdr(&bytes, value::limits_for(&bytes)) {
        Ok(LedgerEntryData::Account(account)) => Ok(signers_of(&account)),
        Ok(_) => Err(Refusal::NotAnAccount),
        Err(error) => Err(Refusal::Xdr { part: PART.to_owned(), reason: error.to_string() }),
    }
}

fn signers_of(account: &AccountEntry) -> AccountSigners {
    let [master_weight, _, medium, _] = account.thresholds.0;
    let PublicKey::PublicKeyTypeEd25519(own) = &account.account_id.0;
    let others = account.signers.iter().filter_map(|signer| match &signer.key {
        SignerKey::Ed25519(key) => Some((key.0, signer.weight)),
        SignerKey::PreAuthTx(_) | SignerKey::HashX(_) | SignerKey::Ed25519SignedPayload(_) => None,
    });
    let signers = std::iter::once((own.0, u32::from(master_weight))).chain(others);
    AccountSigners { signers: signers.filter(|(_, weight)| *weight > 0).collect(), medium_threshold: medium.into() }
}

#[cfg(test)]
mod tests {
    use stellar_xdr::{Signer, Thresholds};

    use super::*;

    fn entry(thresholds: [u8; 4], signers: &[(SignerKey, u32)]) -> String {
        let signers: Vec<_> =
            signers.iter().map(|(key, weight)| Signer { key: key.clone(), weight: *weight }).collect();
        let account = AccountEntry {
            account_id: AccountId(PublicKey::PublicKeyTypeEd25519(Uint256([1; 32]))),
            thresholds: Thresholds(thresholds),
            signers: signers.try_into().unwrap(),
            ..AccountEntry::default()
        };
        BASE64_STANDARD.encode(LedgerEntryData::Account(account).to_xdr(Limits::none()).unwrap())
    }

    #[test]
    fn signers_are_the_own_key_and_the_others_that_weigh_something_and_can_sign() {
        let others = [
            (SignerKey::Ed25519(Uint256([2; 32])), 5),
            (SignerKey::Ed25519(Uint256([3; 32])), 0),
            (SignerKey::HashX(Uint256([4; 32])), 9),
        ];
        let signers = decode_account_ledger_entry(&entry([1, 0, 6, 9], &others)).unwrap();
        assert_eq!(signers, AccountSigners { signers: vec![([1; 32], 1), ([2; 32], 5)], medium_threshold: 6 });
        let locked = decode_account_ledger_entry(&entry([0, 0, 0, 0], &[])).unwrap();
        assert_eq!(locked.signers, []);
    }

    #[test]
    fn only_accounts_lie_under_a_key_of_an_account() {
        let account: Address = "GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7".parse().unwrap();
        assert!(account_entry_key(&account).is_some());
        let contract: Address = "CDLZFC3SYJYDZT7K67VZ75HPJVIEUVNIXF47ZG2FB2RMQQVU2HHGCYSC".parse().unwrap();
        assert_eq!(account_entry_key(&contract), None);
    }
}
