//! A client that speaks HTTP/2 over one connection.

use axum::http::{Method, Request, Response, StatusCode};
use bytes::Bytes;
use h2::{
    RecvStream,
    client::{Builder, SendRequest},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

use crate::world::{DEADLINE, Frame};

pub struct Client {
    requests: SendRequest<Bytes>,
    connection: JoinSet<Result<(), h2::Error>>,
}

impl Client {
    /// Connects without TLS, and without asking whether the server speaks HTTP/2.
    pub async fn connect(base: &str) -> Self {
        Self::with(base, &mut Builder::new()).await
    }

    pub async fn with(base: &str, settings: &mut Builder) -> Self {
        Self::over(TcpStream::connect(base.strip_prefix("http://").unwrap()).await.unwrap(), settings).await
    }

    pub async fn over<S>(stream: S, settings: &mut Builder) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (requests, connection) = settings.handshake(stream).await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(connection);
        Self { requests, connection: tasks }
    }

    pub async fn get(&self, path: &str) -> Result<Response<RecvStream>, h2::Error> {
        self.ask(Method::GET, path, "").await
    }

    /// The same with one more header.
    pub async fn get_with(&self, path: &str, header: &str) -> Result<Response<RecvStream>, h2::Error> {
        self.ask(Method::GET, path, header).await
    }

    pub async fn head(&self, path: &str) -> Result<Response<RecvStream>, h2::Error> {
        self.ask(Method::HEAD, path, "").await
    }

    async fn ask(&self, method: Method, path: &str, header: &str) -> Result<Response<RecvStream>, h2::Error> {
        let request = Request::builder().method(method).uri(format!("http://localhost{path}")).header("x-long", header);
        let mut requests = self.requests.clone().ready().await?;
        let (answer, _) = requests.send_request(request.body(()).unwrap(), true)?;
        timeout(DEADLINE, answer).await.expect("an answer within the deadline")
    }

    /// Returns the status of an answer, and its whole body.
    pub async fn whole(&self, path: &str) -> (StatusCode, Bytes) {
        let (head, body) = self.get(path).await.unwrap().into_parts();
        let mut stream = EventStream { body, text: String::new() };
        (head.status, stream.read_to_end().await.into())
    }

    pub async fn subscribe(&self, path: &str) -> EventStream {
        let (head, body) = self.get(path).await.unwrap().into_parts();
        assert_eq!(head.status, 200);
        let mut stream = EventStream { body, text: String::new() };
        stream.read_until(|text| text.contains("event: connected\n") && text.ends_with("\n\n")).await;
        stream
    }

    /// Waits until the connection ends, and returns how.
    pub async fn end(&mut self) -> Result<(), h2::Error> {
        timeout(DEADLINE, self.connection.join_next()).await.expect("the connection ends").unwrap().unwrap()
    }
}

/// What came of an event stream.
pub struct EventStream {
    body: RecvStream,
    text: String,
}

impl EventStream {
    /// Reads on until the text is as wanted.
    pub async fn read_until(&mut self, is_as_wanted: impl Fn(&str) -> bool) {
        while !is_as_wanted(&self.text) {
            assert!(self.read().await, "it ended with {:?}", self.text);
        }
    }

    /// Reads to the end, and returns the whole text.
    pub async fn read_to_end(&mut self) -> String {
        while self.read().await {}
        self.text.clone()
    }

    /// Returns the ids of the events of the feed, once there are this many.
    pub async fn ids(&mut self, count: usize) -> Vec<String> {
        let ids = |text: &str| -> Vec<String> {
            let frames = text.split_inclusive("\n\n").filter_map(|frame| frame.strip_suffix("\n\n"));
            frames.filter_map(|frame| Frame::parse(frame).feed_id()).map(|id| id.to_string()).collect()
        };
        self.read_until(|text| ids(text).len() >= count).await;
        ids(&self.text)
    }

    /// Reads the next piece, and returns whether there is one.
    async fn read(&mut self) -> bool {
        let piece = timeout(DEADLINE, self.body.data()).await.expect("a piece within the deadline");
        let Some(piece) = piece else { return false };
        let piece = piece.unwrap();
        self.body.flow_control().release_capacity(piece.len()).unwrap();
        self.text += std::str::from_utf8(&piece).unwrap();
        true
    }
}
