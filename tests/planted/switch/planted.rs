//! Knows which bug is switched on in this process. Each patch in `tests/planted` asks for its own by name.

use std::sync::{PoisonError, RwLock};

static PLANTED: RwLock<Option<String>> = RwLock::new(None);

/// Switches this bug on in the whole process, and every other one off.
pub fn plant(bug: Option<&str>) {
    *PLANTED.write().unwrap_or_else(PoisonError::into_inner) = bug.map(str::to_owned);
}

/// Returns whether this bug is switched on.
pub(crate) fn is(bug: &str) -> bool {
    PLANTED.read().unwrap_or_else(PoisonError::into_inner).as_deref() == Some(bug)
}
