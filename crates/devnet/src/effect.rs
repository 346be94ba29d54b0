//! A call carried out: wholly or not at all, and what it emits.

use super::{
    call::Call,
    contract::{Contract, HybridTerms, LinearTerms, Replacement},
    encode::{self, RawEvent, encode_event, sc_address},
    event::{EventKind, NamedEvent},
    refused::Refused,
    stream::Parties,
};
use flowfi_domain::{Address, StreamId, UnixTime};

/// What a call did: the stream it was about, the last one if there were several, and the events it emitted.
#[derive(Debug)]
pub(super) struct Effect {
    pub(super) stream_id: Option<StreamId>,
    pub(super) events: Vec<(EventKind, RawEvent)>,
}

impl Effect {
    /// Sets the contract's admin and its fee, for the first time.
    pub(super) fn of_initialization(
        contract: &mut Contract,
        admin: &Address,
        treasury: &Address,
        fee_rate_bps: u32,
    ) -> Result<Self, Refused> {
        let events = contract.initialize(admin, treasury, fee_rate_bps)?;
        Ok(Self { stream_id: None, events: events.iter().map(by_contract).collect() })
    }
}

/// What a function of the contract leaves behind.
type Outcome = Result<(Option<StreamId>, Vec<NamedEvent>), Refused>;

impl Call {
    /// Carries the call out at the ledger's time, wholly or not at all. Those who pay are given what they need first.
    pub(super) fn execute(&self, contract: &mut Contract, now: UnixTime) -> Result<Effect, Refused> {
        for party in self.new_parties() {
            // The contract itself refuses to be the next recipient.
            let is_itself = party == contract.address() && !matches!(self, Self::TransferRecipient { .. });
            if is_itself || sc_address(party).is_none() {
                return Err(Refused::NotAParty);
            }
        }
        self.fund(contract);
        self.apply(contract, now)
    }

    /// Carries the call out as the contract itself would, wholly or not at all.
    pub(super) fn apply(&self, contract: &mut Contract, now: UnixTime) -> Result<Effect, Refused> {
        let before = contract.savepoint();
        let done = self.perform(contract, now.0);
        done.inspect_err(|_| contract.roll_back_to(before))
    }

    fn perform(&self, contract: &mut Contract, now: u64) -> Result<Effect, Refused> {
        if let Self::Upgrade { wasm } = self {
            let (upgraded, Replacement { old, new }) = contract.upgrade(*wasm, now)?;
            let of_host = (EventKind::System, encode::executable_update(old, new));
            return Ok(Effect { stream_id: None, events: vec![by_contract(&upgraded), of_host] });
        }
        let (stream_id, events) = match self.stream_id() {
            Some(stream_id) => (Some(stream_id), self.change(stream_id, contract, now)?),
            None => self.create(contract, now).unwrap_or_else(|| self.govern(contract, now))?,
        };
        Ok(Effect { stream_id, events: events.iter().map(by_contract).collect() })
    }

    /// Carries out a call that creates streams; `None` for any other.
    fn create(&self, contract: &mut Contract, now: u64) -> Option<Outcome> {
        if let Self::CreateBatch { sender, streams } = self {
            let created = contract.create_batch(sender, streams, now);
            return Some(created.map(|(ids, events)| (ids.last().copied(), events)));
        }
        let parties = self.parties()?;
        let created = match self {
            Self::Create { amount, duration_seconds, .. } => {
                let terms = LinearTerms { amount: amount.0, duration_seconds: *duration_seconds, cliff_seconds: None };
                contract.create(parties, terms, now)
            }
            Self::CreateWithCliff { amount, duration_seconds, cliff_seconds, .. } => {
                let cliff_seconds = Some(*cliff_seconds);
                let terms = LinearTerms { amount: amount.0, duration_seconds: *duration_seconds, cliff_seconds };
                contract.create(parties, terms, now)
            }
            Self::CreateSteps { amount, steps, .. } => contract.create_steps(parties, amount.0, steps, now),
            Self::CreateHybrid { amount, cliff_time, cliff_amount, linear_seconds, .. } => {
                let (cliff_time, linear_seconds) = (*cliff_time, *linear_seconds);
                let terms = HybridTerms { amount: amount.0, cliff_time, cliff_amount: cliff_amount.0, linear_seconds };
                contract.create_hybrid(parties, terms, now)
            }
            Self::CreateConditional { amount, milestones, .. } => {
                contract.create_conditional(parties, amount.0, milestones, now)
            }
            Self::CreateAllowance { duration_seconds, .. } => {
                contract.create_allowance(parties, *duration_seconds, now)
            }
            _ => return None,
        };
        Some(created.map(|(id, events)| (Some(id), events)))
    }

    fn change(&self, id: StreamId, contract: &mut Contract, now: u64) -> Result<Vec<NamedEvent>, Refused> {
        let caller = &self.caller(contract).clone();
        match self {
            Self::TopUp { amount, .. } => contract.top_up(id, caller, amount.0, now),
            Self::Withdraw { .. } => contract.withdraw(id, caller, now),
            Self::Pause { .. } => contract.pause(id, caller, now),
            Self::Resume { .. } => contract.resume(id, caller, now),
            Self::Cancel { .. } => contract.cancel(id, caller, now),
            Self::TransferRecipient { new_recipient, .. } => {
                contract.transfer_recipient(id, caller, new_recipient, now)
            }
            Self::ModifyRate { rate_per_second, .. } => contract.modify_rate(id, caller, rate_per_second.0, now),
            Self::Close { .. } => contract.close(id, caller, now),
            Self::UnlockMilestone { milestone_id, reading, .. } => {
                contract.unlock_milestone(id, caller, *milestone_id, *reading, now)
            }
            Self::RequestDispute { .. } => contract.request_dispute(id, caller, now),
            Self::ResolveDispute { approved, .. } => contract.resolve_dispute(id, caller, *approved, now),
            Self::ExtendTtl { .. } => contract.extend_ttl(id),
            Self::SetArbiter { arbiter, .. } => contract.set_arbiter(id, arbiter),
            _ => Ok(Vec::new()),
        }
    }

    /// Carries out a call about no single stream.
    fn govern(&self, contract: &mut Contract, now: u64) -> Outcome {
        let caller = &self.caller(contract).clone();
        let events = match self {
            Self::WithdrawBatch { recipient, stream_ids } => {
                let events = contract.withdraw_batch(stream_ids, recipient, now)?;
                return Ok((stream_ids.last().copied(), events));
            }
            Self::SetProtocolPause { paused, .. } => contract.set_protocol_pause(caller, *paused, now),
            Self::SetGuardian { guardian, .. } => contract.set_guardian(caller, guardian.as_ref()),
            Self::UpdateFee { treasury, fee_rate_bps, .. } => {
                contract.update_fee_config(caller, treasury, *fee_rate_bps)
            }
            Self::TransferAdmin { new_admin, .. } => contract.transfer_admin(caller, new_admin),
            Self::Migrate { target_version } => contract.migrate(*target_version),
            _ => Ok(Vec::new()),
        };
        Ok((None, events?))
    }

    /// Returns who pays whom in a call that creates one stream.
    fn parties(&self) -> Option<Parties<'_>> {
        match self {
            Self::Create { sender, recipient, token, .. }
            | Self::CreateWithCliff { sender, recipient, token, .. }
            | Self::CreateSteps { sender, recipient, token, .. }
            | Self::CreateHybrid { sender, recipient, token, .. }
            | Self::CreateConditional { sender, recipient, token, .. }
            | Self::CreateAllowance { sender, recipient, token, .. } => Some(Parties { sender, recipient, token }),
            _ => None,
        }
    }

    /// Returns the addresses that the call brings into the contract's storage.
    fn new_parties(&self) -> Vec<&Address> {
        let mut parties = self.parties().map_or_else(Vec::new, |parties| vec![parties.sender, parties.recipient]);
        parties.extend(self.other_parties());
        parties
    }

    fn other_parties(&self) -> Vec<&Address> {
        match self {
            Self::CreateConditional { milestones, .. } => {
                milestones.iter().filter_map(|milestone| milestone.condition.oracle()).collect()
            }
            Self::CreateBatch { sender, streams } => {
                streams.iter().map(|stream| &stream.recipient).chain([sender]).collect()
            }
            Self::TransferRecipient { new_recipient: party, .. }
            | Self::UpdateFee { treasury: party, .. }
            | Self::TransferAdmin { new_admin: party, .. }
            | Self::SetArbiter { arbiter: party, .. }
            | Self::SetGuardian { guardian: Some(party), .. } => vec![party],
            _ => Vec::new(),
        }
    }

    /// Gives the parties of a deposit what an account has that is seen for the first time.
    fn fund(&self, contract: &mut Contract) {
        if let Some(Parties { sender, recipient, token }) = self.parties() {
            for party in [sender, recipient] {
                contract.balances_mut().fund_new(token, party);
            }
        }
        if let Self::CreateBatch { sender, streams } = self {
            for stream in streams {
                for party in [sender, &stream.recipient] {
                    contract.balances_mut().fund_new(&stream.token, party);
                }
            }
        }
        if let Self::TopUp { stream_id, .. } = self
            && let Some(token) = contract.stream(*stream_id).map(|stream| stream.token.clone())
        {
            let caller = self.caller(contract).clone();
            contract.balances_mut().fund_new(&token, &caller);
        }
    }
}

fn by_contract(event: &NamedEvent) -> (EventKind, RawEvent) {
    (EventKind::Contract, encode_event(event).expect("the contract's names and parties have XDR"))
}
