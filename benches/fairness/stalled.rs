//! Readers that request the largest answer and never read it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};

use crate::{
    client::{Addresses, CSV},
    daemon::Process,
};

/// The number of connections that one address may have open for requests.
const OF_ONE_ADDRESS: usize = 100;
/// The number that brought the service to 648 MiB when it built every page in memory.
const READERS: usize = 133;
/// The buffers are full after this time: nothing shows when the service has stopped writing.
const UNTIL_BUFFERS_ARE_FULL: Duration = Duration::from_secs(3);
const ANSWERS_WITHIN: Duration = Duration::from_mins(1);

/// Reports how much memory readers of each encoding cost.
pub async fn measure(gateway: &Process, base: &str, addresses: &mut Addresses) {
    println!("{READERS} readers of the largest CSV that read nothing, memory of the gateway in MiB");
    for encoding in ["identity", "gzip", "br", "zstd"] {
        let before = gateway.usage().memory_mib;
        let mut readers = open(base, addresses.next(), encoding).await;
        readers.extend(open(base, addresses.next(), encoding).await.into_iter().take(READERS - OF_ONE_ADDRESS));
        for reader in &readers {
            timeout(ANSWERS_WITHIN, reader.readable()).await.expect("an answer begins").unwrap();
        }
        sleep(UNTIL_BUFFERS_ARE_FULL).await;
        let during = gateway.usage().memory_mib;
        println!("  {encoding:<10} before {before}, with {} readers {during}", readers.len());
    }
}

/// Opens as many connections as one address may, and sends a request on each.
pub async fn open(base: &str, address: Ipv4Addr, encoding: &str) -> Vec<TcpStream> {
    let host = base.strip_prefix("http://").unwrap();
    let to: SocketAddr = host.parse().unwrap();
    let mut readers = Vec::new();
    for _ in 0..OF_ONE_ADDRESS {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((address, 0).into()).unwrap();
        // A small window, so that the answer stays with the service.
        socket.set_recv_buffer_size(4096).unwrap();
        let mut connection = socket.connect(to).await.unwrap();
        let request =
            format!("GET {CSV} HTTP/1.1\r\nhost: {host}\r\naccept: text/csv\r\naccept-encoding: {encoding}\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        readers.push(connection);
    }
    readers
}
