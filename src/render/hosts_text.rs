//! Names of hosts: in the order of their numbers, as ranges, and left out of a text.

use super::style::columns;
use crate::resource::HostName;

/// Up to this many hosts are named one by one.
const NAMED: usize = 8;

/// Hosts that are in order, in at most `width` columns: one by one when they are few, as ranges (`w1..w1000`) when
/// they are many, and where that is too long, too, how many more there are.
pub(super) fn host_list(hosts: &[&HostName], width: usize) -> String {
    let names: Vec<&str> = hosts.iter().map(|host| host.as_str()).collect();
    let whole = names.join(" ");
    if hosts.len() <= NAMED && columns(&whole) <= width {
        return whole;
    }
    let ranges = ranges(hosts);
    let room = width.saturating_sub(" and 9999 more".len());
    let whole: usize = ranges.iter().map(|(text, _)| columns(text) + 1).sum();
    let (mut text, mut told) = (String::new(), 0);
    for (range, count) in ranges {
        if told > 0 && whole > width + 1 && columns(&text) + 1 + columns(&range) > room {
            break;
        }
        text.push_str(if told > 0 { " " } else { "" });
        text.push_str(&range);
        told += count;
    }
    match hosts.len() - told {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

/// Three and more neighbours as `first..last`, and how many each text stands for.
fn ranges(hosts: &[&HostName]) -> Vec<(String, usize)> {
    let mut runs: Vec<Vec<&HostName>> = Vec::new();
    for &host in hosts {
        match runs.last_mut() {
            Some(run) if run.last().is_some_and(|last| follows(last, host)) => run.push(host),
            _ => runs.push(vec![host]),
        }
    }
    let texts = runs.into_iter().flat_map(|run| match run.as_slice() {
        [first, _, .., last] => vec![(format!("{first}..{last}"), run.len())],
        few => few.iter().map(|host| (host.to_string(), 1)).collect(),
    });
    texts.collect()
}

/// Whether a name is the next one: `w10` after `w9`, `w010` after `w009`, never `w010` after `w9`.
fn follows(last: &HostName, host: &HostName) -> bool {
    let ((stem, number, last), (next_stem, next_number, next)) = (last.by_number(), host.by_number());
    let has_number = last.len() > stem.len() && next.len() > next_stem.len();
    let padded = next[next_stem.len()..].starts_with('0');
    let same_form = last.len() == next.len() || !padded;
    let counts = number.checked_add(1) == Some(next_number);
    let unpadded = !last[stem.len()..].starts_with('0') || last.len() == next.len();
    has_number && stem == next_stem && counts && same_form && unpadded
}

/// A text without the host's name and without numbers, to find texts that are alike.
pub(super) fn masked(text: &str, host: &HostName) -> String {
    let mut masked = String::with_capacity(text.len());
    for c in without_host(text, host).chars() {
        if !c.is_ascii_digit() {
            masked.push(c);
        } else if !masked.ends_with('#') {
            masked.push('#');
        }
    }
    masked
}

/// A text with `\0` for the host's name where that stands alone.
pub(super) fn without_host(text: &str, host: &HostName) -> String {
    let part_of_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(host.as_str()) {
        let (before, after) = (&rest[..at], &rest[at + host.as_str().len()..]);
        shown.push_str(before);
        let inside = shown.ends_with(part_of_name) || after.starts_with(part_of_name);
        shown.push_str(if inside { host.as_str() } else { "\0" });
        rest = after;
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str], width: usize) -> String {
        let hosts: Vec<HostName> = names.iter().map(|name| HostName::new(*name)).collect();
        let mut hosts: Vec<&HostName> = hosts.iter().collect();
        hosts.sort_by_key(|host| host.by_number());
        host_list(&hosts, width)
    }

    #[test]
    fn few_hosts_are_named_and_many_are_ranges() {
        assert_eq!(list(&["w10", "w2", "cp1", "w1"], 80), "cp1 w1 w2 w10");
        assert_eq!(list(&["w1", "w2", "w3", "w4", "w5", "w6", "w8", "x", "a1", "w9"], 80), "a1 w1..w6 w8 w9 x");
        let many: Vec<String> = (1..=1000).map(|i| format!("w{i}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(list(&many, 20), "w1..w1000");
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let odd: Vec<String> = (1..=99).step_by(2).map(|i| format!("w{i}")).collect();
        let odd: Vec<&str> = odd.iter().map(String::as_str).collect();
        assert_eq!(list(&odd, 30), "w1 w3 w5 w7 w9 and 45 more");
        assert_eq!(list(&["a", "b"], 1), "a and 1 more");
    }

    #[test]
    fn a_range_never_names_a_host_that_is_not_there() {
        let padded: Vec<String> = (8..=12).map(|i| format!("w{i:02}")).collect();
        let mut padded: Vec<&str> = padded.iter().map(String::as_str).collect();
        padded.extend(["w13", "w014", "w15", "w9"]);
        assert_eq!(list(&padded, 80), "w08 w09 w9..w13 w014 w15");
    }

    #[test]
    fn only_the_whole_name_is_left_out() {
        let host = HostName::new("w1");
        assert_eq!(without_host("w1: w10 and w1-a, on w1", &host), "\0: w10 and w1-a, on \0");
        assert_eq!(without_host("w1w1", &host), "w1w1");
        assert_eq!(masked("server w1 10.0.0.21:6443", &host), "server \0 #.#.#.#:#");
    }
}
