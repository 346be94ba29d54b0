//! Prints each event on a line, and goes on after the last one that it saw: when the connection breaks, and when it is
//! run again. `FLOWFI_LAST_ID_FILE` names the file that keeps the last id, and `FLOWFI_LONGEST_WAIT_SECONDS` limits the
//! time that a server can make it wait before it comes back.

use std::{env, fs, io, time::Duration};

use anyhow::Context;
use reqwest::{
    Client, Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};

/// What is not an event. Every event has an id, whatever its type.
const NOTICES: [&str; 6] = ["connected", "reset", "revised", "changed", "expired", "resume"];
/// The service is heard every 15 seconds; a connection that is silent for longer than two of them is dead.
const SILENCE: Duration = Duration::from_secs(40);
const WAIT: Duration = Duration::from_secs(3);
const LEAST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT_SECONDS: &str = "600";

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().connect_timeout(Duration::from_secs(10)).read_timeout(SILENCE).build()?;
    let mut subscriber = Subscriber::from_env()?;
    loop {
        match subscriber.follow(&client).await {
            Ok(()) => {}
            Err(error) if error.is::<Refused>() => return Err(error),
            Err(error) => eprintln!("coming back: {error:#}"),
        }
        tokio::time::sleep(subscriber.wait()).await;
    }
}

/// The service's own verdict, which asking again does not change. Everything else comes from something in between.
#[derive(Debug)]
struct Refused(String);

impl std::fmt::Display for Refused {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "refused: {}", self.0)
    }
}

impl std::error::Error for Refused {}

/// What has come of a frame (WHATWG HTML 9.2).
#[derive(Default)]
struct Frame {
    id: String,
    event: String,
    data: String,
}

struct Subscriber {
    last_id_file: String,
    longest_wait: Duration,
    /// How long the service asks to wait before coming back.
    retry: Duration,
    frame: Frame,
}

impl Subscriber {
    fn from_env() -> anyhow::Result<Self> {
        let or = |name, usual: &str| env::var(name).unwrap_or_else(|_| usual.to_owned());
        let seconds = or("FLOWFI_LONGEST_WAIT_SECONDS", LONGEST_WAIT_SECONDS);
        let seconds: u32 = seconds.parse().context("FLOWFI_LONGEST_WAIT_SECONDS is not a whole number")?;
        Ok(Self {
            last_id_file: or("FLOWFI_LAST_ID_FILE", "last-event-id"),
            longest_wait: Duration::from_secs(seconds.into()),
            retry: WAIT,
            frame: Frame::default(),
        })
    }

    /// Returns a wait that is neither so short that the service suffers nor so long that it never ends.
    fn wait(&self) -> Duration {
        self.retry.min(self.longest_wait).max(LEAST_WAIT)
    }

    /// Reads one connection to its end.
    async fn follow(&mut self, client: &Client) -> anyhow::Result<()> {
        let url = env::var("FLOWFI_URL").unwrap_or_else(|_| "http://127.0.0.1:8080".to_owned());
        let mut request = client.get(format!("{url}/v1/events/subscribe?all=true")).header(ACCEPT, "text/event-stream");
        if let Ok(token) = env::var("FLOWFI_TOKEN") {
            request = request.bearer_auth(token);
        }
        if let Ok(id) = fs::read_to_string(&self.last_id_file) {
            request = request.header("last-event-id", id.trim());
        }
        let mut response = request.send().await?;
        if response.status() != StatusCode::OK {
            return Err(refusal_in(response).await);
        }
        self.frame = Frame::default();
        let mut unread = Vec::new();
        while let Some(piece) = response.chunk().await? {
            unread.extend_from_slice(&piece);
            while let Some(end) = unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = unread.drain(..=end).collect();
                self.take_line(std::str::from_utf8(&line)?.trim_end())?;
            }
        }
        Ok(())
    }

    fn take_line(&mut self, line: &str) -> anyhow::Result<()> {
        match line.split_once(": ") {
            Some(("id", id)) => id.clone_into(&mut self.frame.id),
            Some(("event", event)) => event.clone_into(&mut self.frame.event),
            Some(("data", data)) => data.clone_into(&mut self.frame.data),
            Some(("retry", retry)) => self.retry = duration_in(retry).unwrap_or(self.retry),
            _ if line.is_empty() => self.take_frame()?,
            _ => {}
        }
        Ok(())
    }

    fn take_frame(&mut self) -> anyhow::Result<()> {
        let Frame { id, event, data } = std::mem::take(&mut self.frame);
        let is_event = !id.is_empty() && !data.is_empty() && !NOTICES.contains(&event.as_str());
        if is_event {
            println!("{id} {event} {data}");
        } else if !data.is_empty() {
            eprintln!("{event} {data}");
        }
        if !id.is_empty() {
            keep(&self.last_id_file, &id).context("cannot keep the last id")?;
        }
        Ok(())
    }
}

/// Returns a time in milliseconds, unless the text is anything but digits. More than a computer can count is its longest.
fn duration_in(ms: &str) -> Option<Duration> {
    let is_number = !ms.is_empty() && ms.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Duration::from_millis(ms.parse().unwrap_or(u64::MAX)))
}

/// Returns a refusal if the answer is one of the service, and otherwise a failure that passes.
async fn refusal_in(response: Response) -> anyhow::Error {
    let status = response.status();
    let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_verdict = status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS;
    if !is_verdict || !media_type.starts_with("application/problem+json") {
        return anyhow::anyhow!("answered {status}");
    }
    Refused(response.text().await.unwrap_or_else(|_| status.to_string())).into()
}

/// Moved into place, so that whoever is ended meanwhile leaves a whole id.
fn keep(file: &str, id: &str) -> io::Result<()> {
    let new = format!("{file}.new");
    fs::write(&new, id)?;
    fs::rename(new, file)
}
