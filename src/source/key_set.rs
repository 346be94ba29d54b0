//! The public keys of the token issuer, as text (JWKS, RFC 7517).

use reqwest::Url;

use super::{
    SourceError,
    rpc::{check_status, http_client, network_error, read_body_of},
};

/// A key set has a few keys of at most a kilobyte each.
const LARGEST_KEY_SET: usize = 256 * 1024;

/// The URL of a key set. Cheap to clone.
#[derive(Clone, Debug)]
pub struct KeySetAddress {
    client: reqwest::Client,
    url: Url,
}

impl KeySetAddress {
    /// Returns the URL. Nothing is requested yet.
    ///
    /// # Errors
    /// [`SourceError::Permanent`] unless it is an https URL: anybody who can change the keys in transit can make
    /// tokens. An address of this machine may use http.
    pub fn new(url: &str) -> Result<Self, SourceError> {
        let permanent = |detail: String| SourceError::Permanent { detail };
        let url: Url = url.parse().map_err(|error| permanent(format!("it is not a URL: {error}")))?;
        let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if url.scheme() == "https" || (url.scheme() == "http" && is_local) {
            return Ok(Self { client: http_client()?, url });
        }
        Err(permanent("it does not start with https://".to_owned()))
    }

    /// Fetches the key set.
    ///
    /// # Errors
    /// A classified [`SourceError`].
    pub async fn fetch(&self) -> Result<String, SourceError> {
        let response = self.client.get(self.url.clone()).send().await.map_err(network_error)?;
        check_status(&response)?;
        let body = read_body_of(response, LARGEST_KEY_SET).await?;
        String::from_utf8(body.to_vec()).map_err(|_| SourceError::bad_reply("the key set is not text"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_fetched_over_tls_or_from_this_machine() {
        for url in ["https://issuer.example/jwks.json", "http://127.0.0.1:9/jwks", "http://localhost/jwks"] {
            assert!(KeySetAddress::new(url).is_ok(), "{url}");
        }
        for url in ["http://issuer.example/jwks.json", "ftp://issuer.example", "jwks.json", ""] {
            assert!(matches!(KeySetAddress::new(url), Err(SourceError::Permanent { .. })), "{url}");
        }
    }
}
