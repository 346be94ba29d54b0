//! What the routes share when they describe themselves with `#[utoipa::path]`. It knows no route; `http/document.rs`
//! joins their descriptions.
//!
//! A new route needs the attribute and an entry in `routes!` of `http/router.rs`. The schema of its answer is derived
//! at the view; its query is declared with `query!` beside the handler; `words`, `parameters` and `refusals` hold what
//! routes share.

mod docs;
pub(super) mod events;
mod parameters;
mod refusals;
pub(super) mod words;

pub(super) use docs::{docs, openapi_json};
pub(super) use events::EventRow;
pub(super) use parameters::{
    ApiKeyInPath, Declared, FeedInPath, IfNoneMatch, JsonForm, LastEventIdHeader, StreamInPath, UserInPath, any_time,
    describe, describe_body, list_of, list_of_up_to, stream_text, switch, text as text_like,
};
pub(super) use refusals::{
    OfAdmin, OfAdminBody, OfApiKey, OfApiKeyBody, OfChallenge, OfFeed, OfFeedBody, OfFeedList, OfMemory, OfOne,
    OfOneOrChain, OfOperator, OfQuery, OfReplay, OfRotation, OfSignIn, OfStellarToml, OfSubscription,
    OfSubscriptionBody, OfTicket, OfWallet, OfWalletBody, header,
};
