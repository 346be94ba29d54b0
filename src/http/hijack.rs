//! Event streams without the HTTP library. The library keeps buffers and the state of a request for each connection, about
//! ten kilobytes. An event stream needs neither: nothing more is read, and what is sent is in memory already. So once the
//! library has read a request and the routes have answered it with an event stream, its socket is taken from the library,
//! and the head of the answer and the stream are written here.
//!
//! This speaks HTTP/1.1 only (RFC 9112), with the body in chunks (section 7.1). Whatever the client sends after its request
//! is thrown away, and the connection is closed after the stream, as its head says (section 9.6).

use std::{
    fmt::Write,
    future::pending,
    io::{self, IoSlice},
    sync::{Arc, Mutex},
};

use axum::{
    body::Body,
    http::{
        HeaderValue, Response, Version,
        header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING},
    },
};
use bytes::Bytes;
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::oneshot, task::consume_budget};

use super::{
    event_stream::{EventStream, Unsent},
    limits::{Answering, TcpConnection},
};
use crate::domain::{Clock, SystemClock};

/// The most that is read and thrown away at once.
const READ_BYTES: usize = 256;

/// How the service of a connection tells the connection's task that it should take the socket. Clones share it.
#[derive(Clone)]
pub(super) struct Hijacker(Arc<Mutex<Option<oneshot::Sender<Hijacked>>>>);

/// An event stream that is to be written without the library.
pub(super) struct Hijacked {
    head: String,
    events: Box<EventStream>,
    /// While it is kept, the connection is not idle.
    _held: Answering,
}

impl Hijacker {
    /// Returns a hijacker of one connection, and a future by which its task hears of the event stream, if there ever is one.
    pub(super) fn new() -> (Self, impl Future<Output = Hijacked>) {
        let (sender, receiver) = oneshot::channel();
        let hijacked = async {
            match receiver.await {
                Ok(hijacked) => hijacked,
                Err(_) => pending().await,
            }
        };
        (Self(Arc::new(Mutex::new(Some(sender)))), hijacked)
    }

    /// Gives an event stream to the connection's task, which then drops the library's connection and this future with it.
    /// Returns the answer that the library should send instead if there is no event stream, or if we may not write this one.
    pub(super) async fn hijack(
        &self,
        version: Version,
        mut answer: Response<Body>,
        held: Answering,
        may_hijack: bool,
    ) -> (Response<Body>, Answering) {
        let Some(events) = Unsent::take_from(&mut answer) else { return (answer, held) };
        let sender = self.0.lock().expect("no thread panics while it takes the sender").take();
        let Some(sender) = sender.filter(|_| version == Version::HTTP_11 && may_hijack) else {
            return (answer.map(|_| events.into_body()), held);
        };
        // Its receiver goes only with this future.
        drop(sender.send(Hijacked { head: head_of(answer), events, _held: held }));
        pending().await
    }
}

/// Returns the head of an answer as text. A header whose value is not text is left out: none of ours is.
fn head_of(mut answer: Response<Body>) -> String {
    let date = SystemClock.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let headers = answer.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.extend(HeaderValue::try_from(date).map(|date| (DATE, date)));
    let mut head = format!("HTTP/1.1 {}\r\n", answer.status());
    for (name, value) in answer.headers().iter().filter_map(|(name, value)| Some((name, value.to_str().ok()?))) {
        write!(head, "{name}: {value}\r\n").expect("writing to a String cannot fail");
    }
    head + "\r\n"
}

/// An event stream with the socket that it is written to.
pub(super) struct TakenOver {
    hijacked: Hijacked,
    socket: TcpStream,
    /// While it is kept, the connection counts as open.
    _connection: Arc<TcpConnection>,
}

impl Hijacked {
    /// Takes the socket of a connection.
    pub(super) fn on(self, socket: TcpStream, connection: Arc<TcpConnection>) -> TakenOver {
        TakenOver { hijacked: self, socket, _connection: connection }
    }
}

impl TakenOver {
    /// Writes the event stream until it ends or the client leaves.
    ///
    /// # Errors
    /// The client cannot be written to any more.
    pub(super) async fn write(self) -> io::Result<()> {
        let Self { hijacked: Hijacked { mut head, mut events, _held }, mut socket, _connection } = self;
        loop {
            let piece = tokio::select! {
                biased;
                piece = events.next() => piece,
                left = client_left(&socket) => return left,
            };
            let Some(piece) = piece else { break };
            write_chunk(&socket, &head, &piece).await?;
            head = String::new();
            // A client that always reads at once must not keep the thread.
            consume_budget().await;
        }
        socket.write_all(b"0\r\n\r\n").await?;
        socket.shutdown().await
    }
}

/// Writes a chunk, after what must come before it.
async fn write_chunk(socket: &TcpStream, before: &str, piece: &Bytes) -> io::Result<()> {
    let size = format!("{:x}\r\n", piece.len());
    let mut written = 0;
    loop {
        let mut parts = [before.as_bytes(), size.as_bytes(), piece, b"\r\n"].map(IoSlice::new);
        let mut left = &mut parts[..];
        IoSlice::advance_slices(&mut left, written);
        if left.is_empty() {
            return Ok(());
        }
        match socket.try_write_vectored(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => written += count,
            Err(failure) if failure.kind() == io::ErrorKind::WouldBlock => socket.writable().await?,
            Err(failure) => return Err(failure),
        }
    }
}

/// Throws away what the client sends, and returns when it closes its side or the connection breaks.
async fn client_left(socket: &TcpStream) -> io::Result<()> {
    loop {
        socket.readable().await?;
        // Not a scrutinee: what it borrows would stay in the future.
        let read = socket.try_read(&mut [0; READ_BYTES]);
        match read {
            Ok(0) => return Ok(()),
            Ok(_) => consume_budget().await,
            Err(failure) if failure.kind() == io::ErrorKind::WouldBlock => {}
            Err(failure) => return Err(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn size_of_future<F: Future>(_: fn(TakenOver) -> F) -> usize {
        size_of::<F>()
    }

    /// What tens of thousands of connections hold is worth counting.
    #[test]
    fn an_event_stream_takes_little_memory() {
        let (future, events) = (size_of_future(TakenOver::write), size_of::<EventStream>());
        assert!(future <= 720 && events <= 448, "{future} and {events} bytes");
    }

    #[test]
    fn the_head_says_what_the_library_would_and_that_the_connection_closes() {
        let answer = Response::builder().header("content-type", "text/event-stream").header(CONTENT_LENGTH, 0);
        let head = head_of(answer.body(Body::empty()).unwrap());
        let (status, rest) = head.split_once("\r\n").unwrap();
        assert_eq!(status, "HTTP/1.1 200 OK");
        let lines: Vec<&str> = rest.split("\r\n").collect();
        for line in ["content-type: text/event-stream", "transfer-encoding: chunked", "connection: close"] {
            assert!(lines.contains(&line), "{head}");
        }
        assert!(!head.contains("content-length") && head.ends_with("\r\n\r\n"), "{head}");
        let date = lines.iter().find_map(|line| line.strip_prefix("date: ")).unwrap();
        chrono::NaiveDateTime::parse_from_str(date, "%a, %d %b %Y %H:%M:%S GMT").unwrap();
    }

    #[tokio::test]
    async fn a_chunk_follows_what_comes_before_it_also_if_the_socket_takes_it_in_parts() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (sending, accepted) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        let (sending, mut receiving) = (sending.unwrap(), accepted.unwrap().0);
        let piece = Bytes::from("x".repeat(8 << 20));
        let reading = async {
            let mut read = Vec::new();
            tokio::io::AsyncReadExt::read_to_end(&mut receiving, &mut read).await.unwrap();
            read
        };
        let writing = async {
            write_chunk(&sending, "head\r\n\r\n", &piece).await.unwrap();
            drop(sending);
        };
        let (read, ()) = tokio::join!(reading, writing);
        let wanted = [&b"head\r\n\r\n800000\r\n"[..], &piece, b"\r\n"].concat();
        assert!(read == wanted, "{} bytes instead of {}", read.len(), wanted.len());
    }
}
