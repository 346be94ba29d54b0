//! The order of a list of streams, and its cursor: a text that clients send back unchanged.

use std::str::FromStr;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    paging::{CURSOR, in_epoch},
    problem::Problem,
};
use crate::{
    domain::{Amount, Epoch, FeedId},
    store::{SortOrder, StreamCursor, StreamSort},
};

/// Stands for a missing value.
const NO_VALUE: &str = "-";

/// The sort keys and their words.
const SORTS: [(StreamSort, &str); 5] = [
    (StreamSort::CreatedAt, "createdAt"),
    (StreamSort::StartTime, "startTime"),
    (StreamSort::LastUpdateTime, "lastUpdateTime"),
    (StreamSort::DepositedAmount, "depositedAmount"),
    (StreamSort::EndTime, "endTime"),
];

/// The key that a list is sorted by, as a parameter.
#[derive(Clone, Copy, Debug)]
pub(super) struct SortWord(pub(super) StreamSort);

#[derive(Debug, thiserror::Error)]
#[error("must be createdAt, startTime, lastUpdateTime, depositedAmount or endTime")]
pub(super) struct NotASort;

impl SortWord {
    /// Returns every word.
    pub(super) fn all() -> [&'static str; 5] {
        SORTS.map(|(_, word)| word)
    }
}

impl FromStr for SortWord {
    type Err = NotASort;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        SORTS.iter().find(|(_, word)| *word == text).map(|(sort, _)| Self(*sort)).ok_or(NotASort)
    }
}

/// The order of a list, which its cursors carry.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamOrder {
    pub(super) sort: StreamSort,
    pub(super) order: SortOrder,
    pub(super) epoch: Epoch,
}

impl StreamOrder {
    fn words(self) -> String {
        let sort = SORTS.iter().find(|(sort, _)| *sort == self.sort).map_or("", |(_, word)| word);
        format!("{sort} {}", self.order.as_str())
    }

    /// Returns the text of a cursor.
    pub(super) fn write(self, cursor: StreamCursor) -> String {
        let value = cursor.value.map_or_else(|| NO_VALUE.to_owned(), |value| value.to_string());
        let id = FeedId { event: cursor.created_event, epoch: self.epoch };
        URL_SAFE_NO_PAD.encode(format!("{} {value} {id}", self.words()))
    }

    /// Parses a cursor that a page with this order returned.
    pub(super) fn read(self, text: &str) -> Result<StreamCursor, Problem> {
        let unreadable = || CURSOR.refuse("is not a nextCursor of a list of streams; send it back unchanged");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| unreadable())?;
        let cursor = String::from_utf8(bytes).map_err(|_| unreadable())?;
        let parts: Vec<&str> = cursor.split(' ').collect();
        let [sort, order, value, id] = parts[..] else { return Err(unreadable()) };
        let words = self.words();
        if format!("{sort} {order}") != words {
            let rule =
                format!("has another sort or order than this list, which is {words}; start again from the first page");
            return Err(CURSOR.refuse(rule));
        }
        let may_lack = matches!(self.sort, StreamSort::CreatedAt | StreamSort::EndTime);
        let value = match value {
            NO_VALUE if may_lack => None,
            NO_VALUE => return Err(unreadable()),
            value => Some(value.parse::<Amount>().map_err(|_| unreadable())?.0),
        };
        let id: FeedId = id.parse().map_err(|_| unreadable())?;
        Ok(StreamCursor { value, created_event: in_epoch(id, self.epoch)? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::EventId;

    fn order() -> impl Strategy<Value = StreamOrder> {
        let sorts = proptest::sample::select(SORTS.to_vec());
        let orders = proptest::sample::select(vec![SortOrder::Ascending, SortOrder::Descending]);
        (sorts, orders, 0..3_u32).prop_map(|((sort, _), order, epoch)| StreamOrder { sort, order, epoch: Epoch(epoch) })
    }

    proptest! {
        #[test]
        fn a_cursor_reads_back_as_it_was_written(order in order(), value: i128, toid in 0..i64::MAX, index: u32) {
            let created_event = EventId::from_parts(toid, index.into()).unwrap();
            let cursor = StreamCursor { value: Some(value), created_event };
            prop_assert_eq!(order.read(&order.write(cursor)), Ok(cursor));
        }

        #[test]
        fn an_arbitrary_text_is_not_read_as_a_cursor(order in order(), text in ".{0,60}") {
            prop_assert!(order.read(&text).is_err());
            prop_assert!(order.read(&URL_SAFE_NO_PAD.encode(&text)).is_err());
        }
    }
}
