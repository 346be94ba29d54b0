//! Real histories of the contract's newer state, and of contracts that went from the older to the newer in the middle:
//! every call is made again with its own arguments, and must answer and leave behind the same.

use std::{collections::BTreeSet, io::Read};

use data_encoding::HEXLOWER;
use serde::Deserialize;
use serde_json::Value;
use stellar_xdr::{ScMap, ScSymbol, ScVal, ScVec};

use super::recorded_call::{Arguments, call, number};
use crate::{
    ContractCode, EventKind, RawEvent, Refused, WasmHash,
    contract::Contract,
    effect::Effect,
    encode::to_xdr,
    hash::sha256,
    stored::{encode_instance, encode_stream},
};
use flowfi_domain::{Address, StreamId, UnixTime};

const HISTORIES: &[u8] = include_bytes!("../../../../tests/fixtures/contract-histories-b.jsonl.gz");

#[derive(Deserialize)]
struct Step {
    history: u32,
    #[serde(rename = "step")]
    place: u32,
    now: u64,
    code: String,
    op: String,
    args: Value,
    ok: bool,
    error: Option<Value>,
    events: Vec<HexEvent>,
    system_events: Vec<HexEvent>,
    states: Vec<Stored>,
    claimable: Vec<Claimable>,
    #[serde(default)]
    extra: Vec<Extra>,
}

#[derive(Deserialize, Debug, PartialEq, Eq)]
struct HexEvent {
    topics: Vec<String>,
    value: String,
}

#[derive(Deserialize)]
struct Stored {
    stream: u64,
    state: Option<String>,
    why: Option<String>,
}

#[derive(Deserialize)]
struct Claimable {
    stream: u64,
    at: Value,
    amount: Option<String>,
}

/// A key of the instance, and what lies under it.
#[derive(Deserialize)]
struct Extra {
    key: String,
    stream: Option<u64>,
    value: String,
}

/// How much of the histories was compared.
#[derive(Debug, Default, PartialEq, Eq)]
struct Compared {
    calls: u32,
    refusals: u32,
    events: u32,
    states: u32,
    claimables: u32,
    of_instance: u32,
}

struct Replay {
    contract: Contract,
    mocks: BTreeSet<Address>,
}

#[test]
fn every_recorded_call_of_the_newer_state_answers_and_leaves_the_same() {
    let mut text = String::new();
    flate2::read::GzDecoder::new(HISTORIES).read_to_string(&mut text).unwrap();
    let steps: Vec<Step> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_upgrades = steps.iter().filter(|step| step.op == "upgrade" && step.ok);
    let modules = of_upgrades.map(|step| step.args["new_wasm_hash"].as_str().unwrap().parse().unwrap()).collect();
    let mut compared = Compared::default();
    let mut replay = Replay::begin(&steps[0], &modules);
    for step in &steps {
        if step.op == "begin" {
            replay = Replay::begin(step, &modules);
        } else {
            replay.repeat(step, &mut compared);
        }
    }
    let expected =
        Compared { calls: 1_240, refusals: 446, events: 1_082, states: 1_336, claimables: 4_008, of_instance: 616 };
    assert_eq!(compared, expected);
}

impl Replay {
    fn begin(step: &Step, modules: &BTreeSet<WasmHash>) -> Self {
        let args = Arguments(&step.args);
        let tokens = step.args["tokens"].as_array().unwrap().iter().map(|token| {
            let address: Address = token["address"].as_str().unwrap().parse().unwrap();
            (address, token["type"] == "mock")
        });
        let tokens: Vec<_> = tokens.collect();
        let code = if step.code == "A" { ContractCode::A } else { ContractCode::B };
        let addresses = tokens.iter().map(|(address, _)| address.clone());
        let mut contract = Contract::new(code, args.address("contract"), addresses);
        contract.know_modules(modules.clone());
        contract.replace_code(code, native()).unwrap();
        for funded in step.args["funded"].as_array().unwrap() {
            let funded = Arguments(funded);
            for (token, _) in &tokens {
                contract.balances_mut().give(token, &funded.address("address"), funded.number("amount"));
            }
        }
        let mocks = tokens.into_iter().filter(|(_, is_mock)| *is_mock).map(|(address, _)| address).collect();
        Self { contract, mocks }
    }

    fn repeat(&mut self, step: &Step, compared: &mut Compared) {
        let place = format!("history {} step {} {}", step.history, step.place, step.op);
        match self.act(step) {
            Ok(events) => {
                assert!(step.ok, "{place}: done, not {:?}", step.error);
                let of = |wanted| events.iter().filter(move |(kind, _)| *kind == wanted).map(|(_, raw)| hex(raw));
                assert_eq!(of(EventKind::Contract).collect::<Vec<_>>(), step.events, "{place}");
                assert_eq!(of(EventKind::System).collect::<Vec<_>>(), step.system_events, "{place}");
                compared.events += u32::try_from(events.len()).unwrap();
            }
            Err(refused) => {
                let error = step.error.as_ref().unwrap_or_else(|| panic!("{place}: {refused}"));
                assert!(self.is_same(refused, error), "{place}: {refused:?}, not {error}");
                compared.refusals += 1;
            }
        }
        compared.calls += 1;
        self.compare_streams(step, &place, compared);
        self.compare_instance(step, &place, compared);
        self.contract.check_balances().unwrap_or_else(|error| panic!("{place}: {error}"));
    }

    fn act(&mut self, step: &Step) -> Result<Vec<(EventKind, RawEvent)>, Refused> {
        let args = Arguments(&step.args);
        let contract = &mut self.contract;
        let effect = match step.op.as_str() {
            "initialize" => {
                let (admin, treasury) = (args.address("admin"), args.address("treasury"));
                Effect::of_initialization(contract, &admin, &treasury, args.number("fee_rate_bps"))?
            }
            "hook_replace_code" => {
                contract.replace_code(ContractCode::B, native())?;
                return Ok(Vec::new());
            }
            "final" => return Ok(Vec::new()),
            op => {
                if op == "create_allowance_stream" {
                    let (token, sender) = (args.address("token_address"), args.address("sender"));
                    contract.balances_mut().approve(&token, &sender, args.number("allowance_before"));
                }
                call(op, args).unwrap_or_else(|| panic!("{op}")).apply(contract, UnixTime(step.now))?
            }
        };
        if step.op == "upgrade" {
            // The modules that were uploaded are stubs, so the recorder put the native code back.
            contract.replace_code(ContractCode::B, native()).unwrap();
        }
        Ok(effect.events)
    }

    /// A token's own error passes through with its number; a mock's, and what the contract does not foresee, is a trap.
    fn is_same(&self, refused: Refused, error: &Value) -> bool {
        match refused {
            Refused::Contract(refused) => {
                error.get("of").is_none() && error["code"] == refused.code() && error["name"] == format!("{refused:?}")
            }
            Refused::InsufficientBalance if self.mocks.is_empty() => error["name"] == "BalanceError",
            Refused::InsufficientBalance => error["name"] == "BalanceError" || error.get("host").is_some(),
            Refused::Overflow | Refused::EndOfTime | Refused::RateIsZero | Refused::UnknownModule => {
                error.get("host").is_some()
            }
            _ => false,
        }
    }

    fn compare_streams(&self, step: &Step, place: &str, compared: &mut Compared) {
        for Stored { stream, state, why } in &step.states {
            let stored = self.contract.stream(StreamId(*stream));
            let stored = stored.map(|stored| HEXLOWER.encode(&to_xdr(&encode_stream(stored).unwrap())));
            assert_eq!(stored, *state, "{place}: stream {stream}");
            if let Some(why) = why {
                let was_created = *stream > 0 && *stream <= self.contract.stream_count();
                assert_eq!(was_created, why == "deleted", "{place}: stream {stream}");
            }
            compared.states += 1;
        }
        for Claimable { stream, at, amount } in &step.claimable {
            let claimable = self.contract.stream(StreamId(*stream)).map(|stored| stored.claimable(number(at)));
            assert_eq!(claimable.map(|claimable| claimable.to_string()), *amount, "{place}: stream {stream} at {at}");
            compared.claimables += 1;
        }
    }

    fn compare_instance(&self, step: &Step, place: &str, compared: &mut Compared) {
        let ScVal::ContractInstance(instance) = encode_instance(self.contract.instance()) else { panic!("{place}") };
        let ScMap(entries) = instance.storage.unwrap_or_default();
        for Extra { key, stream, value } in &step.extra {
            let word = ScVal::Symbol(ScSymbol(key.as_str().try_into().unwrap()));
            let parts: Vec<_> = [Some(word), stream.map(ScVal::U64)].into_iter().flatten().collect();
            let key = ScVal::Vec(Some(ScVec(parts.try_into().unwrap())));
            let found = entries.iter().find(|entry| entry.key == key);
            let found = found.map(|entry| HEXLOWER.encode(&to_xdr(&entry.val)));
            assert_eq!(found.as_ref(), Some(value), "{place}: {key:?}");
            compared.of_instance += 1;
        }
    }
}

/// The hash that the host has for code that is no module.
fn native() -> WasmHash {
    WasmHash(sha256(&[]))
}

fn hex(raw: &RawEvent) -> HexEvent {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let to_hex = |text: &String| HEXLOWER.encode(&BASE64_STANDARD.decode(text).unwrap());
    HexEvent { topics: raw.topics.iter().map(to_hex).collect(), value: to_hex(&raw.value) }
}
