//! The table, as Markdown, and the bars.

use std::time::Duration;

use super::Sample;

/// A contender and its runs.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) samples: Vec<Sample>,
}

/// What the others are compared with.
pub(crate) const MAINSTAY: &str = "mainstay plan";
const FLOOR: &str = "OpenSSH: the same script (floor)";

impl Row {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, samples: Vec::new() }
    }

    fn sorted(&self, of: impl Fn(&Sample) -> Duration) -> Vec<f64> {
        let mut values: Vec<f64> = self.samples.iter().map(|sample| of(sample).as_secs_f64()).collect();
        values.sort_by(f64::total_cmp);
        values
    }

    /// Median wall time in seconds.
    fn wall(&self) -> f64 {
        median(&self.sorted(|sample| sample.wall))
    }

    /// How often faster mainstay must be at least; for the floor, how much slower at most.
    fn bar(&self) -> Option<(f64, bool)> {
        match self.name {
            FLOOR => Some((1.3, false)),
            name if name.starts_with("Ansible") => Some((50.0, true)),
            name if name.starts_with("pyinfra") => Some((5.0, true)),
            _ => None,
        }
    }
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        even if even % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

/// Prints the rows; whether all bars are met.
pub(crate) fn print(rows: &[Row]) -> bool {
    let own = rows.iter().find(|row| row.name == MAINSTAY).map_or(f64::NAN, Row::wall);
    let mut all = true;
    println!("| | wall s, median [min-max] | client CPU s | beside mainstay | bar | |");
    println!("|---|--:|--:|--:|--:|---|");
    for row in rows {
        let wall = row.sorted(|sample| sample.wall);
        let cpu = median(&row.sorted(|sample| sample.cpu));
        let (least, most) = (wall.first().unwrap_or(&f64::NAN), wall.last().unwrap_or(&f64::NAN));
        let times = row.wall() / own;
        let (beside, bar, verdict) = match row.bar() {
            _ if row.name == MAINSTAY => (String::new(), String::new(), ""),
            None => (format!("{times:.2} ×"), String::new(), ""),
            Some((bar, faster)) => {
                let met = if faster { times >= bar } else { 1.0 / times <= bar };
                all &= met;
                let sign = if faster { '≥' } else { '≤' };
                let shown = if faster { format!("{times:.1} ×") } else { format!("mainstay {:.2} ×", 1.0 / times) };
                (shown, format!("{sign} {bar}"), if met { "met" } else { "MISSED" })
            }
        };
        let median = row.wall();
        println!("| {} | {median:.2} [{least:.2}-{most:.2}] | {cpu:.2} | {beside} | {bar} | {verdict} |", row.name);
    }
    all
}
