//! `limit`, `offset` and `cursor`, `order`, and the shape of a page.

use std::str::FromStr;

use serde::Serialize;
use serde_json::Value;
use utoipa::{ToSchema, openapi::ObjectBuilder};

use super::{
    openapi::{
        text_like,
        words::{one_of, whole},
    },
    parameters::{Number, One, Text},
    problem::Problem,
    query::{Parameter, Query, QueryTable},
};
use crate::{
    domain::{Epoch, EventId, FeedId, ResumeId},
    store::{Page, PageRequest, PageStart, SortOrder},
};

const DEFAULT_LIMIT: u32 = 50;
const LARGEST_OFFSET: u32 = 10_000;

/// The largest limit of a list as JSON.
pub(super) const LARGEST_LIMIT: u32 = 200;

/// The largest number of items on a page, up to 200 unless a list sets another limit.
pub(super) const LIMIT: Parameter<Number<u32>> =
    Parameter::new("limit", "The maximum number of items on the page.", || limit_form(LARGEST_LIMIT).into());

/// The number of items to skip. It has no declared default: generated clients would send the default with every cursor.
pub(super) const OFFSET: Parameter<Number<u32>> =
    Parameter::new("offset", "How many items to skip. Default: none. Use the cursor to go beyond 10000.", || {
        whole("The number of items.", 0, LARGEST_OFFSET).into()
    });

/// Where the page starts, as the previous page named it.
pub(super) const CURSOR: Parameter<Text> = Parameter::new(
    "cursor",
    "The `nextCursor` of the previous page, unchanged. Cannot be combined with `offset`.",
    || text_like("0002261634098536448-0000000002").into(),
);

/// Which end of the list comes first.
pub(super) const ORDER: Parameter<One<OrderWord>> =
    Parameter::new("order", "Newest first (`desc`) or oldest first (`asc`).", || {
        one_of("The order.", ["asc", "desc"]).default(Some(Value::from("desc"))).into()
    });

/// Returns the schema of a limit.
pub(super) fn limit_form(largest: u32) -> ObjectBuilder {
    whole("The number of items.", 1, largest).default(Some(Value::from(DEFAULT_LIMIT)))
}

/// Facts about a page, in addition to its items.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Page)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageView {
    /// How many items there are on all pages, counted up to 10000.
    total: u32,
    /// There are more than `total`: counting stopped there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    total_capped: bool,
    /// Whether there is a next page.
    has_more: bool,
    /// The maximum number of items on this page.
    limit: u32,
    /// How many items precede this page; 0 if a cursor was given.
    offset: u32,
    /// The `cursor` of the next page.
    next_cursor: Option<String>,
}

impl PageView {
    pub(super) fn of<T, C>(page: &Page<T, C>, request: &PageRequest<C>, next_cursor: Option<String>) -> Self {
        Self {
            total: page.total.min(Page::<T>::COUNTED_UP_TO),
            total_capped: page.total > Page::<T>::COUNTED_UP_TO,
            has_more: page.has_more,
            limit: request.limit,
            offset: request.offset(),
            next_cursor,
        }
    }
}

/// Reads which page is requested; `read_cursor` parses the cursors of the list.
pub(super) fn page_request<T: QueryTable, C>(
    query: &Query<T>,
    largest_limit: u32,
    read_cursor: impl FnOnce(&str) -> Result<C, Problem>,
) -> Result<PageRequest<C>, Problem> {
    let limit = limit_up_to(query, largest_limit)?;
    let offset = query.get(OFFSET)?;
    if offset.is_some_and(|offset| offset > LARGEST_OFFSET) {
        let rule = format!("must be at most {LARGEST_OFFSET}; use the cursor to go further");
        return Err(OFFSET.refuse(rule));
    }
    let start = match (query.get(CURSOR)?, offset) {
        (Some(_), Some(_)) => return Err(OFFSET.refuse("cannot be combined with a cursor")),
        (Some(cursor), None) => PageStart::After(read_cursor(cursor)?),
        (None, offset) => PageStart::Offset(offset.unwrap_or(0)),
    };
    Ok(PageRequest { limit, start })
}

/// The database only reads the rows that a page skips; nobody has to write or send them.
const PASSED_OVER_AS_ONE_ROW: u32 = 5;

/// Returns the cost in rows of a page with this many rows, including the rows before it.
pub(super) const fn rows_of_page<C>(request: &PageRequest<C>, rows: u32) -> u32 {
    rows.saturating_add(request.offset() / PASSED_OVER_AS_ONE_ROW)
}

/// Reads the limit of a list that otherwise has only a cursor.
pub(super) fn page_limit<T: QueryTable>(query: &Query<T>) -> Result<u32, Problem> {
    limit_up_to(query, LARGEST_LIMIT)
}

fn limit_up_to<T: QueryTable>(query: &Query<T>, largest: u32) -> Result<u32, Problem> {
    let limit = query.get(LIMIT)?.unwrap_or(DEFAULT_LIMIT);
    if (1..=largest).contains(&limit) {
        return Ok(limit);
    }
    Err(LIMIT.refuse(format!("must be from 1 to {largest}")))
}

/// Reads the cursor of a list of events: the id of the previous page's last event, or the `id:` of a server-sent event.
pub(super) fn event_cursor(text: &str, epoch: Epoch) -> Result<EventId, Problem> {
    let cursor: ResumeId = text.parse().map_err(|rule| CURSOR.refuse(format!("{rule}")))?;
    in_epoch(cursor.position, epoch)
}

/// Returns the query of the page that starts after this cursor.
pub(super) fn next_page_query<T: QueryTable>(query: &Query<T>, cursor: &str) -> String {
    query.text_with(&CURSOR, cursor, OFFSET)
}

/// Refuses an id from before a reset of the network.
pub(super) fn in_epoch(id: FeedId, epoch: Epoch) -> Result<EventId, Problem> {
    if id.epoch == epoch {
        return Ok(id.event);
    }
    Err(CURSOR.refuse("is of another epoch: the network has been reset; start again from the first page"))
}

/// Reads which end of the list comes first.
pub(super) fn order<T: QueryTable>(query: &Query<T>) -> Result<SortOrder, Problem> {
    Ok(query.get(ORDER)?.map_or_else(SortOrder::default, |word| word.0))
}

/// A sort order, as a parameter.
#[derive(Debug)]
pub(super) struct OrderWord(SortOrder);

#[derive(Debug, thiserror::Error)]
#[error("must be asc or desc")]
pub(super) struct NotAnOrder;

impl FromStr for OrderWord {
    type Err = NotAnOrder;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let orders = [SortOrder::Ascending, SortOrder::Descending].into_iter();
        orders.map(Self).find(|word| word.0.as_str() == text).ok_or(NotAnOrder)
    }
}
