//! Who may read what, seen from outside: a gateway with authentication, and wallets that sign in.

mod access;
mod admin;
mod api_keys;
mod feeds;
mod ids;
mod key_sets;
mod mutations;
mod open_tickets;
mod sign_in;
mod tickets;
mod trust;
mod visibility;

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, Utc};
use clap::Parser;
use flowfi_indexer::{
    app::account_reader,
    auth::{Auth, AuthArgs, AuthParts, Minting, Scope, SignIn, TokenKeys},
    devnet::DevnetArgs,
    domain::{Clock, SystemClock, UnixTime},
};
use rand::{SeedableRng, rngs::StdRng};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use sqlx::PgPool;

use crate::world::{GatewaySettings, World, http_client};

pub const SECRET: &str = "the secret of the tests, of more than 32 bytes";
const HOME_DOMAIN: &str = "flowfi.example";

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: AuthArgs,
}

/// The machine's clock, which tests can move forward.
#[derive(Default)]
pub struct MovedClock(AtomicI64);

impl MovedClock {
    pub fn move_on(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for MovedClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + chrono::TimeDelta::seconds(self.0.load(Ordering::Relaxed))
    }
}

/// The authentication that a test wants.
pub struct Access {
    pub requires_token: bool,
    pub flags: &'static [&'static str],
    pub clock: Arc<MovedClock>,
}

impl Default for Access {
    fn default() -> Self {
        Self { requires_token: true, flags: &[], clock: Arc::default() }
    }
}

/// A world with authentication, and what is needed to get access.
pub struct Guarded {
    pub world: World,
    pub base: String,
    pub clock: Arc<MovedClock>,
    keys: TokenKeys,
}

fn args(flags: &[&str]) -> AuthArgs {
    let seed = stellar_strkey::ed25519::PrivateKey([7; 32]).as_unredacted().to_string();
    let line = ["x", "--token-secret", SECRET, "--home-domains", HOME_DOMAIN, "--sign-in-seed", seed.as_str()];
    Line::try_parse_from(line.into_iter().chain(flags.iter().copied())).ok().unwrap().args
}

fn keys(args: &AuthArgs) -> TokenKeys {
    TokenKeys::from_args(&args.token, &args.sign_in.usual_issuer(), None).unwrap().unwrap()
}

pub fn auth(world: &World, access: &Access) -> Auth {
    Auth::new(auth_parts(world, access))
}

fn auth_parts(world: &World, access: &Access) -> AuthParts {
    let args = args(access.flags);
    let sign_in = SignIn::from_args(&args.sign_in, world.devnet.passphrase()).unwrap();
    AuthParts {
        requires_token: access.requires_token,
        visibility: args.visibility,
        allows_query_token: args.allow_query_token,
        tokens: keys(&args),
        sign_in: sign_in.map(|sign_in| (sign_in, account_reader(world.source(), world.devnet.contract_id().into()))),
        store: world.store.clone(),
        revocations: world.store.clone(),
        clock: access.clock.clone(),
        rng: StdRng::seed_from_u64(8),
    }
}

impl Guarded {
    /// Creates a world that is indexed while it changes, with a gateway that requires authentication.
    pub async fn new(pool: PgPool, access: &Access) -> Self {
        let mut world = World::with_devnet(pool, &DevnetArgs::by_hand()).await;
        world.devnet.close_ledger().unwrap();
        world.start_indexer(100);
        world.indexed().await;
        Self::before(world, access).await
    }

    /// Puts a gateway with authentication in front of an existing world.
    pub async fn before(mut world: World, access: &Access) -> Self {
        let auth = auth(&world, access);
        let base = world.start_gateway(GatewaySettings { auth: Some(auth), ..GatewaySettings::default() }).await;
        Self { world, base, clock: Arc::clone(&access.clock), keys: keys(&args(access.flags)) }
    }

    /// Starts a second gateway to the same database.
    pub async fn another_gateway(&mut self, access: &Access) -> String {
        let auth = auth(&self.world, access);
        self.world.start_gateway(GatewaySettings { auth: Some(auth), ..GatewaySettings::default() }).await
    }

    pub fn token(&self, subject: &str, scopes: &[Scope], ttl_seconds: u64) -> String {
        let minting = Minting {
            subject: subject.parse().unwrap(),
            scopes: scopes.to_vec(),
            ttl_seconds: Some(ttl_seconds),
            id: None,
            home_domain: None,
            client_domain: None,
        };
        self.keys.mint(&minting, UnixTime::of_close(self.clock.now())).unwrap().text
    }

    /// Returns a token for one of the devnet's accounts.
    pub fn token_of(&self, name: &str) -> String {
        self.token(self.world.devnet.account(name).as_str(), &[], 3_600)
    }

    pub async fn get(&self, path: &str, token: Option<&str>) -> Response {
        let request = http_client().get(format!("{}{path}", self.base));
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        request.send().await.unwrap()
    }

    pub async fn post(&self, path: &str, token: Option<&str>, body: &Value) -> Response {
        let request = http_client().post(format!("{}{path}", self.base)).json(body);
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        request.send().await.unwrap()
    }

    pub async fn ticket(&self, token: &str, filter: &Value) -> String {
        self.try_ticket(token, filter).await.expect("the token is valid")
    }

    /// The same; `None` if the token has ended.
    pub async fn try_ticket(&self, token: &str, filter: &Value) -> Option<String> {
        let answer = self.post("/v1/events/tickets", Some(token), filter).await;
        if answer.status() == StatusCode::UNAUTHORIZED {
            return None;
        }
        assert_eq!(answer.status(), StatusCode::CREATED);
        Some(answer.json::<Value>().await.unwrap()["ticket"].as_str().unwrap().to_owned())
    }
}
