//! Clients that send one request after the other on a kept-alive connection. They do as little as possible: on a small
//! machine their own work would be measured too.

use std::time::{Duration, Instant};

use rand::{SeedableRng, rngs::StdRng};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// How long the clients waited for each answer, and how long everything took.
pub struct Asked {
    pub waited: Vec<Duration>,
    pub took: Duration,
}

/// Requests random paths over this many connections until the time is over.
pub async fn ask(
    base: &str,
    connections: u64,
    time: Duration,
    path: impl Fn(&mut StdRng) -> String + Copy + Send + 'static,
) -> Asked {
    let mut clients = JoinSet::new();
    let begun = Instant::now();
    for seed in 0..connections {
        let (address, rng) = (base.strip_prefix("http://").unwrap().to_owned(), StdRng::seed_from_u64(seed));
        clients.spawn(one_after_the_other(address, rng, begun + time, path));
    }
    let waited = clients.join_all().await.into_iter().flatten().collect();
    Asked { waited, took: begun.elapsed() }
}

async fn one_after_the_other(
    address: String,
    mut rng: StdRng,
    end: Instant,
    path: impl Fn(&mut StdRng) -> String,
) -> Vec<Duration> {
    let mut connection = TcpStream::connect(&address).await.unwrap();
    connection.set_nodelay(true).unwrap();
    let (mut waited, mut buffer) = (Vec::new(), Vec::new());
    while Instant::now() < end {
        let request = format!("GET {} HTTP/1.1\r\nhost: {address}\r\n\r\n", path(&mut rng));
        let asked = Instant::now();
        connection.write_all(request.as_bytes()).await.unwrap();
        read_answer(&mut connection, &mut buffer).await;
        waited.push(asked.elapsed());
    }
    waited
}

/// Reads one answer; its head says how long it is.
async fn read_answer(connection: &mut TcpStream, buffer: &mut Vec<u8>) {
    const END_OF_HEAD: &[u8] = b"\r\n\r\n";
    buffer.clear();
    let head = loop {
        assert!(connection.read_buf(buffer).await.unwrap() > 0, "the gateway closed the connection");
        if let Some(at) = buffer.windows(END_OF_HEAD.len()).position(|bytes| bytes == END_OF_HEAD) {
            break at + END_OF_HEAD.len();
        }
    };
    let text = std::str::from_utf8(&buffer[..head]).unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    let whole = head + length.parse::<usize>().unwrap();
    while buffer.len() < whole {
        assert!(connection.read_buf(buffer).await.unwrap() > 0, "the gateway closed the connection");
    }
}
