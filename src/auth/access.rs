//! Access control: identifies callers by their credentials, and issues credentials.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use data_encoding::HEXLOWER;
use rand::{RngCore, SeedableRng, rngs::StdRng};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    AccountReader, ApiKey, Caller, ChallengeRequest, KeysUnavailable, Minted, Minting, Scope, SignIn, SignInRefusal,
    Subject, TicketRefusal, Tickets, Token, TokenKeys, TokenRefusal, VisibilityRule, accounts::Accounts, api_key,
    attempts::Attempts, look_ups::Asking, revocations::Revocations, sign_in::NONCE_BYTES, token::LEEWAY_SECONDS,
};
use crate::{
    domain::{Clock, UnixTime, Visibility},
    store::{Store, StoreError},
};

/// Decides about access. Clones share one state.
#[derive(Clone, Debug)]
pub struct Auth(pub(super) Arc<Inner>);

/// The parts that [`Auth`] is made of.
pub struct AuthParts {
    /// Whether every caller needs a token.
    pub requires_token: bool,
    /// What callers see.
    pub visibility: VisibilityRule,
    /// Whether a token in the URL is accepted.
    pub allows_query_token: bool,
    /// The keys that check tokens.
    pub tokens: TokenKeys,
    /// What people sign in by, and who knows the accounts' signers. Only with keys that make tokens.
    pub sign_in: Option<(SignIn, Arc<dyn AccountReader>)>,
    /// Where it is noted what was used up or taken back.
    pub store: Store,
    /// The same tables, to follow revocations: callers must not be able to keep its connections busy.
    pub revocations: Store,
    /// The source of the current time.
    pub clock: Arc<dyn Clock>,
    /// The source of nonces and tickets.
    pub rng: StdRng,
}

pub(super) struct Inner {
    requires_token: bool,
    visibility: VisibilityRule,
    allows_query_token: bool,
    tokens: TokenKeys,
    sign_in: Option<(SignIn, Accounts)>,
    pub(super) revocations: Revocations,
    attempts: Attempts,
    tickets: Tickets,
    pub(super) store: Store,
    revocation_store: Store,
    clock: Arc<dyn Clock>,
    rng: Mutex<StdRng>,
}

impl Auth {
    /// Puts the parts together.
    #[must_use]
    pub fn new(mut parts: AuthParts) -> Self {
        let of_tickets = StdRng::from_rng(&mut parts.rng);
        Self(Arc::new(Inner {
            requires_token: parts.requires_token,
            visibility: parts.visibility,
            allows_query_token: parts.allows_query_token,
            tokens: parts.tokens,
            sign_in: parts.sign_in.map(|(sign_in, reader)| (sign_in, Accounts::new(reader))),
            revocations: Revocations::new(Arc::clone(&parts.clock)),
            attempts: Attempts::default(),
            tickets: Tickets::new(parts.store.clone(), Arc::clone(&parts.clock), of_tickets),
            store: parts.store,
            revocation_store: parts.revocations,
            clock: parts.clock,
            rng: Mutex::new(parts.rng),
        }))
    }

    /// Reads the revocations. They must be known before the first token is accepted.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn load(&self) -> Result<(), StoreError> {
        self.0.revocations.read(&self.0.revocation_store).await
    }

    /// Keeps keys and revocations up to date until stopped.
    pub async fn follow(&self, stop: CancellationToken) {
        let revocations = self.0.revocations.follow(&self.0.revocation_store, stop.clone());
        tokio::join!(self.0.tokens.follow(stop), revocations);
    }

    /// Returns whether every caller needs a token.
    #[must_use]
    pub fn requires_token(&self) -> bool {
        self.0.requires_token
    }

    /// Returns whether every caller sees every stream.
    #[must_use]
    pub fn shows_everything(&self) -> bool {
        self.0.visibility == VisibilityRule::Public
    }

    /// Returns whether a token in the URL is accepted.
    #[must_use]
    pub fn allows_query_token(&self) -> bool {
        self.0.allows_query_token
    }

    /// Returns the sign-in, if it is configured.
    #[must_use]
    pub fn sign_in(&self) -> Option<&SignIn> {
        self.0.sign_in.as_ref().map(|(sign_in, _)| sign_in)
    }

    pub(super) fn now(&self) -> UnixTime {
        UnixTime::of_close(self.0.clock.now())
    }

    pub(super) fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.rng.lock().expect("no thread panics while it holds the generator").fill_bytes(&mut bytes);
        bytes
    }

    /// Waits for a moment for the key that a token names, if it may be fetched. [`caller`](Self::caller) does not wait, so
    /// that nobody waits for keys while holding what others need.
    pub async fn wait_for_key(&self, token: &str) {
        if !api_key::is_api_key(token) {
            self.0.tokens.wait_for_key(token).await;
        }
    }

    /// Returns the caller identified by this token, or an anonymous caller if there is no token and none is required.
    ///
    /// # Errors
    /// [`TokenRefusal`], even for a bad optional token: a caller that sends a token relies on it.
    pub async fn caller(&self, token: Option<&str>) -> Result<Caller, TokenRefusal> {
        match token {
            Some(text) if api_key::is_api_key(text) => self.caller_by_api_key(text).await,
            Some(text) => self.caller_of(self.0.tokens.check(text, self.now())?),
            None if self.0.requires_token => Err(TokenRefusal::Missing),
            None => Ok(Caller { token: None, visibility: self.seen(Visibility::Nothing) }),
        }
    }

    async fn caller_by_api_key(&self, text: &str) -> Result<Caller, TokenRefusal> {
        let now = self.now();
        let away = |failure: StoreError| TokenRefusal::from(KeysUnavailable::Store(failure.to_string()));
        let row = self.0.store.api_key(&api_key::hash_of(text), now).await.map_err(away)?;
        let key = ApiKey::try_from(row.ok_or(TokenRefusal::UnknownApiKey)?).map_err(away)?;
        if now >= key.expires_at {
            return Err(TokenRefusal::Expired);
        }
        let (id, last_used_at) = (key.id.clone(), key.last_used_at);
        let caller = self.caller_of(key.token())?;
        // What is refused is no use: an owner looks here for whether anybody still needs the key.
        self.0.store.note_use_of_api_key(&id, last_used_at, now).await.map_err(away)?;
        Ok(caller)
    }

    fn caller_of(&self, token: Token) -> Result<Caller, TokenRefusal> {
        if self.0.revocations.holds(&token) {
            return Err(TokenRefusal::Revoked);
        }
        let visibility = self.seen(token.visibility());
        Ok(Caller { token: Some(token), visibility })
    }

    fn seen(&self, own: Visibility) -> Visibility {
        match self.0.visibility {
            VisibilityRule::Participants => own,
            VisibilityRule::Public => Visibility::Everything,
        }
    }

    /// Returns a challenge to sign, as XDR in base64, or `None` if sign-in is not configured.
    ///
    /// # Errors
    /// [`SignInRefusal`] if this account cannot sign in.
    #[must_use]
    pub fn challenge(&self, request: &ChallengeRequest) -> Option<Result<String, SignInRefusal>> {
        let (sign_in, _) = self.0.sign_in.as_ref()?;
        Some(sign_in.challenge(request, self.now(), &self.random::<NONCE_BYTES>()))
    }

    /// Returns a token for a signed challenge, or `None` if sign-in is not configured.
    ///
    /// # Errors
    /// [`SignInRefusal`] with the first problem found.
    pub async fn answer(&self, transaction: &str, asking: Asking) -> Option<Result<Minted, SignInRefusal>> {
        let (sign_in, accounts) = self.0.sign_in.as_ref()?;
        Some(self.token_for(transaction, sign_in, (accounts, asking)).await)
    }

    /// Uses up the challenge last, so that a client that forgot a signature can try again.
    async fn token_for(
        &self,
        transaction: &str,
        sign_in: &SignIn,
        (accounts, asking): (&Accounts, Asking),
    ) -> Result<Minted, SignInRefusal> {
        let now = self.now();
        let answered = sign_in.read(transaction, now)?;
        let (hash, ends) = (answered.transaction.hash, answered.transaction.not_after);
        // Both checks precede the look-up: a client that has only our challenge must not be able to make us query the
        // chain.
        answered.check_that_others_signed()?;
        if !self.0.attempts.count(hash, ends, now) {
            return Err(SignInRefusal::TooManyAttempts);
        }
        let signers = accounts.signers_of(answered.account.clone(), asking).await.map_err(|away| {
            warn!("the signers of an account could not be read: {away}");
            self.0.attempts.take_back(hash);
            SignInRefusal::AccountUnavailable
        })?;
        answered.check_signatures(signers.as_ref())?;
        if self.0.revocations.bans(&answered.subject) {
            return Err(SignInRefusal::Banned);
        }
        if !self.0.store.consume_challenge(&hash, ends, now).await? {
            return Err(SignInRefusal::Spent);
        }
        let minting = Minting {
            subject: answered.subject,
            scopes: Vec::new(),
            ttl_seconds: None,
            id: Some(HEXLOWER.encode(&hash)),
            home_domain: Some(answered.home_domain),
            client_domain: answered.client_domain,
        };
        let minted = self.0.tokens.mint(&minting, now);
        Ok(minted.expect("sign-in implies a signing key, and claims are strings and numbers"))
    }

    /// Returns the tickets that this access control issues and accepts.
    #[must_use]
    pub fn tickets(&self) -> &Tickets {
        &self.0.tickets
    }

    /// Returns the caller who shows a ticket, by the token that it was issued for. A ticket that was issued without one
    /// lets in nobody who would need one.
    ///
    /// # Errors
    /// The token is no longer valid, or the database did not answer.
    pub async fn caller_of_ticket(&self, token: Option<Token>) -> Result<Caller, TicketRefusal> {
        let Some(token) = token else { return Ok(self.caller(None).await?) };
        if !self.0.revocations.keeps_secret_of(&token, &self.0.store).await? {
            return Err(TokenRefusal::Revoked.into());
        }
        Ok(self.caller_of(token)?)
    }

    /// Takes back every token of a subject that was made until now, on every node, and those that a node with a faster
    /// clock makes in the next seconds. With `ban` the subject is kept out, or let in again.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn revoke(&self, subject: &Subject, by: &Subject, ban: Option<bool>) -> Result<(), StoreError> {
        self.0.store.revoke(subject.as_str(), by.as_str(), (self.now(), LEEWAY_SECONDS), ban).await?;
        let what = match ban {
            None => "",
            Some(true) => ", and banned it",
            Some(false) => ", and lifted its ban",
        };
        info!(subject = %subject, by = %by, "{by} revoked the tokens of {subject}{what}");
        self.0.revocations.read(&self.0.revocation_store).await
    }

    /// Returns whether a token has expired, without the leeway that requests get.
    #[must_use]
    pub fn is_over(&self, token: &Token) -> bool {
        self.now() >= token.expires_at
    }

    /// Returns whether a text is a token of an operator. API keys are not looked up.
    pub async fn is_of_operator(&self, text: &str) -> bool {
        if api_key::is_api_key(text) {
            return false;
        }
        self.wait_for_key(text).await;
        let caller = self.caller(Some(text)).await;
        caller.is_ok_and(|caller| caller.token.is_some_and(|token| token.allows(Scope::Admin)))
    }

    /// Waits until a token expires or is revoked.
    pub async fn ended(&self, token: &Token) -> TokenRefusal {
        let seconds_left = token.expires_at.seconds_since(self.now());
        tokio::select! {
            () = sleep(Duration::from_secs(seconds_left)) => TokenRefusal::Expired,
            () = self.revoked(token) => TokenRefusal::Revoked,
        }
    }

    /// Waits until a token is revoked.
    pub async fn revoked(&self, token: &Token) {
        self.0.revocations.revoked(token, &self.0.store).await;
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Inner").field("requires_token", &self.requires_token).finish_non_exhaustive()
    }
}
