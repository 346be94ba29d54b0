//! The caller of a request: a subject identified by a token, or an anonymous caller.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};
use stellar_strkey::{Strkey, ed25519};
use thiserror::Error;

use crate::domain::{Address, UnixTime, Visibility};

/// A limit, in characters, because subjects are stored.
const LONGEST_SUBJECT: usize = 256;

/// The subject of a token (`sub`): an account `G…`, a muxed account `M…`, a user of an account `G…:memo`, or another
/// name.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Subject(String);

/// A text cannot be a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a subject is a text of 1 to {} characters, none of them a control character", LONGEST_SUBJECT)]
pub struct InvalidSubject;

/// What a token allows beside reading what is one's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// Reading every stream and event.
    #[serde(rename = "events:read:all")]
    ReadAll,
    /// Running the service.
    #[serde(rename = "admin")]
    Admin,
}

/// A word is not the name of a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be events:read:all or admin")]
pub struct UnknownScope;

/// What a token says, once it was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// The subject.
    pub subject: Subject,
    /// The scopes that it grants; unknown scopes are left out.
    pub scopes: Vec<Scope>,
    /// When it was made, if it says so.
    pub issued_at: Option<UnixTime>,
    /// When it expires.
    pub expires_at: UnixTime,
    /// The public id of the API key that was sent instead of a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<String>,
    /// The subject that made that key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<Subject>,
    /// The subject that made the secret of that key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_by: Option<Subject>,
}

/// The caller of a request, and what it may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The verified token; `None` for an anonymous caller.
    pub token: Option<Token>,
    /// What the caller may see.
    pub visibility: Visibility,
}

impl Subject {
    /// Returns the subject of a sign-in: the account as it was named, with the memo if there is one.
    pub(super) fn of_sign_in(account: &Address, memo: Option<u64>) -> Self {
        Self(memo.map_or_else(|| account.to_string(), |memo| format!("{account}:{memo}")))
    }

    /// Returns the account that a subject is a user of: the subject is `G…:memo`, or a muxed account `M…` (SEP-23).
    pub(super) fn account(&self) -> Option<String> {
        if let Some((account, _)) = self.0.split_once(':') {
            return account.parse::<Address>().ok().map(|account| account.to_string());
        }
        match Strkey::from_string(&self.0) {
            Ok(Strkey::MuxedAccountEd25519(muxed)) => {
                Some(ed25519::PublicKey(muxed.ed25519).to_string().as_str().to_owned())
            }
            _ => None,
        }
    }

    /// Returns whom limits count the subject against: the account for all of its users, as each wallet can name any number
    /// of them.
    #[must_use]
    pub fn holder(&self) -> Cow<'_, str> {
        self.account().map_or(Cow::Borrowed(&self.0), Cow::Owned)
    }

    /// Returns the subject as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the address whose streams belong to the subject. A user of a pooled account has no such address: the
    /// streams belong to the pool.
    #[must_use]
    pub fn address(&self) -> Option<Address> {
        self.0.parse().ok()
    }
}

impl TryFrom<String> for Subject {
    type Error = InvalidSubject;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = (1..=LONGEST_SUBJECT).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if fits { Ok(Self(text)) } else { Err(InvalidSubject) }
    }
}

impl std::str::FromStr for Subject {
    type Err = InvalidSubject;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.to_owned().try_into()
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        subject.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 2] = [Self::ReadAll, Self::Admin];

    /// Returns the word that stands for this scope in a token.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadAll => "events:read:all",
            Self::Admin => "admin",
        }
    }

    /// Returns the known scopes in a `scope` claim (RFC 8693, 4.2: words separated by spaces).
    pub(super) fn read_all(words: &str) -> Vec<Self> {
        Self::ALL.into_iter().filter(|scope| words.split(' ').any(|word| word == scope.as_str())).collect()
    }
}

impl std::str::FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(UnknownScope)
    }
}

impl Token {
    /// Returns whether the token grants this scope.
    #[must_use]
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// Returns what the token makes visible where callers see only their own streams.
    pub(super) fn visibility(&self) -> Visibility {
        if self.allows(Scope::ReadAll) {
            return Visibility::Everything;
        }
        self.subject.address().map_or(Visibility::Nothing, Visibility::Party)
    }
}

impl Caller {
    /// Returns the caller of a service without authentication, who sees everything.
    #[must_use]
    pub const fn unasked() -> Self {
        Self { token: None, visibility: Visibility::Everything }
    }

    /// Returns the caller's subject, unless the caller is anonymous.
    #[must_use]
    pub fn subject(&self) -> Option<&Subject> {
        self.token.as_ref().map(|token| &token.subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memo_or_a_muxed_address_names_a_user_of_the_account() {
        const ACCOUNT: &str = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ";
        // The example from SEP-23.
        const MUXED: &str = "MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUQ";
        for (subject, account) in [
            (ACCOUNT.to_owned(), None),
            (format!("{ACCOUNT}:5"), Some(ACCOUNT)),
            (MUXED.to_owned(), Some(ACCOUNT)),
            ("a service".to_owned(), None),
            ("a: service".to_owned(), None),
        ] {
            let expected = account.unwrap_or(&subject);
            assert_eq!(Subject(subject.clone()).account().as_deref(), account, "{subject}");
            assert_eq!(Subject(subject.clone()).holder(), expected, "its share is the account's");
        }
    }

    const ACCOUNT: &str = "GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7";

    fn token(subject: &str, scope: &str) -> Token {
        let subject = subject.parse().unwrap();
        Token {
            subject,
            scopes: Scope::read_all(scope),
            issued_at: None,
            expires_at: UnixTime(9),
            api_key: None,
            created_by: None,
            issued_by: None,
        }
    }

    #[test]
    fn an_account_sees_its_own_streams_and_a_user_of_a_pool_does_not_see_the_pools() {
        let own = Visibility::Party(ACCOUNT.parse().unwrap());
        assert_eq!(token(ACCOUNT, "").visibility(), own);
        assert_eq!(token(&format!("{ACCOUNT}:7"), "").visibility(), Visibility::Nothing);
        assert_eq!(token("a service", "").visibility(), Visibility::Nothing);
        assert_eq!(token("a service", "x events:read:all").visibility(), Visibility::Everything);
    }

    #[test]
    fn scopes_are_whole_words_and_admin_does_not_read_everything() {
        assert_eq!(Scope::read_all("admin:x events:read"), []);
        let admin = token(ACCOUNT, "admin");
        assert!(admin.allows(Scope::Admin) && !admin.allows(Scope::ReadAll));
        assert_ne!(admin.visibility(), Visibility::Everything);
    }

    #[test]
    fn subjects_are_bounded() {
        assert!("".parse::<Subject>().is_err());
        for letter in ["x", "ж", "🔧"] {
            assert!(letter.repeat(256).parse::<Subject>().is_ok(), "{letter}");
            assert!(letter.repeat(257).parse::<Subject>().is_err(), "{letter}");
        }
        assert!("a\nb".parse::<Subject>().is_err());
    }
}
