//! The API over TLS: what a client and the server agree on, and how a certificate is replaced.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use flowfi_indexer::{domain::ContractId, http::Tls};
use rcgen::generate_simple_self_signed;
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    version::{TLS12, TLS13},
};
use sqlx::PgPool;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::CancellationToken;

use crate::{
    http2::{ALL, Client},
    subscribe::create,
    world::{DEADLINE, GatewaySettings, World, eventually},
};

/// A certificate and its key in files of their own.
struct Files {
    folder: PathBuf,
}

impl Files {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("flowfi-tls-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self { folder }
    }

    fn cert(&self) -> PathBuf {
        self.folder.join("cert.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.join("key.pem")
    }

    /// Writes a new certificate, and returns it as PEM.
    fn renew(&self) -> String {
        let pair = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(self.key(), pair.signing_key.serialize_pem()).unwrap();
        fs::write(self.cert(), pair.cert.pem()).unwrap();
        pair.cert.pem()
    }

    fn load(&self) -> Tls {
        Tls::load(&self.cert(), &self.key()).unwrap()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// A client that trusts one certificate and offers these protocols.
struct Browser {
    trusted: String,
    protocols: &'static [&'static str],
    version: &'static SupportedProtocolVersion,
}

impl Browser {
    fn new(trusted: &str, protocols: &'static [&'static str]) -> Self {
        Self { trusted: trusted.to_owned(), protocols, version: &TLS13 }
    }

    async fn try_connect(&self, base: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.trusted.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[self.version]).unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = self.protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let socket = TcpStream::connect(base.strip_prefix("http://").unwrap()).await.unwrap();
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), socket).await
    }

    async fn connect(&self, base: &str) -> TlsStream<TcpStream> {
        self.try_connect(base).await.unwrap()
    }
}

fn chosen(stream: &TlsStream<TcpStream>) -> Option<&[u8]> {
    stream.get_ref().1.alpn_protocol()
}

async fn gateway(pool: PgPool, files: &Files, settings: GatewaySettings) -> (World, String) {
    let mut world = World::new(pool).await;
    world.start_indexer(100);
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings { tls: Some(files.load()), ..settings }).await;
    (world, base)
}

/// Reads until the text is there, or to the end if it is `None`. Returns everything that was read.
async fn read(stream: &mut TlsStream<TcpStream>, until: Option<&str>) -> String {
    let mut read = Vec::new();
    let reading = async {
        while until.is_none_or(|until| !String::from_utf8_lossy(&read).contains(until)) {
            if stream.read_buf(&mut read).await.unwrap() == 0 {
                assert!(until.is_none(), "it ended with {:?}", String::from_utf8_lossy(&read));
                return;
            }
        }
    };
    timeout(DEADLINE, reading).await.expect("the server sends it");
    String::from_utf8(read).unwrap()
}

#[sqlx::test]
async fn a_client_gets_the_protocol_that_it_prefers_and_its_events(pool: PgPool) {
    let files = Files::new();
    let trusted = files.renew();
    let (world, base) = gateway(pool, &files, GatewaySettings::default()).await;
    for version in [&TLS12, &TLS13] {
        let modern = Browser { version, ..Browser::new(&trusted, &["h2", "http/1.1"]) };
        let stream = modern.connect(&base).await;
        assert_eq!(chosen(&stream), Some(&b"h2"[..]));
        let client = Client::over(stream, &mut h2::client::Builder::new()).await;
        let mut over_http2 = client.subscribe(ALL).await;
        let older = Browser { version, ..Browser::new(&trusted, &["http/1.1"]) };
        let mut over_http1 = older.connect(&base).await;
        assert_eq!(chosen(&over_http1), Some(&b"http/1.1"[..]));
        let request = format!("GET {ALL} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        over_http1.write_all(request.as_bytes()).await.unwrap();
        read(&mut over_http1, Some("event: connected")).await;
        let id = create(&world, 1).await[0].to_string();
        assert_eq!(over_http2.ids(1).await[0], id);
        read(&mut over_http1, Some(&format!("id: {id}"))).await;
    }
    let silent = Browser::new(&trusted, &[]).connect(&base).await;
    assert_eq!(chosen(&silent), None);
    Browser::new(&trusted, &["spdy/3"]).try_connect(&base).await.expect_err("they have no protocol in common");
}

#[sqlx::test]
async fn a_stop_ends_an_event_stream_over_tls_with_a_time_to_reconnect(pool: PgPool) {
    let files = Files::new();
    let trusted = files.renew();
    let (world, base) = gateway(pool, &files, GatewaySettings::default()).await;
    let mut stream = Browser::new(&trusted, &["http/1.1"]).connect(&base).await;
    stream.write_all(format!("GET {ALL} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).await.unwrap();
    read(&mut stream, Some("event: connected")).await;
    world.stop.cancel();
    let rest = read(&mut stream, None).await;
    assert!(rest.rsplit_once("retry: ").expect("a farewell").1.ends_with("\n\n\r\n0\r\n\r\n"), "{rest:?}");
}

#[sqlx::test]
async fn a_new_certificate_is_shown_to_new_connections_and_open_ones_stay(pool: PgPool) {
    let files = Files::new();
    let first = files.renew();
    let tls = files.load();
    let mut world = World::new(pool).await;
    let base = world.start_gateway(GatewaySettings { tls: Some(tls.clone()), ..GatewaySettings::default() }).await;
    let open = Client::over(Browser::new(&first, &["h2"]).connect(&base).await, &mut h2::client::Builder::new()).await;
    let second = files.renew();
    let stop = CancellationToken::new();
    let following = tls.follow_files(Duration::from_millis(10), stop.clone());
    let looking = async {
        let browser = Browser::new(&second, &["h2"]);
        eventually("the second one is shown", || async { browser.try_connect(&base).await.is_ok() }).await;
        Browser::new(&first, &["h2"]).try_connect(&base).await.expect_err("the first one is shown no more");
        assert_eq!(open.get("/health/live").await.unwrap().status(), 200);
        stop.cancel();
    };
    timeout(DEADLINE, async { tokio::join!(following, looking) }).await.expect("it stops when it is told to");
}

#[sqlx::test]
async fn a_handshake_that_does_not_come_to_its_end_is_cut_off(pool: PgPool) {
    let files = Files::new();
    files.renew();
    let settings = GatewaySettings { head_deadline: Duration::from_millis(300), ..GatewaySettings::default() };
    let (_world, base) = gateway(pool, &files, settings).await;
    // A record that announces 256 bytes of a handshake.
    for begun in [&[][..], &[22, 3, 1, 1, 0, 1]] {
        let mut socket = TcpStream::connect(base.strip_prefix("http://").unwrap()).await.unwrap();
        socket.write_all(begun).await.unwrap();
        let mut byte = [0];
        let ended = timeout(DEADLINE, socket.read(&mut byte)).await.expect("the server ends the connection");
        assert_eq!(ended.unwrap_or(0), 0);
    }
}

/// Runs the daemon with these flags. Returns its exit code and what it says.
async fn start(flags: &[&str]) -> (Option<i32>, String) {
    let contract = ContractId::from_bytes([1; 32]).to_string();
    let ended = Command::new(env!("CARGO_BIN_EXE_flowfi-indexer"))
        .args(["serve", "--auth", "off", "--rpc-urls", "http://127.0.0.1:1", "--network-passphrase", "none"])
        .args(["--contracts", &contract])
        .args(flags)
        .env("DATABASE_URL", "postgres://127.0.0.1:1/none")
        .output();
    let ended = timeout(DEADLINE, ended).await.expect("it does not start").unwrap();
    (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
}

#[tokio::test]
async fn files_that_hold_no_certificate_and_its_key_are_refused_at_the_start() {
    let (files, others) = (Files::new(), Files::new());
    files.renew();
    others.renew();
    let path = |path: PathBuf| path.to_str().unwrap().to_owned();
    let (cert, key) = (path(files.cert()), path(files.key()));
    for (cert, key, why) in [
        (&cert, path(others.key()), "does not belong to the first certificate"),
        (&path(files.folder.join("none")), key.clone(), "cannot read"),
        (&key, key.clone(), "holds no certificate"),
        (&cert, cert.clone(), "holds no private key"),
    ] {
        let (code, said) = start(&["--tls-cert", cert, "--tls-key", &key]).await;
        assert_eq!(code, Some(64), "{said}");
        assert!(said.contains(why) && said.trim_end().lines().count() == 1, "{why}: {said}");
    }
    for flag in [["--tls-cert", &cert], ["--tls-key", &key]] {
        let (code, said) = start(&flag).await;
        assert_eq!(code, Some(64), "{said}");
        assert!(said.contains("--tls-cert <FILE>") || said.contains("--tls-key <FILE>"), "{said}");
    }
}
