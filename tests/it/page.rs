//! The built-in page: how it is served, and that it needs nothing from elsewhere.

use axum::Router;
use base64::{Engine, prelude::BASE64_STANDARD};
use flowfi_indexer::http::LocalRoutes;
use reqwest::{Response, StatusCode, header};
use sha2::{Digest, Sha256};
use sqlx::PgPool;

use crate::{
    auth::{Access, Guarded},
    world::{GatewaySettings, World, http_client},
};

async fn gateway(pool: PgPool, local: LocalRoutes) -> (World, String) {
    let mut world = World::new(pool).await;
    let base = world.start_gateway_with(GatewaySettings::default(), local).await;
    (world, base)
}

async fn get(url: &str) -> Response {
    http_client().get(url).send().await.unwrap()
}

/// Returns the text after each `before`, up to the next `after`.
fn between<'a>(text: &'a str, before: &'a str, after: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).map(move |rest| rest.split(after).next().unwrap())
}

/// Returns the paths of the files that the page names.
fn named_files(index: &str) -> Vec<String> {
    let links = between(index, "href=\"", "\"").chain(between(index, "src=\"", "\""));
    links.filter(|link| link.starts_with("page/")).map(str::to_owned).collect()
}

fn hash_of(text: &str) -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)))
}

#[sqlx::test]
async fn the_page_is_one_document_whose_policy_allows_its_own_style_and_script_by_their_hashes(pool: PgPool) {
    let (_world, base) = gateway(pool, LocalRoutes::None).await;
    let index = get(&format!("{base}/")).await;
    assert_eq!(index.headers()["content-type"], "text/html; charset=utf-8");
    assert_eq!(index.headers()["cache-control"], "no-cache");
    assert_eq!(index.headers()["x-content-type-options"], "nosniff");
    let policy = index.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(!policy.contains("unsafe"), "{policy}");
    let index = index.text().await.unwrap();
    let styles: Vec<&str> = between(&index, "<style>", "</style>").collect();
    let scripts: Vec<&str> = between(&index, "<script type=\"module\">", "</script>").collect();
    let ([style], [script]) = (styles.as_slice(), scripts.as_slice()) else { panic!("one style, one script") };
    assert!(style.contains(".card {") && script.contains("sendsToken"), "the page's own");
    let allowed = format!("default-src 'none'; script-src {}; style-src {};", hash_of(script), hash_of(style));
    assert!(policy.starts_with(&allowed), "{policy}");
    assert_eq!(index.matches("<script").count(), 1);
    let mut files = named_files(&index);
    files.dedup();
    assert_eq!(files, ["page/icon.svg"], "each file costs a visitor a request");
}

#[sqlx::test]
async fn a_browser_keeps_the_icon(pool: PgPool) {
    let (_world, base) = gateway(pool, LocalRoutes::None).await;
    let icon = get(&format!("{base}/page/icon.svg")).await;
    assert_eq!(icon.headers()["content-type"], "image/svg+xml");
    assert_eq!(icon.headers()["cache-control"], "public, max-age=86400");
    assert_eq!(icon.headers()["content-security-policy"], "default-src 'none'");
    assert_eq!(get(&format!("{base}/page/main.js")).await.status(), StatusCode::NOT_FOUND);
}

#[sqlx::test]
async fn the_page_names_no_other_host_and_writes_no_markup(pool: PgPool) {
    let (_world, base) = gateway(pool, LocalRoutes::None).await;
    for path in ["", "page/icon.svg"] {
        let text = get(&format!("{base}/{path}")).await.text().await.unwrap();
        // The name of SVG's namespace is not an address that a browser requests.
        let text = text.replace("http://www.w3.org/2000/svg", "");
        for forbidden in ["http:", "https:", "ws:", "wss:", "\"//", "'//", "url(", "innerHTML", "outerHTML", "style=\""]
        {
            assert!(!text.contains(forbidden), "/{path} has {forbidden}");
        }
    }
}

#[sqlx::test]
async fn a_browser_that_has_a_file_is_told_so(pool: PgPool) {
    let (_world, base) = gateway(pool, LocalRoutes::None).await;
    for path in ["", "page/icon.svg"] {
        let url = format!("{base}/{path}");
        let tag = get(&url).await.headers()[header::ETAG].clone();
        let again = http_client().get(&url).header(header::IF_NONE_MATCH, tag.clone()).send().await.unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path}");
        assert_eq!(again.headers()[header::ETAG], tag);
        assert_eq!(again.text().await.unwrap(), "");
        let other = http_client().get(&url).header(header::IF_NONE_MATCH, "W/\"0\"").send().await.unwrap();
        assert_eq!(other.status(), StatusCode::OK, "{path}");
    }
}

#[sqlx::test]
async fn the_page_is_told_whether_there_is_a_local_network(pool: PgPool) {
    let (mut world, public) = gateway(pool, LocalRoutes::None).await;
    let routes = LocalRoutes::Devnet(Router::new());
    let local = world.start_gateway_with(GatewaySettings::default(), routes).await;
    let [public, local] = [get(&public).await, get(&local).await];
    assert_ne!(public.headers()[header::ETAG], local.headers()[header::ETAG]);
    assert!(public.text().await.unwrap().contains("data-network=\"public\" data-auth=\"off\""));
    assert!(local.text().await.unwrap().contains("data-network=\"local\" data-auth=\"off\""));
}

#[sqlx::test]
async fn the_page_and_its_files_need_no_token_and_say_that_tokens_are_used(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let index = guarded.get("/", None).await;
    assert_eq!(index.status(), StatusCode::OK);
    let index = index.text().await.unwrap();
    assert!(index.contains("data-auth=\"required\""));
    for file in named_files(&index) {
        assert_eq!(guarded.get(&format!("/{file}"), None).await.status(), StatusCode::OK, "{file}");
    }
}
