//! HTTP: routes, parameters, problems, views, the event stream and the built-in page. The home of `axum`.
//!
//! Handlers are thin: parameters in, `store` or `feed` asked, a view out. Nothing here indexes.

mod accept;
mod admin;
mod api_keys;
mod args;
mod body;
mod bounds;
mod caller;
mod chain;
mod claimable;
mod compression;
mod contract_status;
mod cors;
mod csv;
mod endpoint_health;
mod etag;
mod event_view;
mod events;
mod feed_views;
mod health;
mod host;
mod limits;
mod openapi;
mod page;
mod paging;
mod parameters;
mod problem;
mod records_check;
mod router;
mod server;
mod sign_in;
mod sse;
mod starting;
mod state;
mod status;
mod stream_order;
mod stream_text;
mod streams;
mod subscribe;
mod subscribe_filter;
mod throughput;
mod tickets;
mod users;
mod views;
mod watch;

pub use admin::{QuarantineReplayer, Replayed};
pub use args::HttpArgs;
pub use chain::{ChainAway, ChainReader, ChainStream};
pub use cors::Origin;
pub use event_view::EventView;
pub use limits::{LimitArgs, Limits};
pub use router::{LocalRoutes, openapi_text, router};
pub use server::{ServerSettings, serve};
pub use starting::{Starting, StartingPhase, router_while_starting};
pub use state::HttpState;
