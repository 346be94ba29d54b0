//! Many seeds at once: a few workers, each with its own database, until one fails or all are done.

use std::{
    env,
    fmt::Write as _,
    io::Write as _,
    num::NonZeroUsize,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use tokio::runtime::Runtime;

use crate::{
    database::Database,
    world::{Place, World},
};

/// A world mostly waits: for the database, for the network, for a moment to pass.
const WORKERS_A_CORE: usize = 4;

/// A history that takes this long waits for something that it should not have to wait for.
const LONG: Duration = Duration::from_secs(30);

pub struct Failure {
    pub seed: u64,
    pub what: String,
    pub story: String,
}

/// The result of a run over seeds.
pub struct Run {
    pub seeds: usize,
    pub took: Duration,
    pub failures: Vec<Failure>,
}

/// Reads a number from the environment.
pub fn number_from(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

/// Prints something immediately, even if the test's output is captured.
pub fn say(what: &str) {
    let _ = writeln!(std::io::stderr(), "{what}");
}

/// Runs these seeds until one fails, or all of them with `KEEP_GOING=1`.
pub fn run(seeds: &[u64]) -> Run {
    let began = Instant::now();
    let runtime = Runtime::new().unwrap();
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let workers = number_from("WORKERS").map_or(cores * WORKERS_A_CORE, |number| usize::try_from(number).unwrap());
    let keeps_going = number_from("KEEP_GOING").is_some_and(|number| number > 0);
    let queue = Queue { seeds, next: AtomicUsize::new(0), over: AtomicBool::new(false), keeps_going };
    let failures = thread::scope(|scope| {
        let work = |number| {
            let (runtime, queue) = (&runtime, &queue);
            scope.spawn(move || runtime.block_on(work(number, queue)))
        };
        let workers: Vec<_> = (0..workers.min(seeds.len())).map(work).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    Run { seeds: queue.next.into_inner().min(seeds.len()), took: began.elapsed(), failures }
}

/// The remaining seeds.
struct Queue<'a> {
    seeds: &'a [u64],
    next: AtomicUsize,
    over: AtomicBool,
    keeps_going: bool,
}

async fn work(number: usize, queue: &Queue<'_>) -> Vec<Failure> {
    let place = place(number).await;
    let mut failures = Vec::new();
    while !queue.over.load(Ordering::Relaxed) {
        let Some(seed) = queue.seeds.get(queue.next.fetch_add(1, Ordering::Relaxed)) else { break };
        let Some(failure) = play(*seed, &place).await else { continue };
        if queue.keeps_going {
            say(&failure.full());
        }
        failures.push(failure);
        queue.over.fetch_or(!queue.keeps_going, Ordering::Relaxed);
    }
    let _ = std::fs::remove_dir_all(&place.lake_folder);
    let _ = std::fs::remove_dir_all(&place.old_lake_folder);
    place.database.remove().await;
    failures
}

async fn place(number: usize) -> Place {
    let name = format!("simulation-{}-{number}", std::process::id());
    // An error means that a provider is already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Place {
        database: Database::create(number).await,
        http: reqwest::Client::builder().build().unwrap(),
        lake_folder: Path::new(env!("CARGO_TARGET_TMPDIR")).join(&name),
        old_lake_folder: Path::new(env!("CARGO_TARGET_TMPDIR")).join(name + "-old"),
    }
}

async fn play(seed: u64, place: &Place) -> Option<Failure> {
    let mut world = World::new(seed, place).await;
    let history = async {
        world.play().await?;
        world.finish().await
    };
    let ended = std::panic::AssertUnwindSafe(history).catch_unwind().await;
    let what = match ended {
        Ok(Ok(())) => {
            if world.took() > LONG {
                say(&format!("seed {seed} passed, and took {:?}:\n{}", world.took(), story_of(&world)));
            }
            return None;
        }
        Ok(Err(what)) => what,
        Err(panic) => match panic.downcast_ref::<String>() {
            Some(text) => format!("the simulation panicked: {text}"),
            None => "the simulation panicked".to_owned(),
        },
    };
    world.tell_how_it_stands().await;
    let story = story_of(&world);
    Some(Failure { seed, what, story })
}

fn story_of(world: &World<'_>) -> String {
    let mut story = String::new();
    for (number, step) in world.story.iter().enumerate() {
        writeln!(story, "  {number:>3} {step}").unwrap();
    }
    story
}

impl Failure {
    pub fn full(&self) -> String {
        let Self { seed, what, story } = self;
        format!("seed {seed}: {what}\n{story}again: SEED={seed} make simulate")
    }
}
