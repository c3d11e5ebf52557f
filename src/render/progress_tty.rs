//! Progress on a terminal: a headline, and a line for each resource that is being worked on.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::progress::{Board, Progress, clock, first_line};
use crate::engine::event::{Ending, Event};
use crate::resource::Address;

/// Lines of running resources shown at once; a terminal of 24 lines keeps room for what failed.
const LINES: usize = 12;

/// Draws on stderr.
pub struct TtyProgress {
    cluster: String,
    board: Board,
    screen: MultiProgress,
    headline: ProgressBar,
    lines: BTreeMap<Address, ProgressBar>,
}

impl std::fmt::Debug for TtyProgress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TtyProgress").field("board", &self.board).finish_non_exhaustive()
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{wide_msg}").expect("the template is constant")
}

impl TtyProgress {
    /// Draws on stderr.
    pub fn new(cluster: &str) -> Self {
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        let headline = screen.add(ProgressBar::new_spinner().with_style(style()));
        Self { cluster: cluster.to_owned(), board: Board::new(), screen, headline, lines: BTreeMap::new() }
    }

    fn draw(&mut self) {
        let board = &self.board;
        let waiting = board.total.saturating_sub(board.done + board.failed + board.running.len());
        let failed = if board.failed > 0 { format!(" · {} failed", board.failed) } else { String::new() };
        let interrupted = if board.interrupts > 0 { " · interrupted" } else { "" };
        self.headline.set_message(format!(
            "{}  {}/{} done · {} running · {waiting} waiting{failed}{interrupted}   {}",
            self.cluster,
            board.done,
            board.total,
            board.running.len(),
            clock(board.began.elapsed()),
        ));
        self.lines.retain(|address, line| {
            let keep = board.running.contains_key(address);
            if !keep {
                line.finish_and_clear();
            }
            keep
        });
        for (address, running) in &board.running {
            let elapsed = running.began.elapsed();
            // What is done at once would only flicker.
            if elapsed < Duration::from_millis(300) || (self.lines.len() >= LINES && !self.lines.contains_key(address))
            {
                continue;
            }
            let line = self
                .lines
                .entry(address.clone())
                .or_insert_with(|| self.screen.add(ProgressBar::new_spinner().with_style(style())));
            let what = format!("{}/{}", address.component(), address.short());
            line.set_message(format!(
                "  {:<8} {what:<34} {:>4} s  {}",
                address.host(),
                elapsed.as_secs(),
                running.says
            ));
        }
    }
}

impl Progress for TtyProgress {
    fn event(&mut self, event: &Event) {
        self.board.take(event);
        match event {
            Event::Ended { address, ending: Ending::Failed(failure), .. } if !failure.is_stop() => {
                let _ = self.screen.println(format!("failed: {address}: {}", first_line(failure)));
            }
            Event::Interrupted if self.board.interrupts > 1 => {
                let _ = self.screen.println(self.board.interruption());
            }
            _ => {}
        }
        self.draw();
    }

    fn tick(&mut self) {
        self.draw();
    }

    fn end(&mut self) {
        for line in self.lines.values() {
            line.finish_and_clear();
        }
        self.headline.finish_and_clear();
    }
}
