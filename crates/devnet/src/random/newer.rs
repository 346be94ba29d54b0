//! Calls of the contract's newer state at random, and the upgrade that leads to it.

use rand::{Rng, seq::IteratorRandom};

use super::{Repertoire, SimulatedContract};
use crate::{
    call::Call,
    code::ContractCode,
    input::{Input, Upgrade},
    milestone::{Condition, OracleReading},
    stream::{Dispute, Stream},
    wasm::WasmHash,
};
use flowfi_domain::{Amount, ChainStatus, StreamId};

/// One input in so many replaces the older code.
const INPUTS_PER_UPGRADE: u32 = 40;
/// The version of the stored state that the newer code knows.
const STATE_VERSION: u32 = 2;

impl SimulatedContract<'_> {
    pub(super) fn draws_newer(&self) -> bool {
        self.repertoire == Repertoire::Both && self.contract.instance().code == ContractCode::B
    }

    /// Returns an input that only the larger repertoire has, carried out; usually none.
    pub(super) fn newer_input(&mut self) -> Option<Input> {
        if self.repertoire == Repertoire::Older {
            return None;
        }
        if self.draws_newer() {
            let is_wanted = self.rng.random_ratio(1, 12);
            return is_wanted.then(|| self.arbitrated()).flatten().map(Input::Calls);
        }
        if !self.rng.random_ratio(1, INPUTS_PER_UPGRADE) {
            return None;
        }
        let code = ContractCode::B;
        self.contract.replace_code(code, WasmHash::of(code)).expect("the contract runs the older code");
        Some(Input::Upgrade(Upgrade { wasm: None, code: Some(code) }))
    }

    /// Returns the call that lets the protocol take deposits again, where it does not: then it is always legal.
    pub(super) fn reopening(&self) -> Option<Call> {
        let is_paused = self.contract.config().is_some_and(|config| config.is_paused);
        is_paused.then_some(Call::SetProtocolPause { caller: None, paused: false })
    }

    /// Returns a call, legal or not; none where there is no stream for it.
    pub(super) fn newer_call(&mut self) -> Option<Call> {
        match self.rng.random_range(0..100) {
            0..26 => Some(self.creation()),
            26..74 => self.settled_or_changed(),
            74..88 => self.of_a_schedule(),
            88..93 => self.of_a_dispute(),
            _ => Some(self.of_the_protocol()),
        }
    }

    fn settled_or_changed(&mut self) -> Option<Call> {
        let caller = None;
        let kind = self.rng.random_range(0..48);
        if kind < 3 {
            return self.withdrawals();
        }
        if kind < 8 {
            let stream_id = self.stream(|stream| stream.status == ChainStatus::Completed || !stream.is_active)?;
            return Some(Call::Close { stream_id, caller });
        }
        let stream_id = self.active_stream(|_| true)?;
        Some(match kind {
            8..16 => Call::TopUp { stream_id, caller, amount: self.amount() },
            16..22 => Call::Pause { stream_id, caller },
            22..28 => Call::Resume { stream_id, caller },
            28..32 => Call::Cancel { stream_id, caller },
            32..36 => Call::TransferRecipient { stream_id, caller, new_recipient: self.party() },
            _ => Call::Withdraw { stream_id, caller },
        })
    }

    fn withdrawals(&mut self) -> Option<Call> {
        let recipient = self.active_stream(|stream| !stream.paused)?;
        let recipient = self.contract.stream(recipient)?.recipient.clone();
        let own = self.contract.active_streams().filter(|(_, stream)| stream.recipient == recipient);
        let stream_ids = own.map(|(id, _)| id).choose_multiple(self.rng, 5);
        Some(Call::WithdrawBatch { recipient, stream_ids })
    }

    fn of_a_schedule(&mut self) -> Option<Call> {
        let caller = None;
        match self.rng.random_range(0..14) {
            0..4 => {
                let stream_id = self.active_stream(|_| true)?;
                Some(Call::ModifyRate { stream_id, caller, rate_per_second: self.amount() })
            }
            4 => Some(Call::ExtendTtl { stream_id: self.stream(|_| true)? }),
            _ => self.unlocking(),
        }
    }

    /// Returns the unlocking of a milestone that waits, with a price that may suit it.
    fn unlocking(&mut self) -> Option<Call> {
        let conditional = &self.contract.instance().conditional;
        let active = conditional.iter().filter(|(id, _)| self.contract.stream(**id).is_some_and(|it| it.is_active));
        let (stream_id, conditional) = active.choose(self.rng)?;
        let waiting = conditional.milestones.iter().filter(|milestone| !milestone.is_unlocked);
        let (stream_id, milestone) = (*stream_id, waiting.choose(self.rng)?);
        let reading = match &milestone.condition {
            Condition::PriceTarget { price, .. } => {
                let price = Amount(price.0.saturating_add(self.rng.random_range(-20..=20)));
                let age = self.rng.random_range(0..4_000);
                Some(OracleReading { price, timestamp: self.now.0.saturating_sub(age) })
            }
            _ => None,
        };
        let stream = self.contract.stream(stream_id)?;
        let caller = self.rng.random::<bool>().then(|| stream.recipient.clone());
        Some(Call::UnlockMilestone { stream_id, caller, milestone_id: milestone.milestone_id, reading })
    }

    fn of_a_dispute(&mut self) -> Option<Call> {
        let caller = None;
        // Also a stream that was cancelled or completed since.
        let requested = self.stream(|stream| stream.dispute == Dispute::Requested);
        if let Some(stream_id) = requested.filter(|_| self.rng.random()) {
            return Some(Call::ResolveDispute { stream_id, caller, approved: self.rng.random() });
        }
        let stream_id = self.active_stream(|stream| stream.arbiter.is_some())?;
        Some(Call::RequestDispute { stream_id, caller })
    }

    fn of_the_protocol(&mut self) -> Call {
        let caller = None;
        let config = self.contract.config();
        let (is_paused, guardian) = config.map_or((false, None), |config| (config.is_paused, config.guardian.clone()));
        match self.rng.random_range(0..9) {
            _ if is_paused => Call::SetProtocolPause { caller, paused: false },
            0 => {
                let caller = guardian.filter(|_| self.rng.random());
                Call::SetProtocolPause { caller, paused: true }
            }
            1 | 2 => Call::SetGuardian { caller, guardian: self.rng.random::<bool>().then(|| self.party()) },
            3 => Call::UpdateFee { caller, treasury: self.party(), fee_rate_bps: self.rng.random_range(0..=1_000) },
            4 => Call::TransferAdmin { caller, new_admin: self.party() },
            5 => Call::Upgrade { wasm: self.contract.instance().executable.next() },
            _ => Call::Migrate { target_version: STATE_VERSION },
        }
    }

    /// Returns the creation of a stream that has an arbiter from the first on, carried out.
    fn arbitrated(&mut self) -> Option<Vec<Call>> {
        let before = self.contract.savepoint();
        let creation = self.creation();
        creation.execute(&mut self.contract, self.now).ok()?;
        let stream_id = StreamId(self.contract.stream_count());
        let arbiting = Call::SetArbiter { stream_id, arbiter: self.party() };
        let done = arbiting.execute(&mut self.contract, self.now);
        done.inspect_err(|_| self.contract.roll_back_to(before)).ok()?;
        Some(vec![creation, arbiting])
    }

    fn stream(&mut self, is_wanted: impl Fn(&Stream) -> bool) -> Option<StreamId> {
        let wanted = self.contract.storage().streams().filter(|(_, stream)| is_wanted(stream));
        wanted.map(|(id, _)| id).choose(self.rng)
    }
}
