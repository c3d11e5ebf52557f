//! Randomized runs on the simulated fleet: random clusters, edits, faults, kills, and what must hold all the same.
//!
//! A case is pure data (`case.rs`), made from a seed and shrunk by proptest. `driver.rs` plays it on one thread, a paused
//! clock, a simulated disk and simulated hosts, through the code that the command line runs (`mainstay::flow`). What must
//! hold after every event is in `invariants/`, one thing a file; `settle.rs` is how every case ends.

#![expect(clippy::unwrap_used, reason = "a test, its set-up included, fails by panicking")]

mod broken;
mod campaign;
mod case;
mod cluster;
mod covered;
mod drifting;
mod driver;
mod edits;
mod figures;
mod files;
mod invariants;
mod judged;
mod kinds;
mod knobs;
mod known;
mod mainstay;
mod operations;
mod parts;
mod regressions;
mod scene;
mod settings;
mod settle;
mod trace;
mod watcher;
mod weather;

/// A case allocates millions of small things on one thread and frees them at once.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `MAINSTAY_RANDOM_CASES=1000000 cargo test --release --test random campaign` is the long mode; see CONTRIBUTING.md.
#[test]
fn campaign() {
    if let Err(told) = campaign::run(&settings::Settings::read()) {
        panic!("{told}");
    }
}
