//! Challenges of Stellar Web Authentication (SEP-10 3.4): makes them, and reads them back with every check that needs
//! no account.
//!
//! Stateless: a challenge carries everything under our own signature, so that any node can check another node's
//! challenge.

use base64::{Engine, prelude::BASE64_STANDARD};
use stellar_strkey::Strkey;

use super::{
    BadAuthConfig, SignInArgs, SignInRefusal, Subject,
    signatures::{self, CoSigners},
    signing_key::{SigningKey, has_signed, public_key_of},
};
use crate::{
    auth::keys::secret_of,
    domain::{Address, UnixTime},
    xdr::{AccountSigners, ChallengeDraft, ChallengeTransaction, DataEntry, read_challenge, write_challenge},
};

/// The first entry is named after the home domain, followed by this.
const AUTH: &str = " auth";
const WEB_AUTH_DOMAIN: &str = "web_auth_domain";
const CLIENT_DOMAIN: &str = "client_domain";
/// Random bytes in a challenge. In base64 they fill a value's 64 bytes.
pub(super) const NONCE_BYTES: usize = 48;
/// How far the clocks of two nodes may differ.
const CLOCK_SKEW_SECONDS: u64 = 60;

/// The sign-in of this service.
#[derive(Debug)]
pub struct SignIn {
    key: SigningKey,
    network_passphrase: String,
    home_domains: Vec<String>,
    web_auth_domain: String,
    client_domains: Vec<(String, Address)>,
    ttl_seconds: u64,
}

impl SignInArgs {
    /// Returns the default issuer of tokens: the URL of the sign-in, as SEP-10 requires.
    #[must_use]
    pub fn usual_issuer(&self) -> String {
        let domain = self.web_auth_domain.as_ref().or(self.home_domains.first());
        domain.map_or_else(|| "flowfi-indexer".to_owned(), |domain| endpoint_at(domain))
    }
}

/// The machine's own address is reached without TLS.
fn endpoint_at(domain: &str) -> String {
    let host = domain.split(':').next().unwrap_or_default();
    let scheme = if host == "localhost" || host.starts_with("127.") { "http" } else { "https" };
    format!("{scheme}://{domain}/v1/auth")
}

/// A request for a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengeRequest {
    /// `G…`, or `M…`.
    pub account: Address,
    /// Distinguishes the users of one account `G…`.
    pub memo: Option<u64>,
    /// The home domain; one of ours.
    pub home_domain: Option<String>,
    /// The wallet's domain. A wallet whose key we do not know is left out, as the standard allows.
    pub client_domain: Option<String>,
}

/// A challenge of ours that a client sent back.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) transaction: ChallengeTransaction,
    /// The account `G…` that must have signed.
    pub(super) account: Address,
    pub(super) subject: Subject,
    pub(super) home_domain: String,
    pub(super) client_domain: Option<String>,
    master: [u8; 32],
    co_signers: CoSigners,
}

impl std::fmt::Debug for CoSigners {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("CoSigners").finish_non_exhaustive()
    }
}

impl SignIn {
    /// Returns the configured sign-in, or `None` without a seed.
    ///
    /// # Errors
    /// [`BadAuthConfig`] if the seed is invalid or there is no home domain.
    pub fn from_args(args: &SignInArgs, network_passphrase: &str) -> Result<Option<Self>, BadAuthConfig> {
        let seed = secret_of(args.sign_in_seed.as_ref(), args.sign_in_seed_file.as_deref())?;
        let Some(seed) = seed else { return Ok(None) };
        let key = SigningKey::from_seed(&seed)?;
        let home_domain = args.home_domains.first().ok_or(BadAuthConfig::NoHomeDomain)?;
        Ok(Some(Self {
            key,
            network_passphrase: network_passphrase.to_owned(),
            web_auth_domain: args.web_auth_domain.clone().unwrap_or_else(|| home_domain.clone()),
            home_domains: args.home_domains.clone(),
            client_domains: args.client_domains.clone(),
            ttl_seconds: args.challenge_ttl.as_secs(),
        }))
    }

    /// Returns the address of the key that signs challenges.
    #[must_use]
    pub const fn signing_address(&self) -> &Address {
        self.key.address()
    }

    /// Returns the passphrase of the network whose accounts sign in.
    #[must_use]
    pub fn network_passphrase(&self) -> &str {
        &self.network_passphrase
    }

    /// Returns the URL where wallets ask for a challenge.
    #[must_use]
    pub fn endpoint(&self) -> String {
        endpoint_at(&self.web_auth_domain)
    }

    /// Returns a challenge signed by us: a transaction envelope, as XDR in base64.
    ///
    /// # Errors
    /// [`SignInRefusal`] if the account, the memo or the home domain cannot be signed in with.
    pub fn challenge(
        &self,
        request: &ChallengeRequest,
        now: UnixTime,
        nonce: &[u8; NONCE_BYTES],
    ) -> Result<String, SignInRefusal> {
        check_account(&request.account, request.memo)?;
        let home_domain = match &request.home_domain {
            None => &self.home_domains[0],
            Some(wanted) => {
                self.home_domains.iter().find(|ours| *ours == wanted).ok_or(SignInRefusal::OtherHomeDomain)?
            }
        };
        let of = |source: &Address, name: String, value: &[u8]| DataEntry {
            source: Some(source.clone()),
            name,
            value: Some(value.to_vec()),
        };
        let nonce = BASE64_STANDARD.encode(nonce);
        let mut entries = vec![
            of(&request.account, format!("{home_domain}{AUTH}"), nonce.as_bytes()),
            of(self.key.address(), WEB_AUTH_DOMAIN.to_owned(), self.web_auth_domain.as_bytes()),
        ];
        let wallet = request.client_domain.as_deref().and_then(|name| self.wallet(name));
        entries.extend(wallet.map(|(name, key)| of(key, CLIENT_DOMAIN.to_owned(), name.as_bytes())));
        let draft = ChallengeDraft {
            source: self.key.address().clone(),
            not_before: now,
            not_after: UnixTime(now.0.saturating_add(self.ttl_seconds)),
            memo: request.memo,
            entries,
        };
        Ok(write_challenge(&draft, &self.network_passphrase, |hash| self.key.sign(hash))?)
    }

    fn wallet(&self, name: &str) -> Option<&(String, Address)> {
        self.client_domains.iter().find(|(known, _)| known == name)
    }

    /// Reads a challenge that a client sent back. Checks that it is one of ours and has not expired.
    pub(super) fn read(&self, text: &str, now: UnixTime) -> Result<Answered, SignInRefusal> {
        let transaction = read_challenge(text, &self.network_passphrase)?;
        if transaction.source != *self.key.address() || transaction.sequence != 0 {
            return Err(SignInRefusal::NotOurs("its source is not our key, or its sequence number is not 0"));
        }
        // Our own signature comes first: only our challenges are worth any further work.
        let by_us = |signature| has_signed(&self.key.public(), &transaction.hash, signature);
        if !transaction.signatures.iter().any(by_us) {
            return Err(SignInRefusal::NotOurs("it lacks our signature"));
        }
        let begins = transaction.not_before.0.saturating_sub(CLOCK_SKEW_SECONDS);
        if now.0 < begins || now.0 > transaction.not_after.0 {
            return Err(SignInRefusal::OutOfTime);
        }
        let (account, home_domain) = self.first_entry(&transaction)?;
        let client_domain = self.other_entries(&transaction.entries[1..])?;
        check_account(&account, transaction.memo)?;
        let master = public_key_of(&account).ok_or(SignInRefusal::NotAnAccount)?;
        let wallet_key = client_domain.as_ref().and_then(|(_, key)| public_key_of(key));
        Ok(Answered {
            master,
            account: base_account(master),
            subject: Subject::of_sign_in(&account, transaction.memo),
            home_domain,
            client_domain: client_domain.map(|(name, _)| name),
            co_signers: CoSigners { server: self.key.public(), client_domain: wallet_key },
            transaction,
        })
    }

    fn first_entry(&self, transaction: &ChallengeTransaction) -> Result<(Address, String), SignInRefusal> {
        let first = transaction.entries.first().ok_or(SignInRefusal::NotOurs("it has no operation"))?;
        let account = first.source.clone().filter(|source| source != self.key.address());
        let account = account.ok_or(SignInRefusal::NotOurs("its first operation names no client"))?;
        let home_domain =
            first.name.strip_suffix(AUTH).filter(|name| self.home_domains.iter().any(|ours| ours == name));
        let home_domain = home_domain.ok_or(SignInRefusal::NotOurs("it is for another home domain"))?;
        let nonce = first.value.as_deref().and_then(|value| BASE64_STANDARD.decode(value).ok());
        if nonce.is_none_or(|nonce| nonce.len() != NONCE_BYTES) {
            return Err(SignInRefusal::NotOurs("its nonce is malformed"));
        }
        Ok((account, home_domain.to_owned()))
    }

    /// Returns the wallet that must also sign, if one is named. The standard reserves our other entries for extensions.
    fn other_entries(&self, entries: &[DataEntry]) -> Result<Option<(String, Address)>, SignInRefusal> {
        let mut wallet = None;
        for entry in entries {
            let source = entry.source.as_ref().ok_or(SignInRefusal::NotOurs("an operation has no source"))?;
            let value = entry.value.as_deref().unwrap_or_default();
            if entry.name == CLIENT_DOMAIN {
                let known = std::str::from_utf8(value).ok().and_then(|name| self.wallet(name));
                let known = known.filter(|(_, key)| key == source && wallet.is_none());
                wallet =
                    Some(known.ok_or(SignInRefusal::NotOurs("its client domain is unknown to this service"))?.clone());
            } else if source != self.key.address() {
                return Err(SignInRefusal::NotOurs("an operation belongs to another account"));
            } else if entry.name == WEB_AUTH_DOMAIN && value != self.web_auth_domain.as_bytes() {
                return Err(SignInRefusal::NotOurs("it is for another web auth domain"));
            }
        }
        Ok(wallet)
    }
}

impl Answered {
    /// Checks that somebody other than us signed.
    pub(super) fn check_that_others_signed(&self) -> Result<(), SignInRefusal> {
        let ChallengeTransaction { hash, signatures, .. } = &self.transaction;
        let by_us = |signature| has_signed(&self.co_signers.server, hash, signature);
        if signatures.iter().all(by_us) { Err(SignInRefusal::NotSigned) } else { Ok(()) }
    }

    /// Checks the signatures; `account` is `None` if the account is not on the ledger.
    pub(super) fn check_signatures(&self, account: Option<&AccountSigners>) -> Result<(), SignInRefusal> {
        let ChallengeTransaction { hash, signatures, .. } = &self.transaction;
        signatures::check(hash, signatures, &self.co_signers, self.master, account)
    }
}

/// Contracts cannot sign a challenge (SEP-45 is for them), and a muxed account already names its user.
fn check_account(account: &Address, memo: Option<u64>) -> Result<(), SignInRefusal> {
    match Strkey::from_string(account.as_str()) {
        Ok(Strkey::PublicKeyEd25519(_)) => Ok(()),
        Ok(Strkey::MuxedAccountEd25519(_)) if memo.is_none() => Ok(()),
        Ok(Strkey::MuxedAccountEd25519(_)) => Err(SignInRefusal::MemoOfMuxed),
        _ => Err(SignInRefusal::NotAnAccount),
    }
}

fn base_account(key: [u8; 32]) -> Address {
    let strkey = Strkey::PublicKeyEd25519(stellar_strkey::ed25519::PublicKey(key));
    Address::from_strkey(&strkey).expect("a public key is an address")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::args::parse;

    const PASSPHRASE: &str = "Test SDF Network ; September 2015";
    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn seed(byte: u8) -> String {
        stellar_strkey::ed25519::PrivateKey([byte; 32]).as_unredacted().to_string().as_str().to_owned()
    }

    fn account(byte: u8) -> Address {
        let key = SigningKey::from_seed(&seed(byte).into()).unwrap();
        key.address().clone()
    }

    fn sign_in(byte: u8, flags: &[&str]) -> SignIn {
        let seed = seed(byte);
        let line = ["--sign-in-seed", &seed, "--home-domains", "example.com,other.example"];
        let wallet = format!("--client-domains=wallet.example={}", account(50));
        let line: Vec<_> = line.into_iter().chain([wallet.as_str()]).chain(flags.iter().copied()).collect();
        SignIn::from_args(&parse(&line), PASSPHRASE).unwrap().unwrap()
    }

    fn request() -> ChallengeRequest {
        ChallengeRequest { account: account(7), memo: None, home_domain: None, client_domain: None }
    }

    fn challenge(sign_in: &SignIn, request: &ChallengeRequest) -> String {
        sign_in.challenge(request, NOW, &[3; NONCE_BYTES]).unwrap()
    }

    #[test]
    fn a_challenge_reads_back_as_it_was_requested() {
        let ours = sign_in(1, &[]);
        let answered = ours.read(&challenge(&ours, &request()), NOW).unwrap();
        assert_eq!((answered.account, answered.home_domain.as_str()), (account(7), "example.com"));
        assert_eq!((answered.subject.as_str(), answered.client_domain), (account(7).as_str(), None));
        let full = ChallengeRequest {
            memo: Some(5),
            home_domain: Some("other.example".to_owned()),
            client_domain: Some("wallet.example".to_owned()),
            ..request()
        };
        let answered = ours.read(&challenge(&ours, &full), NOW).unwrap();
        assert_eq!(answered.subject.as_str(), format!("{}:5", account(7)));
        assert_eq!(
            (answered.home_domain.as_str(), answered.client_domain.as_deref()),
            ("other.example", Some("wallet.example"))
        );
    }

    #[test]
    fn a_wallet_whose_key_is_unknown_is_left_out() {
        let ours = sign_in(1, &[]);
        let unknown = ChallengeRequest { client_domain: Some("evil.example".to_owned()), ..request() };
        assert_eq!(ours.read(&challenge(&ours, &unknown), NOW).unwrap().client_domain, None);
    }

    #[test]
    fn a_muxed_account_signs_in_as_itself_and_takes_no_memo() {
        let ours = sign_in(1, &[]);
        let key = public_key_of(&account(7)).unwrap();
        let muxed = stellar_strkey::ed25519::MuxedAccount { ed25519: key, id: 9 };
        let muxed = Address::from_strkey(&Strkey::MuxedAccountEd25519(muxed)).unwrap();
        let request = ChallengeRequest { account: muxed.clone(), ..request() };
        let answered = ours.read(&challenge(&ours, &request), NOW).unwrap();
        assert_eq!((answered.subject.as_str(), answered.account), (muxed.as_str(), account(7)));
        let with_memo = ours.challenge(&ChallengeRequest { memo: Some(1), ..request }, NOW, &[3; NONCE_BYTES]);
        assert!(matches!(with_memo, Err(SignInRefusal::MemoOfMuxed)));
    }

    #[test]
    fn an_account_that_cannot_sign_in_gets_no_challenge() {
        let ours = sign_in(1, &[]);
        let ask = |request: ChallengeRequest| ours.challenge(&request, NOW, &[3; NONCE_BYTES]);
        let contract = "CDLZFC3SYJYDZT7K67VZ75HPJVIEUVNIXF47ZG2FB2RMQQVU2HHGCYSC".parse().unwrap();
        assert!(matches!(ask(ChallengeRequest { account: contract, ..request() }), Err(SignInRefusal::NotAnAccount)));
        let other = Some("evil.example".to_owned());
        assert!(matches!(
            ask(ChallengeRequest { home_domain: other, ..request() }),
            Err(SignInRefusal::OtherHomeDomain)
        ));
    }

    #[test]
    fn a_challenge_is_valid_from_its_start_to_its_end() {
        let ours = sign_in(1, &["--challenge-ttl", "15m"]);
        let text = challenge(&ours, &request());
        assert!(ours.read(&text, UnixTime(NOW.0 + 900)).is_ok());
        assert!(matches!(ours.read(&text, UnixTime(NOW.0 + 901)), Err(SignInRefusal::OutOfTime)));
        assert!(ours.read(&text, UnixTime(NOW.0 - 60)).is_ok(), "another node's clock may be a little slow");
        assert!(matches!(ours.read(&text, UnixTime(NOW.0 - 61)), Err(SignInRefusal::OutOfTime)));
    }

    #[test]
    fn challenges_of_another_key_domain_or_network_are_not_ours() {
        let ours = sign_in(1, &[]);
        let not_ours = |text: &str| matches!(ours.read(text, NOW), Err(SignInRefusal::NotOurs(_)));
        assert!(not_ours(&challenge(&sign_in(2, &[]), &request())));
        assert!(not_ours(&challenge(
            &sign_in(1, &["--home-domains", "evil.example"]),
            &ChallengeRequest { home_domain: Some("evil.example".to_owned()), ..request() }
        )));
        assert!(not_ours(&challenge(&sign_in(1, &["--web-auth-domain", "evil.example"]), &request())));
        let mut other_network = sign_in(1, &[]);
        other_network.network_passphrase = "Public Global Stellar Network ; September 2015".to_owned();
        assert!(not_ours(&challenge(&other_network, &request())), "signed for another network");
    }
}
