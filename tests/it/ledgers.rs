//! Whole ledgers in every wrapping, compared with what an independent decoder found in them.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use flowfi_indexer::{
    domain::{ContractId, RawContractEvent},
    xdr::{
        BrokenChain, LedgerContents, LedgerEvent, LedgerFault, LedgerHeader, LedgerInputError, LedgerScan,
        LedgerScanners, read_ledgers,
    },
};
use proptest::prelude::*;
use serde_json::{Value, json};

pub const CORE: &str = "core-2ace299730fbdd52.xdr";
pub const PUBNET: &str = "ledger-63092988.xdr.gz";
const PROTOCOL_30: &str = "ledger-63092988-p30.xdr.gz";
const WHOLE_RECORD: u32 = 1 << 31;

pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path)
}

pub fn file(name: &str) -> Vec<u8> {
    fs::read(fixture("lcm").join(name)).unwrap()
}

/// The files of ledgers among the fixtures.
pub fn files() -> Vec<String> {
    let entries = fs::read_dir(fixture("lcm")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn gunzip(packed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut plain).unwrap();
    plain
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    zstd::encode_all(plain, 3).unwrap()
}

/// Returns a frame to be skipped (RFC 8878 3.1.2): one of sixteen magic numbers, the length, and arbitrary bytes.
fn skippable(first: u8) -> Vec<u8> {
    [&[first, 0x2a, 0x4d, 0x18], &5_u32.to_le_bytes()[..], b"ahoy!"].concat()
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// Returns the XDR of each ledger in a file, with its number.
pub fn metas(name: &str) -> Vec<(u32, Vec<u8>)> {
    let metas = if name.starts_with("ledger-") { vec![gunzip(&file(name))] } else { unframed(&file(name)) };
    let numbered = |meta: Vec<u8>| (ledgers(&meta).unwrap()[0].0.sequence.0, meta);
    metas.into_iter().map(numbered).collect()
}

fn unframed(mut records: &[u8]) -> Vec<Vec<u8>> {
    let mut metas = Vec::new();
    while let Some((head, rest)) = records.split_first_chunk() {
        let length = usize::try_from(u32::from_be_bytes(*head) & !WHOLE_RECORD).unwrap();
        let (meta, rest) = rest.split_at(length);
        metas.push(meta.to_vec());
        records = rest;
    }
    metas
}

pub fn framed(metas: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut records = Vec::new();
    for (_, meta) in metas {
        records.extend((u32::try_from(meta.len()).unwrap() | WHOLE_RECORD).to_be_bytes());
        records.extend(meta);
    }
    records
}

pub fn batch(metas: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let head = [metas[0].0, metas[metas.len() - 1].0, u32::try_from(metas.len()).unwrap()];
    let metas = metas.iter().flat_map(|(_, meta)| meta.iter().copied());
    head.iter().flat_map(|word| word.to_be_bytes()).chain(metas).collect()
}

pub fn ledgers(input: &[u8]) -> Result<Vec<(LedgerHeader, Vec<LedgerEvent>)>, LedgerInputError> {
    let mut ledgers = Vec::new();
    read_ledgers(input, |ledger| {
        ledgers.push((ledger.header().clone(), ledger.events()));
        Ok::<_, LedgerInputError>(())
    })?;
    Ok(ledgers)
}

fn headers(input: &[u8]) -> Vec<LedgerHeader> {
    ledgers(input).unwrap().into_iter().map(|(header, _)| header).collect()
}

fn contract_events(input: &[u8], contract_id: &ContractId) -> Vec<RawContractEvent> {
    let mut events = Vec::new();
    read_ledgers(input, |ledger| {
        events.extend(ledger.contract_events(std::slice::from_ref(contract_id)));
        Ok::<_, LedgerInputError>(())
    })
    .unwrap();
    events
}

fn fault(input: &[u8]) -> LedgerFault {
    ledgers(input).unwrap_err().fault
}

/// Returns the events that the independent decoder found, one JSON text per line.
pub fn expected_lines(name: &str) -> String {
    let list = expected_list(stem(name));
    assert!(list.is_some() || stem(name) == "core-0540c58d02f9c06b", "only this file holds no events");
    list.unwrap_or_default()
}

/// Returns the changes of contracts' storage that it found, one JSON text per line.
pub fn expected_entry_lines(name: &str) -> String {
    // The file that was rewritten to protocol 30 has the storage of the one it was made from.
    expected_list(&format!("entries-{}", stem(name).trim_end_matches("-p30"))).unwrap()
}

fn stem(name: &str) -> &str {
    name.split('.').next().unwrap()
}

fn expected_list(stem: &str) -> Option<String> {
    let packed = fs::read(fixture("expected").join(format!("{stem}.jsonl.gz"))).ok()?;
    Some(String::from_utf8(gunzip(&packed)).unwrap())
}

pub fn expected(name: &str) -> Vec<Value> {
    values(&expected_lines(name))
}

pub fn expected_entries(name: &str) -> Vec<Value> {
    values(&expected_entry_lines(name))
}

fn values(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn assert_gives_expected(input: &[u8], name: &str, wrapping: &str) {
    let found = ledgers(input).unwrap_or_else(|failure| panic!("{name}, {wrapping}: {failure}"));
    let found: Vec<_> = found.iter().flat_map(|(_, events)| events).map(|event| json!(event)).collect();
    let expected = expected(name);
    assert_eq!(found.len(), expected.len(), "{name}, {wrapping}");
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected, "{name}, {wrapping}");
    }
}

#[test]
fn every_ledger_gives_the_events_that_an_independent_decoder_found() {
    assert_eq!(files().len(), 8);
    for name in files() {
        assert_gives_expected(&file(&name), &name, "unwrapped");
    }
}

#[test]
fn the_wrapping_changes_nothing() {
    for name in files() {
        let metas = metas(&name);
        for (wrapping, plain) in [("framed", framed(&metas)), ("batch", batch(&metas))] {
            assert_gives_expected(&plain, &name, wrapping);
            assert_gives_expected(&gzip(&plain), &name, &format!("{wrapping}, gzip"));
            assert_gives_expected(&zstd::encode_all(plain.as_slice(), 3).unwrap(), &name, &format!("{wrapping}, zstd"));
            let (first, second) = plain.split_at(plain.len() / 3);
            let members = [gzip(first), gzip(second)].concat();
            assert_gives_expected(&members, &name, &format!("{wrapping}, gzip of two members"));
            let frames = [skippable(0x50), zstd(first), skippable(0x5f), zstd(second), skippable(0x57)].concat();
            assert_gives_expected(&frames, &name, &format!("{wrapping}, zstd with frames to skip"));
        }
        if let [(_, meta)] = metas.as_slice() {
            assert_gives_expected(meta, &name, "raw");
            assert_gives_expected(&zstd::encode_all(meta.as_slice(), 3).unwrap(), &name, "raw, zstd");
        }
    }
}

#[test]
fn the_header_identifies_its_ledger() {
    let header = headers(&file(PUBNET)).remove(0);
    assert_eq!(header.sequence.0, 63_092_988);
    assert_eq!(header.protocol_version, 26);
    assert_eq!(header.closed_at.to_rfc3339(), "2026-06-19T00:21:26+00:00");
    assert!([&header.hash, &header.previous_hash].iter().all(|hash| hash.len() == 64));
}

#[test]
fn a_ledger_of_protocol_30_has_its_milliseconds_and_its_muxed_contract() {
    let (header, events) = ledgers(&file(PROTOCOL_30)).unwrap().remove(0);
    assert_eq!(header.protocol_version, 30);
    assert_eq!(header.closed_at.timestamp_subsec_millis(), 123);
    // An `ScVal` of the arm SCV_ADDRESS that contains an `ScAddress` of the arm SC_ADDRESS_TYPE_MUXED_CONTRACT.
    let muxed = |topic: &&String| BASE64_STANDARD.decode(topic).unwrap().starts_with(&[0, 0, 0, 18, 0, 0, 0, 5]);
    assert_eq!(events.iter().flat_map(|event| &event.topic).filter(muxed).count(), 1);
}

#[test]
fn a_contracts_events_come_with_everything_that_the_indexer_needs() {
    let expected = expected(PUBNET);
    let contract = expected[0]["contractId"].as_str().unwrap();
    let wanted: Vec<_> = expected.iter().filter(|event| event["contractId"] == contract).collect();
    let found = contract_events(&file(PUBNET), &contract.parse().unwrap());
    assert_eq!(found.len(), wanted.len());
    assert!(found.len() < expected.len());
    for (found, wanted) in found.iter().zip(wanted) {
        assert_eq!(json!(found.id), wanted["id"]);
        assert_eq!(found.contract_id.as_str(), contract);
        assert_eq!(found.tx_hash, wanted["txHash"]);
        assert_eq!(found.in_successful_call, wanted["successful"]);
        assert_eq!((json!(found.topics), json!(found.value)), (wanted["topic"].clone(), wanted["value"].clone()));
        assert_eq!(found.ledger_closed_at.to_rfc3339(), "2026-06-19T00:21:26+00:00");
    }
}

#[test]
fn each_ledger_of_a_chain_follows_the_previous_one() {
    for name in files().iter().filter(|name| name.starts_with("core-")) {
        let headers = headers(&file(name));
        assert!(headers.len() > 10, "{name}");
        for pair in headers.windows(2) {
            assert_eq!(pair[1].check_follows(&pair[0]), Ok(()), "{name}");
        }
    }
}

#[test]
fn a_ledger_that_does_not_follow_is_recognized_by_its_number_or_its_hash() {
    let headers = headers(&file(CORE));
    let (first, second, third) = (&headers[0], &headers[1], &headers[2]);
    let not_next = BrokenChain::NotNext { expected: second.sequence, found: third.sequence };
    assert_eq!(third.check_follows(first), Err(not_next));
    let other = LedgerHeader { hash: "ab".repeat(32), ..first.clone() };
    assert!(
        matches!(second.check_follows(&other), Err(BrokenChain::OtherHash { sequence, .. }) if sequence == second.sequence)
    );
}

#[test]
fn invalid_ledgers_are_refused_with_what_is_wrong_and_where() {
    assert!(matches!(fault(b""), LedgerFault::Empty));
    assert!(matches!(fault(b"{\"jsonrpc\":\"2.0\"}"), LedgerFault::UnknownForm));
    assert!(matches!(fault(&gzip(b"")), LedgerFault::Empty));
    let [(number, meta)] = metas(PUBNET).try_into().unwrap();
    assert!(matches!(fault(&meta[..meta.len() / 2]), LedgerFault::CutShort));
    assert!(matches!(fault(&[&meta[..], &[0]].concat()), LedgerFault::TrailingBytes));
    let mut other_version = meta.clone();
    other_version[3] = 3;
    assert!(matches!(fault(&other_version), LedgerFault::UnknownForm));
    assert!(matches!(fault(&batch(&[(number + 1, meta)])), LedgerFault::NotInBatch { .. }));
    let mut packed = file(PUBNET);
    let checksum = packed.len() - 8;
    packed[checksum] ^= 1;
    assert!(matches!(fault(&packed), LedgerFault::Unreadable(_)));
}

#[test]
fn a_fault_in_a_later_record_leaves_the_ledgers_before_it() {
    let metas = metas(CORE);
    let records = framed(&metas);
    let third = 2 * 4 + metas[0].1.len() + metas[1].1.len();
    let break_third = |change: fn(&mut [u8])| {
        let mut broken = records.clone();
        change(&mut broken[third..]);
        let mut read = 0;
        let failure = read_ledgers(broken.as_slice(), |_| {
            read += 1;
            Ok::<_, LedgerInputError>(())
        })
        .unwrap_err();
        assert_eq!((read, failure.ordinal), (2, 3), "{failure}");
        assert!(failure.offset >= u64::try_from(third).unwrap());
        failure.fault
    };
    assert!(matches!(break_third(|record| record[0] &= 0x7f), LedgerFault::Fragment));
    assert!(matches!(break_third(|record| record[3] -= 4), LedgerFault::RecordLength { .. }));
    assert!(matches!(break_third(|record| record[3] += 4), LedgerFault::RecordLength { .. }));
    assert!(matches!(break_third(|record| record[7] = 9), LedgerFault::Xdr { .. }));
}

#[test]
fn a_refusal_by_the_receiver_ends_the_reading() {
    let mut seen = 0;
    let refused = read_ledgers(file(CORE).as_slice(), |_| {
        seen += 1;
        if seen == 2 { Err(anyhow::anyhow!("enough")) } else { Ok(()) }
    });
    assert_eq!((refused.unwrap_err().to_string().as_str(), seen), ("enough", 2));
}

/// Returns some of the contracts named by events in the file, and one that no event names.
fn contracts(name: &str) -> BTreeSet<ContractId> {
    let named = expected(name);
    let named: BTreeSet<_> = named.iter().filter_map(|event| event["contractId"].as_str()?.parse().ok()).collect();
    named.into_iter().take(5).chain([ContractId::from_bytes([7; 32])]).collect()
}

fn read_whole(meta: &[u8], contract_id: &ContractId) -> LedgerScan {
    let mut found = None;
    read_ledgers(meta, |ledger| {
        found = Some(LedgerScan {
            header: ledger.header().clone(),
            events: ledger.contract_events(std::slice::from_ref(contract_id)),
            entries: Vec::new(),
        });
        Ok::<_, LedgerInputError>(())
    })
    .unwrap();
    found.unwrap()
}

fn scanners() -> LedgerScanners {
    LedgerScanners::start(NonZeroUsize::MIN).unwrap()
}

async fn look_for(
    scanners: &LedgerScanners,
    input: Vec<u8>,
    contract_id: &ContractId,
) -> Result<Vec<LedgerScan>, LedgerFault> {
    scanners.scan(input.into(), std::slice::from_ref(contract_id), LedgerContents::Events).await
}

#[tokio::test]
async fn looking_for_one_contract_finds_what_reading_the_whole_ledger_finds() {
    let scanners = scanners();
    let mut found = 0;
    for name in files() {
        let metas = metas(&name);
        for contract_id in contracts(&name) {
            let whole: Vec<_> = metas.iter().map(|(_, meta)| read_whole(meta, &contract_id)).collect();
            for ((number, meta), wanted) in metas.iter().zip(&whole) {
                found += wanted.events.len();
                let one = batch(&[(*number, meta.clone())]);
                for input in [meta.clone(), zstd::encode_all(one.as_slice(), 1).unwrap()] {
                    let scanned = look_for(&scanners, input, &contract_id).await.unwrap();
                    assert_eq!(scanned, std::slice::from_ref(wanted), "{name}, ledger {number}, {contract_id}");
                }
            }
            let all = zstd::encode_all(batch(&metas).as_slice(), 1).unwrap();
            let scanned = look_for(&scanners, all, &contract_id).await.unwrap();
            assert_eq!(scanned, whole, "{name}, {contract_id}");
        }
    }
    assert!(found > 100, "{found}");
}

#[tokio::test]
async fn looking_for_one_contract_refuses_invalid_ledgers() {
    let scanners = scanners();
    let (number, meta) = metas(PUBNET).remove(0);
    let contract_id: ContractId = expected(PUBNET)[0]["contractId"].as_str().unwrap().parse().unwrap();
    let fault = async |input: Vec<u8>| look_for(&scanners, input, &contract_id).await.unwrap_err();
    assert!(matches!(fault(Vec::new()).await, LedgerFault::Empty));
    assert!(matches!(fault(b"{\"jsonrpc\":\"2.0\"}".to_vec()).await, LedgerFault::UnknownForm));
    assert!(matches!(fault(batch(&[(number + 1, meta.clone())])).await, LedgerFault::NotInBatch { .. }));
    assert!(matches!(fault(meta[..300].to_vec()).await, LedgerFault::CutShort));
    let packed = zstd::encode_all(batch(&[(number, meta)]).as_slice(), 1).unwrap();
    assert!(matches!(fault(packed[..packed.len() - 9].to_vec()).await, LedgerFault::CutShort));
}

proptest! {
    #[test]
    fn looking_for_one_contract_never_ends_in_a_panic(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u32), 0..20),
        which in any::<prop::sample::Index>(),
    ) {
        let metas = metas(CORE);
        let mut bytes = which.get(&metas).1.clone();
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let contract_id = contracts(CORE).pop_first().unwrap();
        let _ = runtime.block_on(scanners().scan(bytes.into(), &[contract_id], LedgerContents::EventsAndEntries));
    }

    #[test]
    fn a_ledger_cut_short_anywhere_is_refused(at in any::<prop::sample::Index>(), which in any::<prop::sample::Index>()) {
        let metas = metas(CORE);
        let (_, meta) = which.get(&metas);
        prop_assert!(ledgers(&meta[..at.index(meta.len())]).is_err());
    }

    #[test]
    fn a_compressed_batch_cut_short_anywhere_is_refused(at in any::<prop::sample::Index>(), as_gzip: bool) {
        let plain = batch(&metas(CORE));
        let packed = if as_gzip { gzip(&plain) } else { zstd::encode_all(plain.as_slice(), 1).unwrap() };
        prop_assert!(ledgers(&packed[..at.index(packed.len())]).is_err());
    }

    #[test]
    fn flipped_bits_never_end_in_a_panic(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u32), 1..20),
        form in 0..4_u32,
    ) {
        let metas = metas(CORE);
        let mut bytes = match form {
            0 => framed(&metas),
            1 => batch(&metas),
            2 => gzip(&batch(&metas)),
            _ => zstd::encode_all(framed(&metas).as_slice(), 1).unwrap(),
        };
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        let _ = ledgers(&bytes);
    }

    #[test]
    fn any_bytes_after_any_head_never_end_in_a_panic(head in 0..5_usize, bytes: Vec<u8>) {
        let heads: [&[u8]; 5] = [b"", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\0\0\0\x01\0\0\0\0", b"\0\0\0\x07\0\0\0\x07\0\0\0\x01"];
        let _ = ledgers(&[heads[head], &bytes].concat());
    }
}
