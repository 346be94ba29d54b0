//! Clients that come and go at random, disconnect at any point and change nodes, while rows come late, records change and
//! nodes fall behind. Whatever id a client holds, it was told of every revision up to that id that concerns it, and got
//! every event of its own once.

use std::{collections::VecDeque, time::Duration};

use flowfi_indexer::{
    domain::{Epoch, EventFilter, EventId, ResumeId, Revision, StreamId, Visibility},
    feed::{self, Feed, LastEventId, Subscription},
    ingest::{LateEvents, write_late},
    store::EventRange,
};
use rand::{
    Rng, SeedableRng,
    rngs::StdRng,
    seq::{IndexedMutRandom, IndexedRandom},
};
use serde_json::json;
use sqlx::PgPool;
use tokio::{
    task::{AbortHandle, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::world::{DEADLINE, Frame, World};

/// A gateway's feed, which may stop following the table for a while.
struct Node {
    feed: Feed,
    tailing: Option<AbortHandle>,
    tasks: JoinSet<()>,
}

impl Node {
    async fn open(world: &World, ring_events: usize) -> Self {
        let feed = Feed::open(world.store.clone(), ring_events).await.unwrap();
        let mut node = Self { feed, tailing: None, tasks: JoinSet::new() };
        node.toggle();
        node
    }

    fn toggle(&mut self) {
        if let Some(tailing) = self.tailing.take() {
            // If it was asked to stop, the feed would end.
            tailing.abort();
            return;
        }
        self.tailing = Some(self.tasks.spawn(feed::tail(self.feed.clone(), CancellationToken::new())));
    }
}

/// The content of a notice.
enum Told {
    Range(EventId, EventId),
    Streams(Vec<StreamId>),
}

impl Told {
    /// Returns the content of a frame, if it is a notice of a revision.
    fn of(frame: &Frame) -> Option<Self> {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let data = frame.data.as_ref()?;
        match frame.event.as_deref()? {
            "revised" => {
                let [from, to] = ["fromId", "toId"].map(|name| text(&data[name]).parse().unwrap());
                Some(Self::Range(from, to))
            }
            "changed" => {
                let streams = data["streams"].as_array().unwrap().iter();
                Some(Self::Streams(streams.map(|stream| text(&stream["streamId"]).parse().unwrap()).collect()))
            }
            _ => None,
        }
    }

    fn covers(&self, revision: &Revision) -> bool {
        match (self, &revision.changed) {
            (Self::Range(from, to), _) => *from <= revision.from && *to >= revision.to,
            (Self::Streams(told), Some(changed)) => changed.keys().all(|(_, stream_id)| told.contains(stream_id)),
            (Self::Streams(_), None) => false,
        }
    }
}

struct Client {
    filter: EventFilter,
    subscription: Option<Subscription>,
    /// Frames in transit, which are lost if the connection breaks.
    on_the_way: VecDeque<Frame>,
    last_id: Option<ResumeId>,
    /// Its state when it first connected: everything up to here is in what it fetched then.
    first_id: Option<ResumeId>,
    /// The notices that arrived, each with the number of revisions at that time.
    told: Vec<(usize, Told)>,
    events: Vec<EventId>,
}

impl Client {
    fn following(filter: EventFilter) -> Self {
        Self {
            filter,
            subscription: None,
            on_the_way: VecDeque::new(),
            last_id: None,
            first_id: None,
            told: Vec::new(),
            events: Vec::new(),
        }
    }

    async fn connect(&mut self, node: &Node) {
        let last = self.last_id.map_or(LastEventId::None, LastEventId::Known);
        let opened = node.feed.subscribe(self.filter.clone(), last).await.unwrap();
        assert_eq!(opened.reset, None, "after {last:?}");
        self.on_the_way.clear();
        self.on_the_way.extend(opened.subscription.resume_id().map(id_frame));
        self.subscription = Some(opened.subscription);
    }

    fn break_off(&mut self) {
        self.subscription = None;
        self.on_the_way.clear();
    }

    /// Lets the service send what it has within a while.
    async fn be_sent(&mut self, patience: Duration) {
        let Some(subscription) = &mut self.subscription else { return };
        if let Ok(deliveries) = timeout(patience, subscription.next()).await {
            self.on_the_way.extend(deliveries.unwrap().expect("the feed goes on").iter().map(Frame::of));
        } else {
            subscription.advance_if_quiet();
            self.on_the_way.extend(subscription.resume_id().map(id_frame));
        }
    }

    /// Lets at most this many frames arrive.
    fn receive(&mut self, frames: usize, revisions: &[Revision]) {
        for frame in self.on_the_way.drain(..frames.min(self.on_the_way.len())) {
            self.told.extend(Told::of(&frame).map(|told| (revisions.len(), told)));
            self.events.extend(frame.feed_id());
            self.last_id = frame.id.map(|id| id.parse().unwrap()).or(self.last_id);
            self.first_id = self.first_id.or(self.last_id);
        }
        self.check(revisions);
    }

    /// Checks that every revision that its id claims was in what it fetched first, does not concern it, or was in a notice
    /// that came afterwards.
    fn check(&self, revisions: &[Revision]) {
        let (Some(first), Some(last)) = (self.first_id, self.last_id) else { return };
        let is_claimed = |revision: &&Revision| (first.revision + 1..=last.revision).contains(&revision.number);
        let claimed = revisions.iter().filter(is_claimed).filter_map(|revision| revision.concerning(&self.filter));
        for revision in claimed {
            let written = usize::try_from(revision.number).unwrap();
            let covers = |(known, told): &(usize, Told)| *known >= written && told.covers(&revision);
            assert!(self.told.iter().any(covers), "{last} claims {revision:?}");
        }
    }
}

/// Four subscriptions to everything or to one stream.
fn clients(world: &World) -> Vec<Client> {
    let everything = || EventFilter { all: true, ..EventFilter::seen_by(Visibility::Everything) };
    let stream = |number| {
        let streams = [(world.devnet.contract_id(), StreamId(number))].into();
        EventFilter { streams, ..EventFilter::seen_by(Visibility::Everything) }
    };
    [everything(), everything(), stream(1), stream(2)].map(Client::following).into()
}

/// Returns the ids of the events after a position that a subscription matches.
async fn matching(world: &World, filter: &EventFilter, after: EventId) -> Vec<EventId> {
    let range = EventRange { after, up_to: EventId::from_parts(i64::MAX, 0).unwrap() };
    let events = world.store.matching_events(range, filter, 1_000_000).await.unwrap();
    events.iter().map(|event| event.id).collect()
}

fn id_frame(id: ResumeId) -> Frame {
    Frame { id: Some(id.to_string()), ..Frame::default() }
}

/// Writes an existing event late: its stream is folded again, which is a revision.
async fn revise(world: &World, rng: &mut StdRng) -> Vec<Revision> {
    let raws = world.raw_events().await;
    let late = LateEvents { events: vec![raws.choose(rng).unwrap().clone()], ..LateEvents::default() };
    write_late(&world.store, &world.devnet.contract_id(), Epoch(0), late).await.unwrap().unwrap();
    world.store.revisions_after(0).await.unwrap()
}

/// Says of one of the first three streams that its record changed.
async fn change(world: &World, rng: &mut StdRng) -> Vec<Revision> {
    let stream_id = rng.random_range(1..4_u32).to_string();
    let changed = json!([{ "stream_id": stream_id, "parties": [world.devnet.account("alice")] }]);
    let insert = "insert into revisions (contract_id, from_toid, from_event_index, to_toid, to_event_index, changed)
                  select contract_id, last_toid, last_event_index, last_toid, last_event_index, $2
                  from streams where stream_id = $1";
    let inserted = sqlx::query(insert).bind(&stream_id).bind(changed).execute(&world.pool).await.unwrap();
    assert_eq!(inserted.rows_affected(), 1);
    sqlx::query("select pg_notify('flowfi_committed', '')").execute(&world.pool).await.unwrap();
    world.store.revisions_after(0).await.unwrap()
}

async fn a_history(world: &World, nodes: &mut [Node], seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut clients = clients(world);
    let mut revisions = world.store.revisions_after(0).await.unwrap();
    for _ in 0..250 {
        let client = rng.random_range(0..clients.len());
        let client = &mut clients[client];
        match rng.random_range(0..13) {
            0 => drop(world.create("alice", "bob", 1_000_000, 100).await),
            1 => revisions = revise(world, &mut rng).await,
            2 => nodes.choose_mut(&mut rng).unwrap().toggle(),
            3 => client.break_off(),
            4..7 if client.subscription.is_none() => client.connect(nodes.choose(&mut rng).unwrap()).await,
            4..9 => client.be_sent(Duration::from_millis(rng.random_range(0..8))).await,
            9 => revisions = change(world, &mut rng).await,
            _ => client.receive(rng.random_range(0..6), &revisions),
        }
    }
    world.indexed().await;
    for node in nodes.iter_mut().filter(|node| node.tailing.is_none()) {
        node.toggle();
    }
    let (newest, last) = (*world.devnet.events_emitted().last().unwrap(), revisions.len());
    for client in &mut clients {
        client.break_off();
        client.connect(&nodes[0]).await;
        let is_done = |client: &Client| {
            let id = client.last_id;
            id.is_some_and(|id| id.position.event >= newest && usize::try_from(id.revision) == Ok(last))
        };
        let reading = async {
            while !is_done(client) {
                client.be_sent(Duration::from_millis(5)).await;
                client.receive(usize::MAX, &revisions);
            }
        };
        timeout(DEADLINE, reading).await.expect("it gets every notice and event");
        let first = client.first_id.unwrap().position.event;
        let expected = matching(world, &client.filter, first).await;
        assert_eq!(client.events, expected, "every event once and in order");
    }
}

#[sqlx::test]
async fn an_id_never_claims_more_than_its_client_was_told(pool: PgPool) {
    let mut world = World::new(pool).await;
    for _ in 0..3 {
        world.create("alice", "bob", 1_000_000, 100).await;
    }
    world.start_indexer(100);
    world.indexed().await;
    let mut nodes = [Node::open(&world, 3).await, Node::open(&world, 1_000).await];
    for seed in 0..8 {
        a_history(&world, &mut nodes, seed).await;
    }
}
