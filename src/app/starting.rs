//! The time before the database has been reached. A process that starts together with its database, or before it, waits
//! for it as it would later, and says so to clients meanwhile.

use std::{pin::pin, time::Duration};

use anyhow::{Context, bail};
use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{
    http::{self, Origin, ServerSettings, Starting, StartingPhase},
    store::StoreError,
};

const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(2);
/// Answers during a start are short.
const HAND_OVER: Duration = Duration::from_millis(500);

/// Retries until the database is available. Fails with an error that no waiting can fix.
pub(super) async fn once_the_database_is_there<T>(
    starting: &Starting,
    attempt: impl AsyncFn() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let mut said = String::new();
    loop {
        let failure = match attempt().await {
            Err(failure) if failure.is_unavailable() && !failure.is_about_the_connection() => failure,
            ended => return ended,
        };
        starting.reach(StartingPhase::from(&failure));
        let failure = failure.to_string();
        if said == failure {
            debug!("still waiting for the database: {failure}");
        } else {
            warn!("waiting for the database; trying again every {} s: {failure}", BETWEEN_ATTEMPTS.as_secs());
            said = failure;
        }
        sleep(BETWEEN_ATTEMPTS).await;
    }
}

/// Answers on `listener` while `start` runs. Returns the listener and the result of `start`.
pub(super) async fn answer_during<T>(
    listener: TcpListener,
    settings: ServerSettings,
    origins: &[Origin],
    starting: Starting,
    start: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<(TcpListener, T)> {
    info!("starting; http://{} will be ready once the database answers", listener.local_addr()?);
    let listener = listener.into_std().context("cannot take the listener")?;
    let meanwhile = TcpListener::from_std(listener.try_clone().context("cannot share the listener")?)?;
    let started = CancellationToken::new();
    let answering = http::serve(meanwhile, http::router_while_starting(starting, origins), settings, started.clone());
    let mut answering = pin!(answering);
    let outcome = tokio::select! {
        ended = &mut answering => {
            ended?;
            bail!("the answers during the start ended early");
        }
        outcome = start => outcome?,
    };
    started.cancel();
    // A client that is still sending a request will come back; there is no need to wait for it.
    let _ = timeout(HAND_OVER, answering).await;
    Ok((TcpListener::from_std(listener)?, outcome))
}
