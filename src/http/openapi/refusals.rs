//! The problems that routes can answer, by status. Each route names one of the sets below.

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses,
    openapi::{Content, Ref, RefOr, Response, ResponseBuilder},
};

/// The meaning of each status in this service.
const MEANINGS: &[(u16, &str)] = &[
    (400, "A parameter or the body breaks a rule; `parameter` names which."),
    (401, "No token, or one that is not accepted."),
    (403, "The token does not allow this."),
    (404, "There is no such thing, or the caller may not see it."),
    (406, "The client accepts no format that this route offers."),
    (408, "The body did not arrive in time."),
    (409, "Not now; `detail` says what to wait for."),
    (413, "The body is too large."),
    (414, "The URL is too long."),
    (415, "The body's media type is not one that this route accepts."),
    (429, "Too many requests; `Retry-After` says when to come back."),
    (500, "The request failed on our side."),
    (501, "The operator has not enabled this."),
    (503, "Something that the service needs is unavailable; `Retry-After` says when to try again."),
];

fn refusal(status: u16, schema: &str) -> (String, RefOr<Response>) {
    let meaning = MEANINGS.iter().find(|(known, _)| *known == status).map_or("", |(_, meaning)| meaning);
    let content = Content::new(Some(Ref::from_schema_name(schema)));
    let response = ResponseBuilder::new().description(meaning).content("application/problem+json", content);
    let response = match status {
        401 | 403 => response.header_ref("WWW-Authenticate", header("WWW-Authenticate")),
        429 | 503 => response.header_ref("Retry-After", header("Retry-After")),
        _ => response,
    };
    (status.to_string(), response.build().into())
}

/// Returns a reference to a header, by its name.
pub(in crate::http) fn header(name: &str) -> Ref {
    Ref::new(format!("#/components/headers/{name}"))
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident $schema:literal $statuses:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(in crate::http) enum $name {}

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                $statuses.into_iter().map(|status| refusal(status, $schema)).collect()
            }
        }
    )*};
}

refusals! {
    /// For lists and other queries.
    OfQuery "Problem" [400, 401, 414, 429, 500, 503];
    /// For queries for one object.
    OfOne "Problem" [400, 401, 404, 414, 429, 500, 503];
    /// The same, for routes that can query the chain instead of the index.
    OfOneOrChain "Problem" [400, 401, 404, 414, 429, 500, 501, 503];
    /// For routes that check the caller and then only read memory.
    OfMemory "Problem" [400, 401, 414, 429, 503];
    /// For the event stream.
    OfSubscription "Problem" [400, 401, 403, 404, 406, 414, 429, 500, 501, 503];
    /// The same with a body.
    OfSubscriptionBody "Problem" [400, 401, 403, 404, 406, 408, 413, 414, 415, 429, 500, 501, 503];
    /// For tickets.
    OfTicket "Problem" [400, 401, 403, 404, 408, 413, 414, 415, 429, 500, 501, 503];
    /// For a saved filter.
    OfFeed "Problem" [400, 401, 403, 404, 414, 429, 500, 501, 503];
    /// For the list of saved filters.
    OfFeedList "Problem" [400, 401, 403, 414, 429, 500, 501, 503];
    /// For a filter that is to be saved.
    OfFeedBody "Problem" [400, 401, 403, 408, 413, 414, 415, 429, 500, 501, 503];
    /// For operators who send a body.
    OfAdminBody "Problem" [400, 401, 403, 408, 413, 414, 415, 429, 500, 503];
    /// For API keys.
    OfApiKey "Problem" [400, 401, 403, 404, 414, 429, 500, 503];
    /// The same with a body.
    OfApiKeyBody "Problem" [400, 401, 403, 404, 408, 413, 414, 415, 429, 500, 503];
    /// The same with a body, for a key that cannot be rotated yet.
    OfRotation "Problem" [400, 401, 403, 404, 408, 409, 413, 414, 415, 429, 500, 503];
    /// For what operators read.
    OfAdmin "Problem" [400, 401, 403, 414, 429, 500, 503];
    /// For a replay of the quarantine.
    OfReplay "Problem" [400, 401, 403, 408, 409, 413, 414, 429, 500, 501, 503];
    /// For sign-in: only the refusals that precede the handler.
    OfWallet "Problem" [414, 429];
    /// The same with a body.
    OfWalletBody "Problem" [408, 413, 414, 429];
    /// For the challenge.
    OfChallenge "SignInProblem" [400, 501];
    /// For the signed challenge.
    OfSignIn "SignInProblem" [400, 403, 415, 500, 501, 503];
    /// For `/.well-known/stellar.toml`.
    OfStellarToml "Problem" [400, 404, 414, 429];
    /// For the health and the metrics.
    OfOperator "Problem" [400, 414, 429];
}
