//! Plays stories side by side, gathers what fired, and tells of a red one: its
//! seed, its shortest form found, and where its ledgers are.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use squaresync::square::simulator::Call;

use super::account::account;
use super::act::{Act, Story};
use super::check::{Evidence, Violation};
use super::faults::{BULK_FAULTS, CALL_FAULTS};
use super::fired;
use super::play::Flow;
use super::stage::Stage;
use super::world::{Way, World};
use crate::support::Kind;

/// What a story came to.
pub(crate) struct Ended {
    pub(crate) violations: Vec<Violation>,
    /// How often each fault fired.
    pub(crate) fired: BTreeMap<String, u64>,
    /// Everything that is known of it, as text; of a green one nothing.
    pub(crate) account: String,
    /// Every call that Square had, with its answer.
    pub(crate) calls: Vec<Call>,
}

/// In how many stories every fault must have fired.
const ALL_FIRE_WITHIN: u64 = 1000;
/// In how many all but the rare ones.
const MOST_FIRE_WITHIN: u64 = 300;
/// What takes several things that seldom come together.
const RARE: [&str; 2] = ["key used with another body", "merged id answered with 404"];
/// What else happens to a story beside the faults of calls.
const HAPPENINGS: [&str; 30] = [
    "access-refused",
    "answer of another id",
    "answer to an event lost",
    "backup restored",
    "bulk create",
    "bulk update",
    "change between pages",
    "clock skew",
    "crash",
    "crash at a call",
    "deleted profile restored",
    "directory emptied",
    "event dropped",
    "event id used twice",
    "event of another seller",
    "event overtaken",
    "event replayed",
    "event while the database fails",
    "forged event",
    "hidden",
    "key used with another body",
    "keys forgotten",
    "lag",
    "latency",
    "merged id answered with 404",
    "merge",
    "poison",
    "row with the reference of a profile",
    "stale version",
    "unknown key in a profile",
];

/// After how many red stories no more are played.
const ENOUGH: usize = 5;

/// Plays every story of these seeds; fails with the first red ones.
pub(crate) fn play_all(kind: Kind, way: Way, seeds: Range<u64>) {
    let begun = Instant::now();
    let next = AtomicU64::new(seeds.start);
    let reds = AtomicUsize::new(0);
    let fired: Mutex<BTreeMap<String, u64>> = Mutex::default();
    let red: Mutex<Vec<String>> = Mutex::default();
    let threads = std::thread::available_parallelism()
        .map_or(2, usize::from)
        .min(8);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut theatre = Theatre::new(kind, way);
                while reds.load(Ordering::Relaxed) < ENOUGH {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seeds.end <= seed {
                        break;
                    }
                    let story = Story::of(seed);
                    let ended = theatre.play(&story);
                    for (fault, times) in &ended.fired {
                        *fired.lock().unwrap().entry(fault.clone()).or_default() += times;
                    }
                    if !ended.violations.is_empty() {
                        reds.fetch_add(1, Ordering::Relaxed);
                        let report = theatre.report(story, ended);
                        red.lock().unwrap().push(report);
                    }
                }
            });
        }
    });
    let reports = red.into_inner().unwrap();
    assert!(reports.is_empty(), "{}", reports.join("\n"));
    let number = seeds.end - seeds.start;
    eprintln!(
        "{number} stories on {kind:?} in {:.1?}, seeds {seeds:?}",
        begun.elapsed()
    );
    let fired = fired.into_inner().unwrap();
    for (fault, times) in &fired {
        eprintln!("  {times:>8} {fault}");
    }
    let names = CALL_FAULTS
        .iter()
        .chain(&BULK_FAULTS)
        .map(|fault| fault.name());
    let unfired: Vec<String> = names
        .chain(HAPPENINGS.iter().map(|&name| name.to_owned()))
        .filter(|name| !fired.contains_key(name))
        .filter(|name| ALL_FIRE_WITHIN <= number || !RARE.contains(&name.as_str()))
        .collect();
    if MOST_FIRE_WITHIN <= number {
        assert_eq!(unfired, [""; 0], "faults that never fired");
    }
}

/// A place to play stories, one after another.
pub(crate) struct Theatre {
    runtime: tokio::runtime::Runtime,
    stage: Stage,
    way: Way,
}

impl Theatre {
    pub(crate) fn new(kind: Kind, way: Way) -> Self {
        // Without sockets, waits pass at once where nothing else is left to do.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(way == Way::Memory)
            .build()
            .unwrap();
        let stage = runtime.block_on(Stage::new(kind));
        Self {
            runtime,
            stage,
            way,
        }
    }

    /// Plays one story to its end.
    pub(crate) fn play(&mut self, story: &Story) -> Ended {
        let whole = whole(&mut self.stage, story, self.way);
        let played = AssertUnwindSafe(|| self.runtime.block_on(whole));
        std::panic::catch_unwind(played).unwrap_or_else(|panic| {
            let words = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
            Ended {
                violations: vec![Violation::new("I66", format!("a panic: {words:?}"))],
                fired: BTreeMap::new(),
                account: String::new(),
                calls: Vec::new(),
            }
        })
    }

    /// Shortens a red story and says all about it.
    pub(crate) fn report(&mut self, story: Story, first: Ended) -> String {
        let seed = story.seed;
        let wanted = first.violations.first().map(|it| it.invariant);
        let short = self.shortest(story, wanted.unwrap_or_default());
        let again = self.play(&short);
        let is_green = again.violations.is_empty();
        let ended = if is_green { first } else { again };
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/stories"));
        let path = folder.join(format!("{seed}.{:?}.txt", self.stage.kind()));
        let mut text = String::new();
        writeln!(
            text,
            "story {seed} on {:?} is red; play it again with SQUARESYNC_STORY={seed}",
            self.stage.kind()
        )
        .unwrap();
        for violation in &ended.violations {
            writeln!(text, "{}: {}", violation.invariant, violation.words).unwrap();
        }
        if is_green {
            writeln!(text, "played again, it was green").unwrap();
        }
        writeln!(text, "its shortest form found:").unwrap();
        for act in &short.acts {
            writeln!(text, "  {act}").unwrap();
        }
        let is_written = std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(&path, format!("{text}\n{}", ended.account)));
        if is_written.is_ok() {
            writeln!(text, "its ledgers are in {}", path.display()).unwrap();
        }
        text
    }

    /// Leaves acts out as long as the story stays red by the same invariant.
    fn shortest(&mut self, story: Story, wanted: &str) -> Story {
        let mut best = story;
        let mut size = best.acts.len().div_ceil(2);
        while 0 < size {
            let mut place = 0;
            while place < best.acts.len() {
                let mut acts: Vec<Act> = best.acts.clone();
                acts.drain(place..(place + size).min(acts.len()));
                let shorter = Story {
                    seed: best.seed,
                    acts,
                };
                let ended = self.play(&shorter);
                if ended.violations.iter().any(|it| it.invariant == wanted) {
                    best = shorter;
                } else {
                    place += size;
                }
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
        best
    }
}

async fn whole(stage: &mut Stage, story: &Story, way: Way) -> Ended {
    let mut world = World::new(stage, story.seed, way).await;
    if story.seed.is_multiple_of(2) {
        // Half of the stories begin where the directory was read before.
        world.steps(Flow::Backfill, 10).await;
    }
    for act in &story.acts {
        world.play(*act).await;
    }
    let mut violations = Vec::new();
    let settled = world.settle().await;
    let is_settled = settled.is_ok();
    violations.extend(settled.err());
    if is_settled {
        violations.extend(evidence(&mut world).violations());
        let unsound = world.stage.unsound().into_iter();
        violations.extend(unsound.map(|words| Violation::new("tables", words)));
    }
    if violations.is_empty() {
        violations.extend(world.stay_quiet().await.err());
    }
    if let Some(wire) = world.wire.take() {
        wire.stop().await;
    }
    let account = if violations.is_empty() {
        String::new()
    } else {
        account(&mut world)
    };
    let mut fired: BTreeMap<String, u64> = world
        .square
        .all_fired()
        .into_iter()
        .map(|(fault, times)| (fault.name(), times))
        .collect();
    let calls = world.square.calls();
    for what in fired::in_calls(&calls, &world.square) {
        *fired.entry(what).or_default() += 1;
    }
    for (what, times) in &world.ledger.happened {
        fired.insert((*what).to_owned(), *times);
    }
    Ended {
        violations,
        fired,
        account,
        calls,
    }
}

fn evidence<'a>(world: &'a mut World<'_>) -> Evidence<'a> {
    let undurable = world.passage.undurable.lock().unwrap().clone();
    Evidence::gather(
        &world.ledger,
        &world.square,
        world.stage,
        undurable,
        world.setting,
    )
}
