//! The built-in page: its files, how they are served, and that it needs nothing from elsewhere.

use axum::Router;
use flowfi_indexer::http::LocalRoutes;
use reqwest::{Response, StatusCode, header};
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
fn between<'a>(text: &'a str, before: &'a str, after: char) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).map(move |rest| rest.split(after).next().unwrap())
}

fn kind(file: &str) -> &str {
    file.rsplit_once('.').unwrap().1
}

/// Returns the paths of the files that the index names.
fn named_files(index: &str) -> Vec<String> {
    let links = between(index, "href=\"", '"').chain(between(index, "src=\"", '"'));
    links.filter(|link| link.starts_with("page/")).map(str::to_owned).collect()
}

#[sqlx::test]
async fn the_index_names_only_files_that_are_served_with_their_types_and_the_policy(pool: PgPool) {
    let (_world, base) = gateway(pool, LocalRoutes::None).await;
    let index = get(&format!("{base}/")).await;
    assert_eq!(index.headers()["content-type"], "text/html; charset=utf-8");
    let policy = index.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"));
    assert!(!policy.contains("unsafe"), "{policy}");
    let index = index.text().await.unwrap();
    let files = named_files(&index);
    for file in &files {
        let answer = get(&format!("{base}/{file}")).await;
        assert_eq!(answer.status(), StatusCode::OK, "{file}");
        let media_type = match kind(file) {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            other => panic!("{file} has an unknown type: {other}"),
        };
        assert_eq!(answer.headers()["content-type"], media_type, "{file}");
        assert_eq!(answer.headers()["cache-control"], "no-cache", "{file}");
        assert_eq!(answer.headers()["content-security-policy"], policy.as_str(), "{file}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{file}");
    }
    for part in ["page/main.js", "page/feed.js", "page/base.css", "page/icon.svg"] {
        assert!(files.iter().any(|file| file == part), "{part} is not named");
    }
    assert_eq!(get(&format!("{base}/page/none.js")).await.status(), StatusCode::NOT_FOUND);
}

#[sqlx::test]
async fn scripts_import_only_files_that_are_served(pool: PgPool) {
    let (_world, base) = gateway(pool, LocalRoutes::None).await;
    let index = get(&format!("{base}/")).await.text().await.unwrap();
    let files = named_files(&index);
    let mut imports = 0;
    for script in files.iter().filter(|file| kind(file) == "js") {
        let text = get(&format!("{base}/{script}")).await.text().await.unwrap();
        for import in
            text.lines().filter(|line| line.starts_with("import ")).flat_map(|line| between(line, " from '", '\''))
        {
            let file = format!("page/{}", import.strip_prefix("./").unwrap());
            assert!(files.contains(&file), "{script} imports {import}, which the index does not name");
            imports += 1;
        }
    }
    assert!(imports > 20, "the imports are found: {imports}");
}

#[sqlx::test]
async fn no_file_names_another_host_or_writes_markup(pool: PgPool) {
    let (_world, base) = gateway(pool, LocalRoutes::None).await;
    let index = get(&format!("{base}/")).await.text().await.unwrap();
    let files = named_files(&index);
    for path in files.iter().map(String::as_str).chain([""]) {
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
    for path in ["", "page/main.js"] {
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
