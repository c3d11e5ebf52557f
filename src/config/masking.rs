//! Lines of the file are shown in messages, and messages end in logs: what looks like a secret is
//! shown as stars, whether or not it belongs there.

use std::ops::Range;

/// Words that name secrets.
const WORDS: &[&str] = &["password", "passphrase", "secret", "token"];

/// The text as it may be shown, every byte where it was: stars for secrets, no carriage returns, and dots for the control
/// characters of two bytes, which terminals obey and the excerpts leave as they are.
pub(super) fn presentable(text: &str, hidden: impl Iterator<Item = Range<usize>>) -> String {
    let mut bytes = text.as_bytes().to_vec();

    for range in hidden.chain(literals(text)) {
        for byte in bytes[range].iter_mut().filter(|byte| !matches!(byte, b'\n' | b'\r')) {
            *byte = b'*';
        }
    }
    for at in 1..bytes.len() {
        if bytes[at] == b'\n' && bytes[at - 1] == b'\r' {
            bytes[at - 1] = b' ';
        }
    }
    let shown = String::from_utf8(bytes).unwrap_or_default();
    shown.replace(|c: char| matches!(c, '\u{80}'..='\u{9f}'), "\u{b7}")
}

/// Values written behind keys that name secrets. References in braces stay readable.
fn literals(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut offset = 0;
    text.split_inclusive('\n').flat_map(move |line| {
        let start = offset;
        offset += line.len();
        in_line(line).into_iter().map(move |found| start + found.start..start + found.end)
    })
}

fn in_line(line: &str) -> Vec<Range<usize>> {
    let lower = line.to_ascii_lowercase();
    let mut found: Vec<Range<usize>> = Vec::new();
    if !WORDS.iter().any(|word| lower.contains(word)) {
        return found;
    }
    for (colon, _) in line.match_indices(':') {
        if found.last().is_some_and(|last| colon < last.end) {
            continue;
        }
        let key_end = line[..colon].trim_end_matches(['"', '\'', ' ']).len();
        let key_start = lower[..key_end].rfind(['{', ',', ' ', '"', '\'', '\t']).map_or(0, |at| at + 1);
        if !WORDS.iter().any(|word| lower[key_start..key_end].contains(word)) {
            continue;
        }
        let rest = &line[colon + 1..];
        let begin = colon + 1 + (rest.len() - rest.trim_start().len());
        let value = line[begin..].trim_end();
        let length = match value.chars().next() {
            None | Some('{' | '[' | '#') => continue,
            Some(quote @ ('"' | '\'')) => value[1..].find(quote).map_or(value.len(), |at| at + 2),
            Some(_) if line[..colon].contains('{') => value.find([',', '}']).unwrap_or(value.len()),
            Some(_) => value.find(" #").unwrap_or(value.len()),
        };
        found.push(begin..begin + length);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::presentable;

    #[test]
    fn secrets_become_stars_controls_dots_and_references_stay() {
        for (text, shown) in [
            ("password: hunter2 # mine", "password: ******* # mine"),
            ("ssh: {sudoPassword: hunter2, port: 22}", "ssh: {sudoPassword: *******, port: 22}"),
            ("  oidc-client-secret: \"a: b\"\n", "  oidc-client-secret: ******\n"),
            ("authPassword: {env: VRRP}", "authPassword: {env: VRRP}"),
            ("token: \"unclosed\r\nnext: 1\r\n", "token: ********* \nnext: 1 \n"),
            ("passphrase: größe", "passphrase: *******"),
            ("name: \u{9b}31mred", "name: \u{b7}31mred"),
        ] {
            assert_eq!(presentable(text, std::iter::empty()), shown);
            assert_eq!(presentable(text, std::iter::empty()).len(), text.len());
        }
    }
}
