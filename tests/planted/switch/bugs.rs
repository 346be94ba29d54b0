//! The simulation finds what it is meant to find: each planted bug is caught within a few seeds.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Instant,
};

use flowfi_indexer::planted::plant;

use crate::{
    seeds::{self, Failure, Run, number_from, say},
    world::MISSED_DEADLINE,
};

const MOST_SEEDS: u64 = 200;
/// How many runs beside each other a missed deadline has to happen again.
const AGAIN: usize = 8;
/// How many worlds are tried with the seeds that have caught a bug before.
const KEPT_TRIES: usize = 24;

#[test]
fn every_planted_bug_is_caught() {
    let first = number_from("FIRST_SEED").unwrap_or(1);
    let most = number_from("SEEDS").unwrap_or(MOST_SEEDS);
    let mut missed = Vec::new();
    for bug in chosen_bugs() {
        let began = Instant::now();
        let mut seeds = if env::var_os("FIRST_SEED").is_some() { Vec::new() } else { kept_seeds(&bug) };
        let caught = catch(&bug, &seeds).or_else(|| {
            seeds = (first..first + most).collect();
            catch(&bug, &seeds)
        });
        let seconds = began.elapsed().as_secs_f64();
        if let Some(failure) = caught {
            say(&format!("{bug}: caught by seed {}, {seconds:.1} s: {:.400}", failure.seed, failure.what));
        } else {
            say(&format!("{bug}: not caught by {} seeds, {seconds:.1} s", seeds.len()));
            missed.push(bug);
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

/// Returns the first failure that the bug explains: without the bug, the same seed passes. The deadline is short, so on a
/// busy machine a long history may miss it by itself; such a failure must happen again with the bug, and never without it,
/// when the seed runs several times beside itself.
fn catch(bug: &str, mut seeds: &[u64]) -> Option<Failure> {
    while !seeds.is_empty() {
        let run = run_with(bug, seeds);
        for failure in run.failures {
            let again = [failure.seed; AGAIN];
            let is_late = failure.what.starts_with(MISSED_DEADLINE);
            if is_late && run_with(bug, &again).failures.is_empty() {
                say(&format!("{bug}: seed {} passes again, with the bug: {:.400}", failure.seed, failure.what));
            } else if seeds::run(if is_late { &again } else { &again[..1] }).failures.is_empty() {
                return Some(failure);
            } else {
                say(&format!("{bug}: seed {} fails without it too: {:.400}", failure.seed, failure.what));
            }
        }
        seeds = &seeds[run.seeds..];
    }
    None
}

fn run_with(bug: &str, seeds: &[u64]) -> Run {
    plant(Some(bug));
    let run = seeds::run(seeds);
    plant(None);
    run
}

/// Seeds that have caught this bug before, again and again: most bugs show within seconds there, but how the parts of a world
/// interleave does not follow from its seed.
fn kept_seeds(bug: &str) -> Vec<u64> {
    let lines = fs::read_to_string(folder().join("seeds")).unwrap();
    let of_this_bug = lines.lines().filter_map(|line| line.strip_prefix(bug)?.strip_prefix(' '));
    let seeds: Vec<u64> = of_this_bug.flat_map(str::split_whitespace).map(|seed| seed.parse().unwrap()).collect();
    seeds.iter().copied().cycle().take(KEPT_TRIES).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/planted")
}

/// Every bug that has a patch, or the one that `FLOWFI_PLANTED_BUG` names.
fn chosen_bugs() -> Vec<String> {
    let patches = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let patches = patches.filter(|path| path.extension().is_some_and(|extension| extension == "patch"));
    let mut bugs: Vec<String> = patches.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert!(!bugs.is_empty(), "there is no patch in tests/planted");
    bugs.sort();
    let Ok(wanted) = env::var("FLOWFI_PLANTED_BUG") else { return bugs };
    assert!(bugs.contains(&wanted), "there is no bug {wanted}; there are {bugs:?}");
    vec![wanted]
}
