//! What the routes share when they describe themselves by `#[utoipa::path]`. It knows no route; `http/document.rs` puts
//! their descriptions together.
//!
//! A new route has its attribute and stands in `routes!` of `http/router.rs`. Its answer's schema is derived where the
//! view is, and its query is declared by `query!` beside the handler; `words`, `parameters` and `refusals` hold what
//! routes share.

mod docs;
pub(super) mod events;
mod parameters;
mod refusals;
pub(super) mod words;

pub(super) use docs::{docs, openapi_json};
pub(super) use events::EventRow;
pub(super) use parameters::{
    ApiKeyInPath, Declared, IfNoneMatch, LastEventIdHeader, StreamInPath, UserInPath, any_time, describe, list_of,
    stream_text, switch, text as text_like,
};
pub(super) use refusals::{
    OfAdmin, OfAdminBody, OfApiKey, OfApiKeyBody, OfBody, OfChallenge, OfMemory, OfOne, OfOneOrChain, OfOperator,
    OfQuery, OfReplay, OfSignIn, OfStellarToml, OfSubscription, OfWallet, OfWalletBody, header,
};
