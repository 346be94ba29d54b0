//! Checks whether the server accepts clients, in the way a client does: with the first messages of PostgreSQL's
//! protocol, version 3.0.

use std::{io, path::Path};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

const PROTOCOL: i32 = 196_608;
const LENGTH_BYTES: usize = 4;
const ERROR: u8 = b'E';
const READY_FOR_QUERY: u8 = b'Z';
/// The message with which a client disconnects: its kind and its length.
const TERMINATE: [u8; 5] = [b'X', 0, 0, 0, 4];

/// Returns whether the server at this socket accepts `user` for the database `postgres`.
///
/// # Errors
/// Nothing listens there, or the server closed the connection.
pub(super) async fn lets_in(socket: &Path, user: &str) -> io::Result<bool> {
    let mut server = UnixStream::connect(socket).await?;
    server.write_all(&startup(user)).await?;
    loop {
        let kind = server.read_u8().await?;
        // The length includes itself.
        let length = usize::try_from(server.read_i32().await?).map_err(io::Error::other)?;
        let mut body = vec![0; length.saturating_sub(LENGTH_BYTES)];
        server.read_exact(&mut body).await?;
        match kind {
            ERROR => return Ok(false),
            READY_FOR_QUERY => {
                // A clean disconnect is a courtesy: the server is ready either way.
                let _ = server.write_all(&TERMINATE).await;
                return Ok(true);
            }
            _ => {}
        }
    }
}

fn startup(user: &str) -> Vec<u8> {
    let parameters = ["user", user, "database", "postgres", ""].join("\0");
    let body = [PROTOCOL.to_be_bytes().as_slice(), parameters.as_bytes(), b"\0"].concat();
    let length = i32::try_from(LENGTH_BYTES + body.len()).expect("a user name is short");
    [length.to_be_bytes().as_slice(), &body].concat()
}
