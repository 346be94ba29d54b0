//! Tells HTTP/2 from HTTP/1.1 by the first bytes of a connection without TLS (RFC 9113, 3.3). They stay in the socket.

use std::{
    io::{self, ErrorKind},
    net,
    os::fd::AsFd,
};

use tokio::{io::Interest, net::TcpStream};

/// The preface of HTTP/2 begins with this. No request of HTTP/1.1 does: its method would be `PRI`, which is reserved
/// (RFC 9113, 11.6).
const BEGINNING: &[u8] = b"PRI ";

/// Waits for the first bytes, and returns whether they are those of HTTP/2.
///
/// # Errors
/// The connection is broken.
pub(super) async fn begin_http2(socket: &TcpStream) -> io::Result<bool> {
    let mut first = [0; BEGINNING.len()];
    let count = socket.peek(&mut first).await?;
    match are_those_of_http2(&first[..count]) {
        Some(known) => Ok(known),
        None => begin_http2_later(socket).await,
    }
}

/// The same, if too few have come yet. A look that finds no more than before counts as a read that would block, so that
/// the next one waits for more.
async fn begin_http2_later(socket: &TcpStream) -> io::Result<bool> {
    let looking = net::TcpStream::from(socket.as_fd().try_clone_to_owned()?);
    loop {
        let is_closed = socket.ready(Interest::READABLE).await?.is_read_closed();
        let looked = socket.try_io(Interest::READABLE, || {
            let mut first = [0; BEGINNING.len()];
            let count = looking.peek(&mut first)?;
            match are_those_of_http2(&first[..count]) {
                None if !is_closed => Err(ErrorKind::WouldBlock.into()),
                known => Ok(known.unwrap_or(false)),
            }
        });
        match looked {
            Err(failure) if failure.kind() == ErrorKind::WouldBlock => {}
            looked => return looked,
        }
    }
}

/// Returns `None` if too few bytes are there.
fn are_those_of_http2(first: &[u8]) -> Option<bool> {
    let may_become_so = !first.is_empty() && BEGINNING.starts_with(first);
    (!may_become_so || first.len() == BEGINNING.len()).then_some(may_become_so)
}

#[cfg(test)]
mod tests {
    use std::{pin::pin, time::Duration};

    use futures_util::FutureExt;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        time::timeout,
    };

    use super::*;

    /// Only a test that fails waits this long.
    const DEADLINE: Duration = Duration::from_mins(1);

    async fn connected() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        (client.unwrap(), accepted.unwrap().0)
    }

    #[tokio::test]
    async fn the_first_bytes_decide_and_stay_in_the_socket() {
        for (first, is_http2) in [("PRI * HTTP/2.0\r\n", true), ("PRINT", false), ("POST /", false), ("G", false)] {
            let (mut client, mut socket) = connected().await;
            client.write_all(first.as_bytes()).await.unwrap();
            let looked = timeout(DEADLINE, begin_http2(&socket)).await.expect("there is enough to see");
            assert_eq!(looked.unwrap(), is_http2, "{first:?}");
            let mut read = vec![0; first.len()];
            socket.read_exact(&mut read).await.unwrap();
            assert_eq!(read, first.as_bytes());
        }
    }

    #[tokio::test]
    async fn bytes_that_come_one_by_one_decide_as_soon_as_they_can() {
        for (first, rest, is_http2) in [("P", "RI * HTTP/2.0", true), ("PR", "OPFIND /", false), ("PRI", "", false)] {
            let (mut client, socket) = connected().await;
            client.write_all(first.as_bytes()).await.unwrap();
            socket.readable().await.unwrap();
            let mut looked = pin!(begin_http2(&socket));
            assert!(looked.as_mut().now_or_never().is_none(), "{first:?} does not decide");
            client.write_all(rest.as_bytes()).await.unwrap();
            if rest.is_empty() {
                client.shutdown().await.unwrap();
            }
            let looked = timeout(DEADLINE, looked).await.expect("the rest is seen");
            assert_eq!(looked.unwrap(), is_http2, "{first:?} and {rest:?}");
        }
    }

    #[tokio::test]
    async fn a_client_that_sends_nothing_and_leaves_does_not_speak_http2() {
        let (client, socket) = connected().await;
        drop(client);
        let looked = timeout(DEADLINE, begin_http2(&socket)).await.expect("the end is seen");
        assert!(!looked.unwrap());
    }
}
