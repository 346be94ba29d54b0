//! Committed events as a live, resumable sequence.
//!
//! The table is the truth. The tailer reads it and fills a ring in memory; subscribers read the ring; a subscriber that
//! falls off the ring reads the table. No event is dropped silently. Late rows are never sent; subscribers are told
//! which range was revised, and which of their streams changed without an event.

mod args;
mod carried;
mod connections;
mod follow_redis;
mod hub;
mod interests;
mod look;
mod news;
mod opening;
mod published;
mod redis_link;
mod relay;
mod replay_window;
mod ring;
mod sequence;
mod stats;
mod subscription;
mod tailer;

pub use args::FeedArgs;
pub use connections::{Client, OpenConnection, OpenConnections};
pub use opening::{LastEventId, Opened};
pub use published::{EncodingSlot, Published};
pub use redis_link::{BadRedisUrl, RedisServer};
pub use relay::relay;
pub use sequence::Feed;
pub use stats::{FeedStats, FilterKind};
pub use subscription::{Delivery, Subscription};
pub use tailer::{tail, tail_by_redis};
