//! Places for event streams: so many in all, so many by address.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use serde::Serialize;

use super::client::ClientKey;
use crate::http::problem::Problem;

/// Somebody who was refused should leave others time to go.
const RETRY_AFTER_SECONDS: u32 = 30;

#[derive(Debug)]
pub(super) struct Connections {
    in_all: u32,
    per_client: u32,
    open: Arc<Mutex<Open>>,
}

/// Only addresses with open streams are kept, so that there are never more of them than streams.
#[derive(Debug, Default)]
struct Open {
    count: u32,
    by_client: HashMap<ClientKey, u32>,
    most_by_client: u32,
}

/// How many event streams there are, beside the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionStats {
    /// The most that may be open.
    pub max_connections: u32,
    /// The most that one address may have open.
    pub max_connections_per_ip: u32,
    /// The most that one address had open since the start.
    pub peak_connections_per_ip: u32,
    /// TCP connections that were closed at once, because their address made too many, since the start.
    pub refused_connects: u64,
}

/// A taken place.
#[derive(Debug)]
pub(in crate::http) struct Slot {
    client: Option<ClientKey>,
    open: Arc<Mutex<Open>>,
}

impl Connections {
    pub(super) fn new(in_all: u32, per_client: u32) -> Self {
        Self { in_all, per_client, open: Arc::default() }
    }

    pub(super) fn take(&self, client: Option<ClientKey>) -> Result<Slot, Problem> {
        let mut open = lock(&self.open);
        if open.count >= self.in_all {
            return Err(Problem::overloaded("every place for an event stream is taken", RETRY_AFTER_SECONDS));
        }
        if let Some(client) = client {
            let mine = open.by_client.entry(client).or_insert(0);
            if *mine >= self.per_client {
                let rule = format!("one address may have {} event streams open", self.per_client);
                return Err(Problem::too_many_requests(rule, RETRY_AFTER_SECONDS));
            }
            *mine += 1;
            let mine = *mine;
            open.most_by_client = open.most_by_client.max(mine);
        }
        open.count += 1;
        Ok(Slot { client, open: Arc::clone(&self.open) })
    }

    pub(super) fn stats(&self, refused_connects: u64) -> ConnectionStats {
        ConnectionStats {
            max_connections: self.in_all,
            max_connections_per_ip: self.per_client,
            peak_connections_per_ip: lock(&self.open).most_by_client,
            refused_connects,
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        open.count -= 1;
        if let Some(client) = self.client
            && let Some(mine) = open.by_client.get_mut(&client)
        {
            *mine -= 1;
            if *mine == 0 {
                open.by_client.remove(&client);
            }
        }
    }
}

fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().expect("nothing panics while it counts")
}
