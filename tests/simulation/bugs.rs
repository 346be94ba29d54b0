//! The simulation can find what it is for: each planted bug is caught within a few seeds.

use std::env;

use flowfi_indexer::planted::{Bug, plant};

use crate::{
    ALONE,
    seeds::{self, number_from, say},
};

const MOST_SEEDS: u64 = 200;

#[test]
fn every_planted_bug_is_caught() {
    let _alone = ALONE.lock().unwrap();
    let wanted = env::var("FLOWFI_PLANTED_BUG").unwrap_or_else(|_| "all".to_owned());
    let bugs: Vec<Bug> = Bug::ALL.iter().copied().filter(|bug| wanted == "all" || wanted == bug.name()).collect();
    assert!(
        !bugs.is_empty(),
        "there is no bug {wanted}; there are {:?}",
        Bug::ALL.iter().map(|bug| bug.name()).collect::<Vec<_>>()
    );
    let first = number_from("FIRST_SEED").unwrap_or(1);
    let seeds: Vec<u64> = (first..first + number_from("SEEDS").unwrap_or(MOST_SEEDS)).collect();
    let mut missed = Vec::new();
    for bug in bugs {
        plant(Some(bug));
        let run = seeds::run(&seeds);
        plant(None);
        let (name, seconds) = (bug.name(), run.took.as_secs_f64());
        if let Some(failure) = run.failures.first() {
            say(&format!("{name}: caught by seed {}, {seconds:.1} s: {:.120}", failure.seed, failure.what));
        } else {
            say(&format!("{name}: not caught by {} seeds, {seconds:.1} s", run.seeds));
            missed.push(name);
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
