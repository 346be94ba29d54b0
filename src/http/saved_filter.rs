//! Finds the saved filters of a caller. Only callers who signed in have any: a filter belongs to the subject that saved it,
//! and to nobody else.

use super::{feed_name::FeedName, problem::Problem, state::HttpState};
use crate::{
    auth::{Caller, Subject, TokenRefusal},
    store::SavedFilter,
};

/// Returns the subject whose filters a caller may use.
pub(super) fn owner<'a>(state: &HttpState, caller: &'a Caller) -> Result<&'a Subject, Problem> {
    if state.auth.is_none() {
        let rule = "saved filters belong to the subject of a token, and this service runs with --auth off; send the filter \
                    with POST /v1/events/subscribe";
        return Err(Problem::forbidden(rule));
    }
    caller.subject().ok_or_else(|| TokenRefusal::Missing.into())
}

/// Returns a filter that the caller saved.
pub(super) async fn find(state: &HttpState, caller: &Caller, name: &FeedName) -> Result<SavedFilter, Problem> {
    let owner = owner(state, caller)?;
    state.store.primary().saved_filter(owner.as_str(), name.as_str()).await?.ok_or_else(|| no_such_filter(name))
}

/// Returns the problem of a name that stands for nothing, or for what is not the caller's.
pub(super) fn no_such_filter(name: &FeedName) -> Problem {
    Problem::not_found(format!("there is no saved filter {name}, or it is not yours"))
}
