//! Names the code that turns raw events into rows and records by a hash of its source, so that rows which another
//! version began to build are not mixed with those of this one.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// What a row or a record follows from.
const SOURCES: [&str; 6] = [
    "src/xdr",
    "crates/domain/src",
    "src/store/event_columns.rs",
    "src/store/fold.rs",
    "src/store/insert_events.sql",
    "src/store/raw_events.rs",
];

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let mut hash = Fnv1a(0xcbf2_9ce4_8422_2325);
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
        add(&mut hash, &root.join(source))?;
    }
    println!("cargo::rustc-env=FLOWFI_DECODER={}-{:016x}", env!("CARGO_PKG_VERSION"), hash.0);
    Ok(())
}

/// Adds a file, or every file of a folder in the order of their names.
fn add(hash: &mut Fnv1a, path: &Path) -> io::Result<()> {
    if !path.is_dir() {
        hash.add(&fs::read(path)?);
        return Ok(());
    }
    let mut entries: Vec<PathBuf> =
        fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
    entries.sort();
    entries.iter().try_for_each(|entry| add(hash, entry))
}

/// FNV-1a with 64 bits: the same on every machine and with every compiler.
struct Fnv1a(u64);

impl Fnv1a {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
