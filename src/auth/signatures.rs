//! Checks that a challenge has the signatures it needs (SEP-10, "Verification").

use super::{SignInRefusal, signing_key::has_signed};
use crate::xdr::{AccountSigners, Signature};

/// Keys other than the account's: their signatures are required, and carry no weight.
pub(super) struct CoSigners {
    /// The service's own key. It must not help a client to sign in, even if it is a signer of the account.
    pub(super) server: [u8; 32],
    /// The wallet's key, if the challenge names a wallet.
    pub(super) client_domain: Option<[u8; 32]>,
}

/// Checks that every signature is by a known key, that no key signs twice, and that the weights of the account's
/// signers reach its medium threshold. `account` is `None` if the account is not on the ledger: then only its own key
/// `master` may sign.
pub(super) fn check(
    hash: &[u8; 32],
    signatures: &[Signature],
    co_signers: &CoSigners,
    master: [u8; 32],
    account: Option<&AccountSigners>,
) -> Result<(), SignInRefusal> {
    let unsigned = [(master, 1)];
    let signers = account.map_or(&unsigned[..], |account| &account.signers);
    let mut by_server = false;
    let mut by_client_domain = false;
    let mut signed: Vec<[u8; 32]> = Vec::new();
    let mut weight = 0_u32;
    for signature in signatures {
        let made = |key: &[u8; 32]| has_signed(key, hash, signature);
        if made(&co_signers.server) && !by_server {
            by_server = true;
        } else if co_signers.client_domain.is_some_and(|key| made(&key)) && !by_client_domain {
            by_client_domain = true;
        } else {
            let free = signers.iter().find(|(key, _)| !signed.contains(key) && *key != co_signers.server && made(key));
            let (key, its_weight) = free.ok_or(SignInRefusal::UnknownSignature)?;
            signed.push(*key);
            weight = weight.saturating_add(*its_weight);
        }
    }
    if !by_server {
        return Err(SignInRefusal::NotOurs("it lacks our signature"));
    }
    if co_signers.client_domain.is_some() && !by_client_domain {
        return Err(SignInRefusal::NotSignedByClientDomain);
    }
    match account {
        None if signed == [master] => Ok(()),
        None => Err(SignInRefusal::NotSignedByMaster),
        Some(_) if signed.is_empty() => Err(SignInRefusal::NotSigned),
        Some(account) if weight < account.medium_threshold => {
            Err(SignInRefusal::TooLight { weight, threshold: account.medium_threshold })
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};

    use super::*;

    const HASH: [u8; 32] = [9; 32];

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn public(seed: u8) -> [u8; 32] {
        key(seed).verifying_key().to_bytes()
    }

    fn signature(seed: u8) -> Signature {
        let hint = public(seed)[28..].try_into().unwrap();
        Signature { hint, bytes: key(seed).sign(&HASH).to_bytes().to_vec() }
    }

    const SERVER: u8 = 1;
    const WALLET: u8 = 2;
    const MASTER: u8 = 3;

    fn check_by(by: &[u8], wallet: bool, account: Option<&AccountSigners>) -> Result<(), SignInRefusal> {
        let signatures: Vec<_> = by.iter().map(|seed| signature(*seed)).collect();
        let co_signers = CoSigners { server: public(SERVER), client_domain: wallet.then(|| public(WALLET)) };
        check(&HASH, &signatures, &co_signers, public(MASTER), account)
    }

    fn account(signers: &[(u8, u32)], medium_threshold: u32) -> AccountSigners {
        let signers = signers.iter().map(|(seed, weight)| (public(*seed), *weight)).collect();
        AccountSigners { signers, medium_threshold }
    }

    #[test]
    fn an_account_that_is_not_on_the_ledger_signs_with_its_own_key_alone() {
        assert!(check_by(&[SERVER, MASTER], false, None).is_ok());
        assert!(matches!(check_by(&[SERVER], false, None), Err(SignInRefusal::NotSignedByMaster)));
        assert!(matches!(check_by(&[SERVER, 7], false, None), Err(SignInRefusal::UnknownSignature)));
        assert!(matches!(check_by(&[SERVER, MASTER, 7], false, None), Err(SignInRefusal::UnknownSignature)));
        assert!(matches!(check_by(&[MASTER], false, None), Err(SignInRefusal::NotOurs(_))));
    }

    #[test]
    fn the_weights_of_the_signers_must_reach_the_medium_threshold() {
        let shared = account(&[(5, 1), (6, 2)], 3);
        assert!(check_by(&[SERVER, 5, 6], false, Some(&shared)).is_ok());
        let light = check_by(&[SERVER, 6], false, Some(&shared));
        assert!(matches!(light, Err(SignInRefusal::TooLight { weight: 2, threshold: 3 })));
        assert!(
            matches!(check_by(&[SERVER, MASTER], false, Some(&shared)), Err(SignInRefusal::UnknownSignature)),
            "a master key of weight zero is not a signer"
        );
    }

    #[test]
    fn a_threshold_of_zero_still_needs_a_signer() {
        let open = account(&[(5, 1)], 0);
        assert!(check_by(&[SERVER, 5], false, Some(&open)).is_ok());
        assert!(matches!(check_by(&[SERVER], false, Some(&open)), Err(SignInRefusal::NotSigned)));
    }

    #[test]
    fn a_signature_counts_once() {
        let account = account(&[(5, 1)], 2);
        assert!(matches!(check_by(&[SERVER, 5, 5], false, Some(&account)), Err(SignInRefusal::UnknownSignature)));
        assert!(matches!(check_by(&[SERVER, SERVER, 5], false, Some(&account)), Err(SignInRefusal::UnknownSignature)));
    }

    #[test]
    fn our_own_signature_has_no_weight_even_if_we_are_a_signer() {
        let ours = account(&[(SERVER, 10), (5, 1)], 2);
        assert!(matches!(check_by(&[SERVER, 5], false, Some(&ours)), Err(SignInRefusal::TooLight { weight: 1, .. })));
    }

    #[test]
    fn a_named_wallet_must_sign_and_its_signature_has_no_weight() {
        let account = account(&[(5, 1)], 1);
        assert!(check_by(&[SERVER, WALLET, 5], true, Some(&account)).is_ok());
        let missing = check_by(&[SERVER, 5], true, Some(&account));
        assert!(matches!(missing, Err(SignInRefusal::NotSignedByClientDomain)));
        assert!(matches!(check_by(&[SERVER, WALLET], true, Some(&account)), Err(SignInRefusal::NotSigned)));
    }

    #[test]
    fn a_signature_under_another_keys_hint_does_not_count() {
        let mut forged = signature(5);
        forged.hint = [0; 4];
        let co_signers = CoSigners { server: public(SERVER), client_domain: None };
        let signatures = [signature(SERVER), forged];
        let refused = check(&HASH, &signatures, &co_signers, public(MASTER), Some(&account(&[(5, 1)], 1)));
        assert!(matches!(refused, Err(SignInRefusal::UnknownSignature)));
    }
}
