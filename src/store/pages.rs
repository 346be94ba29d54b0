//! Pages of a list: where one starts, and what it says of the rest.

use crate::domain::EventId;

/// Which part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest<C = EventId> {
    /// At most this many items.
    pub limit: u32,
    /// Where to start.
    pub start: PageStart<C>,
}

impl<C> PageRequest<C> {
    /// Returns how many items come before the page; 0 where it starts after a cursor.
    pub const fn offset(&self) -> u32 {
        match self.start {
            PageStart::Offset(offset) => offset,
            PageStart::After(_) => 0,
        }
    }

    /// Returns how many items the whole list has where its rows show that, asked for one more than the page holds:
    /// where it ends on this page.
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
    /// After the item that the page before it gave as its cursor.
    After(C),
}

/// Which items come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortOrder {
    /// The smallest or oldest.
    Ascending,
    /// The largest or newest.
    #[default]
    Descending,
}

impl SortOrder {
    /// Returns the word, the same on the wire and in SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ascending => "asc",
            Self::Descending => "desc",
        }
    }

    /// Returns how what comes later compares with what comes before it.
    pub(super) const fn comparison(self) -> &'static str {
        match self {
            Self::Ascending => ">",
            Self::Descending => "<",
        }
    }

    /// The same, for what comes before something or is it.
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
    /// How many items the whole list has, counted up to [`Page::COUNTED_UP_TO`].
    pub total: u32,
    /// Whether there are items after these.
    pub has_more: bool,
    /// What to go on after, if there is more.
    pub next_cursor: Option<C>,
}

impl<T, C> Page<T, C> {
    /// Counting stops here, so that a list of millions costs no more than this.
    pub const COUNTED_UP_TO: u32 = 10_000;

    /// Cuts a page out of rows that were asked for one more than it holds.
    pub(super) fn cut(mut items: Vec<T>, limit: u32, total: u32, cursor: impl Fn(&T) -> C) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| has_more).map(cursor);
        Self { items, total, has_more, next_cursor }
    }
}
