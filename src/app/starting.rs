//! The time before the database has been reached. A process that starts together with its database, or before it, waits
//! for it as it would later, and says so to clients meanwhile.

use std::{io, time::Duration};

use anyhow::{Context, bail};
use futures_util::future::BoxFuture;
use tokio::{net::TcpListener, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{
    http::{self, Origin, ServerSettings, Starting, StartingPhase},
    lifecycle::Lifecycle,
    store::StoreError,
};

const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(2);

/// A start that is over.
pub(super) struct Started<T> {
    /// Whose connections nobody accepts now.
    listener: TcpListener,
    outcome: T,
    /// Ends once the requests that came before are answered, or some seconds later.
    last_answers: BoxFuture<'static, io::Result<()>>,
}

impl<T> Started<T> {
    /// Returns the listener and what came of the start. Requests that came before are answered beside the other tasks.
    pub(super) fn hand_over(self, lifecycle: &mut Lifecycle) -> (TcpListener, T) {
        let stop = lifecycle.soft_stop();
        lifecycle.spawn("start", async move {
            self.last_answers.await?;
            stop.cancelled().await;
            Ok(())
        });
        (self.listener, self.outcome)
    }
}

/// Retries until the database is available. Fails with an error that no waiting can fix.
pub(super) async fn once_the_database_is_there<T>(
    starting: &Starting,
    attempt: impl AsyncFn() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let mut logged = String::new();
    loop {
        let failure = match attempt().await {
            Err(failure) if failure.is_unavailable() && !failure.is_about_the_connection() => failure,
            ended => return ended,
        };
        starting.reach(StartingPhase::from(&failure));
        let failure = failure.to_string();
        if logged == failure {
            debug!("still waiting for the database: {failure}");
        } else {
            warn!("waiting for the database; trying again every {} s: {failure}", BETWEEN_ATTEMPTS.as_secs());
            logged = failure;
        }
        sleep(BETWEEN_ATTEMPTS).await;
    }
}

/// Answers on `listener` for as long as `start` takes. Whoever comes afterwards need not wait for those who came before.
pub(super) async fn answer_during<T>(
    listener: TcpListener,
    settings: ServerSettings,
    origins: &[Origin],
    starting: Starting,
    start: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<Started<T>> {
    info!("starting; {}://{} answers as soon as the database does", settings.scheme(), listener.local_addr()?);
    let listener = listener.into_std().context("cannot take the listener")?;
    let meanwhile = TcpListener::from_std(listener.try_clone().context("cannot share the listener")?)?;
    let started = CancellationToken::new();
    let router = http::router_while_starting(starting, origins, settings.limits.clone());
    let mut answering = Box::pin(http::serve(meanwhile, router, settings, started.clone()));
    let outcome = tokio::select! {
        ended = &mut answering => {
            ended?;
            bail!("the answers during the start ended early");
        }
        outcome = start => outcome?,
    };
    started.cancel();
    Ok(Started { listener: TcpListener::from_std(listener)?, outcome, last_answers: answering })
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use rand::SeedableRng;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;
    use crate::http::{LimitArgs, Limits};

    /// Asks whether the process lives, on an open connection, and reads the answer whole.
    async fn ask(client: &mut TcpStream, request: &[u8]) -> String {
        client.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"live\n") {
            assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0, "{}", String::from_utf8_lossy(&answer));
        }
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn who_comes_after_a_start_waits_for_nobody_who_came_before_and_who_came_before_is_answered() {
        let request = b"GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n";
        let (first_half, second_half) = request.split_at(20);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut before = TcpStream::connect(address).await.unwrap();
        let start = async {
            before.write_all(first_half).await.unwrap();
            // Whoever connects later is served later.
            let mut another = TcpStream::connect(address).await.unwrap();
            for _ in 0..3 {
                ask(&mut another, request).await;
            }
            Ok("ready")
        };
        let starting = Starting::new(rand::rngs::StdRng::seed_from_u64(1));
        let mut started = answer_during(listener, ServerSettings::default(), &[], starting, start).await.unwrap();
        assert_eq!(started.outcome, "ready");
        assert!((&mut started.last_answers).now_or_never().is_none(), "half a request is still open");
        let _after = TcpStream::connect(address).await.unwrap();
        started.listener.accept().await.unwrap();
        let (answer, drained) = tokio::join!(ask(&mut before, second_half), started.last_answers);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        drained.unwrap();
    }

    #[tokio::test]
    async fn requests_during_a_start_count_as_they_do_later() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits = Limits::new(&LimitArgs {
            requests_per_second: 1,
            requests_burst: 3,
            connects_per_second: 0,
            connects_burst: 1,
            max_connections: 0,
            max_connections_per_ip: 0,
            max_connections_per_subject: 0,
            trusted_proxies: Vec::new(),
            limit_exemptions: Vec::new(),
        });
        let settings = ServerSettings { limits, ..ServerSettings::default() };
        let start = async {
            let mut client = TcpStream::connect(address).await.unwrap();
            let request = "GET /v1/streams HTTP/1.1\r\nhost: a\r\n";
            let requests = format!("{request}\r\n").repeat(50) + request + "connection: close\r\n\r\n";
            client.write_all(requests.as_bytes()).await.unwrap();
            let mut answers = String::new();
            client.read_to_string(&mut answers).await.unwrap();
            Ok(answers)
        };
        let starting = Starting::new(rand::rngs::StdRng::seed_from_u64(1));
        let answers = answer_during(listener, settings, &[], starting, start).await.unwrap().outcome;
        let of_status = |status: &str| answers.matches(&format!("HTTP/1.1 {status} ")).count();
        assert!((3..50).contains(&of_status("503")) && of_status("503") + of_status("429") == 51, "{answers}");
    }
}
