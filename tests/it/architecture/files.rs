//! The rules between files: their imports form no cycle, and no path climbs more than one module.
//!
//! An import counts as an import of the file that it leads to: `super::Store` is an import of `store/pool.rs`, which
//! `store/mod.rs` re-exports. The file that opens a module may hold what the module's files share, so imports of it
//! from these files do not count. Neither do tests.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::{SourceFile, code_of, source_files};

/// The place of a file in the module tree: `["store", "pool"]`.
type Place = Vec<String>;
/// A path as written in the code: `["super", "pool", "Store"]`.
type NamedPath = Vec<String>;

/// The paths in a file.
struct Names {
    /// The paths in `use` declarations, expanded.
    imports: Vec<NamedPath>,
    /// All other paths.
    inline: Vec<NamedPath>,
}

struct Tree(BTreeMap<Place, Names>);

impl Tree {
    fn of(files: &[SourceFile]) -> Self {
        Self(files.iter().map(|file| (file.place(), Names::of(&without_tests(&file.code)))).collect())
    }

    /// Returns the file that a path leads to, through re-exports; `None` outside this crate.
    fn file_of(&self, from: &[String], path: &[String]) -> Option<Place> {
        let (first, mut rest) = path.split_first()?;
        let mut place = match first.as_str() {
            "crate" => Place::new(),
            "self" => from.to_vec(),
            "super" => {
                let climbs = path.iter().take_while(|name| *name == "super").count();
                rest = &path[climbs..];
                from[..from.len().checked_sub(climbs)?].to_vec()
            }
            _ if self.0.contains_key(&child(from, first)) => {
                rest = path;
                from.to_vec()
            }
            _ => return None,
        };
        while let Some((name, after)) = rest.split_first() {
            let inner = child(&place, name);
            if !self.0.contains_key(&inner) {
                break;
            }
            (place, rest) = (inner, after);
        }
        let named_again = rest.first().and_then(|name| self.import_of(&place, name));
        // A file that imports a name which it also defines would cause an endless recursion.
        named_again.filter(|_| place.as_slice() != from).and_then(|path| self.file_of(&place, path)).or(Some(place))
    }

    /// Returns the path of the import that brings a name into a file.
    fn import_of(&self, place: &[String], name: &String) -> Option<&NamedPath> {
        self.0.get(place)?.imports.iter().find(|path| path.last() == Some(name))
    }

    /// Returns which file imports which.
    fn edges(&self) -> BTreeMap<Place, BTreeSet<Place>> {
        let edges_of = |place: &Place, names: &Names| {
            let paths = names.imports.iter().chain(&names.inline);
            paths.filter_map(|path| self.file_of(place, path)).filter(|to| !place.starts_with(to)).collect()
        };
        self.0.iter().map(|(place, names)| (place.clone(), edges_of(place, names))).collect()
    }
}

impl SourceFile {
    fn place(&self) -> Place {
        let relative = self.path.strip_prefix(&self.root).unwrap().with_extension("");
        let mut place: Place = relative.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
        if place.last().is_some_and(|name| name == "mod") || place == ["lib"] {
            place.pop();
        }
        place
    }

    pub(super) fn is_test(&self) -> bool {
        self.place().iter().any(|part| part == "tests")
    }
}

impl Names {
    fn of(code: &str) -> Self {
        let (mut imports, mut inline, mut statement) = (Vec::new(), Vec::new(), None::<String>);
        for line in code.lines() {
            let tree = statement.take().map(|begun| begun + line).or_else(|| use_tree(line).map(str::to_owned));
            match tree {
                Some(tree) if tree.ends_with(';') => imports.extend(written_out(&tree)),
                Some(tree) => statement = Some(tree),
                None => inline.extend(paths_in(line)),
            }
        }
        Self { imports, inline }
    }

    fn all(&self) -> impl Iterator<Item = &NamedPath> {
        self.imports.iter().chain(&self.inline)
    }
}

/// Returns the text after `use` in a line that starts an import.
fn use_tree(line: &str) -> Option<&str> {
    let line = line.trim();
    let after_visibility = line.strip_prefix("pub").map_or(line, |rest| match rest.strip_prefix('(') {
        Some(rest) => rest.split_once(')').map_or("", |(_, rest)| rest),
        None => rest,
    });
    after_visibility.trim_start().strip_prefix("use ")
}

/// Returns the paths in an import tree, expanded.
fn written_out(tree: &str) -> Vec<NamedPath> {
    let (mut paths, mut prefixes, mut path) = (Vec::new(), vec![NamedPath::new()], NamedPath::new());
    let mut tokens = tokens(tree).into_iter();
    while let Some(token) = tokens.next() {
        match token.as_str() {
            "{" => prefixes.push(path.clone()),
            "," | "}" | ";" => {
                if prefixes.last().is_some_and(|prefix| path.len() > prefix.len()) {
                    paths.push(path);
                }
                if token == "}" {
                    prefixes.pop();
                }
                path = prefixes.last().cloned().unwrap_or_default();
            }
            // A renamed import leads to the same file.
            "as" => drop(tokens.next()),
            // `self` is the module itself.
            "self" if !path.is_empty() => paths.push(path.clone()),
            "::" | "*" => {}
            _ => path.push(token),
        }
    }
    paths
}

/// Returns the paths with two or more names in a line of code.
fn paths_in(line: &str) -> Vec<NamedPath> {
    let (mut paths, mut path, mut goes_on) = (Vec::new(), NamedPath::new(), false);
    for token in tokens(line) {
        if token == "::" {
            goes_on = true;
        } else if is_name(&token) && goes_on {
            path.push(token);
            goes_on = false;
        } else {
            paths.push(std::mem::replace(&mut path, if is_name(&token) { vec![token] } else { NamedPath::new() }));
            goes_on = false;
        }
    }
    paths.push(path);
    paths.retain(|path| path.len() > 1);
    paths
}

fn is_name(token: &str) -> bool {
    token.starts_with(|character: char| character.is_alphabetic() || character == '_')
}

fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut in_a_name = false;
    for character in text.chars() {
        let is_of_a_name = character.is_alphanumeric() || character == '_';
        let ends_a_colon = character == ':' && !in_a_name && tokens.last().is_some_and(|last| last == ":");
        match tokens.last_mut() {
            Some(last) if (is_of_a_name && in_a_name) || ends_a_colon => last.push(character),
            _ if character.is_whitespace() => {}
            _ => tokens.push(character.to_string()),
        }
        in_a_name = is_of_a_name;
    }
    tokens
}

fn child(place: &[String], name: &str) -> Place {
    [place, &[name.to_owned()]].concat()
}

fn without_tests(code: &str) -> String {
    code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}

/// Returns files that import each other in a cycle; the first one is repeated at the end.
fn circle(mut edges: BTreeMap<Place, BTreeSet<Place>>) -> Option<Vec<String>> {
    loop {
        let before = edges.len();
        let free: Vec<Place> = edges.iter().filter(|(_, to)| to.is_empty()).map(|(from, _)| from.clone()).collect();
        edges.retain(|_, to| !to.is_empty());
        for to in edges.values_mut() {
            to.retain(|to| !free.contains(to));
        }
        if edges.len() == before {
            break;
        }
    }
    // Each remaining file imports a remaining file, so a walk comes back to itself.
    let mut walk = vec![edges.keys().next()?];
    loop {
        let next = edges[*walk.last()?].first()?;
        let met = walk.iter().position(|place| *place == next);
        walk.push(next);
        if let Some(met) = met {
            return Some(walk[met..].iter().map(|place| place.join("/")).collect());
        }
    }
}

#[test]
fn files_do_not_import_each_other_in_a_cycle() {
    let mut crates: BTreeMap<PathBuf, Vec<SourceFile>> = BTreeMap::new();
    for file in source_files().into_iter().filter(|file| !file.is_test()) {
        crates.entry(file.root.clone()).or_default().push(file);
    }
    for files in crates.values() {
        if let Some(files) = circle(Tree::of(files).edges()) {
            panic!("files import each other in a cycle: {}", files.join(" → "));
        }
    }
}

#[test]
fn no_path_climbs_two_modules_at_once() {
    for file in source_files() {
        let place = file.place().join("/");
        let names = Names::of(&without_tests(&file.code));
        let climbs = names.all().any(|path| path.iter().take_while(|name| *name == "super").count() > 1);
        assert!(!climbs, "{place} names super::super: begin the path at crate");
    }
}

#[test]
fn the_check_sees_cycles_through_braces_re_exports_and_paths_in_code() {
    let tree = |files: &[(&str, &str)]| {
        let place = |path: &str| path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        Tree(files.iter().map(|(path, code)| (place(path), Names::of(&without_tests(&code_of(code))))).collect())
    };
    let opening = ("m", "mod a;\nmod b;\npub use b::{B, Other as Name};\nuse a::A;");
    for a in [
        "use super::b::B;",
        "use super::B;",
        "use crate::m::{\n    b::{self, B},\n};",
        "fn f() -> super::b::B {}",
        "fn f() { let x = crate::m::B::new(); }",
    ] {
        let found = circle(tree(&[opening, ("m/a", a), ("m/b", "pub(super) use super::A;")]).edges());
        assert_eq!(found.unwrap(), ["m/a", "m/b", "m/a"], "{a}");
    }
    for a in [
        "use super::shared;",
        "// use super::B;",
        "#[cfg(test)]\nmod tests {\n    use crate::m::B;\n}",
        "use std::b::B;",
    ] {
        assert_eq!(circle(tree(&[opening, ("m/a", a), ("m/b", "use super::A;")]).edges()), None, "{a}");
    }
}
