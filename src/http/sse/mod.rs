//! Server-sent events (WHATWG HTML 9.2): the format of events, notices and ids.

mod notices;

use std::fmt::Write;

use bytes::Bytes;
use serde::Serialize;

pub(super) use notices::{
    ChangedNotice, ConnectedNotice, ExpiredNotice, ExpiredReason, NOTICES, ResetNotice, ResetReason, ResumeNotice,
    ResumeReason, RevisedNotice, SubscriptionFilter,
};

use super::event_view::EventView;
use crate::{
    domain::{Notice, ResumeId},
    feed::{Delivery, EncodingSlot, Published},
};

/// A comment that keeps the connection open.
pub(super) const HEARTBEAT: Bytes = Bytes::from_static(b": heartbeat\n\n");

/// Returns the frame of a delivery.
pub(super) fn frame_of(delivery: &Delivery, slot: EncodingSlot) -> Bytes {
    match delivery {
        Delivery::Event(published) => published.encoded(slot, event_frame),
        Delivery::Notice(Notice::Reset(reset)) => notice_frame(&ResetNotice::from(*reset)),
        Delivery::Notice(Notice::Revised { from, to }) => notice_frame(&RevisedNotice { from_id: *from, to_id: *to }),
        Delivery::Notice(Notice::Changed { streams }) => notice_frame(&ChangedNotice::from(&**streams)),
        Delivery::Position(id) => id_frame(*id),
    }
}

/// Returns an event's frame: `id`, `event` and one line of `data`.
fn event_frame(published: &Published) -> Bytes {
    let event = &published.event;
    let data = serde_json::to_string(&EventView(event)).expect("an event is an object of strings and numbers");
    let mut frame = String::with_capacity(data.len() + 128);
    write!(frame, "id: {}\nevent: {}\ndata: {data}\n\n", published.resume_id(), event.event_type)
        .expect("writing to a String cannot fail");
    Bytes::from(frame)
}

/// The data of a frame that is not an event of the feed.
pub(super) trait NoticeData: Serialize {
    /// The frame's name.
    const NAME: &'static str;
}

/// Returns a notice's frame: its name and one line of JSON.
pub(super) fn notice_frame<N: NoticeData>(notice: &N) -> Bytes {
    let data = serde_json::to_string(notice).expect("a struct of strings and numbers always serializes");
    Bytes::from(format!("event: {}\ndata: {data}\n\n", N::NAME))
}

/// Returns a frame that has only an id: the client remembers it as the last id, and dispatches nothing.
pub(super) fn id_frame(id: ResumeId) -> Bytes {
    Bytes::from(format!("id: {id}\n\n"))
}

/// Returns a frame that only sets the time until the client reconnects, in milliseconds.
pub(super) fn retry_frame(retry_ms: u32) -> Bytes {
    Bytes::from(format!("retry: {retry_ms}\n\n"))
}
