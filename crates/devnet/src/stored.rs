//! The contract's entries as the ledger stores them: XDR, byte for byte as the Soroban host writes it.

use stellar_xdr::{
    ContractDataDurability, ContractExecutable, Hash, LedgerKey, LedgerKeyContractData, ScContractInstance, ScMap,
    ScMapEntry, ScVal,
};

use super::{
    code::ContractCode,
    encode::{self, Unencodable, address, bytes, int128, map, symbol, vector},
    instance::{Instance, ProtocolConfig},
    milestone::{Condition, Milestone},
    schedule::{Schedule, Tranche},
    storage::{Entry, EntryKey},
    stream::{Dispute, Stream},
};
use flowfi_domain::{Address, ChainStatus, ContractId};

/// Returns the key of an entry of this contract.
pub(super) fn ledger_key(contract_id: &ContractId, key: EntryKey) -> LedgerKey {
    let contract = encode::sc_address(&contract_id.clone().into()).expect("a contract has an address");
    let durability = ContractDataDurability::Persistent;
    LedgerKey::ContractData(LedgerKeyContractData { contract, key: data_key(key), durability })
}

/// Returns which entry a contract's key stands for; `None` where it is no key of this contract's.
pub(super) fn key_of(key: &ScVal) -> Option<EntryKey> {
    if *key == ScVal::LedgerKeyContractInstance {
        return Some(EntryKey::Instance);
    }
    let ScVal::Vec(Some(parts)) = key else { return None };
    let [_, ScVal::U64(number)] = parts.as_slice() else { return None };
    (*key == numbered("Stream", *number)).then_some(EntryKey::Stream(flowfi_domain::StreamId(*number)))
}

/// Returns the key that a contract has for an entry: `["Stream", id]`, or the host's for the instance.
pub(super) fn data_key(key: EntryKey) -> ScVal {
    match key {
        EntryKey::Instance => ScVal::LedgerKeyContractInstance,
        EntryKey::Stream(id) => numbered("Stream", id.0),
    }
}

/// Encodes an entry.
pub(super) fn encode_entry(entry: &Entry) -> ScVal {
    match entry {
        Entry::Instance(instance) => encode_instance(instance),
        Entry::Stream(stream) => encode_stream(stream).expect("stored parties have XDR"),
    }
}

/// Encodes a stream: with twelve fields as state A writes it, with seventeen as state B does.
pub(super) fn encode_stream(stream: &Stream) -> Result<ScVal, Unencodable> {
    let status = match stream.status {
        ChainStatus::Active => "Active",
        ChainStatus::Paused => "Paused",
        ChainStatus::Cancelled => "Cancelled",
        ChainStatus::Completed => "Completed",
    };
    let mut fields = vec![
        ("sender", address(&stream.sender)?),
        ("recipient", address(&stream.recipient)?),
        ("token_address", address(&stream.token)?),
        ("rate_per_second", int128(stream.rate_per_second)),
        ("deposited_amount", int128(stream.deposited)),
        ("withdrawn_amount", int128(stream.withdrawn)),
        ("start_time", ScVal::U64(stream.start_time)),
        ("last_update_time", ScVal::U64(stream.last_update_time)),
        ("is_active", ScVal::Bool(stream.is_active)),
        ("paused", ScVal::Bool(stream.paused)),
        ("paused_at", optional_time(stream.paused_at)),
        ("status", vector(vec![symbol(status)?])),
    ];
    if stream.written_by == ContractCode::B {
        fields.extend([
            ("cliff_time", optional_time(stream.cliff_time)),
            ("schedule", encode_schedule(&stream.schedule)?),
            ("arbiter", optional_address(stream.arbiter.as_ref())?),
            ("dispute_status", encode_dispute(stream.dispute)?),
            ("is_allowance_based", ScVal::Bool(stream.is_allowance_based)),
        ]);
    }
    map(fields)
}

fn encode_schedule(schedule: &Schedule) -> Result<ScVal, Unencodable> {
    let parts = match schedule {
        Schedule::Linear => vec![symbol("Linear")?],
        Schedule::StepTranches(tranches) => {
            let tranche = |tranche: &Tranche| {
                let unlock_amount = int128(tranche.unlock_amount.0);
                map(vec![("unlock_amount", unlock_amount), ("unlock_time", ScVal::U64(tranche.unlock_time))])
            };
            vec![symbol("StepTranches")?, vector(tranches.iter().map(tranche).collect::<Result<_, _>>()?)]
        }
        Schedule::HybridCliffLinear { cliff_time, cliff_amount } => {
            vec![symbol("HybridCliffLinear")?, ScVal::U64(*cliff_time), int128(cliff_amount.0)]
        }
    };
    Ok(vector(parts))
}

fn encode_dispute(dispute: Dispute) -> Result<ScVal, Unencodable> {
    Ok(vector(match dispute {
        Dispute::None => vec![symbol("None")?],
        Dispute::Requested => vec![symbol("Requested")?],
        Dispute::Resolved { approved } => vec![symbol("Resolved")?, ScVal::Bool(approved)],
    }))
}

/// Encodes what the contract keeps in its instance. What was never written is absent.
pub(super) fn encode_instance(instance: &Instance) -> ScVal {
    let mut entries = Vec::new();
    let mut add = |key: ScVal, val: ScVal| entries.push(ScMapEntry { key, val });
    if instance.stream_count > 0 {
        add(named("StreamCounter"), ScVal::U64(instance.stream_count));
    }
    if let Some(config) = &instance.config {
        add(named("ProtocolConfig"), encode_config(config).expect("stored parties have XDR"));
    }
    if let Some(version) = instance.version {
        add(named("ContractVersion"), ScVal::U32(version));
    }
    if let Some(wasm) = instance.upgraded_to {
        add(named("ContractWasmHash"), bytes(wasm.0.to_vec()));
    }
    for (id, conditional) in &instance.conditional {
        let milestones = conditional.milestones.iter().map(encode_milestone).collect::<Result<_, _>>();
        add(numbered("ConditionalMilestones", id.0), vector(milestones.expect("stored parties have XDR")));
        let attested = conditional.attested.iter().map(|attestation| bytes(attestation.0.to_vec()));
        add(numbered("AttestedIds", id.0), vector(attested.collect()));
    }
    entries.sort_by(|one, other| one.key.cmp(&other.key));
    let storage = entries.try_into().ok().map(ScMap);
    let executable = ContractExecutable::Wasm(Hash(instance.executable.0));
    ScVal::ContractInstance(ScContractInstance { executable, storage })
}

fn encode_config(config: &ProtocolConfig) -> Result<ScVal, Unencodable> {
    let mut fields = vec![
        ("admin", address(&config.admin)?),
        ("treasury", address(&config.treasury)?),
        ("fee_rate_bps", ScVal::U32(config.fee_rate_bps)),
    ];
    if config.written_by == ContractCode::B {
        fields.push(("is_protocol_paused", ScVal::Bool(config.is_paused)));
        fields.push(("emergency_guardian", optional_address(config.guardian.as_ref())?));
    }
    map(fields)
}

fn encode_milestone(milestone: &Milestone) -> Result<ScVal, Unencodable> {
    let condition = match &milestone.condition {
        Condition::TimeOnly(time) => vec![symbol("TimeOnly")?, ScVal::U64(*time)],
        Condition::PriceTarget { oracle, price, is_above } => {
            vec![symbol("PriceTarget")?, address(oracle)?, int128(price.0), ScVal::Bool(*is_above)]
        }
        Condition::OracleAttestation { oracle, attestation_id } => {
            vec![symbol("OracleAttestation")?, address(oracle)?, bytes(attestation_id.0.to_vec())]
        }
    };
    map(vec![
        ("milestone_id", ScVal::U32(milestone.milestone_id)),
        ("amount", int128(milestone.amount.0)),
        ("condition", vector(condition)),
        ("is_unlocked", ScVal::Bool(milestone.is_unlocked)),
    ])
}

fn optional_time(time: Option<u64>) -> ScVal {
    time.map_or(ScVal::Void, ScVal::U64)
}

fn optional_address(party: Option<&Address>) -> Result<ScVal, Unencodable> {
    party.map_or(Ok(ScVal::Void), address)
}

fn named(word: &str) -> ScVal {
    vector(vec![symbol(word).expect("the contract's words fit a symbol")])
}

fn numbered(word: &str, number: u64) -> ScVal {
    vector(vec![symbol(word).expect("the contract's words fit a symbol"), ScVal::U64(number)])
}
