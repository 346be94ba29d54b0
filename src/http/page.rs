//! The built-in page: files inside the binary, without a build step and without anything from elsewhere.
//!
//! The files are the same for every caller and reveal nothing: the page fetches its data with the caller's token.

use std::time::Duration;

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{etag::EntityTag, state::HttpState};

const INDEX: &str = include_str!("page/index.html");

/// Scripts and styles come only from our own files, and no script can turn text into markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

macro_rules! files {
    ($($media_type:ident: $($name:literal)*;)*) => {
        &[$($((concat!("/page/", $name), $media_type, include_str!(concat!("page/", $name))),)*)*]
    };
}

/// The path, media type and text of each file except the index.
const FILES: &[(&str, &str, &str)] = files! {
    IMAGE: "icon.svg";
    STYLE: "base.css" "parts.css";
    SCRIPT: "access.js" "accrual.js" "acts.js" "address-bar.js" "amounts.js" "api.js" "console.js" "console-filter.js"
        "create.js" "division.js" "dom.js" "event-list.js" "feed.js" "frames.js" "freshness.js" "kinds.js" "log.js"
        "main.js" "meter.js" "network.js" "parties.js" "raw-list.js" "refetch.js" "release.js" "row.js" "schedule-card.js"
        "schedule-picture.js" "schedule-shape.js" "schedule-steps.js" "schedule-words.js" "shared-feed.js" "standing.js"
        "stream-page.js" "streams.js" "subscription.js" "tabs.js" "times.js" "token.js";
};

/// What the page is told about the service, so that it does not try what is not available.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageFacts {
    /// Whether there is a local network to try things on.
    pub(super) has_local_network: bool,
    /// Whether tokens are `required`, `optional` or ignored (`off`).
    pub(super) auth: &'static str,
    /// Whether callers see all streams (`public`) or only their own (`participants`).
    pub(super) visibility: &'static str,
    /// How often an event stream is heard.
    pub(super) heartbeat: Duration,
}

impl PageFacts {
    /// Returns the facts of a service.
    pub(super) fn of(state: &HttpState, has_local_network: bool) -> Self {
        let auth = match &state.auth {
            None => "off",
            Some(auth) if auth.requires_token() => "required",
            Some(_) => "optional",
        };
        let shows_own_only = state.auth.as_ref().is_some_and(|auth| !auth.shows_everything());
        let visibility = if shows_own_only { "participants" } else { "public" };
        Self { has_local_network, auth, visibility, heartbeat: state.heartbeat }
    }
}

/// Returns the routes of the page and its files.
pub(super) fn routes(facts: PageFacts) -> Router<HttpState> {
    let index = PageFile::new(HTML, index(facts));
    let files = FILES.iter().map(|(path, media_type, text)| (*path, PageFile::new(media_type, *text)));
    [("/", index)].into_iter().chain(files).fold(Router::new(), |router, (path, file)| {
        router.route(path, get(move |headers: HeaderMap| async move { file.answer(&headers) }))
    })
}

fn index(facts: PageFacts) -> String {
    let mut text = INDEX.to_owned();
    if facts.has_local_network {
        text = text.replacen("data-network=\"public\"", "data-network=\"local\"", 1);
    }
    let text = text.replacen("data-auth=\"off\"", &format!("data-auth=\"{}\"", facts.auth), 1);
    let text = text.replacen("data-visibility=\"public\"", &format!("data-visibility=\"{}\"", facts.visibility), 1);
    let heartbeat = format!("data-heartbeat-ms=\"{}\"", facts.heartbeat.as_millis());
    text.replacen("data-heartbeat-ms=\"15000\"", &heartbeat, 1)
}

/// A file, ready to be served.
#[derive(Clone, Debug)]
struct PageFile {
    media_type: &'static str,
    text: Bytes,
    tag: EntityTag,
}

impl PageFile {
    fn new(media_type: &'static str, text: impl Into<Bytes>) -> Self {
        let text = text.into();
        let tag = EntityTag::of(&[&format_args!("{:x}", Sha256::digest(&text))]);
        Self { media_type, text, tag }
    }

    /// Answers with the file, or that the browser already has it.
    fn answer(&self, asked: &HeaderMap) -> Response {
        let mut response = if self.tag.is_known(asked) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(header::CONTENT_TYPE, self.media_type)], self.text.clone()).into_response()
        };
        let headers = response.headers_mut();
        self.tag.write(headers);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_describes_the_service() {
        let facts = [
            (false, "public", "off", "public"),
            (true, "local", "off", "public"),
            (false, "public", "required", "participants"),
            (true, "local", "optional", "public"),
            (true, "local", "optional", "participants"),
        ];
        for (has_local_network, network, auth, visibility) in facts {
            let heartbeat = Duration::from_secs(2);
            let text = index(PageFacts { has_local_network, auth, visibility, heartbeat });
            let root = format!(
                "<html lang=\"en\" data-network=\"{network}\" data-auth=\"{auth}\" data-visibility=\"{visibility}\" \
                 data-heartbeat-ms=\"2000\">"
            );
            assert!(text.contains(&root));
        }
    }

    #[test]
    fn every_file_in_the_folder_is_served() {
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/page")).unwrap();
        let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut expected: Vec<String> =
            names.filter(|name| name != "index.html").map(|name| format!("/page/{name}")).collect();
        expected.sort();
        let mut served: Vec<&str> = FILES.iter().map(|(path, ..)| *path).collect();
        served.sort_unstable();
        assert_eq!(served, expected);
    }
}
