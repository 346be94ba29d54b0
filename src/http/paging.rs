//! `limit`, `offset` and `cursor`, `order`, and the shape of a page.

use std::{fmt, str::FromStr};

use serde::Serialize;
use utoipa::ToSchema;

use super::{parameters::Parameters, problem::Problem};
use crate::{
    domain::{Epoch, EventId, FeedId, ResumeId},
    store::{Page, PageRequest, PageStart, SortOrder},
};

const DEFAULT_LIMIT: u32 = 50;
const LARGEST_OFFSET: u32 = 10_000;

/// The largest limit of a list as JSON.
pub(super) const LARGEST_LIMIT: u32 = 200;

/// The parameters that every list takes.
pub(super) const PAGING: [&str; 4] = ["limit", "offset", "cursor", "order"];

/// What a page says about itself, beside its items.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Page)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageView {
    /// How many items there are on all pages, counted up to 10000.
    total: u32,
    /// There are more than `total`; counting stopped.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    total_capped: bool,
    /// Whether there is a next page.
    has_more: bool,
    /// How many items this page has at most.
    limit: u32,
    /// How many items come before this page; 0 where a cursor was given.
    offset: u32,
    /// The `cursor` of the next page.
    next_cursor: Option<String>,
}

impl PageView {
    pub(super) fn of<T, C>(page: &Page<T, C>, request: &PageRequest<C>, next_cursor: Option<String>) -> Self {
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
            next_cursor,
        }
    }
}

/// Reads which page is wanted; `read_cursor` knows the cursors of the list.
pub(super) fn page_request<C>(
    parameters: &Parameters<'_>,
    largest_limit: u32,
    read_cursor: impl FnOnce(&str) -> Result<C, Problem>,
) -> Result<PageRequest<C>, Problem> {
    let limit = limit_up_to(parameters, largest_limit)?;
    let offset = parameters.one::<u32>("offset")?;
    if offset.is_some_and(|offset| offset > LARGEST_OFFSET) {
        let rule = format!("must be at most {LARGEST_OFFSET}; use the cursor to go further");
        return Err(Problem::parameter("offset", rule));
    }
    let start = match (parameters.text("cursor")?, offset) {
        (Some(_), Some(_)) => return Err(Problem::parameter("offset", "cannot be combined with a cursor")),
        (Some(cursor), None) => PageStart::After(read_cursor(cursor)?),
        (None, offset) => PageStart::Offset(offset.unwrap_or(0)),
    };
    Ok(PageRequest { limit, start })
}

/// Reads how many items are wanted of a list that has nothing but a cursor besides.
pub(super) fn page_limit(parameters: &Parameters<'_>) -> Result<u32, Problem> {
    limit_up_to(parameters, LARGEST_LIMIT)
}

fn limit_up_to(parameters: &Parameters<'_>, largest: u32) -> Result<u32, Problem> {
    let limit = parameters.one::<u32>("limit")?.unwrap_or(DEFAULT_LIMIT);
    if (1..=largest).contains(&limit) {
        return Ok(limit);
    }
    Err(Problem::parameter("limit", format!("must be from 1 to {largest}")))
}

/// Reads the cursor of a list of events: the id of the last one on the page before, or the `id:` of a server-sent event.
pub(super) fn event_cursor(text: &str, epoch: Epoch) -> Result<EventId, Problem> {
    let cursor: ResumeId = text.parse().map_err(|rule| Problem::parameter("cursor", format!("{rule}")))?;
    in_epoch(cursor.position, epoch)
}

/// Refuses an id of before a reset of the network.
pub(super) fn in_epoch(id: FeedId, epoch: Epoch) -> Result<EventId, Problem> {
    if id.epoch == epoch {
        return Ok(id.event);
    }
    Err(Problem::parameter("cursor", "is of another epoch: the network was reset since; begin anew"))
}

/// Reads which items come first.
pub(super) fn order(parameters: &Parameters<'_>) -> Result<SortOrder, Problem> {
    Ok(parameters.one::<OrderWord>("order")?.map_or_else(SortOrder::default, |word| word.0))
}

struct OrderWord(SortOrder);

#[derive(Debug)]
struct NotAnOrder;

impl fmt::Display for NotAnOrder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("must be asc or desc")
    }
}

impl FromStr for OrderWord {
    type Err = NotAnOrder;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let orders = [SortOrder::Ascending, SortOrder::Descending].into_iter();
        orders.map(Self).find(|word| word.0.as_str() == text).ok_or(NotAnOrder)
    }
}
