//! Why somebody is not let in, each told apart where it arises. No text here repeats a token, a signature or a secret.

use thiserror::Error;

use crate::{store::StoreError, xdr::Unreadable};

/// What is wrong with the configuration.
#[derive(Debug, Error)]
pub enum BadAuthConfig {
    /// There is nothing to check tokens with.
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
        /// Which.
        file: String,
        /// Why.
        reason: String,
    },
    /// A key is not what the algorithm needs.
    #[error("{file} is not a PEM key for {algorithm}")]
    NotAKey {
        /// Which file.
        file: String,
        /// Which algorithm.
        algorithm: String,
    },
    /// An RSA key is too short (RFC 7518, 3.3).
    #[error("{file} holds an RSA key of {bits} bits; it needs 2048 or more")]
    ShortRsaKey {
        /// Which file.
        file: String,
        /// Its length.
        bits: usize,
    },
    /// An argument belongs to another algorithm.
    #[error("{argument} does not apply to --token-algorithm {algorithm}")]
    OtherAlgorithm {
        /// Which argument.
        argument: &'static str,
        /// Which algorithm.
        algorithm: String,
    },
    /// Sign-in could not make tokens.
    #[error("sign-in issues tokens, so it needs a key to sign them with: a token secret, or --token-signing-key-file")]
    NoSigningKey,
    /// Sign-in needs a domain.
    #[error("sign-in needs --home-domain, the domain that users sign in to")]
    NoHomeDomain,
    /// The seed is none.
    #[error("the sign-in seed is not a Stellar seed S…")]
    NotASeed,
    /// Sign-in must look at accounts.
    #[error("sign-in looks up the signers of accounts, so it needs --rpc-url")]
    NoAccountReader,
}

/// Why a ticket is not taken.
#[derive(Debug, Error)]
pub enum TicketRefusal {
    /// The ticket is no good, or the token that it was made with is not any more.
    #[error(transparent)]
    Token(#[from] TokenRefusal),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a token is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TokenRefusal {
    /// There is none.
    #[error("this needs a token: Authorization: Bearer …")]
    Missing,
    /// The header is not of the form `Bearer …`.
    #[error("the Authorization header is not of the form: Bearer <token>")]
    NotBearer,
    /// It is no JWT.
    #[error("the token is not a JWT")]
    Malformed,
    /// It is signed by another algorithm than ours.
    #[error("the token is signed with an algorithm that this service does not accept")]
    OtherAlgorithm,
    /// It says that it must be understood in a way that we do not (RFC 7515, 4.1.11).
    #[error("the token has a critical extension that this service does not support")]
    UnknownExtension,
    /// The key that it names is not there.
    #[error("the token names an unknown key")]
    UnknownKey,
    /// The signature is wrong.
    #[error("the token's signature is invalid")]
    BadSignature,
    /// A claim is missing or of another type.
    #[error("the token lacks exp, iss, aud or sub, or one of its claims is of another type")]
    BadClaims,
    /// It is over.
    #[error("the token has expired")]
    Expired,
    /// It begins later, or was made later than now.
    #[error("the token is not valid yet")]
    NotYet,
    /// It is good for longer than is taken.
    #[error("the token is valid for longer than the {0} s that this service accepts")]
    TooLong(u64),
    /// It was made by somebody else.
    #[error("the token was issued by another issuer")]
    OtherIssuer,
    /// It is for somebody else.
    #[error("the token is for another audience")]
    OtherAudience,
    /// It was taken back.
    #[error("the token was revoked")]
    Revoked,
    /// The API key is unknown or deleted.
    #[error("the API key is unknown or was deleted")]
    UnknownApiKey,
    /// The ticket is unknown, spent or too old.
    #[error("the ticket is unknown, spent or older than a minute; ask for a new one")]
    BadTicket,
    /// A ticket is for one filter.
    #[error("the ticket was made for another filter")]
    OtherFilter,
    /// The keys could not be read; try again.
    #[error(transparent)]
    KeysAway(#[from] KeysAway),
}

/// The keys that tokens are checked with could not be read. The reason is for the log.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the keys to verify tokens with are not available right now; try again")]
pub struct KeysAway(pub String);

/// Why somebody could not sign in (SEP-10).
#[derive(Debug, Error)]
pub enum SignInRefusal {
    /// The account is none that can sign in.
    #[error("account: must be a Stellar account G… or M…")]
    NotAnAccount,
    /// A muxed account names its user already.
    #[error("memo: cannot be combined with a muxed account M…")]
    MemoOfMuxed,
    /// The home domain is none of ours.
    #[error("home_domain: not a domain of this service")]
    OtherHomeDomain,
    /// The transaction cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// It is not one of our challenges.
    #[error("the transaction is not a challenge of this service: {0}")]
    NotOurs(&'static str),
    /// It is too old, or of the future.
    #[error("the challenge has expired, or is not valid yet; ask for a new one")]
    OutOfTime,
    /// It was answered once already.
    #[error("the challenge was used already; ask for a new one")]
    Spent,
    /// A signature is by nobody who may sign, or there twice.
    #[error("a signature is not by a signer of the account, or appears twice")]
    UnknownSignature,
    /// Nobody signed for the account.
    #[error("the challenge is not signed for the account")]
    NotSigned,
    /// An account that is not on the ledger signs with its own key, and only with it.
    #[error("the account is not on the ledger, so its own key must sign, and only that")]
    NotSignedByMaster,
    /// The signers weigh too little.
    #[error("the signatures weigh {weight}, but the account requires {threshold} (its medium threshold)")]
    TooLight {
        /// What they weigh.
        weight: u32,
        /// What is asked for.
        threshold: u32,
    },
    /// It was answered wrongly too often.
    #[error("the challenge was answered wrongly too often; ask for a new one")]
    TooManyAttempts,
    /// An operator keeps the subject out.
    #[error("an operator has banned this account")]
    Banned,
    /// The wallet did not sign.
    #[error("the challenge is not signed by the client domain's key")]
    NotSignedByClientDomain,
    /// Accounts could not be looked at; try again.
    #[error("the account could not be looked at; try again")]
    AccountAway,
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}
