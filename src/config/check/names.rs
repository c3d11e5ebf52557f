//! Syntax of names.

use std::net::IpAddr;

/// A DNS-1123 label: lower-case letters, digits, dashes inside, at most 63.
pub(super) fn is_label(text: &str) -> bool {
    let alnum = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = text.as_bytes();
    matches!((bytes.first(), bytes.last()), (Some(a), Some(b)) if alnum(*a) && alnum(*b))
        && bytes.len() <= 63
        && bytes.iter().all(|c| alnum(*c) || *c == b'-')
}

/// A DNS-1123 subdomain: labels joined by dots, at most 253.
pub(super) fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

/// The nearest DNS-1123 label, to suggest: `Web_01` is `web-01`.
pub(super) fn to_label(text: &str) -> Option<String> {
    let mapped: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).take(63).collect();
    let label = mapped.trim_matches('-');
    is_label(label).then(|| label.to_owned())
}

/// An IP address or a host name that can be given to SSH or a certificate.
pub(super) fn is_host(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || is_host_name(text)
}

/// A host name; more is allowed than DNS-1123, since `~/.ssh/config` may define any.
pub(super) fn is_host_name(text: &str) -> bool {
    let inner = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    !text.is_empty()
        && text.len() <= 253
        && text.bytes().all(inner)
        && !text.starts_with(['-', '.'])
        && !text.contains("..")
        && !looks_like_ipv4(text)
}

/// Four numbers with dots, which is an address or a mistake, never a name.
pub(super) fn looks_like_ipv4(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit() || c == b'.')
}

/// A network interface of Linux.
pub(super) fn is_interface(text: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_graphic() && !matches!(c, b'/' | b'"' | b'\'' | b'\\' | b'`' | b'$');
    !text.is_empty()
        && text.len() <= 15
        && text.bytes().all(allowed)
        && !matches!(text, "." | "..")
        && !text.starts_with('-')
}

/// A login name.
pub(super) fn is_user(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 255
        && !text.starts_with('-')
        && text.bytes().all(|c| c.is_ascii_graphic() && !matches!(c, b':' | b'/' | b'"' | b'\'' | b'`'))
}

/// A key of a label, taint or annotation: an optional DNS prefix with a slash, and a name.
pub(super) fn is_qualified(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_label_text(name) && !name.is_empty(),
        None => is_label_text(text) && !text.is_empty(),
    }
}

/// A value of a label or taint: at most 63 letters, digits, `-`, `_` and `.`, letters or digits at
/// both ends; may be empty.
pub(super) fn is_label_text(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && bytes.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
        && bytes.first().is_none_or(u8::is_ascii_alphanumeric)
        && bytes.last().is_none_or(u8::is_ascii_alphanumeric)
}

/// A flag of a component, without dashes in front.
pub(super) fn is_flag(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
}

/// A kernel parameter: segments joined by dots (or slashes, where a segment holds dots).
pub(super) fn is_sysctl(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && part.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'@' | b':'))
    };
    let parts: Vec<&str> = text.split(['.', '/']).collect();
    parts.len() >= 2 && text.len() <= 255 && parts.into_iter().all(part)
}

/// A kernel module.
pub(super) fn is_module(text: &str) -> bool {
    !text.starts_with('-')
        && (1..=64).contains(&text.len())
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
}

/// An image or repository: host, path, optional tag and digest.
pub(super) fn is_image(text: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_' | b'/' | b':' | b'@');
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text.len() <= 512
        && !text.contains("//")
        && text.bytes().all(allowed)
}

/// An http or https URL without blanks, quotes and the like.
pub(super) fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let allowed = |c: u8| c.is_ascii_graphic() && !matches!(c, b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\');
    rest.is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[') && rest.bytes().all(allowed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        assert!(is_label("a") && is_label("a-1") && !is_label("-a") && !is_label("a_") && !is_label(""));
        assert!(is_subdomain("a.b-c.d") && !is_subdomain("a..b") && !is_subdomain("A.b"));
        assert_eq!(to_label("Web_01"), Some("web-01".into()));
        assert_eq!(to_label("ü"), None);
        assert!(is_host("10.0.0.1") && is_host("fe80::1") && is_host("Bastion_1.example"));
        assert!(!is_host("10.0.0.256") && !is_host("-oProxyCommand=x") && !is_host("a b") && !is_host(""));
        assert!(is_interface("eth0.100") && !is_interface("a/b") && !is_interface("sixteen-chars-xx"));
        assert!(is_qualified("example.com/role") && !is_qualified("/role") && !is_qualified("a/b/c"));
        assert!(is_sysctl("net.ipv4.conf.eth0/100.rp_filter") && is_sysctl("vm.swappiness"));
        assert!(!is_sysctl("vm") && !is_sysctl("net..ipv4") && !is_sysctl("net.$(id)") && !is_sysctl("../x"));
        assert!(is_module("ip_vs") && !is_module("-r") && !is_module("a b") && !is_module(""));
        assert!(is_image("registry.example.com:5000/k8s/pause:3.9") && !is_image("https://x/y"));
        assert!(is_url("https://example.com/a?b") && !is_url("ftp://x") && !is_url("https:// x"));
        assert!(is_flag("audit-log-path") && !is_flag("--audit-log-path") && !is_flag("a=b"));
    }
}
