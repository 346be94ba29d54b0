//! The reasons for refusing access, one per cause. No text here repeats a token, a signature or a secret.

use thiserror::Error;

use crate::{store::StoreError, xdr::Unreadable};

/// An invalid configuration.
#[derive(Debug, Error)]
pub enum BadAuthConfig {
    /// There is nothing to verify tokens with.
    #[error(
        "--auth needs something to verify tokens with: FLOWFI_TOKEN_SECRET, --token-secret-file, --token-key-file or \
         --token-jwks-url; or set --auth off, which lets everyone read everything"
    )]
    NoTokenKey,
    /// The secret is too short for its algorithm (RFC 7518, 3.2).
    #[error("the token secret has {0} bytes; HS256 needs 32 or more")]
    ShortSecret(usize),
    /// A file could not be read.
    #[error("{file}: {reason}")]
    File {
        /// The file.
        file: String,
        /// What went wrong.
        reason: String,
    },
    /// A key is not what the algorithm needs.
    #[error("{file} is not a PEM key for {algorithm}")]
    NotAKey {
        /// The file.
        file: String,
        /// The algorithm that needs another key.
        algorithm: String,
    },
    /// An RSA key is too short (RFC 7518, 3.3).
    #[error("{file} holds an RSA key of {bits} bits; it needs 2048 or more")]
    ShortRsaKey {
        /// The file.
        file: String,
        /// The key's length in bits.
        bits: usize,
    },
    /// An argument belongs to another algorithm.
    #[error("{argument} does not apply to --token-algorithm {algorithm}")]
    OtherAlgorithm {
        /// The argument.
        argument: &'static str,
        /// The configured algorithm.
        algorithm: String,
    },
    /// Sign-in has no key to sign tokens with.
    #[error("sign-in issues tokens, so it needs a key to sign them with: a token secret, or --token-signing-key-file")]
    NoSigningKey,
    /// Sign-in needs a domain.
    #[error("sign-in needs --home-domains, the domains that users sign in to")]
    NoHomeDomain,
    /// The sign-in seed is invalid.
    #[error("the sign-in seed is not a Stellar seed S…")]
    NotASeed,
    /// Sign-in has no endpoint to look accounts up at.
    #[error("sign-in looks up the signers of accounts, so it needs --rpc-urls")]
    NoAccountReader,
}

/// Why a ticket was refused.
#[derive(Debug, Error)]
pub enum TicketRefusal {
    /// The ticket is invalid, or the token that it was issued for no longer is valid.
    #[error(transparent)]
    Token(#[from] TokenRefusal),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a token was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TokenRefusal {
    /// The request has no token.
    #[error("this needs a token: Authorization: Bearer …")]
    Missing,
    /// The header does not have the form `Bearer …`.
    #[error("the Authorization header is not of the form: Bearer <token>")]
    NotBearer,
    /// The text is not a JWT.
    #[error("the token is not a JWT")]
    Malformed,
    /// The token is signed with another algorithm than the configured one.
    #[error("the token is signed with an algorithm that this service does not accept")]
    OtherAlgorithm,
    /// The token has a critical extension that we do not know (RFC 7515, 4.1.11).
    #[error("the token has a critical extension that this service does not support")]
    UnknownExtension,
    /// The token names an unknown key.
    #[error("the token names an unknown key")]
    UnknownKey,
    /// The signature is invalid.
    #[error("the token's signature is invalid")]
    BadSignature,
    /// A claim is missing or has another type.
    #[error("the token lacks exp, iss, aud or sub, or one of its claims is of another type")]
    BadClaims,
    /// The token has expired.
    #[error("the token has expired")]
    Expired,
    /// The token starts later, or was made later than now.
    #[error("the token is not valid yet")]
    NotYet,
    /// The token is valid for longer than we accept.
    #[error("the token is valid for longer than the {0} s that this service accepts")]
    TooLong(u64),
    /// The token has another issuer.
    #[error("the token was issued by another issuer")]
    OtherIssuer,
    /// The token has another audience.
    #[error("the token is for another audience")]
    OtherAudience,
    /// The token was revoked.
    #[error("the token was revoked")]
    Revoked,
    /// The API key is unknown or deleted.
    #[error("the API key is unknown or was deleted")]
    UnknownApiKey,
    /// The ticket is unknown, used or expired.
    #[error("the ticket is unknown, spent or older than a minute; ask for a new one")]
    BadTicket,
    /// The ticket was issued for another filter.
    #[error("the ticket was made for another filter")]
    OtherFilter,
    /// The keys could not be read; try again.
    #[error("the keys to verify tokens with are not available right now; try again")]
    KeysUnavailable(#[from] KeysUnavailable),
}

/// Why the keys to verify tokens with are not available. The log is told why, the client is not.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeysUnavailable {
    /// The key set could not be read where it is published.
    #[error("{0}")]
    Source(String),
    /// What was read there is something else.
    #[error("the answer is not a key set: {0}")]
    NotAKeySet(String),
    /// No key set was read yet.
    #[error("no key set was read yet")]
    NotFetched,
    /// The last one is so old that its keys may have been withdrawn.
    #[error("the key set could not be read again for too long")]
    Stale,
    /// API keys are in the database, which did not answer.
    #[error("{0}")]
    Store(String),
}

/// Why a sign-in was refused (SEP-10).
#[derive(Debug, Error)]
pub enum SignInRefusal {
    /// The account is of a kind that cannot sign in.
    #[error("account: must be a Stellar account G… or M…")]
    NotAnAccount,
    /// A muxed account already names its user.
    #[error("memo: cannot be combined with a muxed account M…")]
    MemoOfMuxed,
    /// The home domain is not one of ours.
    #[error("home_domain: not a domain of this service")]
    OtherHomeDomain,
    /// The transaction cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// It is not one of our challenges.
    #[error("the transaction is not a challenge of this service: {0}")]
    NotOurs(&'static str),
    /// The challenge has expired, or starts in the future.
    #[error("the challenge has expired, or is not valid yet; ask for a new one")]
    OutOfTime,
    /// The challenge was used already.
    #[error("the challenge was used already; ask for a new one")]
    Spent,
    /// A signature is not by a signer, or appears twice.
    #[error("a signature is not by a signer of the account, or appears twice")]
    UnknownSignature,
    /// Nobody signed for the account.
    #[error("the challenge is not signed for the account")]
    NotSigned,
    /// An account that is not on the ledger signs with its own key, and with no other.
    #[error("the account is not on the ledger, so its own key must sign, and only that")]
    NotSignedByMaster,
    /// The signers' weights do not reach the threshold.
    #[error("the signatures weigh {weight}, but the account requires {threshold} (its medium threshold)")]
    TooLight {
        /// The sum of the signers' weights.
        weight: u32,
        /// The account's medium threshold.
        threshold: u32,
    },
    /// The challenge was answered wrongly too often.
    #[error("the challenge was answered wrongly too often; ask for a new one")]
    TooManyAttempts,
    /// An operator banned the subject.
    #[error("an operator has banned this account")]
    Banned,
    /// The wallet's key did not sign.
    #[error("the challenge is not signed by the client domain's key")]
    NotSignedByClientDomain,
    /// The account could not be read; the client should try again.
    #[error("the account could not be looked at; try again")]
    AccountUnavailable,
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}
