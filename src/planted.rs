//! Bugs planted on purpose, each by its name: what the simulation must be able to find. Without the cargo feature
//! `planted-bugs` none can be planted and nothing of them is left in the program; a build without debug assertions
//! refuses the feature.

#[cfg(all(feature = "planted-bugs", not(debug_assertions)))]
compile_error!("planted-bugs is for tests only, never for a release build");

/// Gives each bug its name.
macro_rules! bugs {
    ($($(#[$doc:meta])* $bug:ident $name:literal,)*) => {
        /// A mistake that this program could make.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Bug { $($(#[$doc])* $bug,)* }

        impl Bug {
            /// Every bug.
            pub const ALL: &[Self] = &[$(Self::$bug,)*];

            /// Returns the name to plant it by.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$bug => $name,)* }
            }
        }
    };
}

bugs! {
    /// A page without events leaves the cursor where it was.
    CursorNotSavedOnEmptyPage "cursorNotSavedOnEmptyPage",
    /// After a restart inside a ledger the rest of that ledger is not asked for.
    ResumeAtLedgerPlusOne "resumeAtLedgerPlusOne",
    /// Event rows are committed before their cursor is.
    RowsWithoutCursor "rowsWithoutCursor",
    /// Ledgers that nobody has are gone over in silence.
    HoleSkipped "holeSkipped",
    /// An event that comes again changes its stream's record again.
    DuplicateAppliedTwice "duplicateAppliedTwice",
    /// The tailer looks at the table once, then neither listens nor looks again.
    LostWakeUp "lostWakeUp",
    /// Rows that came late are published as if they were new.
    LateRowSentLive "lateRowSentLive",
    /// A commit does not compare the cursor.
    FenceRemoved "fenceRemoved",
    /// A commit does not ask whether late rows were written since it was prepared.
    RevisionFenceRemoved "revisionFenceRemoved",
    /// A page that is not full is taken to reach the tip.
    ShortPageTakenForTheEnd "shortPageTakenForTheEnd",
    /// A page without events is taken to reach the tip.
    EmptyPageTakenForTheTip "emptyPageTakenForTheTip",
    /// The last transaction of a full page is not held back.
    FullPageSplitsATransaction "fullPageSplitsATransaction",
    /// An endpoint that is asked in another's place is asked for what comes later.
    FailoverForgetsTheCursor "failoverForgetsTheCursor",
    /// What is published during a replay is not pending after it.
    ReplayBeforeRegister "replayBeforeRegister",
    /// A subscriber that falls off the ring goes on with what the ring still has.
    RingOverrunSilent "ringOverrunSilent",
    /// Ledgers that were given up are recorded as seen.
    CoverageClaimsUnseen "coverageClaimsUnseen",
    /// Events that do not decode are dropped.
    QuarantineDropped "quarantineDropped",
    /// A node that is behind leads the cursor back.
    NodeBehindRewinds "nodeBehindRewinds",
}

/// Returns whether this bug was planted in this process.
#[cfg(not(feature = "planted-bugs"))]
pub(crate) const fn is_planted(_: Bug) -> bool {
    false
}

#[cfg(feature = "planted-bugs")]
pub(crate) use switch::is_planted;
#[cfg(feature = "planted-bugs")]
pub use switch::plant;

#[cfg(feature = "planted-bugs")]
mod switch {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::Bug;

    /// The planted bug's place among all, from 1 on; 0 for none.
    static PLANTED: AtomicUsize = AtomicUsize::new(0);

    fn place(wanted: Bug) -> usize {
        Bug::ALL.iter().position(|bug| *bug == wanted).map_or(0, |at| at + 1)
    }

    /// Plants one bug in this whole process in place of the one before, or none.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.store(bug.map_or(0, place), Ordering::Relaxed);
    }

    /// Returns whether this bug was planted in this process.
    pub(crate) fn is_planted(bug: Bug) -> bool {
        PLANTED.load(Ordering::Relaxed) == place(bug)
    }
}
