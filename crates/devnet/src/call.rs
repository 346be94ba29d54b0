//! The calls of the stream contract, as they are submitted and as the journal keeps them.

use serde::{Deserialize, Serialize};

use super::{
    contract::{BatchStream, Contract},
    milestone::{Milestone, OracleReading},
    schedule::Tranche,
    wasm::WasmHash,
};
use flowfi_domain::{Address, Amount, StreamId};

/// A call of the stream contract. A caller left out is the party that may do it: the recipient withdraws and hands a
/// stream on, the arbiter resolves a dispute, the admin governs the protocol, and the sender does the rest.
///
/// State A of the contract has the calls up to [`Call::Cancel`], [`Call::UpdateFee`] and [`Call::TransferAdmin`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "the fields are the arguments of the contract's own functions")]
pub enum Call {
    /// Starts a stream of `amount` over `duration_seconds`.
    Create { sender: Address, recipient: Address, token: Address, amount: Amount, duration_seconds: u64 },
    /// Adds to a stream.
    TopUp {
        stream_id: StreamId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<Address>,
        amount: Amount,
    },
    /// Pays the recipient all that is claimable.
    Withdraw {
        stream_id: StreamId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<Address>,
    },
    /// Stops the accrual.
    Pause {
        stream_id: StreamId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<Address>,
    },
    /// Lets the accrual go on.
    Resume {
        stream_id: StreamId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<Address>,
    },
    /// Ends a stream and settles it.
    Cancel {
        stream_id: StreamId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<Address>,
    },
    /// Starts a stream of which nothing is claimable before its cliff.
    CreateWithCliff {
        sender: Address,
        recipient: Address,
        token: Address,
        amount: Amount,
        duration_seconds: u64,
        cliff_seconds: u64,
    },
    /// Starts up to fifty streams of one sender.
    CreateBatch { sender: Address, streams: Vec<BatchStream> },
    /// Starts a stream that unlocks in steps.
    CreateSteps { sender: Address, recipient: Address, token: Address, amount: Amount, steps: Vec<Tranche> },
    /// Starts a stream that unlocks a lump sum at a time, and the rest over `linear_seconds` from then on.
    CreateHybrid {
        sender: Address,
        recipient: Address,
        token: Address,
        amount: Amount,
        cliff_time: u64,
        cliff_amount: Amount,
        linear_seconds: u64,
    },
    /// Starts a stream that unlocks by milestones.
    CreateConditional {
        sender: Address,
        recipient: Address,
        token: Address,
        amount: Amount,
        milestones: Vec<Milestone>,
    },
    /// Starts a stream without a deposit.
    CreateAllowance { sender: Address, recipient: Address, token: Address, duration_seconds: u64 },
    /// Withdraws from up to thirty streams of one recipient.
    WithdrawBatch { recipient: Address, stream_ids: Vec<StreamId> },
    /// Pays the recipient all that is claimable and makes another one the recipient.
    TransferRecipient {
        stream_id: StreamId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<Address>,
        new_recipient: Address,
    },
    /// Gives a stream another rate.
    ModifyRate {
        stream_id: StreamId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<Address>,
        rate_per_second: Amount,
    },
    /// Deletes the entry of a settled stream.
    Close {
        stream_id: StreamId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<Address>,
    },
    /// Unlocks a milestone whose condition is met; `reading` is what its oracle answers.
    UnlockMilestone {
        stream_id: StreamId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<Address>,
        milestone_id: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reading: Option<OracleReading>,
    },
    /// Asks the arbiter for a decision.
    RequestDispute {
        stream_id: StreamId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<Address>,
    },
    /// Ends a dispute, and with it the stream if it is approved.
    ResolveDispute {
        stream_id: StreamId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<Address>,
        approved: bool,
    },
    /// Lets the entry of a stream live longer.
    ExtendTtl { stream_id: StreamId },
    /// Stops deposits, or lets them go on.
    SetProtocolPause {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<Address>,
        paused: bool,
    },
    /// Sets who may pause the protocol beside the admin.
    SetGuardian {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<Address>,
        guardian: Option<Address>,
    },
    /// Sets who gets the fee, and how much it is.
    UpdateFee {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<Address>,
        treasury: Address,
        fee_rate_bps: u32,
    },
    /// Makes another one the admin.
    TransferAdmin {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<Address>,
        new_admin: Address,
    },
    /// Upgrades the contract to another module of the same code.
    Upgrade { wasm: WasmHash },
    /// Brings the stored state to a version.
    Migrate { target_version: u32 },
    /// Writes an arbiter into a stream. It is no function of the contract, which has none that does so.
    SetArbiter { stream_id: StreamId, arbiter: Address },
}

impl Call {
    /// Returns the stream that the call is about; none where it is yet to be created, or where there are several.
    #[must_use]
    pub const fn stream_id(&self) -> Option<StreamId> {
        match self {
            Self::TopUp { stream_id, .. }
            | Self::Withdraw { stream_id, .. }
            | Self::Pause { stream_id, .. }
            | Self::Resume { stream_id, .. }
            | Self::Cancel { stream_id, .. }
            | Self::TransferRecipient { stream_id, .. }
            | Self::ModifyRate { stream_id, .. }
            | Self::Close { stream_id, .. }
            | Self::UnlockMilestone { stream_id, .. }
            | Self::RequestDispute { stream_id, .. }
            | Self::ResolveDispute { stream_id, .. }
            | Self::ExtendTtl { stream_id }
            | Self::SetArbiter { stream_id, .. } => Some(*stream_id),
            _ => None,
        }
    }

    /// Returns the caller, by name or by what the call is. Where there is no such party anyone will do: the contract
    /// finds that out by itself, in its own order.
    pub(super) fn caller<'a>(&'a self, contract: &'a Contract) -> &'a Address {
        let stream = self.stream_id().and_then(|id| contract.stream(id));
        let (named, party) = match self {
            Self::Withdraw { caller, .. } | Self::TransferRecipient { caller, .. } => {
                (caller, stream.map(|stream| &stream.recipient))
            }
            Self::ResolveDispute { caller, .. } => (caller, stream.and_then(|stream| stream.arbiter.as_ref())),
            Self::TopUp { caller, .. }
            | Self::Pause { caller, .. }
            | Self::Resume { caller, .. }
            | Self::Cancel { caller, .. }
            | Self::ModifyRate { caller, .. }
            | Self::Close { caller, .. }
            | Self::UnlockMilestone { caller, .. }
            | Self::RequestDispute { caller, .. } => (caller, stream.map(|stream| &stream.sender)),
            Self::SetProtocolPause { caller, .. }
            | Self::SetGuardian { caller, .. }
            | Self::UpdateFee { caller, .. }
            | Self::TransferAdmin { caller, .. } => (caller, contract.config().map(|config| &config.admin)),
            _ => (&None, None),
        };
        named.as_ref().or(party).unwrap_or(contract.address())
    }
}
