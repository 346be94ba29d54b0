//! Who holds how much of which token. Nothing is ever created here but the gift to an account seen for the first
//! time, so the sum over all accounts is always the gifts.

use std::collections::{HashMap, HashSet};

use thiserror::Error;

use super::refused::Refused;
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
        /// What the active streams have left together, less what was paid twice.
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

/// The balances of every token, and the log of payments that are not yet final.
#[derive(Clone, Debug, Default)]
pub(super) struct Balances {
    tokens: HashMap<Address, Holdings>,
    log: Vec<Payment>,
}

#[derive(Clone, Debug, Default)]
struct Holdings {
    accounts: HashMap<Address, i128>,
    given_to: HashSet<Address>,
    given: i128,
    /// What the stream contract paid for streams that it had settled before.
    paid_twice: i128,
    /// How much accounts let the stream contract take, where it is not the gift.
    allowances: HashMap<Address, i128>,
}

#[derive(Clone, Debug)]
struct Payment {
    token: Address,
    from: Address,
    to: Address,
    amount: i128,
    source: Source,
}

/// Whose money the stream contract pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// That of the stream that the payment is about.
    Own,
    /// That of other streams: this one was settled before.
    Others,
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
        if self.tokens.get(token).is_some_and(|holdings| !holdings.given_to.contains(account)) {
            self.give(token, account, GIFT);
        }
    }

    /// Gives `account` an amount, and lets that be its gift.
    pub(super) fn give(&mut self, token: &Address, account: &Address, amount: i128) {
        let Some(holdings) = self.tokens.get_mut(token) else { return };
        holdings.given_to.insert(account.clone());
        holdings.given = holdings.given.saturating_add(amount);
        let held = holdings.accounts.entry(account.clone()).or_default();
        *held = held.saturating_add(amount);
    }

    /// Returns what `account` holds of `token`.
    pub(super) fn of(&self, token: &Address, account: &Address) -> i128 {
        self.tokens.get(token).and_then(|holdings| holdings.accounts.get(account)).copied().unwrap_or(0)
    }

    /// Lets the stream contract take so much from `account`.
    #[cfg(test)]
    pub(super) fn approve(&mut self, token: &Address, account: &Address, amount: i128) {
        if let Some(holdings) = self.tokens.get_mut(token) {
            holdings.allowances.insert(account.clone(), amount);
        }
    }

    /// Returns how much the stream contract may take from `account`: the gift, unless another amount was set.
    pub(super) fn allowance(&self, token: &Address, account: &Address) -> i128 {
        let Some(holdings) = self.tokens.get(token) else { return 0 };
        let gift = if holdings.given_to.contains(account) { GIFT } else { 0 };
        holdings.allowances.get(account).copied().unwrap_or(gift)
    }

    /// Returns what was given in all, and what all accounts hold together: equal, or tokens came from nowhere.
    pub(super) fn given_and_sum(&self, token: &Address) -> (i128, i128) {
        let Some(holdings) = self.tokens.get(token) else { return (0, 0) };
        (holdings.given, holdings.accounts.values().fold(0, |sum, held| sum.saturating_add(*held)))
    }

    /// Returns how much of `token` the stream contract paid for streams that it had settled before.
    pub(super) fn paid_twice(&self, token: &Address) -> i128 {
        self.tokens.get(token).map_or(0, |holdings| holdings.paid_twice)
    }

    /// Moves `amount`, if `from` holds it.
    pub(super) fn transfer(
        &mut self,
        token: &Address,
        (from, to): (&Address, &Address),
        amount: i128,
        source: Source,
    ) -> Result<(), Refused> {
        if self.of(token, from) < amount {
            return Err(Refused::InsufficientBalance);
        }
        let payment = Payment { token: token.clone(), from: from.clone(), to: to.clone(), amount, source };
        self.carry_out(&payment);
        self.log.push(payment);
        Ok(())
    }

    /// Returns how many payments there were since the last commit.
    pub(super) const fn payments(&self) -> usize {
        self.log.len()
    }

    /// Takes back every payment after the first `payments`.
    pub(super) fn roll_back_to(&mut self, payments: usize) {
        for payment in self.log.split_off(payments).into_iter().rev() {
            let amount = payment.amount.saturating_neg();
            self.carry_out(&Payment { amount, ..payment });
        }
    }

    /// Makes the payments final.
    pub(super) fn commit(&mut self) {
        self.log.clear();
    }

    fn carry_out(&mut self, payment: &Payment) {
        let Some(holdings) = self.tokens.get_mut(&payment.token) else { return };
        let source = holdings.accounts.entry(payment.from.clone()).or_default();
        *source = source.saturating_sub(payment.amount);
        let target = holdings.accounts.entry(payment.to.clone()).or_default();
        *target = target.saturating_add(payment.amount);
        if payment.source == Source::Others {
            holdings.paid_twice = holdings.paid_twice.saturating_add(payment.amount);
        }
    }
}
