//! Parses durations, addresses, subnets, paths and lines.

use crate::config::faults::{Fault, Faults};
use crate::config::paths::Paths;
use crate::config::quote::{invisible, quoted};
use ipnet::Ipv4Net;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// Placeholder for a refused address; the checks between addresses ignore it.
pub(super) const NO_ADDRESS: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

/// Reads a duration such as `250ms` or `1h30m`.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: u64 = rest[..digits].parse().ok()?;
        let units = &rest[digits..];
        let (millis, length) = match units.as_bytes() {
            [b'm', b's', ..] => (1, 2),
            [b's', ..] => (1000, 1),
            [b'm', ..] => (60_000, 1),
            [b'h', ..] => (3_600_000, 1),
            _ => return None,
        };
        total = total.checked_add(Duration::from_millis(number.checked_mul(millis)?))?;
        rest = &units[length..];
    }
    (!text.is_empty()).then_some(total)
}

/// A duration as the file writes it.
pub(super) fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0 => "0s".to_owned(),
        n if n % 3_600_000 == 0 => format!("{}h", n / 3_600_000),
        n if n % 60_000 == 0 => format!("{}m", n / 60_000),
        n if n % 1000 == 0 => format!("{}s", n / 1000),
        n => format!("{n}ms"),
    }
}

/// A duration within bounds; the default if it is missing or refused.
pub(super) fn duration(
    written: Option<&str>,
    default: Duration,
    bounds: RangeInclusive<Duration>,
    at: &str,
    faults: &mut Faults<'_>,
) -> Duration {
    let Some(text) = written else { return default };
    let Some(value) = parse_duration(text) else {
        faults.broken(
            Fault::at(at, format!("{} is not a duration", quoted(text)))
                .help("write numbers with their unit: `250ms`, `10s`, `5m`, `4h`"),
        );
        return default;
    };
    if bounds.contains(&value) {
        return value;
    }
    let (least, most) = (show_duration(*bounds.start()), show_duration(*bounds.end()));
    faults.broken(Fault::at(at, format!("{} must be between {least} and {most}", quoted(text))));
    default
}

/// An IPv4 address that a host can have.
pub(super) fn host_address(text: &str) -> Result<Ipv4Addr, &'static str> {
    let address: Ipv4Addr = text.parse().map_err(|_| "is not an IPv4 address")?;
    match address {
        a if a.is_loopback() => Err("is a loopback address, which other hosts cannot reach"),
        a if a.is_unspecified() => Err("is the unspecified address"),
        a if a.is_multicast() => Err("is a multicast address"),
        a if a.is_broadcast() => Err("is the broadcast address"),
        a => Ok(a),
    }
}

/// A subnet whose address is its first one.
pub(super) fn subnet(text: &str, at: &str, faults: &mut Faults<'_>) -> Option<Ipv4Net> {
    let Ok(net) = text.parse::<Ipv4Net>() else {
        let hint = match text.parse::<Ipv4Addr>() {
            Ok(_) => format!("add the prefix length, for example `{text}/16`"),
            Err(_) => "write an address and a prefix length, for example `10.244.0.0/16`".to_owned(),
        };
        faults.broken(Fault::at(at, format!("{} is not an IPv4 subnet", quoted(text))).help(hint));
        return None;
    };
    if net.addr() != net.network() {
        faults.broken(
            Fault::at(at, format!("{} is not the first address of its subnet", quoted(text)))
                .help(format!("that subnet is `{}`", net.trunc())),
        );
        return None;
    }
    Some(net)
}

/// A path of the operator's machine.
pub(super) fn local_path(text: &str, paths: &Paths, at: &str, faults: &mut Faults<'_>) -> Option<PathBuf> {
    if !one_line("path", text, at, faults) {
        return None;
    }
    if text == "~" || (text.starts_with('~') && !text.starts_with("~/")) {
        faults.broken(
            Fault::at(at, format!("the path {} is not supported", quoted(text)))
                .help("`~/` is your home directory; write other home directories in full"),
        );
        return None;
    }
    let resolved = paths.resolve(text);
    if resolved.is_none() {
        faults.broken(
            Fault::at(at, "`~/` cannot be resolved: no home directory was found")
                .help("set HOME, or write the full path"),
        );
    }
    resolved
}

/// An absolute path of a host.
pub(super) fn host_path(text: &str, at: &str, faults: &mut Faults<'_>) -> Option<String> {
    if !one_line("path", text, at, faults) {
        return None;
    }
    if !text.starts_with('/') {
        let message = format!("{} is not an absolute path", quoted(text));
        faults.broken(Fault::at(at, message).help("start the path with `/`"));
        return None;
    }
    if text.split('/').any(|part| matches!(part, "." | "..")) {
        let message = format!("the path {} contains `.` or `..`", quoted(text));
        faults.broken(Fault::at(at, message).help("write it without `.` and `..`"));
        return None;
    }
    Some(text.to_owned())
}

/// Refuses the empty text and characters that no line can hold.
pub(super) fn one_line(what: &str, text: &str, at: &str, faults: &mut Faults<'_>) -> bool {
    if text.trim().is_empty() {
        faults.broken(Fault::at(at, format!("the {what} is empty")).help("give it a value, or remove the key"));
        return false;
    }
    plain_line(what, text, at, faults)
}

/// Refuses characters that no line can hold.
pub(super) fn plain_line(what: &str, text: &str, at: &str, faults: &mut Faults<'_>) -> bool {
    let Some(found) = text.chars().find(|c| invisible(*c)) else {
        return true;
    };
    let name = match found {
        '\n' => "a line break".to_owned(),
        '\t' => "a tab".to_owned(),
        c => format!("the character U+{:04X}", u32::from(c)),
    };
    faults.broken(Fault::at(at, format!("the {what} contains {name}")).help("use visible characters on a single line"));
    false
}

#[cfg(test)]
mod tests {
    use super::{host_address, parse_duration, show_duration};
    use std::time::Duration;

    #[test]
    fn durations_are_read_and_shown() {
        for (text, millis) in [("250ms", 250), ("1s", 1000), ("1h30m", 5_400_000), ("1m1ms", 60_001)] {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "1", "s", "1 s", "-1s", "1.5s", "1d", "99999999999999999999s", "9999999999999999999h"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        assert_eq!(show_duration(Duration::from_hours(4)), "4h");
        assert_eq!(show_duration(Duration::from_millis(250)), "250ms");
    }

    #[test]
    fn addresses_that_no_host_can_have_are_refused() {
        for text in ["127.0.0.1", "0.0.0.0", "224.0.0.18", "255.255.255.255", "10.0.0.300", "::1", ""] {
            assert!(host_address(text).is_err(), "{text}");
        }
        assert!(host_address("10.0.0.1").is_ok());
    }
}
