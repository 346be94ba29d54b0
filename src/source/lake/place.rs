//! Reads the objects of a lake from a folder or a web server.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::{StatusCode, Url};
use tokio::{sync::Semaphore, time::timeout};

use crate::source::{
    SourceError, TransientReason,
    retry::Retry,
    rpc::{check_status, http_client, network_error, read_body},
};

/// A folder may be on another host that does not answer. Threads that wait for it are abandoned but not freed, so their
/// number is limited.
const READS_AT_ONCE: usize = 64;
/// The time that a folder has for an object, and a web server for the head of its answer.
const READ_DEADLINE: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub(super) enum Place {
    Folder { path: Arc<PathBuf>, reads: Arc<Semaphore> },
    Web { client: reqwest::Client, base: Url },
}

impl Place {
    /// Parses a location: a path, `file://…`, `https://…` or `http://…`.
    pub(super) fn parse(location: &str) -> Result<Self, SourceError> {
        if !location.starts_with("http://") && !location.starts_with("https://") {
            let path = location.strip_prefix("file://").unwrap_or(location);
            let reads = Arc::new(Semaphore::new(READS_AT_ONCE));
            return Ok(Self::Folder { path: Arc::new(path.into()), reads });
        }
        let with_slash = format!("{}/", location.trim_end_matches('/'));
        let base = with_slash
            .parse()
            .map_err(|error| SourceError::Permanent { detail: format!("the lake's location is not a URL: {error}") })?;
        Ok(Self::Web { client: http_client()?, base })
    }

    /// Returns an object, or `None` if there is no object with this key. Retries a few times if that may help; a place
    /// that did not answer in time has taken long enough: the next source may have what it keeps back.
    pub(super) async fn read_with(&self, retry: &Retry, key: &str) -> Result<Option<Bytes>, SourceError> {
        let mut attempts = retry.attempts();
        loop {
            let read = self.read(key).await;
            let is_late = matches!(read, Err(SourceError::Transient { reason: TransientReason::Timeout, .. }));
            if is_late {
                return read.map_err(|failure| failure.about(key));
            }
            if let Some(answer) = attempts.settled(read).await {
                return answer.map_err(|failure| failure.about(key));
            }
        }
    }

    /// Returns an object, or `None` if there is no object with this key.
    async fn read(&self, key: &str) -> Result<Option<Bytes>, SourceError> {
        match self {
            Self::Folder { path, reads } => {
                let read = timeout(READ_DEADLINE, read_file(path.join(key), Arc::clone(reads))).await;
                match read.map_err(|_| too_late())? {
                    Ok(object) => Ok(Some(object.into())),
                    Err(failure) if failure.kind() == io::ErrorKind::NotFound => Ok(None),
                    Err(failure) => {
                        Err(SourceError::transient(TransientReason::Network, format!("cannot read {key}: {failure}")))
                    }
                }
            }
            Self::Web { client, base } => {
                let url = base.join(key).map_err(|error| SourceError::Permanent { detail: error.to_string() })?;
                let answered = timeout(READ_DEADLINE, client.get(url).send()).await;
                let response = answered.map_err(|_| too_late())?.map_err(network_error)?;
                if response.status() == StatusCode::NOT_FOUND {
                    return Ok(None);
                }
                check_status(&response)?;
                read_body(response).await.map(Some)
            }
        }
    }
}

fn too_late() -> SourceError {
    let detail = format!("no answer within {} s", READ_DEADLINE.as_secs());
    SourceError::transient(TransientReason::Timeout, detail)
}

async fn read_file(path: PathBuf, reads: Arc<Semaphore>) -> io::Result<Vec<u8>> {
    let turn = reads.acquire_owned().await.map_err(io::Error::other)?;
    let read = move || {
        let _turn = turn;
        std::fs::read(path)
    };
    tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
}
