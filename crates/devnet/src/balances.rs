//! Who holds how much of which token. Nothing is ever created here but the gift to an account seen for the first
//! time, so the sum over all accounts is always the gifts.

use std::collections::{HashMap, HashSet};

use thiserror::Error;

use flowfi_domain::Address;

/// What an account seen for the first time is given: more than 64 bits hold, far from the end of i128.
const GIFT: i128 = 1_000_000_000_000_000_000_000_000_000_000;

/// The tokens and the streams disagree: an error of the devnet itself.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BalanceMismatch {
    /// The contract holds another sum than its streams have left.
    #[error("the contract holds {held} of {token}, its active streams have {owed} left")]
    Contract {
        /// The token.
        token: Address,
        /// What the contract holds.
        held: i128,
        /// What the active streams have left together.
        owed: i128,
    },
    /// All accounts together hold another sum than was ever given out.
    #[error("all accounts together hold {sum} of {token}, {given} was given out")]
    Supply {
        /// The token.
        token: Address,
        /// What all accounts hold together.
        sum: i128,
        /// What was given out.
        given: i128,
    },
}

/// The balances of every token.
#[derive(Clone, Debug, Default)]
pub(super) struct Balances {
    tokens: HashMap<Address, Holdings>,
}

#[derive(Clone, Debug, Default)]
struct Holdings {
    accounts: HashMap<Address, i128>,
    given_to: HashSet<Address>,
    given: i128,
}

impl Balances {
    /// Makes `token` one that can be held.
    pub(super) fn add_token(&mut self, token: Address) {
        self.tokens.entry(token).or_default();
    }

    /// Returns whether `token` is one that can be held.
    pub(super) fn knows(&self, token: &Address) -> bool {
        self.tokens.contains_key(token)
    }

    /// Returns every token there is.
    pub(super) fn tokens(&self) -> impl Iterator<Item = &Address> {
        self.tokens.keys()
    }

    /// Gives `account` its gift, unless it had it. That it was paid something before does not matter.
    pub(super) fn fund_new(&mut self, token: &Address, account: &Address) {
        let Some(holdings) = self.tokens.get_mut(token) else { return };
        if holdings.given_to.contains(account) {
            return;
        }
        holdings.given_to.insert(account.clone());
        holdings.given = holdings.given.saturating_add(GIFT);
        let held = holdings.accounts.entry(account.clone()).or_default();
        *held = held.saturating_add(GIFT);
    }

    /// Returns what `account` holds of `token`.
    pub(super) fn of(&self, token: &Address, account: &Address) -> i128 {
        self.tokens.get(token).and_then(|holdings| holdings.accounts.get(account)).copied().unwrap_or(0)
    }

    /// Returns what was given in all, and what all accounts hold together: equal, or tokens came from nowhere.
    pub(super) fn given_and_sum(&self, token: &Address) -> (i128, i128) {
        let Some(holdings) = self.tokens.get(token) else { return (0, 0) };
        (holdings.given, holdings.accounts.values().fold(0, |sum, held| sum.saturating_add(*held)))
    }

    /// Moves `amount`, which the caller knows `from` holds.
    pub(super) fn transfer(&mut self, token: &Address, from: &Address, to: &Address, amount: i128) {
        let Some(holdings) = self.tokens.get_mut(token) else { return };
        let source = holdings.accounts.entry(from.clone()).or_default();
        *source = source.saturating_sub(amount);
        let target = holdings.accounts.entry(to.clone()).or_default();
        *target = target.saturating_add(amount);
    }
}
