//! Makes and checks tokens (JWT, RFC 7519). The algorithm is the configured one, whatever a token says (RFC 8725, 3.1).
//! Times are compared with our own clock.

use std::{path::Path, sync::Arc};

use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode, errors::ErrorKind};
use serde::{Deserialize, Deserializer, Serialize};
use tokio_util::sync::CancellationToken;

use super::{
    BadAuthConfig, KeySetReader, Scope, Subject, Token, TokenArgs, TokenRefusal,
    jwks::{Jwks, Pace},
    keys::{check_arguments, private_key, public_key, shared_secret},
};
use crate::domain::UnixTime;

/// We issue no token that is longer.
const LONGEST_TOKEN: usize = 8 * 1024;
/// How far the issuer's clock may differ from ours.
pub(super) const LEEWAY_SECONDS: u64 = 5;

/// The keys that check and make tokens.
#[derive(Debug)]
pub struct TokenKeys {
    checking: Checking,
    signing: Option<EncodingKey>,
    validation: Validation,
    issuer: String,
    audience: String,
    ttl_seconds: u64,
    max_ttl_seconds: Option<u64>,
}

enum Checking {
    Fixed(Box<DecodingKey>),
    Followed(Jwks),
}

/// A request for a new token.
#[derive(Clone, Debug)]
pub struct Minting {
    /// The subject.
    pub subject: Subject,
    /// The scopes to grant.
    pub scopes: Vec<Scope>,
    /// The lifetime in seconds; `None` for the configured one.
    pub ttl_seconds: Option<u64>,
    /// The token's id (`jti`).
    pub id: Option<String>,
    /// The home domain of the sign-in.
    pub home_domain: Option<String>,
    /// The domain of the wallet that also signed.
    pub client_domain: Option<String>,
}

/// A token that was just made.
#[derive(Clone, PartialEq, Eq)]
pub struct Minted {
    /// The token. It must not be logged.
    pub text: String,
    /// When it expires.
    pub expires_at: UnixTime,
}

#[derive(Serialize)]
struct IssuedClaims<'a> {
    iss: &'a str,
    sub: &'a Subject,
    aud: &'a str,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    home_domain: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_domain: Option<&'a str>,
}

/// The issuer and the audience are checked together with the signature.
#[derive(Deserialize)]
struct ReadClaims {
    sub: Subject,
    exp: NumericDate,
    iat: Option<NumericDate>,
    nbf: Option<NumericDate>,
    scope: Option<String>,
}

/// Unix time in whole seconds; a fraction (RFC 7519, 2) is dropped.
struct NumericDate(u64);

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?.to_string();
        let whole = number.split('.').next().and_then(|whole| whole.parse().ok());
        whole.map(Self).ok_or_else(|| serde::de::Error::custom("not a time"))
    }
}

impl TokenKeys {
    /// Returns what the arguments say, `None` where they name no key. `key_set` reads what the
    /// JWKS URL serves.
    ///
    /// # Errors
    /// [`BadAuthConfig`] for a secret that is too short, a file that is not a key, or arguments of another algorithm.
    pub fn from_args(
        args: &TokenArgs,
        usual_issuer: &str,
        key_set: Option<Arc<dyn KeySetReader>>,
    ) -> Result<Option<Self>, BadAuthConfig> {
        check_arguments(args)?;
        let algorithm = args.token_algorithm;
        let (checking, signing) = match (shared_secret(args)?, &args.token_key_file, key_set) {
            (Some((checking, signing)), ..) => (Checking::Fixed(Box::new(checking)), Some(signing)),
            (None, Some(file), _) => (Checking::Fixed(Box::new(public_key(file, algorithm)?)), signing_key(args)?),
            (None, None, Some(key_set)) => {
                (Checking::Followed(Jwks::new(key_set, algorithm.algorithm(), Pace::default())), signing_key(args)?)
            }
            (None, None, None) => return Ok(None),
        };
        let issuer = args.token_issuer.clone().unwrap_or_else(|| usual_issuer.to_owned());
        let audience = args.token_audience.clone();
        let mut validation = Validation::new(algorithm.algorithm());
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&issuer]);
        validation.set_audience(&[&audience]);
        validation.validate_exp = false;
        Ok(Some(Self {
            checking,
            signing,
            validation,
            issuer,
            audience,
            ttl_seconds: args.token_ttl.as_secs(),
            max_ttl_seconds: args.longest_ttl().map(|longest| longest.as_secs()),
        }))
    }

    /// Returns whether there is a key to make tokens with.
    #[must_use]
    pub const fn can_mint(&self) -> bool {
        self.signing.is_some()
    }

    /// Keeps keys from a JWKS URL up to date until stopped.
    pub(super) async fn follow(&self, stop: CancellationToken) {
        match &self.checking {
            Checking::Fixed(_) => stop.cancelled().await,
            Checking::Followed(jwks) => jwks.clone().follow(stop).await,
        }
    }

    /// Makes a token; `None` if there is no key to sign it with.
    #[must_use]
    pub fn mint(&self, minting: &Minting, now: UnixTime) -> Option<Minted> {
        let signing = self.signing.as_ref()?;
        let expires_at = now.plus_seconds(minting.ttl_seconds.unwrap_or(self.ttl_seconds));
        let words: Vec<&str> = minting.scopes.iter().map(|scope| scope.as_str()).collect();
        let claims = IssuedClaims {
            iss: &self.issuer,
            sub: &minting.subject,
            aud: &self.audience,
            iat: now.0,
            exp: expires_at.0,
            jti: minting.id.as_deref(),
            scope: (!words.is_empty()).then(|| words.join(" ")),
            home_domain: minting.home_domain.as_deref(),
            client_domain: minting.client_domain.as_deref(),
        };
        let header = Header::new(*self.validation.algorithms.first()?);
        let text = encode(&header, &claims, signing).ok()?;
        Some(Minted { text, expires_at })
    }

    /// Waits for a moment for the key that a token names, if it is not there and may be fetched.
    pub(super) async fn wait_for_key(&self, text: &str) {
        if let (Checking::Followed(jwks), Ok(header)) = (&self.checking, self.header_of(text)) {
            jwks.wait_for(header.kid.as_deref()).await;
        }
    }

    /// Returns the content of a token, if the token is valid.
    ///
    /// # Errors
    /// [`TokenRefusal`], which repeats no part of the token.
    pub fn check(&self, text: &str, now: UnixTime) -> Result<Token, TokenRefusal> {
        let header = self.header_of(text)?;
        let claims = match &self.checking {
            Checking::Fixed(key) => self.verify(text, key)?,
            Checking::Followed(jwks) => self.verify_by_one_of(text, &jwks.keys(header.kid.as_deref())?)?,
        };
        let [issued_at, begins] = [claims.iat, claims.nbf].map(|time| time.map(|NumericDate(seconds)| seconds));
        let NumericDate(ends) = claims.exp;
        if now.0 >= ends.saturating_add(LEEWAY_SECONDS) {
            return Err(TokenRefusal::Expired);
        }
        // A token from the future would escape a revocation that is made now.
        if begins.max(issued_at).is_some_and(|begins| now.0.saturating_add(LEEWAY_SECONDS) < begins) {
            return Err(TokenRefusal::NotYet);
        }
        let lifetime = ends.saturating_sub(issued_at.unwrap_or(now.0));
        if let Some(most) = self.max_ttl_seconds.filter(|most| lifetime > *most) {
            return Err(TokenRefusal::TooLong(most));
        }
        Ok(Token {
            subject: claims.sub,
            scopes: Scope::read_all(claims.scope.as_deref().unwrap_or_default()),
            issued_at: issued_at.map(UnixTime),
            expires_at: UnixTime(ends),
            api_key: None,
            created_by: None,
            issued_by: None,
        })
    }

    fn header_of(&self, text: &str) -> Result<Header, TokenRefusal> {
        if text.len() > LONGEST_TOKEN {
            return Err(TokenRefusal::Malformed);
        }
        let header = decode_header(text).map_err(|error| refusal_of(error.kind()))?;
        if !self.validation.algorithms.contains(&header.alg) {
            return Err(TokenRefusal::OtherAlgorithm);
        }
        if header.crit.is_some() {
            return Err(TokenRefusal::UnknownExtension);
        }
        Ok(header)
    }

    /// Checks a token with each of the keys that it may be signed with.
    fn verify_by_one_of(&self, text: &str, keys: &[DecodingKey]) -> Result<ReadClaims, TokenRefusal> {
        let read = keys.iter().map(|key| self.verify(text, key));
        let of_its_key = read.into_iter().find(|read| !matches!(read, Err(TokenRefusal::BadSignature)));
        of_its_key.unwrap_or(Err(TokenRefusal::BadSignature))
    }

    fn verify(&self, text: &str, key: &DecodingKey) -> Result<ReadClaims, TokenRefusal> {
        let read = decode::<ReadClaims>(text, key, &self.validation);
        read.map(|token| token.claims).map_err(|error| refusal_of(error.kind()))
    }
}

fn signing_key(args: &TokenArgs) -> Result<Option<EncodingKey>, BadAuthConfig> {
    let file: Option<&Path> = args.token_signing_key_file.as_deref();
    file.map(|file| private_key(file, args.token_algorithm)).transpose()
}

fn refusal_of(kind: &ErrorKind) -> TokenRefusal {
    match kind {
        ErrorKind::InvalidIssuer => TokenRefusal::OtherIssuer,
        ErrorKind::InvalidAudience => TokenRefusal::OtherAudience,
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) => TokenRefusal::BadClaims,
        ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm | ErrorKind::InvalidAlgorithmName => {
            TokenRefusal::OtherAlgorithm
        }
        ErrorKind::InvalidSignature => TokenRefusal::BadSignature,
        _ => TokenRefusal::Malformed,
    }
}

impl std::fmt::Debug for Checking {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Fixed(_) => "Fixed",
            Self::Followed(_) => "Followed",
        })
    }
}

impl std::fmt::Debug for Minted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Minted").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    use futures_util::future::BoxFuture;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::auth::{KeySetReader, KeysUnavailable, TokenAlgorithm, args::parse};

    const SECRET: &str = "a secret of the tests, longer than 32 bytes";
    const NOW: UnixTime = UnixTime(1_800_000_000);
    const SUBJECT: &str = "GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7";

    fn try_keys(flags: &[&str]) -> Result<Option<TokenKeys>, BadAuthConfig> {
        TokenKeys::from_args(&parse(flags), "an issuer", None)
    }

    fn keys(flags: &[&str]) -> TokenKeys {
        try_keys(flags).unwrap().unwrap()
    }

    fn hs256() -> TokenKeys {
        keys(&["--token-secret", SECRET])
    }

    fn minting() -> Minting {
        let subject = SUBJECT.parse().unwrap();
        Minting {
            subject,
            scopes: vec![Scope::Admin],
            ttl_seconds: Some(60),
            id: None,
            home_domain: None,
            client_domain: None,
        }
    }

    /// Returns a token with any header and claims, signed with the secret.
    fn signed(header: &Header, claims: &Value) -> String {
        encode(header, claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
    }

    fn claims() -> Value {
        json!({"iss": "an issuer", "aud": "flowfi-indexer", "sub": SUBJECT, "exp": NOW.0 + 60})
    }

    fn without(name: &str) -> Value {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        claims
    }

    fn with(name: &str, value: impl Into<Value>) -> Value {
        let mut claims = claims();
        claims[name] = value.into();
        claims
    }

    fn refusal(token: &str) -> TokenRefusal {
        hs256().check(token, NOW).unwrap_err()
    }

    #[test]
    fn a_token_is_accepted_until_it_expires() {
        let keys = hs256();
        let minted = keys.mint(&minting(), NOW).unwrap();
        let token = keys.check(&minted.text, NOW).unwrap();
        assert_eq!((token.subject.as_str(), token.scopes.as_slice()), (SUBJECT, &[Scope::Admin][..]));
        assert_eq!((token.issued_at, token.expires_at), (Some(NOW), UnixTime(NOW.0 + 60)));
        assert!(keys.check(&minted.text, UnixTime(NOW.0 + 64)).is_ok(), "clocks differ a little");
        assert_eq!(keys.check(&minted.text, UnixTime(NOW.0 + 65)), Err(TokenRefusal::Expired));
    }

    #[test]
    fn tokens_of_every_algorithm_are_accepted_by_their_own_key_only() {
        let file = |name: &str| format!("{}/tests/fixtures/keys/{name}.pem", env!("CARGO_MANIFEST_DIR"));
        let mut all = vec![("HS256".to_owned(), hs256())];
        for name in ["RS256", "ES256", "EdDSA"] {
            let stem = name.to_lowercase();
            let (public, private) = (file(&format!("{stem}.pub")), file(&stem));
            let flags = ["--token-algorithm", name, "--token-key-file", &public, "--token-signing-key-file", &private];
            all.push((name.to_owned(), keys(&flags)));
        }
        for (maker, made_by) in &all {
            let minted = made_by.mint(&minting(), NOW).unwrap();
            for (checker, checked_by) in &all {
                let checked = checked_by.check(&minted.text, NOW);
                assert_eq!(checked.is_ok(), maker == checker, "made with {maker}, checked with {checker}");
            }
        }
    }

    /// A key set as an issuer publishes it.
    struct Published(String);

    impl KeySetReader for Published {
        fn read(&self) -> BoxFuture<'_, Result<String, KeysUnavailable>> {
            Box::pin(std::future::ready(Ok(self.0.clone())))
        }
    }

    /// Keys of EdDSA that are fetched: that of the fixture, and another one of the same name before it.
    #[expect(clippy::disallowed_methods, reason = "a test owns its task")]
    fn named_alike() -> TokenKeys {
        let file = |name: &str| format!("{}/tests/fixtures/keys/{name}.pem", env!("CARGO_MANIFEST_DIR"));
        let public = public_key(Path::new(&file("eddsa.pub")), TokenAlgorithm::EdDSA).unwrap();
        let jsonwebtoken::DecodingKeyKind::SecretOrDer(ours) = public.kind() else { panic!("a key of 32 bytes") };
        let jwk = |x: &[u8]| json!({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": BASE64_URL_SAFE_NO_PAD.encode(x)});
        let theirs = BASE64_URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let set = json!({"keys": [jwk(&theirs), jwk(ours)]}).to_string();
        let reader: std::sync::Arc<dyn KeySetReader> = std::sync::Arc::new(Published(set));
        let flags = ["--token-algorithm", "EdDSA", "--token-jwks-url", "https://issuer.example/jwks.json"];
        let keys = TokenKeys::from_args(&parse(&flags), "an issuer", Some(reader)).unwrap().unwrap();
        let Checking::Followed(jwks) = &keys.checking else { panic!("they are fetched") };
        tokio::spawn(jwks.clone().follow(CancellationToken::new()));
        keys
    }

    #[tokio::test]
    async fn a_token_is_checked_with_each_of_the_keys_that_are_named_alike() {
        let keys = named_alike();
        let file = format!("{}/tests/fixtures/keys/eddsa.pem", env!("CARGO_MANIFEST_DIR"));
        let signing = private_key(Path::new(&file), TokenAlgorithm::EdDSA).unwrap();
        let header = Header { kid: Some("k".to_owned()), ..Header::new(jsonwebtoken::Algorithm::EdDSA) };
        let signed = |claims: &Value| encode(&header, claims, &signing).unwrap();
        keys.wait_for_key(&signed(&claims())).await;
        assert!(keys.check(&signed(&claims()), NOW).is_ok());
        assert_eq!(keys.check(&signed(&with("iss", "another")), NOW), Err(TokenRefusal::OtherIssuer));
        let token = signed(&claims());
        let (message, signature) = token.rsplit_once('.').unwrap();
        let forged = format!("{message}.{}", "A".repeat(signature.len()));
        assert_eq!(keys.check(&forged, NOW), Err(TokenRefusal::BadSignature));
    }

    #[test]
    fn a_public_key_cannot_sign_tokens() {
        let file = format!("{}/tests/fixtures/keys/rs256.pub.pem", env!("CARGO_MANIFEST_DIR"));
        let rs256 = keys(&["--token-algorithm", "RS256", "--token-key-file", &file]);
        let public = std::fs::read(&file).unwrap();
        let forged = encode(&Header::default(), &claims(), &EncodingKey::from_secret(&public)).unwrap();
        assert_eq!(rs256.check(&forged, NOW), Err(TokenRefusal::OtherAlgorithm));
        assert!(rs256.mint(&minting(), NOW).is_none(), "nothing to sign with");
    }

    #[test]
    fn every_decisive_claim_is_required_and_checked() {
        let header = Header::default();
        assert!(hs256().check(&signed(&header, &claims()), NOW).is_ok());
        for name in ["exp", "iss", "aud", "sub"] {
            let refused = refusal(&signed(&header, &without(name)));
            assert!(matches!(refused, TokenRefusal::BadClaims | TokenRefusal::Malformed), "{name}: {refused:?}");
        }
        let cases = [
            (with("iss", "another"), TokenRefusal::OtherIssuer),
            (with("aud", "another"), TokenRefusal::OtherAudience),
            (with("exp", NOW.0 - 60), TokenRefusal::Expired),
            (with("nbf", NOW.0 + 60), TokenRefusal::NotYet),
            (with("iat", NOW.0 + 6), TokenRefusal::NotYet),
            (with("exp", -1), TokenRefusal::Malformed),
            (with("exp", "soon"), TokenRefusal::Malformed),
            (with("sub", ""), TokenRefusal::Malformed),
        ];
        for (claims, expected) in cases {
            assert_eq!(refusal(&signed(&header, &claims)), expected, "{claims}");
        }
        assert!(hs256().check(&signed(&header, &with("aud", json!(["x", "flowfi-indexer"]))), NOW).is_ok());
    }

    #[test]
    fn times_may_have_fractions_and_clocks_may_differ_a_little() {
        let header = Header::default();
        let mut claims = claims();
        claims["exp"] = json!(1_800_000_060.5);
        claims["iat"] = json!(1_799_999_999.25);
        claims["nbf"] = json!(1.799_999e9);
        let token = hs256().check(&signed(&header, &claims), NOW).unwrap();
        assert_eq!((token.issued_at, token.expires_at), (Some(UnixTime(NOW.0 - 1)), UnixTime(NOW.0 + 60)));
        assert!(hs256().check(&signed(&header, &with("iat", NOW.0 + 5)), NOW).is_ok());
    }

    #[test]
    fn a_token_that_is_valid_for_too_long_is_refused_if_lifetimes_are_limited() {
        let keys = keys(&["--token-secret", SECRET, "--token-max-ttl", "1h"]);
        let lasting = |from: Option<u64>, seconds: u64| {
            let mut claims = with("exp", NOW.0 + seconds);
            if let Some(from) = from {
                claims["iat"] = from.into();
            }
            signed(&Header::default(), &claims)
        };
        for (token, is_taken) in [
            (lasting(None, 3_600), true),
            (lasting(None, 3_601), false),
            (lasting(Some(NOW.0), 3_600), true),
            (lasting(Some(NOW.0 - 10), 3_591), false),
        ] {
            let checked = keys.check(&token, NOW);
            assert!(checked.is_ok() == is_taken, "{checked:?}");
            assert!(is_taken || checked == Err(TokenRefusal::TooLong(3_600)));
        }
    }

    #[test]
    fn a_token_cannot_choose_how_it_is_checked() {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        for algorithm in ["none", "None", "HS512", "RS256"] {
            let forged = format!("{}.{}.", part(&json!({"alg": algorithm, "typ": "JWT"})), part(&claims()));
            let refused = refusal(&forged);
            assert!(matches!(refused, TokenRefusal::OtherAlgorithm | TokenRefusal::Malformed), "{algorithm}");
        }
        let header = Header { crit: Some(vec!["exp".to_owned()]), ..Header::default() };
        assert_eq!(refusal(&signed(&header, &claims())), TokenRefusal::UnknownExtension);
        assert_eq!(refusal(&"x".repeat(LONGEST_TOKEN + 1)), TokenRefusal::Malformed);
    }

    #[test]
    fn invalid_keys_are_refused_at_the_start() {
        assert!(try_keys(&[]).unwrap().is_none());
        assert!(matches!(try_keys(&["--token-secret", "short"]), Err(BadAuthConfig::ShortSecret(5))));
        let other = try_keys(&["--token-algorithm", "ES256", "--token-secret", SECRET]);
        assert!(matches!(other, Err(BadAuthConfig::OtherAlgorithm { .. })));
        let missing = try_keys(&["--token-algorithm", "ES256", "--token-key-file", "/nowhere"]);
        assert!(matches!(missing, Err(BadAuthConfig::File { .. })));
        let rsa = format!("{}/tests/fixtures/keys/rs256.pub.pem", env!("CARGO_MANIFEST_DIR"));
        let wrong = try_keys(&["--token-algorithm", "ES256", "--token-key-file", &rsa]);
        assert!(matches!(wrong, Err(BadAuthConfig::NotAKey { .. })));
    }

    proptest! {
        #[test]
        fn a_changed_token_is_never_accepted(at in 0..200_usize, letter in "[A-Za-z0-9_.-]") {
            let keys = hs256();
            let minted = keys.mint(&minting(), NOW).unwrap().text;
            let at = at % minted.len();
            let changed = format!("{}{letter}{}", &minted[..at], &minted[at + 1..]);
            let checked = keys.check(&changed, NOW);
            // The last letter of a part has bits that base64 does not use; a strict reader refuses those too.
            prop_assert!(changed == minted || checked.is_err());
        }
    }
}
