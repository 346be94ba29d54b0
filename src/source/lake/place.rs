//! Where the objects of a lake are read from: a folder, or a web server.

use std::{io, path::PathBuf, sync::Arc};

use bytes::Bytes;
use reqwest::{StatusCode, Url};

use super::super::{
    SourceError, TransientReason,
    retry::Retry,
    rpc::{check_status, http_client, network_error, read_body},
};

#[derive(Clone, Debug)]
pub(super) enum Place {
    Folder(Arc<PathBuf>),
    Web { client: reqwest::Client, base: Url },
}

impl Place {
    /// Reads a location: a path, `file://…`, `https://…` or `http://…`.
    pub(super) fn parse(location: &str) -> Result<Self, SourceError> {
        if !location.starts_with("http://") && !location.starts_with("https://") {
            let path = location.strip_prefix("file://").unwrap_or(location);
            return Ok(Self::Folder(Arc::new(path.into())));
        }
        let with_slash = format!("{}/", location.trim_end_matches('/'));
        let base = with_slash
            .parse()
            .map_err(|error| SourceError::Permanent { detail: format!("the lake's location is not a URL: {error}") })?;
        Ok(Self::Web { client: http_client()?, base })
    }

    /// Returns an object, `None` if there is none of this key. Tries a few times where that may help.
    pub(super) async fn read_with(&self, retry: &Retry, key: &str) -> Result<Option<Bytes>, SourceError> {
        let mut attempts = retry.attempts();
        loop {
            if let Some(answer) = attempts.settled(self.read(key).await).await {
                return answer.map_err(|failure| failure.about(key));
            }
        }
    }

    /// Returns an object, `None` if there is none of this key.
    async fn read(&self, key: &str) -> Result<Option<Bytes>, SourceError> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(key);
                let read = tokio::task::spawn_blocking(move || std::fs::read(path)).await;
                match read.map_err(|_| SourceError::bad_reply("reading the file was given up"))? {
                    Ok(object) => Ok(Some(object.into())),
                    Err(failure) if failure.kind() == io::ErrorKind::NotFound => Ok(None),
                    Err(failure) => {
                        Err(SourceError::transient(TransientReason::Network, format!("cannot read {key}: {failure}")))
                    }
                }
            }
            Self::Web { client, base } => {
                let url = base.join(key).map_err(|error| SourceError::Permanent { detail: error.to_string() })?;
                let response = client.get(url).send().await.map_err(network_error)?;
                if response.status() == StatusCode::NOT_FOUND {
                    return Ok(None);
                }
                check_status(&response)?;
                read_body(response).await.map(Some)
            }
        }
    }
}
