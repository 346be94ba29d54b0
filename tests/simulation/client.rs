//! Subscribers: each follows the feed at some gateway, is slow, leaves, and comes back with its last id.

use std::{
    fmt::Write,
    sync::{Arc, Mutex},
    time::Duration,
};

use flowfi_indexer::{
    domain::{EventFilter, Notice},
    feed::{Delivery, LastEventId},
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    daemon::Gateway,
    frames::{Frame, Says, SeenId},
    log::{Log, Session},
};

/// Long enough for late rows to be written meanwhile.
const LONG_AWAY_MS: u64 = 200;
const SHORTLY_AWAY_MS: u64 = 30;

pub type Gateways = Arc<Mutex<Vec<Gateway>>>;

/// What a subscriber asks for, and how it behaves.
#[derive(Clone)]
pub struct Plan {
    pub filter: EventFilter,
    /// The position to start after; `None` for events from now on.
    pub from: Option<SeenId>,
    pub over_http: bool,
    pub seed: u64,
}

pub struct Client {
    pub plan: Plan,
    pub log: Arc<Mutex<Log>>,
    _task: JoinSet<()>,
}

impl Client {
    pub fn start(plan: Plan, gateways: Gateways, http: reqwest::Client) -> Self {
        let log = Arc::new(Mutex::new(Log::beginning_after(plan.from.clone())));
        let rng = StdRng::seed_from_u64(plan.seed);
        let mut following = Following { plan: plan.clone(), log: Arc::clone(&log), rng, http };
        let mut task = JoinSet::new();
        task.spawn(async move { following.run(&gateways).await });
        Self { plan, log, _task: task }
    }
}

/// A session that ended without a failure.
struct Ended;

struct Following {
    plan: Plan,
    log: Arc<Mutex<Log>>,
    rng: StdRng,
    http: reqwest::Client,
}

impl Following {
    async fn run(&mut self, gateways: &Gateways) {
        loop {
            let gateway = gateways.lock().unwrap().choose(&mut self.rng).cloned();
            if let Some(gateway) = gateway {
                let stopped = gateway.stop.clone();
                self.log.lock().unwrap().sessions += 1;
                let session = async {
                    if self.plan.over_http { self.over_http(&gateway).await } else { self.directly(&gateway).await }
                };
                let ended = tokio::select! {
                    () = stopped.cancelled() => Ok(Ended),
                    ended = session => ended,
                };
                if let Err(failure) = ended {
                    self.log.lock().unwrap().failure = Some(failure);
                    return;
                }
            }
            let most = if self.rng.random_ratio(1, 4) { LONG_AWAY_MS } else { SHORTLY_AWAY_MS };
            let away = self.rng.random_range(1..most);
            sleep(Duration::from_millis(away)).await;
        }
    }

    async fn directly(&mut self, gateway: &Gateway) -> Result<Ended, String> {
        let last = last_event_id(self.log.lock().unwrap().last.as_ref());
        let opened = match gateway.feed.subscribe(self.plan.filter.clone(), last).await {
            Ok(opened) => opened,
            Err(failure) if failure.is_unavailable() => return Ok(Ended),
            Err(failure) => return Err(format!("a subscription was refused: {failure}")),
        };
        let (mut session, mut subscription) = (Session::default(), opened.subscription);
        // A subscriber that resumes keeps its id unchanged: the id may say more than the position.
        let begins = matches!(last, LastEventId::None) || opened.reset.is_some();
        let id = subscription.resume_id().filter(|_| begins);
        let id = id.map(|id| id.to_string().parse()).transpose()?;
        self.log.lock().unwrap().take(&mut session, Frame { id, says: Says::Connected })?;
        if let Some(reset) = opened.reset {
            self.log.lock().unwrap().take(&mut session, Frame::try_from(Delivery::Notice(Notice::Reset(reset)))?)?;
        }
        for _ in 0..self.rng.random_range(1..40) {
            self.be_slow().await;
            match timeout(self.patience(), subscription.next()).await {
                Err(_) if self.rng.random() => break,
                Err(_) => {}
                Ok(Err(failure)) => return Err(format!("a subscription failed: {failure}")),
                Ok(Ok(None)) => break,
                Ok(Ok(Some(deliveries))) => {
                    for delivery in deliveries {
                        self.log.lock().unwrap().take(&mut session, Frame::try_from(delivery)?)?;
                    }
                }
            }
        }
        Ok(Ended)
    }

    async fn over_http(&mut self, gateway: &Gateway) -> Result<Ended, String> {
        let mut request =
            self.http.get(format!("{}/v1/events/subscribe?{}", gateway.base, query_of(&self.plan.filter)));
        if let Some(last) = &self.log.lock().unwrap().last {
            request = request.header("last-event-id", last.to_string());
        }
        let Ok(mut response) = request.send().await else { return Ok(Ended) };
        if response.status() != 200 {
            return Err(format!("a subscription was answered {}", response.status()));
        }
        let (mut session, mut text) = (Session::default(), String::new());
        for _ in 0..self.rng.random_range(1..40) {
            self.be_slow().await;
            match timeout(self.patience(), response.chunk()).await {
                Err(_) if self.rng.random() => break,
                Err(_) => {}
                Ok(Err(_) | Ok(None)) => break,
                Ok(Ok(Some(chunk))) => text += std::str::from_utf8(&chunk).unwrap(),
            }
            while let Some((frame, rest)) = text.split_once("\n\n") {
                self.take(&mut session, frame)?;
                let rest = rest.to_owned();
                text = rest;
            }
        }
        Ok(Ended)
    }

    fn take(&self, session: &mut Session, frame: &str) -> Result<(), String> {
        self.log.lock().unwrap().take(session, frame.parse()?)
    }

    fn patience(&mut self) -> Duration {
        Duration::from_millis(self.rng.random_range(5..150))
    }

    async fn be_slow(&mut self) {
        if self.rng.random_ratio(1, 8) {
            let pause = self.rng.random_range(0..60);
            sleep(Duration::from_millis(pause)).await;
        }
    }
}

/// Returns what a subscriber without HTTP sends as its last id.
fn last_event_id(last: Option<&SeenId>) -> LastEventId {
    last.map_or(LastEventId::None, |last| last.to_string().parse().map_or(LastEventId::Malformed, LastEventId::Known))
}

fn query_of(filter: &EventFilter) -> String {
    let mut query = String::new();
    if filter.all {
        query += "&all=true";
    }
    for (_, stream) in &filter.streams {
        write!(query, "&streams={stream}").unwrap();
    }
    for user in &filter.users {
        write!(query, "&users={user}").unwrap();
    }
    for event_type in &filter.types {
        write!(query, "&types={event_type}").unwrap();
    }
    query.trim_start_matches('&').to_owned()
}
