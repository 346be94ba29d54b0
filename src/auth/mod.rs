//! Identifies callers and decides what they may read: sign-in with a Stellar wallet (SEP-10), tokens (JWT), tickets,
//! revocations.
//!
//! No process keeps state that another one needs: everything that was used up or revoked is a row in the database.
//! Tokens, tickets, signatures and secrets never reach a log, an error or a metric.

mod access;
mod accounts;
mod api_key;
mod args;
mod attempts;
mod caller;
mod jwks;
mod keys;
mod keys_in_use;
mod look_ups;
mod owned_keys;
mod refusal;
mod revocations;
mod sign_in;
mod signatures;
mod signing_key;
mod ticket;
mod tickets;
mod token;

pub use access::{Auth, AuthParts};
pub use accounts::{AccountReader, AccountUnavailable};
pub use api_key::{ApiKey, ApiKeyRefusal, ApiKeyRequest, ApiKeySecret};
pub use args::{AuthArgs, AuthMode, SignInArgs, TokenAlgorithm, TokenArgs, VisibilityRule};
pub use caller::{Caller, InvalidSubject, Scope, Subject, Token, UnknownScope};
pub use jwks::KeySetReader;
pub use keys::warn_if_open_to_others;
pub use look_ups::{Asking, LookUps};
pub use refusal::{BadAuthConfig, KeysUnavailable, SignInRefusal, TicketRefusal, TokenRefusal};
pub use sign_in::{ChallengeRequest, SignIn};
pub use ticket::Ticket;
pub use tickets::{TicketHolder, Tickets};
pub use token::{Minted, Minting, TokenKeys};
