//! Prints each event on a line, and goes on after the last one that it saw: when the connection breaks, and when it is
//! run again.

use std::{env, fs, io, time::Duration};

use anyhow::Context;
use reqwest::{Client, header::ACCEPT};

const LAST_ID: &str = "last-event-id";
/// The service is heard every 15 seconds; a connection that is silent for longer than two of them is dead.
const SILENCE: Duration = Duration::from_secs(40);

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().connect_timeout(Duration::from_secs(10)).read_timeout(SILENCE).build()?;
    let mut subscriber = Subscriber { retry: Duration::from_secs(3), frame: Frame::default() };
    loop {
        if let Err(error) = subscriber.follow(&client).await {
            let refusal = error.downcast_ref::<reqwest::Error>().and_then(reqwest::Error::status);
            if refusal.is_some_and(|status| status.is_client_error()) {
                return Err(error);
            }
            eprintln!("coming back: {error:#}");
        }
        tokio::time::sleep(subscriber.retry).await;
    }
}

/// What has come of a frame (WHATWG HTML 9.2).
#[derive(Default)]
struct Frame {
    id: String,
    event: String,
    data: String,
}

struct Subscriber {
    /// How long the service asks to wait before coming back.
    retry: Duration,
    frame: Frame,
}

impl Subscriber {
    /// Reads one connection to its end.
    async fn follow(&mut self, client: &Client) -> anyhow::Result<()> {
        let url = env::var("FLOWFI_URL").unwrap_or_else(|_| "http://127.0.0.1:8080".to_owned());
        let mut request = client.get(format!("{url}/v1/events/subscribe?all=true")).header(ACCEPT, "text/event-stream");
        if let Ok(token) = env::var("FLOWFI_TOKEN") {
            request = request.bearer_auth(token);
        }
        if let Ok(id) = fs::read_to_string(LAST_ID) {
            request = request.header("last-event-id", id.trim());
        }
        let mut response = request.send().await?.error_for_status()?;
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
            Some(("retry", retry)) => self.retry = Duration::from_millis(retry.parse()?),
            _ if line.is_empty() => take(&std::mem::take(&mut self.frame))?,
            _ => {}
        }
        Ok(())
    }
}

fn take(Frame { id, event, data }: &Frame) -> anyhow::Result<()> {
    if event.starts_with("stream.") {
        println!("{id} {event} {data}");
    } else if !data.is_empty() {
        eprintln!("{event} {data}");
    }
    if !id.is_empty() {
        keep(id).context("cannot keep the last id")?;
    }
    Ok(())
}

/// Moved into place, so that whoever is ended meanwhile leaves a whole id.
fn keep(id: &str) -> io::Result<()> {
    let new = format!("{LAST_ID}.new");
    fs::write(&new, id)?;
    fs::rename(new, LAST_ID)
}
