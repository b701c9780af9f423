//! The checker is proven: each bug that is put in on purpose is found by a
//! story, by the invariant that is there to find it, and the same story without
//! the bug has nothing to find.
//!
//! A bug is in for the whole process, so nothing else may run beside this test:
//! `cargo test --features seeded-bugs --test it -- convergence::bugs`.
//! `SQUARESYNC_BUG=NAME` tries one alone.

use std::collections::BTreeMap;
use std::sync::Mutex;

use squaresync::domain::seeded::{Bug, put_in};

use super::act::Story;
use super::runner::Theatre;
use super::world::Way;
use crate::support::Kind;

/// In how many stories a bug must show: several times as many as the rarest needs.
const STORIES: u64 = 500;

/// Each bug, and the invariant that finds it.
const FOUND_BY: &[(Bug, &str)] = &[
    (Bug::AckWithoutCommit, "I4"),
    (Bug::EventIdIsEnough, "I1"),
    (Bug::PoisonBlocksTheQueue, "I45"),
    (Bug::ForeignSellerTaken, "I62"),
    (Bug::FirstOfTwoSignatures, "I3"),
    (Bug::PrefixIsEnough, "I3"),
    (Bug::LenientBase64, "I3"),
    (Bug::EmptyKeyIsAKey, "I3"),
    (Bug::EqualVersionIsNews, "I33"),
    (Bug::LastComerWins, "I12"),
    (Bug::TimeIsTheOrder, "I11"),
    (Bug::SegmentsCleared, "I25"),
    (Bug::DeleteIgnoresVersion, "I15"),
    (Bug::TombstoneForgotten, "I15"),
    (Bug::AliasNotWritten, "I17"),
    (Bug::OtherIdIgnored, "I17"),
    (Bug::AbsenceIsDeletion, "I19"),
    (Bug::SilenceIsDeletion, "I19"),
    (Bug::NoCap, "I20"),
    (Bug::MarkFromOurClock, "I22"),
    (Bug::MarkBeforeLastPage, "I21"),
    (Bug::NoOverlap, "I21"),
    (Bug::CursorEndIsTheEnd, "I21"),
    (Bug::NewKeyForEachTry, "I28"),
    (Bug::KeyKeptForOtherBody, "I27"),
    (Bug::SentBeforeSaved, "I29"),
    (Bug::RateLimitMeansNotDone, "I28"),
    (Bug::FailedLookupIsNotFound, "I38"),
    (Bug::UpdateWithoutVersion, "I31"),
    (Bug::UpdateSendsAll, "I31"),
    (Bug::EchoById, "I30"),
    (Bug::SpellingIsAnEdit, "I33"),
    (Bug::EditInFlightLost, "I30"),
    (Bug::LoserNotKept, "I30"),
    (Bug::ClaimNotReleased, "I43"),
    (Bug::DeleteNobodyAskedFor, "I35"),
];

/// Held by the test whose bug is in.
static ONE_BUG: Mutex<()> = Mutex::new(());

#[test]
fn a_red_story_is_shortened_and_told_of_with_its_ledgers() {
    let _one = ONE_BUG.lock().unwrap();
    let mut theatre = Theatre::new(Kind::Sqlite, Way::Memory);
    put_in(Some(Bug::AliasNotWritten));
    let (story, ended) = (1..=STORIES)
        .map(|seed| (Story::of(seed), theatre.play(&Story::of(seed))))
        .find(|(_, ended)| !ended.violations.is_empty())
        .unwrap();
    let (seed, acts) = (story.seed, story.acts.len());
    let found = ended.violations[0].clone();

    let text = theatre.report(story, ended);
    put_in(None);

    let first = text.lines().next().unwrap();
    let again = format!("play it again with SQUARESYNC_STORY={seed}");
    assert!(first.ends_with(&again), "{text}");
    assert!(text.contains(found.invariant), "{text}");
    let (_, told) = text.split_once("its shortest form found:\n").unwrap();
    let (short, path) = told.split_once("its ledgers are in ").unwrap();
    assert!(
        short.lines().count() < acts / 2,
        "{acts} acts became {short}"
    );
    assert!(
        short.contains("SquareMerges"),
        "what is needed stays: {short}"
    );
    let left = std::fs::read_to_string(path.trim()).unwrap();
    assert!(left.starts_with(first), "{left}");
    for ledger in ["\nCall {", "\nimages: {", "\ncustomers: {", "\nLedger {"] {
        assert!(left.contains(ledger), "{ledger} is not in {left}");
    }
}

#[test]
fn every_bug_that_is_put_in_is_found() {
    let _one = ONE_BUG.lock().unwrap();
    let listed: Vec<Bug> = FOUND_BY.iter().map(|(bug, _)| *bug).collect();
    assert_eq!(listed, Bug::ALL, "every bug is tried");
    let only = std::env::var("SQUARESYNC_BUG").ok();
    let mut unfound = Vec::new();
    for (bug, invariant) in FOUND_BY {
        let name = format!("{bug:?}");
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        match first_story(*bug, invariant) {
            Ok(seed) => eprintln!("{name}: found by {invariant} in story {seed}"),
            Err(others) => unfound.push(format!("{name} by {invariant}, but {others:?}")),
        }
    }
    assert_eq!(unfound, [""; 0], "not found in {STORIES} stories");
}

/// The first story in which the bug breaks this invariant; where there is none,
/// what else it breaks, and in which.
fn first_story(bug: Bug, invariant: &str) -> Result<u64, BTreeMap<&'static str, u64>> {
    // What a bug leaves behind, a broken connection for one, goes with its theatre.
    let mut theatre = Theatre::new(Kind::Sqlite, Way::Memory);
    let mut broken = BTreeMap::new();
    for seed in 1..=STORIES {
        let story = Story::of(seed);
        put_in(Some(bug));
        let ended = theatre.play(&story);
        put_in(None);
        for violation in &ended.violations {
            broken.entry(violation.invariant).or_insert(seed);
        }
        let is_found = ended.violations.iter().any(|it| it.invariant == invariant);
        if is_found && theatre.play(&story).violations.is_empty() {
            return Ok(seed);
        }
    }
    Err(broken)
}
