//! How changes go from host to host.

use crate::config::faults::{Fault, Faults};
use crate::config::file::{self, Text};
use crate::config::quote::quoted;
use crate::config::{AtOnce, Rollout};

const AT: &str = "/rollout/maxUnavailable";

pub(super) fn check(written: Option<&file::Rollout>, faults: &mut Faults<'_>) -> Rollout {
    let written = written.and_then(|rollout| rollout.max_unavailable.as_ref());
    Rollout { max_unavailable: written.map_or(AtOnce::Number(1), |text| at_once(text, faults)) }
}

fn at_once(Text(text): &Text, faults: &mut Faults<'_>) -> AtOnce {
    let (digits, percent) = text.strip_suffix('%').map_or((text.as_str(), false), |digits| (digits, true));
    let plain = digits.bytes().all(|digit| digit.is_ascii_digit());
    let number = digits.parse::<usize>().ok().filter(|_| plain);
    let because = match number {
        Some(0) => "with 0, no worker could ever restart",
        Some(number) if percent => match u8::try_from(number) {
            Ok(percent @ 1..=100) => return AtOnce::Percent(percent),
            _ => "a percentage must be between 1% and 100%",
        },
        Some(number) => return AtOnce::Number(number),
        None => "it is neither a number nor a percentage",
    };
    let message = format!("{} is not a valid number of workers", quoted(text));
    faults.broken(
        Fault::at(AT, message).because(because).help("write a number such as `2`, or a percentage such as `10%`"),
    );
    AtOnce::Number(1)
}
