//! Stellar addresses in their strkey text (SEP-23), checked once at the border.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, de};
use stellar_strkey::Strkey;
use thiserror::Error;

/// An address that can hold or receive value: an account `G…`, a contract `C…`, or one of the muxed,
/// claimable-balance and pool forms (`M…`, `W…`, `B…`, `L…`) that token events may carry.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Address(Arc<str>);

/// The id of a contract, `C…`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ContractId(Arc<str>);

/// A text that is not an address of the wanted kind.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum InvalidAddress {
    /// The text is no strkey: wrong length, alphabet or checksum.
    #[error("not a Stellar address (wrong length, alphabet or checksum)")]
    Strkey,
    /// The text is a strkey of something that holds no value (a hash, a signer).
    #[error("this strkey names no address; use G…, C…, M…, W…, B… or L…")]
    Kind,
    /// A contract id was wanted.
    #[error("not a contract id; use C…")]
    NotAContract,
}

impl Address {
    /// Returns the address of a decoded strkey.
    ///
    /// # Errors
    /// [`InvalidAddress::Kind`] for strkeys that are no addresses.
    pub fn from_strkey(strkey: &Strkey) -> Result<Self, InvalidAddress> {
        match strkey {
            Strkey::PublicKeyEd25519(_)
            | Strkey::MuxedAccountEd25519(_)
            | Strkey::Contract(_)
            | Strkey::LiquidityPool(_)
            | Strkey::ClaimableBalance(_)
            | Strkey::MuxedContract(_) => Ok(Self(strkey.to_string().as_str().into())),
            Strkey::PreAuthTx(_) | Strkey::HashX(_) | Strkey::SignedPayloadEd25519(_) => Err(InvalidAddress::Kind),
        }
    }

    /// Returns the address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ContractId {
    /// Returns the contract id of these 32 bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(stellar_strkey::Contract(bytes).to_string().as_str().into())
    }

    /// Returns the 32 bytes this contract id stands for.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        stellar_strkey::Contract::from_string(&self.0).expect("checked when it was parsed").0
    }

    /// Returns the contract id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<ContractId> for Address {
    fn from(contract: ContractId) -> Self {
        Self(contract.0)
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_strkey(&Strkey::from_string(text).map_err(|_| InvalidAddress::Strkey)?)
    }
}

impl FromStr for ContractId {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match Strkey::from_string(text) {
            Ok(Strkey::Contract(contract)) => Ok(Self::from_bytes(contract.0)),
            Ok(_) => Err(InvalidAddress::NotAContract),
            Err(_) => Err(InvalidAddress::Strkey),
        }
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}
as_text!(Address);
as_text!(ContractId);

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7";
    const CONTRACT: &str = "CDLZFC3SYJYDZT7K67VZ75HPJVIEUVNIXF47ZG2FB2RMQQVU2HHGCYSC";

    #[test]
    fn accepts_accounts_and_contracts() {
        assert_eq!(ACCOUNT.parse::<Address>().unwrap().as_str(), ACCOUNT);
        assert_eq!(CONTRACT.parse::<Address>().unwrap().as_str(), CONTRACT);
        let contract: ContractId = CONTRACT.parse().unwrap();
        assert_eq!(ContractId::from_bytes(contract.to_bytes()), contract);
    }

    #[test]
    fn refuses_wrong_checksums_and_other_kinds() {
        assert_eq!(ACCOUNT.replace("GAAZ", "GAAY").parse::<Address>(), Err(InvalidAddress::Strkey));
        assert_eq!(ACCOUNT.parse::<ContractId>(), Err(InvalidAddress::NotAContract));
        assert_eq!("".parse::<Address>(), Err(InvalidAddress::Strkey));
        let hash = stellar_strkey::HashX([7; 32]).to_string();
        assert_eq!(hash.parse::<Address>(), Err(InvalidAddress::Kind));
    }
}
