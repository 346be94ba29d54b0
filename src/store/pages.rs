//! Pages of a list: where one starts, and what it says of the rest.

use crate::domain::EventId;

/// Which part of a list, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// At most this many items.
    pub limit: u32,
    /// Where to start.
    pub start: PageStart,
}

/// Where a page starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageStart {
    /// After this many items.
    Offset(u32),
    /// After the item with this id, which the page before it gave as its cursor.
    After(EventId),
}

/// One page.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// How many items the whole list has, counted up to [`Page::COUNTED_UP_TO`].
    pub total: u32,
    /// Whether there are items after these.
    pub has_more: bool,
    /// The id to go on after, if there is more.
    pub next_cursor: Option<EventId>,
}

impl<T> Page<T> {
    /// Counting stops here, so that a list of millions costs no more than this.
    pub const COUNTED_UP_TO: u32 = 10_000;

    /// Cuts a page out of rows that were asked for one more than it holds.
    pub(super) fn cut(mut items: Vec<T>, limit: u32, total: u32, id: impl Fn(&T) -> EventId) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| has_more).map(id);
        Self { items, total, has_more, next_cursor }
    }
}
