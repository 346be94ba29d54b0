//! The number of answers to each challenge: every answer may cost a look-up on the chain.

use std::{collections::HashMap, sync::Mutex};

use crate::domain::UnixTime;

/// A client that has the right key needs one attempt, and a few more if several signers sign one after another.
const MOST_ATTEMPTS: u32 = 5;
/// Challenges carry our signature, so there are no more than we made. Expired ones are forgotten.
const MOST_CHALLENGES: usize = 100_000;

/// The number of attempts at each unexpired challenge, by the challenge's hash.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<HashMap<[u8; 32], (u32, UnixTime)>>);

impl Attempts {
    /// Counts one more attempt at a challenge that is valid until `ends`. Returns whether it is allowed.
    pub(super) fn count(&self, challenge: [u8; 32], ends: UnixTime, now: UnixTime) -> bool {
        let mut attempts = self.0.lock().expect("no thread panics while it counts");
        if attempts.len() >= MOST_CHALLENGES {
            attempts.retain(|_, (_, ends)| *ends >= now);
        }
        if attempts.len() >= MOST_CHALLENGES && !attempts.contains_key(&challenge) {
            return false;
        }
        let (made, _) = attempts.entry(challenge).or_insert((0, ends));
        *made += 1;
        *made <= MOST_ATTEMPTS
    }

    /// Takes back an attempt that could not be judged.
    pub(super) fn take_back(&self, challenge: [u8; 32]) {
        let mut attempts = self.0.lock().expect("no thread panics while it counts");
        if let Some((made, _)) = attempts.get_mut(&challenge) {
            *made = made.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_may_be_tried_a_few_times_and_another_one_too() {
        let attempts = Attempts::default();
        let tried = |challenge| attempts.count([challenge; 32], UnixTime(900), UnixTime(1));
        assert!((0..MOST_ATTEMPTS).all(|_| tried(1)));
        assert!(!tried(1) && tried(2) && !tried(1));
    }

    #[test]
    fn an_attempt_that_could_not_be_judged_does_not_count() {
        let attempts = Attempts::default();
        for _ in 0..=MOST_ATTEMPTS {
            assert!(attempts.count([1; 32], UnixTime(900), UnixTime(1)));
            attempts.take_back([1; 32]);
        }
        attempts.take_back([2; 32]);
    }

    #[test]
    fn challenges_that_have_ended_make_room_for_others() {
        let attempts = Attempts::default();
        let challenge = |number: usize| {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&number.to_be_bytes());
            hash
        };
        for number in 0..MOST_CHALLENGES {
            assert!(attempts.count(challenge(number), UnixTime(900), UnixTime(1)));
        }
        assert!(
            !attempts.count(challenge(MOST_CHALLENGES), UnixTime(900), UnixTime(900)),
            "no room while all are valid"
        );
        assert!(attempts.count(challenge(7), UnixTime(900), UnixTime(900)), "a known one still counts");
        assert!(attempts.count(challenge(MOST_CHALLENGES), UnixTime(1_800), UnixTime(901)));
    }
}
