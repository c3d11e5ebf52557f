//! What a host tells of how something came to be: it can be shown, and is short.

use mainstay::resource::{Output, Trace};

pub(super) fn check(bytes: &[u8]) {
    let stdout = String::from_utf8_lossy(bytes).into_owned();
    let Some(trace) = Trace::parse(&Output { status: 0, stdout, stderr: String::new() }) else { return };
    let shown = trace.to_string();
    assert!(!shown.contains('\n'), "a trace is one line");
    assert!(shown.chars().count() <= 600, "a trace of {} characters", shown.chars().count());
    serde_json::to_string(&trace).expect("a trace is JSON");
}
