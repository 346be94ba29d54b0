//! The contract's checks, in its order.

use super::{alice, bob, cancel, create, pause, resume, top_up, withdraw};
use crate::{
    accounts,
    call::Call,
    code::ContractCode,
    contract::Contract,
    contract_error::ContractError::{
        InvalidAmount, InvalidDuration, InvalidRate, InvalidTokenAddress, StreamAlreadyPaused, StreamInactive,
        StreamNotFound, StreamNotPaused, StreamPaused, Unauthorized,
    },
    refused::Refused,
};
use flowfi_domain::{Address, Amount, ChainStatus, StreamId, UnixTime};

const START: UnixTime = UnixTime(1_800_000_000);

struct Bench {
    contract: Contract,
    now: UnixTime,
}

impl Bench {
    fn new() -> Self {
        let token = accounts::token_contract().into();
        let contract = Contract::new(ContractCode::A, accounts::stream_contract().into(), [token]);
        Self { contract, now: START }
    }

    /// A contract with one stream: 1 000 over 100 seconds, number 1.
    fn with_stream() -> Self {
        let mut bench = Self::new();
        bench.accepts(&create(1_000, 100));
        bench
    }

    fn accepts(&mut self, call: &Call) {
        call.execute(&mut self.contract, self.now).unwrap();
        self.contract.check_balances().unwrap();
    }

    fn refuses(&mut self, call: &Call, refused: impl Into<Refused>) {
        assert_eq!(call.execute(&mut self.contract, self.now).unwrap_err(), refused.into(), "{call:?}");
        self.contract.check_balances().unwrap();
    }

    fn held(&self, account: &Address) -> i128 {
        self.contract.balance(&accounts::token_contract().into(), account)
    }
}

#[test]
fn create_checks_amount_then_duration_then_token_then_rate() {
    let mut bench = Bench::new();
    let call = |amount, duration_seconds, token| Call::Create {
        sender: alice(),
        recipient: bob(),
        token,
        amount: Amount(amount),
        duration_seconds,
    };
    let (token, no_token): (Address, _) = (accounts::token_contract().into(), bob());
    bench.refuses(&call(0, 0, no_token.clone()), InvalidAmount);
    bench.refuses(&call(-5, 10, token.clone()), InvalidAmount);
    bench.refuses(&call(1, 0, no_token.clone()), InvalidDuration);
    bench.refuses(&call(1, 10, no_token), InvalidTokenAddress);
    bench.refuses(&call(1, 10, token.clone()), InvalidRate);
    bench.refuses(&call(i128::MAX, 1, token.clone()), Refused::InsufficientBalance);
    bench.accepts(&call(10, 10, token));
}

#[test]
fn top_up_checks_amount_then_stream_then_caller_then_activity() {
    let mut bench = Bench::with_stream();
    let by = |caller, amount| Call::TopUp { stream_id: StreamId(1), caller: Some(caller), amount: Amount(amount) };
    bench.refuses(&top_up(9, 0), InvalidAmount);
    bench.refuses(&top_up(9, 1), StreamNotFound);
    bench.refuses(&by(bob(), 0), InvalidAmount);
    bench.refuses(&by(bob(), 1), Unauthorized);
    bench.accepts(&cancel(1));
    bench.refuses(&by(bob(), 1), Unauthorized);
    bench.refuses(&by(alice(), 1), StreamInactive);
}

#[test]
fn withdraw_checks_stream_caller_activity_pause_and_claim_in_this_order() {
    let mut bench = Bench::with_stream();
    let by_alice = Call::Withdraw { stream_id: StreamId(1), caller: Some(alice()) };
    bench.refuses(&withdraw(0), StreamNotFound);
    bench.refuses(&by_alice, Unauthorized);
    bench.refuses(&withdraw(1), InvalidAmount);
    bench.accepts(&pause(1));
    bench.refuses(&withdraw(1), StreamPaused);
    bench.accepts(&cancel(1));
    bench.refuses(&by_alice, Unauthorized);
    bench.refuses(&withdraw(1), StreamInactive);
}

#[test]
fn pause_and_resume_check_whether_the_stream_is_paused_last() {
    let mut bench = Bench::with_stream();
    bench.refuses(&resume(7), StreamNotFound);
    bench.refuses(&Call::Resume { stream_id: StreamId(1), caller: Some(bob()) }, Unauthorized);
    bench.refuses(&resume(1), StreamNotPaused);
    bench.refuses(&Call::Pause { stream_id: StreamId(1), caller: Some(bob()) }, Unauthorized);
    bench.accepts(&pause(1));
    bench.refuses(&pause(1), StreamAlreadyPaused);
    bench.accepts(&cancel(1));
    bench.refuses(&pause(1), StreamInactive);
    bench.refuses(&cancel(1), StreamInactive);
}

#[test]
fn a_stream_cancelled_while_paused_can_be_resumed_and_stays_inactive() {
    let mut bench = Bench::with_stream();
    bench.accepts(&pause(1));
    bench.accepts(&cancel(1));
    let stored = bench.contract.stream(StreamId(1)).unwrap();
    assert!(stored.paused && stored.paused_at == Some(START.0) && stored.status == ChainStatus::Cancelled);
    bench.now = UnixTime(START.0 + 50);
    bench.accepts(&resume(1));
    let stored = bench.contract.stream(StreamId(1)).unwrap();
    assert!(!stored.is_active && stored.status == ChainStatus::Active);
    assert_eq!((stored.last_update_time, stored.claimable(u64::MAX)), (START.0 + 50, 0));
}

#[test]
fn a_drained_withdrawal_completes_and_tokens_go_where_they_belong() {
    let mut bench = Bench::with_stream();
    bench.contract.initialize(&accounts::account("admin"), &accounts::account("treasury"), 100).unwrap();
    let gift = bench.held(&bob());
    bench.accepts(&top_up(1, 500));
    assert_eq!((bench.held(&accounts::account("treasury")), bench.held(&alice())), (5, gift - 1_500));
    bench.now = UnixTime(START.0 + 1_000);
    bench.accepts(&withdraw(1));
    let stored = bench.contract.stream(StreamId(1)).unwrap();
    assert_eq!((stored.status, stored.is_active), (ChainStatus::Completed, false));
    assert_eq!((bench.held(&bob()), bench.held(&accounts::stream_contract().into())), (gift + 1_495, 0));
}

#[test]
fn the_contract_itself_and_muxed_accounts_are_no_parties() {
    let muxed = "MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVAAAAAAAAAAAAAJLK";
    let mut bench = Bench::new();
    for recipient in [accounts::stream_contract().into(), muxed.parse::<Address>().unwrap()] {
        let token = accounts::token_contract().into();
        let call = Call::Create { sender: alice(), recipient, token, amount: Amount(10), duration_seconds: 1 };
        bench.refuses(&call, Refused::NotAParty);
    }
}
