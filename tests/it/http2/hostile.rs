//! Clients that break the rules of HTTP/2, or keep to them and do harm. They write frames by hand, because no client
//! library would.

use std::time::Duration;

use sqlx::PgPool;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{ALL, gateway};
use crate::world::{DEADLINE, GatewaySettings};

/// The types of frames (RFC 9113, 6).
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// The code of an error (RFC 9113, 7).
const ENHANCE_YOUR_CALM: u32 = 11;

const SOON: Duration = Duration::from_millis(500);

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Returns the head of a GET (RFC 7541: two entries of the static table, and two values that follow names of it).
fn head(path: &str) -> Vec<u8> {
    let value = |name: u8, value: &str| [&[name, u8::try_from(value.len()).unwrap()][..], value.as_bytes()].concat();
    [vec![0x82, 0x86], value(4, path), value(1, "localhost")].concat()
}

async fn connect(base: &str) -> TcpStream {
    let mut socket = TcpStream::connect(base.strip_prefix("http://").unwrap()).await.unwrap();
    socket.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await.unwrap();
    socket
}

/// Reads until the server closes the connection. Returns the type and the payload of each frame.
async fn frames(mut socket: TcpStream) -> Vec<(u8, Vec<u8>)> {
    let mut read = Vec::new();
    let reading = async { while matches!(socket.read_buf(&mut read).await, Ok(1..)) {} };
    timeout(DEADLINE, reading).await.expect("the server ends the connection");
    let (mut frames, mut rest) = (Vec::new(), &read[..]);
    while let [a, b, c, kind, _, _, _, _, _, following @ ..] = rest {
        let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).unwrap();
        let Some((payload, others)) = following.split_at_checked(length) else { break };
        frames.push((*kind, payload.to_vec()));
        rest = others;
    }
    frames
}

/// Returns the error that the server closes a connection with.
async fn error_at_the_end(socket: TcpStream) -> u32 {
    let frames = frames(socket).await;
    let (_, goaway) = frames.iter().rfind(|(kind, _)| *kind == GOAWAY).expect("a goodbye");
    u32::from_be_bytes(goaway[4..8].try_into().unwrap())
}

#[sqlx::test]
async fn requests_that_are_taken_back_at_once_end_the_connection(pool: PgPool) {
    let (_world, base) = gateway(pool, GatewaySettings::default()).await;
    let mut socket = connect(&base).await;
    let taken_back = (0..60).map(|number| 2 * number + 1).flat_map(|stream| {
        let request = frame(HEADERS, END_STREAM | END_HEADERS, stream, &head("/v1/streams"));
        [request, frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat()
    });
    socket.write_all(&taken_back.collect::<Vec<_>>()).await.unwrap();
    assert_eq!(error_at_the_end(socket).await, ENHANCE_YOUR_CALM);
}

#[sqlx::test]
async fn a_head_that_never_ends_ends_the_connection(pool: PgPool) {
    let (_world, base) = gateway(pool, GatewaySettings::default()).await;
    let mut socket = connect(&base).await;
    let begun = frame(HEADERS, END_STREAM, 1, &head("/v1/streams"));
    let goes_on = frame(CONTINUATION, 0, 1, &[]).repeat(50);
    socket.write_all(&[begun, goes_on].concat()).await.unwrap();
    assert_eq!(error_at_the_end(socket).await, ENHANCE_YOUR_CALM);
}

#[sqlx::test]
async fn a_preface_that_does_not_come_to_its_end_is_cut_off(pool: PgPool) {
    let (_world, base) = gateway(pool, GatewaySettings { head_deadline: SOON, ..GatewaySettings::default() }).await;
    for begun in [&PREFACE[..2], &PREFACE[..10], PREFACE] {
        let mut socket = TcpStream::connect(base.strip_prefix("http://").unwrap()).await.unwrap();
        socket.write_all(begun).await.unwrap();
        assert!(frames(socket).await.iter().all(|(kind, _)| *kind != HEADERS));
    }
}

#[sqlx::test]
async fn a_peer_that_answers_no_ping_is_gone_although_its_kernel_takes_everything(pool: PgPool) {
    let settings = GatewaySettings { write_deadline: Duration::from_secs(2), ..GatewaySettings::default() };
    let (_world, base) = gateway(pool, settings).await;
    let mut socket = connect(&base).await;
    socket.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &head(ALL))).await.unwrap();
    let frames = frames(socket).await;
    assert!(frames.iter().any(|(kind, _)| *kind == HEADERS), "it had subscribed");
}
