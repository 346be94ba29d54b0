//! Measures on this machine how fast one contract's events are read from a lake in a folder, compared with
//! decompressing the same objects only. Prints figures; only checks that every ledger arrived. `BENCH_LEDGERS` sets the
//! length of the lakes (default 480, about 500 MB of XDR).
#![expect(clippy::unwrap_used, reason = "an unexpected value leaves no figure to print")]
#![expect(clippy::float_arithmetic, reason = "rates and times, not money")]

use std::{
    collections::BTreeMap,
    env, fs,
    io::Read,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use flate2::read::GzDecoder;
use flowfi_indexer::{
    domain::{ContractId, LedgerSequence},
    source::{Lake, LedgerEvents, SourceError, WholeLedgers},
    xdr::{LedgerContents, read_ledgers},
};
use rand::{SeedableRng, rngs::StdRng};
use stellar_xdr::{Hash, LedgerCloseMeta, LedgerHeaderHistoryEntry, Limits, ReadXdr, WriteXdr};
use tokio::sync::mpsc;

const PASSPHRASE: &str = "a lake for a benchmark";
const FIRST: u32 = 64_000;
/// A ledger of protocol 20 and a ledger of protocol 26, both from the public network.
const OLDER: &str = "ledger-51000294.xdr.gz";
const NEWER: &str = "ledger-63092988.xdr.gz";

/// How often two ways of reading are compared.
const ROUNDS: usize = 5;

fn main() {
    // `cargo test --benches` and `cargo clippy` build this too; only `cargo bench` wants figures.
    if !env::args().any(|argument| argument == "--bench") {
        return;
    }
    let ledgers = env::var("BENCH_LEDGERS").map_or(480, |text| text.parse().expect("BENCH_LEDGERS is a number"));
    let folder = env::temp_dir().join(format!("flowfi-bench-lake-{}", std::process::id()));
    let [fewest, median, most] = contracts();
    let none = (ContractId::from_bytes([7; 32]), 0);
    println!("one contract's events from a lake of {ledgers} ledgers (goal: at least 0.25 of decompression)");
    let every = Packed::new(folder.join("every"), ledgers, |_| NEWER);
    for (name, contract) in [("fewest", fewest), ("median", median.clone()), ("most", most)] {
        measure(&format!("{} events in every ledger ({name})", contract.1), &every, &contract.0);
    }
    let rare = Packed::new(folder.join("rare"), ledgers, |number| if number % 16 == 0 { NEWER } else { OLDER });
    measure(&format!("{} events in one ledger of 16", median.1), &rare, &median.0);
    measure("no event in any ledger", &rare, &none.0);
    let (writer, changes) = writer();
    let written = Packed::new(folder.join("written"), ledgers, |_| OLDER);
    compare_contents(&format!("{changes} changed entries in every ledger"), &written, &writer);
    compare_contents("no event and no entry in any ledger", &written, &none.0);
    println!("  peak memory {} MiB (goal: at most 300)", peak_memory_mib());
    fs::remove_dir_all(folder).unwrap();
}

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/lcm").join(name);
    let mut xdr = Vec::new();
    GzDecoder::new(fs::File::open(path).unwrap()).read_to_end(&mut xdr).unwrap();
    xdr
}

/// The contracts with the fewest, the median and the most events in the newer ledger, with the number of events.
fn contracts() -> [(ContractId, usize); 3] {
    let mut counts = BTreeMap::<ContractId, usize>::new();
    read_ledgers(fixture(NEWER).as_slice(), |ledger| {
        for contract_id in ledger.events().into_iter().filter_map(|event| event.contract_id) {
            *counts.entry(contract_id).or_default() += 1;
        }
        Ok::<_, flowfi_indexer::xdr::LedgerInputError>(())
    })
    .unwrap();
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| *count);
    [0, counts.len() / 2, counts.len() - 1].map(|place| counts[place].clone())
}

/// The contract with the most changed entries in the older ledger, with their number. The newer one has none.
fn writer() -> (ContractId, usize) {
    let mut counts = BTreeMap::<ContractId, usize>::new();
    read_ledgers(fixture(OLDER).as_slice(), |ledger| {
        for change in ledger.entry_changes() {
            *counts.entry(change.contract_id).or_default() += 1;
        }
        Ok::<_, flowfi_indexer::xdr::LedgerInputError>(())
    })
    .unwrap();
    counts.into_iter().max_by_key(|(_, count)| *count).unwrap()
}

/// A lake with one ledger per object, packed like the public ones.
struct Packed {
    folder: PathBuf,
    objects: Vec<PathBuf>,
    bytes: usize,
}

impl Packed {
    /// Packs these files repeatedly, renumbered and linked into one chain.
    fn new(folder: PathBuf, ledgers: u32, file_of: impl Fn(u32) -> &'static str) -> Self {
        let partition = folder.join("FFFF05FF--64000-127999");
        fs::create_dir_all(&partition).unwrap();
        let config = serde_json::json!({"networkPassphrase": PASSPHRASE, "version": "1.0", "compression": "zstd",
            "ledgersPerBatch": 1, "batchesPerPartition": 64_000});
        fs::write(folder.join(".config.json"), config.to_string()).unwrap();
        let mut metas: BTreeMap<_, _> =
            [OLDER, NEWER].map(|name| (name, LedgerCloseMeta::from_xdr(fixture(name), Limits::none()).unwrap())).into();
        let mut packed = Self { folder, objects: Vec::new(), bytes: 0 };
        for number in FIRST..FIRST + ledgers {
            let meta = metas.get_mut(file_of(number)).unwrap();
            let header = header_of(meta);
            header.header.ledger_seq = number;
            header.header.previous_ledger_hash = hash_of(number - 1);
            header.hash = hash_of(number);
            let mut xdr = [number, number, 1].map(u32::to_be_bytes).concat();
            xdr.extend(meta.to_xdr(Limits::none()).unwrap());
            packed.bytes += xdr.len();
            let object = partition.join(format!("{:08X}--{number}.xdr.zst", u32::MAX - number));
            fs::write(&object, zstd::encode_all(xdr.as_slice(), 3).unwrap()).unwrap();
            packed.objects.push(object);
        }
        packed
    }

    fn range(&self) -> RangeInclusive<LedgerSequence> {
        LedgerSequence(FIRST)..=LedgerSequence(FIRST + u32::try_from(self.objects.len()).unwrap() - 1)
    }
}

fn header_of(meta: &mut LedgerCloseMeta) -> &mut LedgerHeaderHistoryEntry {
    match meta {
        LedgerCloseMeta::V0(meta) => &mut meta.ledger_header,
        LedgerCloseMeta::V1(meta) => &mut meta.ledger_header,
        LedgerCloseMeta::V2(meta) => &mut meta.ledger_header,
    }
}

fn hash_of(number: u32) -> Hash {
    let mut hash = [0xab; 32];
    hash[..4].copy_from_slice(&number.to_be_bytes());
    Hash(hash)
}

fn measure(what: &str, lake: &Packed, contract_id: &ContractId) {
    let plain = cpu_of(|| decompress(lake));
    let mut events = 0;
    let extraction = cpu_of(|| events = extract(lake, contract_id, LedgerContents::Events));
    let megabytes = f64::from(u32::try_from(lake.bytes / 1_000).unwrap()) / 1_000.0;
    let (plain, extraction) = (megabytes / plain.as_secs_f64(), megabytes / extraction.as_secs_f64());
    println!("  {what}: {events} events");
    println!("    decompression alone {plain:>6.0} MB/s of XDR per core");
    println!("    backfill            {extraction:>6.0} MB/s of XDR per core");
    println!("    ratio               {:>6.2}", extraction / plain);
}

/// Reads the same lake with and without entries in turns, so that both meet the same machine.
fn compare_contents(what: &str, lake: &Packed, contract_id: &ContractId) {
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let (mut events, mut again) = (0, 0);
        let without = cpu_of(|| events = extract(lake, contract_id, LedgerContents::Events));
        let with = cpu_of(|| again = extract(lake, contract_id, LedgerContents::EventsAndEntries));
        assert_eq!(events, again);
        rates.push(without.as_secs_f64() / with.as_secs_f64());
    }
    rates.sort_by(f64::total_cmp);
    println!(
        "  {what}: with entries at {:.2} of the speed without (goal: at least 0.90; median of {ROUNDS})",
        rates[ROUNDS / 2]
    );
}

fn decompress(lake: &Packed) {
    let mut buffer = Vec::new();
    for object in &lake.objects {
        buffer.clear();
        let packed = fs::read(object).unwrap();
        zstd::Decoder::with_buffer(packed.as_slice()).unwrap().read_to_end(&mut buffer).unwrap();
    }
}

fn extract(lake: &Packed, contract_id: &ContractId, contents: LedgerContents) -> usize {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let location = lake.folder.to_str().unwrap();
        let opened = Lake::open(location, PASSPHRASE, 16, StdRng::seed_from_u64(1)).await.unwrap();
        let source = WholeLedgers::of_lake(opened).unwrap().read_for(contents);
        let (out, mut received) = mpsc::channel::<Result<LedgerEvents, SourceError>>(16);
        let count = async {
            let (mut ledgers, mut events) = (0, 0);
            while let Some(ledger) = received.recv().await {
                events += ledger.unwrap().events.len();
                ledgers += 1;
            }
            assert_eq!(ledgers, lake.objects.len());
            events
        };
        tokio::join!(source.events(std::slice::from_ref(contract_id), lake.range(), None, out), count).1
    })
}

/// Returns the processor time of all threads for some work.
fn cpu_of(work: impl FnOnce()) -> Duration {
    let before = cpu();
    work();
    cpu().saturating_sub(before)
}

/// Reads `/proc`, which counts in hundredths of a second.
fn cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    Duration::from_secs(1) * (fields[11].parse::<u32>().unwrap() + fields[12].parse::<u32>().unwrap()) / 100
}

fn peak_memory_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}
