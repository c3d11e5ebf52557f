//! Frames: an answer is taken apart as it was put together, or refused as cut.

use std::fmt::Write;

use mainstay::resource::{Output, parse_frames};

const MARK: &str = "a5f3c0ffee00d15ea5e0";

/// `STDOUT NUL STDERR`, with `@` at the start of a line for the marker.
pub(super) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let marked = |text: &str| text.replace("\n@", &format!("\n{MARK}"));
    let (stdout, stderr) = text.split_once('\0').unwrap_or((&text, ""));
    let output = Output { status: 0, stdout: marked(stdout), stderr: marked(stderr) };
    if let Ok(parts) = parse_frames(MARK, &output, None) {
        assert!(!parts.is_empty());
        assert_eq!(parse_frames(MARK, &output, Some(parts.len())).as_ref(), Ok(&parts));
        assert!(parse_frames(MARK, &output, Some(parts.len() + 1)).is_err(), "a missing part is told");
    }
    comes_back(&text);
}

/// Each paragraph as the answer of one part.
fn comes_back(text: &str) {
    // No host knows the marker, but a fuzzer finds it out.
    let answers: Vec<&str> = text.split("\n\n").take(20).filter(|answer| !answer.contains(MARK)).collect();
    if answers.is_empty() {
        return;
    }
    let begun = format!("\n{MARK} begun 0\n");
    let (mut stdout, mut stderr) = (format!("Welcome!{begun}"), begun);
    for (number, answer) in (0_i32..).zip(&answers) {
        let _ = write!(stdout, "{answer}\n{MARK} look{number} {number}\n");
        let _ = write!(stderr, "{}\n{MARK} look{number} {number}\n", answer.len());
    }
    let whole = Output { status: 0, stdout, stderr };
    let parts = parse_frames(MARK, &whole, Some(answers.len())).expect("a whole answer is taken apart");
    for (number, (part, answer)) in (0..).zip(parts.iter().zip(&answers)) {
        assert_eq!(part.label, format!("look{number}"));
        assert_eq!((part.output.stdout.as_str(), part.output.status), (*answer, number));
    }
    let half = whole.stdout.floor_char_boundary(whole.stdout.len() / 2);
    let cut = Output { stdout: whole.stdout[..half].to_owned(), ..whole };
    assert!(parse_frames(MARK, &cut, Some(answers.len())).is_err(), "a cut is told");
}
