//! Pages of a list: where one starts, and what follows it.

use crate::domain::EventId;

/// The requested part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest<C = EventId> {
    /// The maximum number of items.
    pub limit: u32,
    /// Where to start.
    pub start: PageStart<C>,
}

impl<C> PageRequest<C> {
    /// Returns how many items precede the page; 0 if it starts after a cursor.
    pub const fn offset(&self) -> u32 {
        match self.start {
            PageStart::Offset(offset) => offset,
            PageStart::After(_) => 0,
        }
    }

    /// Returns the number of items in the whole list if its rows show it: if the list ends on this page. `rows` counts
    /// up to one more than the page holds.
    pub(super) fn total_shown_by(&self, rows: usize) -> Option<u32> {
        let rows = u32::try_from(rows).ok().filter(|rows| *rows <= self.limit)?;
        match self.start {
            PageStart::Offset(offset) if rows > 0 || offset == 0 => offset.checked_add(rows),
            PageStart::Offset(_) | PageStart::After(_) => None,
        }
    }
}

/// Where a page starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageStart<C = EventId> {
    /// After this many items.
    Offset(u32),
    /// After the item whose cursor the previous page returned.
    After(C),
}

/// Which end of a list comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortOrder {
    /// The smallest or oldest.
    Ascending,
    /// The largest or newest.
    #[default]
    Descending,
}

impl SortOrder {
    /// Returns the word for it, the same on the wire and in SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ascending => "asc",
            Self::Descending => "desc",
        }
    }

    /// Returns the operator that compares a later item with an earlier one.
    pub(super) const fn comparison(self) -> &'static str {
        match self {
            Self::Ascending => ">",
            Self::Descending => "<",
        }
    }

    /// Returns the operator that compares an item with a later or equal one.
    pub(super) const fn comparison_up_to(self) -> &'static str {
        match self {
            Self::Ascending => "<=",
            Self::Descending => ">=",
        }
    }
}

/// One page.
#[derive(Clone, Debug)]
pub struct Page<T, C = EventId> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// The number of items in the whole list, counted up to [`Page::COUNTED_UP_TO`].
    pub total: u32,
    /// Whether items follow.
    pub has_more: bool,
    /// The cursor after which the next page starts, if there is one.
    pub next_cursor: Option<C>,
}

impl<T, C> Page<T, C> {
    /// Counting stops here, so that a list of millions of items costs no more than this.
    pub const COUNTED_UP_TO: u32 = 10_000;

    /// Cuts a page out of rows that include one more than it holds.
    pub(super) fn cut(mut items: Vec<T>, limit: u32, total: u32, cursor: impl Fn(&T) -> C) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| has_more).map(cursor);
        Self { items, total, has_more, next_cursor }
    }
}
