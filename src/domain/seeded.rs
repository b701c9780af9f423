//! Bugs put in on purpose, to prove that the stories of the tests find them. Only
//! a build with the feature `seeded-bugs` has them, and there one at a time is
//! on; in every other build [`is_on`] is `false` before the program runs, and
//! what hangs on it is left out of it.
//!
//! Each is a mistake that programs of this kind were found to have, written
//! where it would be made. None of the code that asks for one may do anything
//! else than that mistake.

#[cfg(all(feature = "seeded-bugs", not(debug_assertions)))]
compile_error!("seeded-bugs is for tests; a release must not have it");

macro_rules! bugs {
    ($($name:ident $doc:literal)*) => {
        /// A mistake to be found.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Bug { $(#[doc = $doc] $name,)* }

        impl Bug {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

bugs! {
    AckWithoutCommit "An event is acked although its commit failed."
    EventIdIsEnough "Of two bodies with one event id the second is dropped."
    PoisonBlocksTheQueue "An event that cannot be read fails all that came with it."
    ForeignSellerTaken "An event of another seller takes effect."
    FirstOfTwoSignatures "Of several signatures the first counts."
    PrefixIsEnough "A signature counts if the right one begins like it."
    LenientBase64 "A signature counts in spellings that Square does not use."
    EmptyKeyIsAKey "A setting that holds no key is taken for one."
    EqualVersionIsNews "An image takes a version that it has already."
    LastComerWins "An image takes whatever comes last."
    TimeIsTheOrder "Of two versions the one with the later time counts."
    SegmentsCleared "An event clears the segments that it does not carry."
    DeleteIgnoresVersion "A deletion counts for all versions, those to come too."
    TombstoneForgotten "A late event brings a deleted profile back."
    AliasNotWritten "A merge is taken for a deletion."
    OtherIdIgnored "An answer with another id is taken for the one that was asked for."
    AbsenceIsDeletion "Whoever is not on a list is gone."
    SilenceIsDeletion "Whoever Square's answer leaves out is gone."
    NoCap "Any number of customers may end unseen."
    MarkFromOurClock "A pass reads up to the time by the machine's clock."
    MarkBeforeLastPage "The mark moves with the first page."
    NoOverlap "A pass begins right at the mark."
    CursorEndIsTheEnd "A cursor that died ends the window."
    NewKeyForEachTry "Each attempt at a create has a key of its own."
    KeyKeptForOtherBody "A row that was refused and edited goes out under its first key."
    SentBeforeSaved "A call is sent before it is on disk."
    RateLimitMeansNotDone "A create that met 429 is made anew under another key."
    FailedLookupIsNotFound "A lookup that failed is taken for one that found nothing."
    UpdateWithoutVersion "An update overwrites whatever is there."
    UpdateSendsAll "An update carries every field."
    EchoById "What is shown of a row whose call is under way is taken for that call's work."
    SpellingIsAnEdit "Square's spelling of what was sent is taken for an older value."
    EditInFlightLost "An answer overwrites what was edited meanwhile."
    LoserNotKept "What lost a conflict is kept nowhere."
    ClaimNotReleased "A call that was answered stays in the outbox."
    DeleteNobodyAskedFor "What is gone from the table is deleted at Square whatever the setting."
}

#[cfg(feature = "seeded-bugs")]
static ON: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(usize::MAX);

/// Puts one bug in for the whole process, or none.
#[cfg(feature = "seeded-bugs")]
pub fn put_in(bug: Option<Bug>) {
    let place = bug.and_then(|bug| Bug::ALL.iter().position(|it| *it == bug));
    ON.store(
        place.unwrap_or(usize::MAX),
        std::sync::atomic::Ordering::SeqCst,
    );
}

/// Whether this bug is in.
#[cfg(feature = "seeded-bugs")]
pub fn is_on(bug: Bug) -> bool {
    let on = ON.load(std::sync::atomic::Ordering::SeqCst);
    Bug::ALL.get(on) == Some(&bug)
}

/// Never, in this build.
#[cfg(not(feature = "seeded-bugs"))]
pub const fn is_on(_: Bug) -> bool {
    false
}
