//! Sign-in with a wallet's key (SEP-10), with the standard's own wire format.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use ed25519_dalek::{Signer, SigningKey};
use flowfi_indexer::{
    devnet::{AccountThresholds, Call},
    domain::{Address, Amount},
    xdr::read_challenge,
};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;
use stellar_strkey::{Strkey, ed25519};
use stellar_xdr::{DecoratedSignature, Limits, ReadXdr, Signature, SignatureHint, TransactionEnvelope, WriteXdr};

use super::{Access, Guarded};
use crate::{
    relay::Relay,
    world::{Subscriber, http_client},
};

struct Wallet(SigningKey);

impl Wallet {
    fn new(seed: u8) -> Self {
        Self(SigningKey::from_bytes(&[seed; 32]))
    }

    fn address(&self) -> Address {
        let key = ed25519::PublicKey(self.0.verifying_key().to_bytes());
        Address::from_strkey(&Strkey::PublicKeyEd25519(key)).unwrap()
    }

    /// Adds the wallet's signature to a challenge.
    fn sign(&self, challenge: &str, passphrase: &str) -> String {
        let hash = read_challenge(challenge, passphrase).unwrap().hash;
        let mut envelope =
            TransactionEnvelope::from_xdr(BASE64_STANDARD.decode(challenge).unwrap(), Limits::none()).unwrap();
        let TransactionEnvelope::Tx(signed) = &mut envelope else { panic!("{envelope:?}") };
        let key = self.0.verifying_key().to_bytes();
        let mut signatures = signed.signatures.to_vec();
        signatures.push(DecoratedSignature {
            hint: SignatureHint(key[28..].try_into().unwrap()),
            signature: Signature(self.0.sign(&hash).to_bytes().to_vec().try_into().unwrap()),
        });
        signed.signatures = signatures.try_into().unwrap();
        BASE64_STANDARD.encode(envelope.to_xdr(Limits::none()).unwrap())
    }
}

impl Guarded {
    async fn challenge(&self, query: &str) -> String {
        let answer = self.get(&format!("/v1/auth?{query}"), None).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["network_passphrase"], self.world.devnet.passphrase());
        answer["transaction"].as_str().unwrap().to_owned()
    }

    fn signed(&self, challenge: &str, by: &[&Wallet]) -> String {
        by.iter().fold(challenge.to_owned(), |text, wallet| wallet.sign(&text, self.world.devnet.passphrase()))
    }

    async fn answer(&self, transaction: &str) -> Response {
        self.post("/v1/auth", None, &json!({"transaction": transaction})).await
    }

    /// Signs in and returns the token.
    async fn sign_in(&self, query: &str, by: &[&Wallet]) -> String {
        let answer = self.answer(&self.signed(&self.challenge(query).await, by)).await;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned()
    }

    async fn refusal(&self, transaction: &str) -> String {
        let answer = self.answer(transaction).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["error"], problem["detail"]);
        problem["error"].as_str().unwrap().to_owned()
    }
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[sqlx::test]
async fn a_wallet_signs_in_subscribes_with_a_ticket_and_sees_its_own_streams(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let wallet = Wallet::new(40);
    let token = guarded.sign_in(&format!("account={}", wallet.address()), &[&wallet]).await;
    let claims = claims(&token);
    assert_eq!((&claims["sub"], &claims["home_domain"]), (&json!(wallet.address()), &json!("flowfi.example")));
    assert_eq!(claims["iss"], "https://flowfi.example/v1/auth");
    assert_eq!(claims["jti"].as_str().map(str::len), Some(64));
    let ticket = guarded.ticket(&token, &json!({"all": true})).await;
    let mut subscriber = Subscriber::connect(&guarded.base, &format!("ticket={ticket}"), None).await;
    guarded.world.create("alice", "bob", 1_000_000, 100).await;
    let creation = Call::Create {
        sender: wallet.address(),
        recipient: guarded.world.devnet.account("bob"),
        token: guarded.world.token(),
        amount: Amount(1_000_000),
        duration_seconds: 100,
    };
    guarded.world.call(creation).await;
    for frame in subscriber.events(2).await {
        assert_eq!(frame.data.unwrap()["streamId"], "2", "alice's stream does not belong to the wallet");
    }
}

#[sqlx::test]
async fn a_challenge_is_valid_once_on_all_nodes_together(pool: PgPool) {
    let mut guarded = Guarded::new(pool, &Access::default()).await;
    let wallet = Wallet::new(40);
    let challenge = guarded.challenge(&format!("account={}", wallet.address())).await;
    assert!(
        guarded.refusal(&challenge).await.contains("not signed for the account"),
        "the challenge is not used up by that"
    );
    let signed = guarded.signed(&challenge, &[&wallet]);
    let first = std::mem::take(&mut guarded.base);
    guarded.base = guarded.another_gateway(&Access::default()).await;
    assert_eq!(guarded.answer(&signed).await.status(), StatusCode::OK, "made by one node, answered at another");
    assert!(guarded.refusal(&signed).await.contains("used already"));
    guarded.base = first;
    assert!(guarded.refusal(&signed).await.contains("used already"));
}

#[sqlx::test]
async fn a_challenge_may_be_answered_wrongly_a_few_times_and_only_with_somebodys_signature(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let (wallet, stranger) = (Wallet::new(40), Wallet::new(43));
    let challenge = guarded.challenge(&format!("account={}", wallet.address())).await;
    for _ in 0..9 {
        assert!(guarded.refusal(&challenge).await.contains("not signed for the account"), "costs no attempt");
    }
    let forged = guarded.signed(&challenge, &[&stranger]);
    for _ in 0..5 {
        assert!(guarded.refusal(&forged).await.contains("not by a signer"));
    }
    for transaction in [&forged, &guarded.signed(&challenge, &[&wallet])] {
        assert!(guarded.refusal(transaction).await.contains("wrongly too often"));
    }
    guarded.sign_in(&format!("account={}", wallet.address()), &[&wallet]).await;
}

#[sqlx::test]
async fn the_signers_of_an_account_sign_in_by_their_weights(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let (master, one, two, stranger) = (Wallet::new(40), Wallet::new(41), Wallet::new(42), Wallet::new(43));
    let thresholds = AccountThresholds { master_weight: 0, low: 1, medium: 3, high: 9 };
    let signers = [(one.address(), 1), (two.address(), 2)];
    let signers: Vec<_> = signers.iter().map(|(address, weight)| (address.as_str(), *weight)).collect();
    guarded.world.devnet.set_account(&master.address(), &signers, thresholds).unwrap();
    let query = format!("account={}", master.address());
    let token = guarded.sign_in(&query, &[&one, &two]).await;
    assert_eq!(claims(&token)["sub"], json!(master.address()));
    let refused = async |by: &[&Wallet]| {
        let challenge = guarded.challenge(&query).await;
        guarded.refusal(&guarded.signed(&challenge, by)).await
    };
    assert!(refused(&[&two]).await.contains("weigh 2, but the account requires 3"));
    assert!(refused(&[&one, &two, &stranger]).await.contains("not by a signer"));
    assert!(refused(&[&master]).await.contains("not by a signer"), "its weight was set to zero");
    assert!(refused(&[&one, &one, &two]).await.contains("appears twice"));
}

#[sqlx::test]
async fn users_of_a_pooled_account_do_not_see_the_pools_streams(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let pool_wallet = Wallet::new(40);
    let query = format!("account={}&memo=7", pool_wallet.address());
    let token = guarded.sign_in(&query, &[&pool_wallet]).await;
    assert_eq!(claims(&token)["sub"], format!("{}:7", pool_wallet.address()));
    let key = pool_wallet.0.verifying_key().to_bytes();
    let muxed = Strkey::MuxedAccountEd25519(ed25519::MuxedAccount { ed25519: key, id: 7 }).to_string();
    let token_of_muxed = guarded.sign_in(&format!("account={}", muxed.as_str()), &[&pool_wallet]).await;
    assert_eq!(claims(&token_of_muxed)["sub"], muxed.as_str());
    for token in [token, token_of_muxed] {
        let streams: Value = guarded.get("/v1/streams", Some(&token)).await.json().await.unwrap();
        assert_eq!(streams["total"], 0);
    }
}

#[sqlx::test]
async fn the_reason_for_refusing_a_challenge_is_named(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let account = Wallet::new(40).address();
    let contract = guarded.world.devnet.contract_id();
    let cases = [
        (String::new(), "account"),
        ("account=".to_owned(), "account"),
        (format!("account={account}x"), "account"),
        (format!("account={contract}"), "account"),
        (format!("account={account}&memo=text"), "memo"),
        (format!("account={account}&memo=-1"), "memo"),
        (format!("account={account}&home_domain=evil.example"), "home_domain"),
    ];
    for (query, parameter) in cases {
        let answer = guarded.get(&format!("/v1/auth?{query}"), None).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{query}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["parameter"], parameter, "{query}");
        assert!(problem["error"].is_string());
    }
    for transaction in ["", "AAAA", "not base64"] {
        guarded.refusal(transaction).await;
    }
}

#[sqlx::test]
async fn a_challenge_can_be_answered_by_a_form(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let wallet = Wallet::new(40);
    let challenge = guarded.challenge(&format!("account={}", wallet.address())).await;
    let signed = guarded.signed(&challenge, &[&wallet]);
    let body = form_urlencoded::Serializer::new(String::new()).append_pair("transaction", &signed).finish();
    let request = http_client().post(format!("{}/v1/auth", guarded.base)).body(body);
    let answer = request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["cache-control"], "no-store");
}

#[sqlx::test]
async fn a_challenge_that_is_too_old_is_refused(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let wallet = Wallet::new(40);
    let challenge = guarded.challenge(&format!("account={}", wallet.address())).await;
    guarded.clock.move_on(901);
    assert!(guarded.refusal(&guarded.signed(&challenge, &[&wallet])).await.contains("expired"));
}

#[sqlx::test]
async fn wallets_of_any_origin_learn_where_to_sign_in(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let toml = guarded.get("/.well-known/stellar.toml", None).await;
    assert_eq!(toml.headers()["access-control-allow-origin"], "*");
    assert_eq!(toml.headers()["content-type"], "text/plain; charset=utf-8");
    let text = toml.text().await.unwrap();
    assert!(text.contains("WEB_AUTH_ENDPOINT=\"https://flowfi.example/v1/auth\"\n"), "{text}");
    assert!(text.contains("\nSIGNING_KEY=\"G"), "{text}");
    let preflight = http_client()
        .request(reqwest::Method::OPTIONS, format!("{}/v1/auth", guarded.base))
        .header("origin", "https://wallet.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type")
        .send();
    let preflight = preflight.await.unwrap();
    assert_eq!(preflight.headers()["access-control-allow-origin"], "*");
    assert!(preflight.headers()["access-control-allow-methods"].to_str().unwrap().contains("POST"));
    assert!(preflight.headers()["access-control-allow-headers"].to_str().unwrap().contains("content-type"));
}

#[sqlx::test]
async fn an_endpoint_without_any_entries_does_not_prove_that_there_is_no_account(pool: PgPool) {
    let mut guarded = Guarded::new(pool, &Access::default()).await;
    let relay = Relay::to(&guarded.world.rpc_url).await;
    relay.change(|mut reply| {
        reply["result"]["entries"] = json!([]);
        reply
    });
    guarded.world.rpc_urls = vec![relay.url.clone()];
    guarded.base = guarded.another_gateway(&Access::default()).await;
    let wallet = Wallet::new(41);
    let challenge = guarded.challenge(&format!("account={}", wallet.address())).await;
    let answer = guarded.answer(&guarded.signed(&challenge, &[&wallet])).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[sqlx::test]
async fn an_unavailable_chain_is_not_the_clients_fault(pool: PgPool) {
    let mut guarded = Guarded::new(pool, &Access::default()).await;
    guarded.world.rpc_urls = vec!["http://127.0.0.1:1/".to_owned()];
    guarded.base = guarded.another_gateway(&Access::default()).await;
    let wallet = Wallet::new(40);
    let challenge = guarded.challenge(&format!("account={}", wallet.address())).await;
    let answer = guarded.answer(&guarded.signed(&challenge, &[&wallet])).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["retry-after"], "2");
}
