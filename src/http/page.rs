//! The built-in page: one document inside the binary, without a build step and without anything from elsewhere.
//!
//! The document is the same for every caller and reveals nothing: the page fetches its data with the caller's token. Its
//! styles and scripts are part of it, so a visit costs a visitor's budget little, and no part of the page can be missing
//! or be of another version.

mod script;

use std::time::Duration;

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{etag::EntityTag, state::HttpState};

const INDEX: &str = include_str!("page/index.html");
const ICON: &str = include_str!("page/icon.svg");
const STYLES: &[&str] = &[include_str!("page/base.css"), include_str!("page/parts.css")];

/// Placeholders for the styles and the script.
const STYLE_TAG: &str = "<style></style>";
const SCRIPT_TAG: &str = "<script type=\"module\"></script>";

/// Scripts and styles are allowed by their hashes; no script can turn text into markup.
const POLICY_OF_THE_REST: &str = "connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
                                  frame-ancestors 'none'; require-trusted-types-for 'script'";

macro_rules! modules {
    ($($name:literal)*) => { &[$(($name, include_str!(concat!("page/", $name))),)*] };
}

/// The name and the text of each module of the script.
const MODULES: &[(&str, &str)] = modules! {
    "access.js" "accrual.js" "acts.js" "address-bar.js" "amounts.js" "api.js" "console.js" "console-filter.js"
    "create.js" "division.js" "dom.js" "event-list.js" "feed.js" "frames.js" "freshness.js" "kinds.js" "log.js"
    "main.js" "meter.js" "network.js" "parties.js" "raw-list.js" "refetch.js" "release.js" "row.js" "schedule-card.js"
    "schedule-picture.js" "schedule-shape.js" "schedule-steps.js" "schedule-words.js" "shared-feed.js" "standing.js"
    "stream-page.js" "streams.js" "subscription.js" "tabs.js" "times.js" "token.js"
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

/// Returns the routes of the page and its icon.
pub(super) fn routes(facts: PageFacts) -> Router<HttpState> {
    let (index, icon) = (index(facts), icon());
    [("/", index), ("/page/icon.svg", icon)].into_iter().fold(Router::new(), |router, (path, file)| {
        router.route(path, get(move |headers: HeaderMap| async move { file.answer(&headers) }))
    })
}

fn index(facts: PageFacts) -> PageFile {
    let (style, script) = (STYLES.concat(), script::joined(MODULES));
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; {POLICY_OF_THE_REST}",
        hash_of(&script),
        hash_of(&style)
    );
    let text = described(facts).replacen(STYLE_TAG, &format!("<style>{style}</style>"), 1);
    let text = text.replacen(SCRIPT_TAG, &format!("<script type=\"module\">{script}</script>"), 1);
    PageFile::new("text/html; charset=utf-8", text, "no-cache", &policy)
}

fn icon() -> PageFile {
    PageFile::new("image/svg+xml", ICON, "public, max-age=86400", "default-src 'none'")
}

/// Returns a text's hash as a content security policy names it.
fn hash_of(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}

/// Returns the document with the facts, still without its styles and its script.
fn described(facts: PageFacts) -> String {
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
    cache_control: &'static str,
    policy: HeaderValue,
}

impl PageFile {
    fn new(media_type: &'static str, text: impl Into<Bytes>, cache_control: &'static str, policy: &str) -> Self {
        let text = text.into();
        let tag = EntityTag::of(&[&format_args!("{:x}", Sha256::digest(&text))]);
        let policy = HeaderValue::from_str(policy).expect("words and hashes are visible ASCII");
        Self { media_type, text, tag, cache_control, policy }
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
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(self.cache_control));
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        response
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

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
            let text = described(PageFacts { has_local_network, auth, visibility, heartbeat });
            let root = format!(
                "<html lang=\"en\" data-network=\"{network}\" data-auth=\"{auth}\" data-visibility=\"{visibility}\" \
                 data-heartbeat-ms=\"2000\">"
            );
            assert!(text.contains(&root));
        }
    }

    #[test]
    fn every_module_in_the_folder_is_part_of_the_page() {
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/page")).unwrap();
        let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let is_module = |name: &String| Path::new(name).extension().is_some_and(|extension| extension == "js");
        let mut expected: Vec<String> = names.filter(is_module).collect();
        expected.sort();
        let mut known: Vec<&str> = MODULES.iter().map(|(name, _)| *name).collect();
        known.sort_unstable();
        assert_eq!(known, expected);
    }

    #[test]
    fn the_styles_and_the_script_have_their_places_in_the_document() {
        assert_eq!(INDEX.matches(STYLE_TAG).count(), 1);
        assert_eq!(INDEX.matches(SCRIPT_TAG).count(), 1);
        assert!(!STYLES.concat().contains("</style"), "the styles would end early");
        let script = script::joined(MODULES);
        assert!(!script.contains("</script") && !script.contains("<!--"), "the script would end early");
    }
}
