//! Many cases, on all cores, each from a seed of its own; one that breaks something is shrunk and told.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use crate::case::{Case, case};
use crate::driver::{Played, play};
use crate::figures::Figures;
use crate::settings::Settings;

/// Progress is told this often.
const TELL: Duration = Duration::from_secs(10);

/// The seed of one case of a campaign (splitmix64, so that near seeds have nothing in common).
fn seed_of(campaign: u64, number: u64) -> u64 {
    let mut z = campaign.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number.wrapping_mul(0xd1b5_4a32_d192_ed03));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn runner(seed: u64, shrink: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        failure_persistence: None,
        max_shrink_iters: if shrink == 0 { 0 } else { 5000 },
        max_shrink_time: u32::try_from(shrink.saturating_mul(1000)).unwrap_or(u32::MAX),
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// Plays a case; with `twice` again, to see that the same happens.
pub(crate) fn check(case: &Case, twice: bool) -> (Played, Result<(), String>) {
    let played = play(case);
    let mut held = played.broken.clone().map_or(Ok(()), Err);
    if held.is_ok() && twice {
        let again = play(case);
        if again.trace.digest() != played.trace.digest() {
            held = Err(format!("the same case, the same trace: {}", played.trace.difference(&again.trace)));
        }
    }
    (played, held)
}

/// Generates the case of a seed and plays it. The error tells all that is needed to find out why.
fn one(seed: u64, twice: bool, shrink: u64) -> (Figures, Result<(), String>) {
    let mut runner = runner(seed, shrink);
    let tree = case().new_tree(&mut runner).expect("strategies reject nothing");
    let first = tree.current();
    let mut figures = Figures::default();
    let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&first, twice)));
    let broken = match played {
        Ok((played, held)) => {
            figures += played.figures;
            held.err()
        }
        Err(_) => Some("it panics".to_owned()),
    };
    let Some(broken) = broken else { return (figures, Ok(())) };
    let again = |case: Case| check(&case, twice).1.map_err(TestCaseError::fail);
    let told = match runner.run_one(tree, again) {
        Err(TestError::Fail(why, case)) => told(seed, &why.to_string(), &case),
        other => format!("case {seed:#018x} broke something once and then did not ({other:?}): {broken}"),
    };
    (figures, Err(told))
}

fn told(seed: u64, why: &str, case: &Case) -> String {
    let mut text = format!("case {seed:#018x}: {why}\n\n");
    let _ = writeln!(text, "replay: MAINSTAY_RANDOM_CASE={seed:#018x} cargo test --test random campaign\n");
    let _ = writeln!(text, "shrunk:\n{case:#?}\n\ncluster.yaml at first:\n{}", case.wanted.yaml());
    let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| play(case)));
    match played {
        Ok(played) => {
            let _ = writeln!(text, "what led to it:\n{}", played.led_to_it);
        }
        Err(_) => text.push_str("it panics, so there is no trace\n"),
    }
    text
}

/// Says something past the test harness, which keeps what is printed to itself.
struct Voice(Option<File>);

impl Voice {
    fn say(&mut self, text: &str) {
        // Nobody may be listening.
        let _ = writeln!(std::io::stderr(), "{text}");
        if let Some(file) = &mut self.0 {
            let _ = writeln!(file, "{text}");
        }
    }
}

/// Runs a campaign; the error is what to tell of the first case that broke something.
pub(crate) fn run(settings: &Settings) -> Result<Figures, String> {
    if let Some(seed) = settings.replay {
        let (figures, held) = one(seed, true, settings.shrink);
        return held.map(|()| figures);
    }
    let log = settings.log.as_ref().map(|path| File::create(path).expect("the log can be written"));
    let voice = Mutex::new(Voice(log));
    let say = |text: &str| voice.lock().expect("nobody panics while speaking").say(text);
    let (next, done, stop) = (AtomicU64::new(settings.from), AtomicU64::new(0), AtomicBool::new(false));
    let end = settings.from.saturating_add(settings.cases);
    let (total, broken) = (Mutex::new(Figures::default()), Mutex::new(0_usize));
    let began = Instant::now();
    say(&format!(
        "random: {} cases of seed {} from number {} on, on {} threads",
        settings.cases, settings.seed, settings.from, settings.threads
    ));
    std::thread::scope(|scope| {
        for _ in 0..settings.threads {
            scope.spawn(|| {
                let mut mine = Figures::default();
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= end {
                        break;
                    }
                    let (figures, held) = {
                        let twice = number.is_multiple_of(settings.twice);
                        one(seed_of(settings.seed, number), twice, settings.shrink)
                    };
                    mine += figures;
                    done.fetch_add(1, Ordering::Relaxed);
                    if let Err(told) = held {
                        say(&told);
                        let mut broken = broken.lock().expect("nobody panics");
                        *broken += 1;
                        if *broken >= settings.stop_after {
                            stop.store(true, Ordering::Relaxed);
                        }
                    }
                }
                *total.lock().expect("nobody panics") += mine;
            });
        }
        let mut told = Instant::now();
        while done.load(Ordering::Relaxed) < settings.cases && !stop.load(Ordering::Relaxed) {
            std::thread::park_timeout(Duration::from_millis(50));
            if settings.seconds.is_some_and(|limit| began.elapsed().as_secs() >= limit) {
                stop.store(true, Ordering::Relaxed);
            }
            if told.elapsed() >= TELL {
                told = Instant::now();
                let (done, took) = (done.load(Ordering::Relaxed), began.elapsed().as_secs_f64());
                #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
                let each = done as f64 / took;
                say(&format!("random: {done} of {} cases after {took:.0} s, {each:.0} a second", settings.cases));
            }
        }
    });
    let figures = total.into_inner().expect("nobody panics");
    say(&format!(
        "random: {figures}\nrandom: seed {}, up to number {}, {:.1} s",
        settings.seed,
        next.into_inner().min(end),
        began.elapsed().as_secs_f64()
    ));
    let broken = broken.into_inner().expect("nobody panics");
    match broken {
        0 => Ok(figures),
        more => Err(format!("{more} cases broke something, see above")),
    }
}
