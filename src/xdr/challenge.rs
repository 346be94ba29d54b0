//! The transaction of a sign-in (SEP-10): read from XDR without judging it, and written. What it must say is for
//! `auth` to know.

use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use stellar_strkey::Strkey;
use stellar_xdr::{
    DecoratedSignature, Hash, Limits, ManageDataOp, Memo, MuxedAccount, MuxedAccountMed25519, Operation, OperationBody,
    Preconditions, ReadXdr, SequenceNumber, SignatureHint, TimeBounds, TimePoint, Transaction, TransactionEnvelope,
    TransactionExt, TransactionSignaturePayload, TransactionSignaturePayloadTaggedTransaction, TransactionV1Envelope,
    Uint256, WriteXdr,
};
use thiserror::Error;

use super::value;
use crate::domain::{Address, UnixTime};

/// What the network would ask for an operation, in stroops. It is never paid: the sequence number is no valid one.
const FEE_OF_AN_OPERATION: u32 = 100;

/// Why a text is no transaction that a sign-in could be made of.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// It is not base64.
    #[error("the transaction is not base64")]
    NotBase64,
    /// It is no transaction envelope.
    #[error("the transaction is not the XDR of a transaction envelope")]
    Xdr,
    /// It is an envelope of another kind: of before protocol 13, or a fee bump.
    #[error("the envelope is not that of a plain transaction (version 1)")]
    NotAPlainTransaction,
    /// An operation does something else than to set an account's data entry.
    #[error("every operation must be Manage Data")]
    OtherOperation,
    /// A name is not text.
    #[error("a data entry's name is not text")]
    NotText,
    /// The memo is of another kind than a number.
    #[error("the memo must be of the type id, or none")]
    OtherMemo,
    /// It holds when something else than a time is met.
    #[error("the transaction must have time bounds and no other precondition")]
    OtherPreconditions,
    /// What is to be written does not fit: names and values hold at most 64 bytes.
    #[error("a name or a value of the challenge is longer than 64 bytes")]
    TooLong,
}

/// A data entry that a transaction would set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataEntry {
    /// Whose entry, where that is not the transaction's own account.
    pub source: Option<Address>,
    /// Its name.
    pub name: String,
    /// Its value; `None` would remove it.
    pub value: Option<Vec<u8>>,
}

/// A signature, and the last four bytes of the key that is said to have made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The hint.
    pub hint: [u8; 4],
    /// The signature: 64 bytes, if it is one of an ed25519 key.
    pub bytes: Vec<u8>,
}

/// A transaction as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengeTransaction {
    /// What signatures are over: the transaction and its network.
    pub hash: [u8; 32],
    /// Whose transaction it is.
    pub source: Address,
    /// Its sequence number.
    pub sequence: i64,
    /// From when on it holds.
    pub not_before: UnixTime,
    /// Until when; 0 for ever.
    pub not_after: UnixTime,
    /// Its memo.
    pub memo: Option<u64>,
    /// What it would do, in order.
    pub entries: Vec<DataEntry>,
    /// Who signed it so far.
    pub signatures: Vec<Signature>,
}

/// A transaction to be written, with sequence number 0.
#[derive(Clone, Debug)]
pub struct ChallengeDraft {
    /// Whose transaction it is.
    pub source: Address,
    /// From when on it holds.
    pub not_before: UnixTime,
    /// Until when.
    pub not_after: UnixTime,
    /// Its memo.
    pub memo: Option<u64>,
    /// What it would do, in order.
    pub entries: Vec<DataEntry>,
}

/// Reads a transaction envelope: XDR in base64.
///
/// # Errors
/// [`Unreadable`] with the first thing that is wrong.
pub fn read_challenge(text: &str, network_passphrase: &str) -> Result<ChallengeTransaction, Unreadable> {
    let bytes = BASE64_STANDARD.decode(text).map_err(|_| Unreadable::NotBase64)?;
    let envelope = TransactionEnvelope::from_xdr(&bytes, value::limits_for(&bytes)).map_err(|_| Unreadable::Xdr)?;
    let TransactionEnvelope::Tx(TransactionV1Envelope { tx, signatures }) = envelope else {
        return Err(Unreadable::NotAPlainTransaction);
    };
    let Preconditions::Time(TimeBounds { min_time, max_time }) = &tx.cond else {
        return Err(Unreadable::OtherPreconditions);
    };
    let signatures =
        signatures.iter().map(|signed| Signature { hint: signed.hint.0, bytes: signed.signature.0.to_vec() });
    Ok(ChallengeTransaction {
        hash: signed_hash(&tx, network_passphrase),
        source: address(&tx.source_account),
        sequence: tx.seq_num.0,
        not_before: UnixTime(min_time.0),
        not_after: UnixTime(max_time.0),
        memo: match tx.memo {
            Memo::None => None,
            Memo::Id(number) => Some(number),
            Memo::Text(_) | Memo::Hash(_) | Memo::Return(_) => return Err(Unreadable::OtherMemo),
        },
        entries: tx.operations.iter().map(entry).collect::<Result<_, _>>()?,
        signatures: signatures.collect(),
    })
}

/// Writes a transaction with one signature: XDR in base64. `sign` is given what to sign.
///
/// # Errors
/// [`Unreadable::TooLong`] if something does not fit.
pub fn write_challenge(
    draft: &ChallengeDraft,
    network_passphrase: &str,
    sign: impl FnOnce(&[u8; 32]) -> Signature,
) -> Result<String, Unreadable> {
    let operations: Vec<Operation> = draft.entries.iter().map(operation).collect::<Result<_, _>>()?;
    let count = u32::try_from(operations.len()).map_err(|_| Unreadable::TooLong)?;
    let bounds = TimeBounds { min_time: TimePoint(draft.not_before.0), max_time: TimePoint(draft.not_after.0) };
    let tx = Transaction {
        source_account: muxed_account(&draft.source).ok_or(Unreadable::Xdr)?,
        fee: FEE_OF_AN_OPERATION.saturating_mul(count),
        seq_num: SequenceNumber(0),
        cond: Preconditions::Time(bounds),
        memo: draft.memo.map_or(Memo::None, Memo::Id),
        operations: operations.try_into().map_err(|_| Unreadable::TooLong)?,
        ext: TransactionExt::V0,
    };
    let Signature { hint, bytes } = sign(&signed_hash(&tx, network_passphrase));
    let signature = stellar_xdr::Signature(bytes.try_into().map_err(|_| Unreadable::TooLong)?);
    let signed = vec![DecoratedSignature { hint: SignatureHint(hint), signature }];
    let signatures = signed.try_into().map_err(|_| Unreadable::TooLong)?;
    let xdr = TransactionEnvelope::Tx(TransactionV1Envelope { tx, signatures }).to_xdr(Limits::none());
    Ok(BASE64_STANDARD.encode(xdr.expect("writing to memory without limits does not fail")))
}

fn signed_hash(tx: &Transaction, network_passphrase: &str) -> [u8; 32] {
    let payload = TransactionSignaturePayload {
        network_id: Hash(Sha256::digest(network_passphrase).into()),
        tagged_transaction: TransactionSignaturePayloadTaggedTransaction::Tx(tx.clone()),
    };
    let xdr = payload.to_xdr(Limits::none()).expect("writing to memory without limits does not fail");
    Sha256::digest(xdr).into()
}

fn entry(operation: &Operation) -> Result<DataEntry, Unreadable> {
    let OperationBody::ManageData(ManageDataOp { data_name, data_value }) = &operation.body else {
        return Err(Unreadable::OtherOperation);
    };
    Ok(DataEntry {
        source: operation.source_account.as_ref().map(address),
        name: String::from_utf8(data_name.0.to_vec()).map_err(|_| Unreadable::NotText)?,
        value: data_value.as_ref().map(|value| value.0.to_vec()),
    })
}

fn operation(entry: &DataEntry) -> Result<Operation, Unreadable> {
    let data_name = entry.name.as_str().try_into().map_err(|_| Unreadable::TooLong)?;
    let value = entry.value.clone().map(TryInto::try_into).transpose().map_err(|_| Unreadable::TooLong)?;
    let source_account = match &entry.source {
        Some(source) => Some(muxed_account(source).ok_or(Unreadable::Xdr)?),
        None => None,
    };
    let data_value = value.map(stellar_xdr::DataValue);
    let body = OperationBody::ManageData(ManageDataOp { data_name: stellar_xdr::String64(data_name), data_value });
    Ok(Operation { source_account, body })
}

fn address(account: &MuxedAccount) -> Address {
    let strkey = match account {
        MuxedAccount::Ed25519(key) => Strkey::PublicKeyEd25519(stellar_strkey::ed25519::PublicKey(key.0)),
        MuxedAccount::MuxedEd25519(MuxedAccountMed25519 { id, ed25519 }) => {
            Strkey::MuxedAccountEd25519(stellar_strkey::ed25519::MuxedAccount { ed25519: ed25519.0, id: *id })
        }
    };
    Address::from_strkey(&strkey).expect("accounts are addresses")
}

fn muxed_account(address: &Address) -> Option<MuxedAccount> {
    match Strkey::from_string(address.as_str()) {
        Ok(Strkey::PublicKeyEd25519(key)) => Some(MuxedAccount::Ed25519(Uint256(key.0))),
        Ok(Strkey::MuxedAccountEd25519(account)) => {
            Some(MuxedAccount::MuxedEd25519(MuxedAccountMed25519 { id: account.id, ed25519: Uint256(account.ed25519) }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSPHRASE: &str = "Test SDF Network ; September 2015";
    const ACCOUNT: &str = "GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7";

    fn draft() -> ChallengeDraft {
        let account: Address = ACCOUNT.parse().unwrap();
        let entry = |source: Option<&Address>, value: Option<&[u8]>| DataEntry {
            source: source.cloned(),
            name: "example.com auth".to_owned(),
            value: value.map(<[u8]>::to_vec),
        };
        ChallengeDraft {
            source: account.clone(),
            not_before: UnixTime(1),
            not_after: UnixTime(901),
            memo: Some(u64::MAX),
            entries: vec![entry(Some(&account), Some(&[b'A'; 64])), entry(None, None)],
        }
    }

    fn sign(hash: &[u8; 32]) -> Signature {
        Signature { hint: [1, 2, 3, 4], bytes: hash.to_vec() }
    }

    #[test]
    fn what_was_written_is_read_as_it_was() {
        let draft = draft();
        let read = read_challenge(&write_challenge(&draft, PASSPHRASE, sign).unwrap(), PASSPHRASE).unwrap();
        assert_eq!((read.source, read.sequence, read.memo), (draft.source, 0, draft.memo));
        assert_eq!((read.not_before, read.not_after, read.entries), (draft.not_before, draft.not_after, draft.entries));
        assert_eq!(read.signatures, [sign(&read.hash)], "the signature is over the hash that a reader finds");
    }

    #[test]
    fn another_network_gives_another_hash() {
        let text = write_challenge(&draft(), PASSPHRASE, sign).unwrap();
        let hash = |passphrase| read_challenge(&text, passphrase).unwrap().hash;
        assert_ne!(hash(PASSPHRASE), hash("Public Global Stellar Network ; September 2015"));
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let mut draft = draft();
        draft.entries[0].name = "x".repeat(65);
        assert_eq!(write_challenge(&draft, PASSPHRASE, sign), Err(Unreadable::TooLong));
    }

    #[test]
    fn garbage_is_told_apart() {
        assert_eq!(read_challenge("?", PASSPHRASE), Err(Unreadable::NotBase64));
        assert_eq!(read_challenge("AAAA", PASSPHRASE), Err(Unreadable::Xdr));
        let text = write_challenge(&draft(), PASSPHRASE, sign).unwrap();
        let mut bytes = BASE64_STANDARD.decode(text).unwrap();
        bytes.push(0);
        assert_eq!(read_challenge(&BASE64_STANDARD.encode(bytes), PASSPHRASE), Err(Unreadable::Xdr));
    }
}
