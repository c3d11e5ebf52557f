//! How many labs run at once.

use std::sync::{Condvar, Mutex};

/// Two, of which one often only waits: for a boot, for a host that is cut off, for a deadline. What takes processors, the
/// making of a cluster, would not be sooner with more. `LAB_AT_ONCE=1` for figures.
const AT_ONCE: usize = 2;

static RUNNING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

/// The right to run a lab, until it is dropped.
pub(crate) struct Turn(());

impl Turn {
    /// Waits for one.
    pub(crate) fn take() -> Self {
        let most = std::env::var("LAB_AT_ONCE").ok().and_then(|text| text.parse().ok()).unwrap_or(AT_ONCE);
        let running = RUNNING.lock().unwrap();
        *ENDED.wait_while(running, |running| *running >= most).unwrap() += 1;
        Self(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *RUNNING.lock().unwrap() -= 1;
        ENDED.notify_one();
    }
}
