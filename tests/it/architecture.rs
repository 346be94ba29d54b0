//! The rules of the layout: which module may import which, and where each library is used.

mod files;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Each module, and what it may import from this crate. `*` means everything.
const MAY_USE: &[(&str, &[&str])] = &[
    ("xdr", &["domain"]),
    ("source", &["domain", "xdr"]),
    ("store", &["domain"]),
    ("ingest", &["domain", "xdr", "source", "store"]),
    ("feed", &["domain", "store"]),
    ("auth", &["domain", "xdr", "store"]),
    ("status", &["domain", "store"]),
    ("http", &["domain", "store", "feed", "auth", "status"]),
    ("backoff", &[]),
    ("duration", &[]),
    ("telemetry", &[]),
    ("lifecycle", &[]),
    ("postgres", &[]),
    ("config", &["*"]),
    ("app", &["*"]),
    ("main", &["*"]),
];

/// What every module may import.
const FOR_ALL: &[&str] = &["backoff", "duration", "telemetry", "lifecycle"];

/// Each library with a single home, and the modules that may name it. `clap` may also be used in files named `args.rs`.
const HOMES: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    ("axum", &["http", "devnet"]),
    ("reqwest", &["source"]),
    ("redis", &["feed"]),
    ("stellar_xdr", &["xdr", "devnet"]),
    ("flate2", &["xdr", "devnet"]),
    // One of them reads lakes, the other writes them.
    ("zstd", &["xdr", "devnet"]),
    ("clap", &["config", "main"]),
    ("hyper", &["http"]),
    ("hyper_util", &["http"]),
    ("socket2", &["http"]),
    ("tokio_rustls", &["http"]),
    ("governor", &["auth", "http"]),
    ("humantime", &["duration", "devnet"]),
    ("prometheus_client", &["http"]),
    ("jsonwebtoken", &["auth"]),
    ("ed25519_dalek", &["auth"]),
    ("tower_http", &["http"]),
    ("utoipa", &["http"]),
    ("utoipa_axum", &["http"]),
    ("utoipa_swagger_ui", &["http"]),
];

/// Libraries that a module must not use.
const BANNED: &[(&str, &[&str])] = &[
    ("domain", &["tokio", "sqlx", "axum", "reqwest", "stellar_xdr", "utoipa"]),
    // It judges the indexer, so it must not share its mistakes.
    ("devnet", &["flowfi_indexer", "sqlx", "reqwest"]),
    // The feed carries events; each outlet decides how to write them.
    ("feed", &["serde", "serde_json"]),
];

/// Names that say nothing about the content.
const NAMELESS: &[&str] = &["util", "utils", "common", "helpers", "types", "models", "prelude"];

/// The crates beside the package; each counts as one module.
const CRATES: &[&str] = &["domain", "devnet"];

struct SourceFile {
    /// The folder at which the paths of its crate start.
    root: PathBuf,
    path: PathBuf,
    module: String,
    code: String,
}

impl SourceFile {
    fn is_of_a_crate(&self) -> bool {
        CRATES.contains(&self.module.as_str())
    }
}

fn source_files() -> Vec<SourceFile> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let of_crates = CRATES.iter().map(|name| (package.join("crates").join(name).join("src"), Some(*name)));
    let roots = of_crates.chain([(package.join("src"), None)]);
    roots.flat_map(|(root, module)| files_below(&root, module)).collect()
}

/// Returns every Rust file below a folder. They belong to `of_module` or, without it, to the module that their path
/// begins with.
fn files_below(root: &Path, of_module: Option<&str>) -> Vec<SourceFile> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path.strip_prefix(root).unwrap().with_extension("");
                let module = of_module.unwrap_or_else(|| relative.iter().next().unwrap().to_str().unwrap()).to_owned();
                let text = fs::read_to_string(&path).unwrap();
                files.push(SourceFile { root: root.to_owned(), path, module, code: code_of(&text) });
            }
        }
    }
    files
}

/// Returns the text without comments, so that prose about a library does not count as a use of it.
fn code_of(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Returns the first names after `crate::` in the code, including those in braces.
fn crate_imports(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            names.extend(top_level_names(list));
        } else {
            names.insert(identifier(rest));
        }
    }
    names
}

fn top_level_names(list: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut depth, mut expecting) = (0, true);
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expecting = true,
            _ if expecting && !character.is_whitespace() => {
                names.push(identifier(&list[at..]));
                expecting = false;
            }
            _ => {}
        }
    }
    names
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}

fn names_library(code: &str, library: &str) -> bool {
    code.match_indices(library).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + library.len()..];
        let starts =
            before.is_none_or(|character| !character.is_alphanumeric() && character != '_' && character != ':');
        starts && after.starts_with("::")
    })
}

#[test]
fn modules_import_only_what_the_layout_allows() {
    let allowed: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    for file in source_files().iter().filter(|file| file.module != "lib" && !file.is_of_a_crate()) {
        for name in CRATES.iter().map(|name| format!("flowfi_{name}")) {
            assert!(!names_library(&file.code, &name), "{}: say crate:: for {name}", file.path.display());
        }
        let may_use = allowed.get(file.module.as_str()).unwrap_or_else(|| {
            panic!("{} belongs to no module of the layout", file.path.display());
        });
        for import in crate_imports(&file.code) {
            let fine = import == file.module
                || FOR_ALL.contains(&import.as_str())
                || may_use.contains(&"*")
                || may_use.contains(&import.as_str());
            assert!(fine, "{} may not import crate::{import}", file.path.display());
        }
    }
}

#[test]
fn libraries_stay_in_their_homes() {
    for file in source_files() {
        for (library, homes) in HOMES {
            let home = homes.contains(&file.module.as_str())
                || (*library == "clap" && file.path.file_name().is_some_and(|name| name == "args.rs"));
            assert!(home || !names_library(&file.code, library), "{} may not use {library}", file.path.display());
        }
        for (module, libraries) in BANNED {
            for library in libraries.iter().filter(|_| file.module == *module && !file.is_test()) {
                assert!(!names_library(&file.code, library), "{} may not use {library}", file.path.display());
            }
        }
    }
}

#[test]
fn every_module_says_what_it_owns_and_files_stay_short() {
    for file in source_files() {
        let text = fs::read_to_string(&file.path).unwrap();
        assert!(text.starts_with("//!"), "{} does not open with //!", file.path.display());
        let lines = text.lines().take_while(|line| *line != "#[cfg(test)]").count();
        assert!(lines <= 400, "{} has {lines} lines: split it", file.path.display());
        let name = file.path.file_stem().unwrap().to_str().unwrap();
        assert!(!NAMELESS.contains(&name), "{}: find a name that says what is inside", file.path.display());
    }
}

#[test]
fn the_check_sees_imports_in_braces_and_ignores_comments() {
    let code = code_of("use crate::{domain::{A, B}, store};\n// use crate::http;\nlet x = crate::feed::Hub;");
    assert_eq!(crate_imports(&code), ["domain", "feed", "store"].map(str::to_owned).into());
    assert!(names_library("use sqlx::Row;", "sqlx"));
    assert!(!names_library("mysqlx::Row; crate::sqlx::x", "sqlx"));
}
