//! HTTP: routes, parameters, problems, views, the event stream and the built-in page. The home of `axum`.
//!
//! Handlers are thin: parameters in, `store` or `feed` asked, a view out. Nothing here indexes.

mod args;
mod chain;
mod claimable;
mod contract_status;
mod cors;
mod csv;
mod etag;
mod events;
mod health;
mod limits;
mod page;
mod paging;
mod parameters;
mod problem;
mod router;
mod server;
mod state;
mod status;
mod stream_order;
mod stream_text;
mod streams;
mod subscribe;
mod subscribe_filter;
mod users;
mod views;

pub use args::HttpArgs;
pub use chain::{ChainAway, ChainReader, ChainStream};
pub use cors::Origin;
pub use limits::{LimitArgs, Limits};
pub use router::{LocalRoutes, router};
pub use server::serve;
pub use state::HttpState;
