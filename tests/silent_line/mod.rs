//! A line to the database that can fall silent, as when a firewall forgets connections: they stay open, but nothing
//! gets through any more. New connections work.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use flowfi_indexer::store::Store;
use sqlx::PgPool;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UnixStream},
    sync::watch,
    task::JoinSet,
    time::sleep,
};

type Word = Arc<Mutex<Option<Awaited>>>;

/// What makes the connection that sends it fall silent.
#[derive(Clone, Copy)]
enum Awaited {
    Text(&'static str),
    /// The check of a connection that the pool gets back: a Sync message without anything before it.
    Check,
}

impl Awaited {
    fn is_in(self, sent: &[u8]) -> bool {
        match self {
            Self::Text(text) => sent.windows(text.len()).any(|bytes| bytes == text.as_bytes()),
            Self::Check => sent == b"S\0\0\0\x04",
        }
    }
}

/// Connections that were not accepted.
#[derive(Default)]
struct Newcomers {
    are_refused: AtomicBool,
    refused: AtomicU64,
}

/// A line to a test's database. It ends with this handle.
pub struct SilentLine {
    url: String,
    /// Connections up to this number are silent.
    silent_up_to: watch::Sender<u64>,
    opened: Arc<AtomicU64>,
    /// What makes the next connection that sends it fall silent.
    word: Word,
    newcomers: Arc<Newcomers>,
    _tasks: JoinSet<()>,
}

impl SilentLine {
    pub async fn to(pool: &PgPool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, pool)
    }

    /// Returns a line that starts at an already bound port.
    pub fn on(listener: TcpListener, pool: &PgPool) -> Self {
        let options = pool.connect_options();
        let socket = format!("{}/.s.PGSQL.{}", options.get_socket().unwrap().display(), options.get_port());
        let url = Self::url(&listener, pool);
        let (silent_up_to, heard) = watch::channel(0);
        let opened = Arc::new(AtomicU64::new(0));
        let word = Word::default();
        let newcomers = Arc::<Newcomers>::default();
        let (count, awaited, entrance) = (Arc::clone(&opened), Arc::clone(&word), Arc::clone(&newcomers));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut pumps = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                if entrance.are_refused.load(Ordering::Relaxed) {
                    entrance.refused.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                let number = count.fetch_add(1, Ordering::Relaxed) + 1;
                let far = UnixStream::connect(&socket).await.unwrap();
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                pumps.spawn(pump(near_in, far_out, number, heard.clone(), Arc::clone(&awaited)));
                pumps.spawn(pump(far_in, near_out, number, heard.clone(), Word::default()));
            }
        });
        Self { url, silent_up_to, opened, word, newcomers, _tasks: tasks }
    }

    /// Returns the URL of the database over a line that starts at this port.
    pub fn url(listener: &TcpListener, pool: &PgPool) -> String {
        let (options, port) = (pool.connect_options(), listener.local_addr().unwrap().port());
        format!("postgres://{}@127.0.0.1:{port}/{}", options.get_username(), options.get_database().unwrap())
    }

    /// Returns the database over this line.
    pub async fn store(&self, max_connections: u32, deadline: Duration) -> Store {
        Store::connect(&self.url, max_connections, deadline).await.unwrap()
    }

    /// Makes every existing connection fall silent.
    pub fn fall_silent(&self) {
        self.silent_up_to.send_replace(self.opened.load(Ordering::Relaxed));
    }
}

impl SilentLine {
    /// Makes every existing connection fall silent, and every later one, as when the host is gone.
    #[allow(dead_code, reason = "the simulation uses the rest")]
    pub fn fall_silent_for_good(&self) {
        self.silent_up_to.send_replace(u64::MAX);
    }

    /// Closes every later connection at once; the existing ones go on.
    #[allow(dead_code, reason = "the simulation uses the rest")]
    pub fn refuse_newcomers(&self) {
        self.newcomers.are_refused.store(true, Ordering::Relaxed);
    }

    /// Returns how many connections were closed at once.
    #[allow(dead_code, reason = "the simulation uses the rest")]
    pub fn refused_newcomers(&self) -> u64 {
        self.newcomers.refused.load(Ordering::Relaxed)
    }

    /// Makes the connection that next sends this text fall silent, before the server receives it.
    #[allow(dead_code, reason = "the simulation uses the rest")]
    pub fn fall_silent_at(&self, word: &'static str) {
        *self.word.lock().unwrap() = Some(Awaited::Text(word));
    }

    /// Makes the connection that the pool next checks fall silent, before the server receives the check.
    #[allow(dead_code, reason = "the simulation uses the rest")]
    pub fn fall_silent_at_a_check(&self) {
        *self.word.lock().unwrap() = Some(Awaited::Check);
    }

    /// Returns whether a connection has sent it.
    #[allow(dead_code, reason = "the simulation uses the rest")]
    pub fn has_heard(&self) -> bool {
        self.word.lock().unwrap().is_none()
    }
}

/// A server's keepalive ends a session whose other end is gone.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// Forwards data until the connection must be silent. From then on, the connection is held open and the data is lost.
/// Some time after the sending end was closed, the other end is closed too.
async fn pump(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    number: u64,
    mut silent_up_to: watch::Receiver<u64>,
    word: Word,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let silent = async { silent_up_to.wait_for(|up_to| *up_to >= number).await.is_ok() };
        let read = tokio::select! {
            biased;
            _ = silent => None,
            read = from.read(&mut buffer) => Some(read),
        };
        let read = read.filter(|read| !read.as_ref().is_ok_and(|count| is_said(&word, &buffer[..*count])));
        match read {
            None => {
                while from.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
                sleep(KEEPALIVE).await;
                return;
            }
            Some(Ok(0) | Err(_)) => return,
            Some(Ok(count)) => {
                if to.write_all(&buffer[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Returns whether what is awaited was sent; it is awaited only once.
fn is_said(word: &Word, said: &[u8]) -> bool {
    let mut awaited = word.lock().unwrap();
    let found = awaited.is_some_and(|awaited| awaited.is_in(said));
    if found {
        *awaited = None;
    }
    found
}
