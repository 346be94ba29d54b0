//! `limit`, `offset` and `cursor`, and the shape of a page.

use serde::Serialize;

use super::{parameters::Parameters, problem::Problem};
use crate::{
    domain::{Epoch, FeedId},
    store::{Page, PageRequest, PageStart},
};

const DEFAULT_LIMIT: u32 = 50;
const LARGEST_LIMIT: u32 = 200;
const LARGEST_OFFSET: u32 = 10_000;

/// The parameters that every list takes.
pub(super) const PAGING: [&str; 3] = ["limit", "offset", "cursor"];

/// What a page says about itself, beside its items.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageView {
    total: u32,
    /// There are more than `total`; counting stopped.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    total_capped: bool,
    has_more: bool,
    limit: u32,
    offset: u32,
    next_cursor: Option<FeedId>,
}

impl PageView {
    pub(super) fn of<T>(page: &Page<T>, request: PageRequest, epoch: Epoch) -> Self {
        let offset = match request.start {
            PageStart::Offset(offset) => offset,
            PageStart::After(_) => 0,
        };
        Self {
            total: page.total.min(Page::<T>::COUNTED_UP_TO),
            total_capped: page.total > Page::<T>::COUNTED_UP_TO,
            has_more: page.has_more,
            limit: request.limit,
            offset,
            next_cursor: page.next_cursor.map(|event| FeedId { event, epoch }),
        }
    }
}

/// Reads which page is wanted.
pub(super) fn page_request(parameters: &Parameters<'_>, epoch: Epoch) -> Result<PageRequest, Problem> {
    let limit = parameters.one::<u32>("limit")?.unwrap_or(DEFAULT_LIMIT);
    if !(1..=LARGEST_LIMIT).contains(&limit) {
        return Err(Problem::parameter("limit", format!("must be from 1 to {LARGEST_LIMIT}")));
    }
    let offset = parameters.one::<u32>("offset")?;
    if offset.is_some_and(|offset| offset > LARGEST_OFFSET) {
        let rule = format!("must be at most {LARGEST_OFFSET}; use the cursor to go further");
        return Err(Problem::parameter("offset", rule));
    }
    let cursor = parameters.one::<FeedId>("cursor")?;
    if cursor.is_some_and(|cursor| cursor.epoch != epoch) {
        return Err(Problem::parameter("cursor", "is of another epoch: the network was reset since; begin anew"));
    }
    let start = match (cursor, offset) {
        (Some(_), Some(_)) => return Err(Problem::parameter("offset", "cannot be combined with a cursor")),
        (Some(cursor), None) => PageStart::After(cursor.event),
        (None, offset) => PageStart::Offset(offset.unwrap_or(0)),
    };
    Ok(PageRequest { limit, start })
}
