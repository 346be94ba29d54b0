//! The public keys of who makes the tokens, as text (JWKS, RFC 7517).

use reqwest::Url;

use super::{
    SourceError,
    rpc::{check_status, http_client, network_error, read_body_of},
};

/// A key set has a few keys, of a kilobyte at most.
const LARGEST_KEY_SET: usize = 256 * 1024;

/// Where a key set is. Cheap to clone.
#[derive(Clone, Debug)]
pub struct KeySetAddress {
    client: reqwest::Client,
    url: Url,
}

impl KeySetAddress {
    /// Returns the address; nothing is asked yet.
    ///
    /// # Errors
    /// [`SourceError::Permanent`] if it is no https address: whoever can change the keys on their way can make tokens. A
    /// machine's own address may be http.
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
    /// A [`SourceError`], sorted.
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
    fn keys_come_by_tls_or_from_this_machine() {
        for url in ["https://issuer.example/jwks.json", "http://127.0.0.1:9/jwks", "http://localhost/jwks"] {
            assert!(KeySetAddress::new(url).is_ok(), "{url}");
        }
        for url in ["http://issuer.example/jwks.json", "ftp://issuer.example", "jwks.json", ""] {
            assert!(matches!(KeySetAddress::new(url), Err(SourceError::Permanent { .. })), "{url}");
        }
    }
}
