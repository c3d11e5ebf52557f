//! Addresses: `host/component/kind[key]`, the one name of a resource in plan, state and targets.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::host_name::HostName;
use super::recent::Recent;
use super::text::with_text;

thread_local! {
    static ADDRESSES: RefCell<Recent<Address>> = const { RefCell::new(Recent::new()) };
}

/// Why a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an address: expected host/component/kind or host/component/kind[key]")]
pub struct AddressError {
    text: String,
}

/// The address of one resource. Immutable; prints and parses back.
///
/// Shared inside, because edges, plans and events hold many copies of each: a copy costs a counter,
/// not a text.
#[derive(Clone)]
pub struct Address(Arc<Parts>);

struct Parts {
    host: HostName,
    /// The address as printed.
    text: Box<str>,
    /// Where the kind begins in `text`.
    kind_at: usize,
    /// Where the kind ends in `text`, and the key begins if there is one.
    kind_end: usize,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

impl Address {
    /// Builds an address. `component` and `kind` are our own constants; `key` may hold anything.
    pub fn new(host: HostName, component: &str, kind: &str, key: Option<&str>) -> Self {
        let text = match key {
            Some(key) => [host.as_str(), "/", component, "/", kind, "[", key, "]"].concat(),
            None => [host.as_str(), "/", component, "/", kind].concat(),
        };
        let kind_at = host.as_str().len() + 1 + component.len() + 1;
        Self(Arc::new(Parts { host, text: text.into(), kind_at, kind_end: kind_at + kind.len() }))
    }

    /// The host, or the cluster.
    pub fn host(&self) -> &HostName {
        &self.0.host
    }

    /// The part of the stack, for example `haproxy`.
    pub fn component(&self) -> &str {
        &self.as_str()[self.0.host.as_str().len() + 1..self.0.kind_at - 1]
    }

    /// The kind's name, for example `file`.
    pub fn kind(&self) -> &str {
        &self.as_str()[self.0.kind_at..self.0.kind_end]
    }

    /// What tells this resource from others of its kind, for example a path.
    pub fn key(&self) -> Option<&str> {
        self.as_str()[self.0.kind_end..].strip_prefix('[')?.strip_suffix(']')
    }

    /// `kind[key]`, the short form under a heading that names host and component.
    pub fn short(&self) -> &str {
        &self.as_str()[self.0.kind_at..]
    }

    /// The address as printed.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }
}

impl AsRef<str> for Address {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.as_str() == other.as_str()
    }
}

impl Eq for Address {}

/// By their parts, not by their texts.
impl Ord for Address {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            return Ordering::Equal;
        }
        let by_host = self.host().cmp(other.host());
        by_host
            .then_with(|| self.component().cmp(other.component()))
            .then_with(|| self.kind().cmp(other.kind()))
            .then_with(|| self.key().cmp(&other.key()))
    }
}

impl PartialOrd for Address {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Address {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || AddressError { text: text.to_owned() };
        let mut parts = text.splitn(3, '/');
        let (Some(host), Some(component), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(fail());
        };
        let (kind, key) = match rest.split_once('[') {
            Some((kind, key)) => (kind, Some(key.strip_suffix(']').ok_or_else(fail)?)),
            None => (rest, None),
        };
        let plain = |s: &str| !s.is_empty() && !s.contains(['/', '[', ']']);
        if !(plain(host) && plain(component) && plain(kind)) {
            return Err(fail());
        }
        Ok(Self::new(HostName::new(host), component, kind, key))
    }
}

impl Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        with_text(deserializer, |text| ADDRESSES.with_borrow_mut(|recent| recent.of(text, str::parse)))
    }
}

impl schemars::JsonSchema for Address {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "description": "host/component/kind[key]"})
    }
}

/// A target: a path prefix (`cp2`, `cp2/haproxy`), a glob in any of the parts (`*/keepalived`,
/// `cp*/haproxy`), or a whole address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern {
    text: String,
}

impl Pattern {
    /// Takes the text as written; every text is a pattern, though it may match nothing.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the pattern covers this address.
    pub fn matches(&self, address: &Address) -> bool {
        let parts = [address.host().as_str(), address.component(), address.short()];
        parts.iter().enumerate().all(|(number, part)| self.covers(number, part))
    }

    /// Whether a part of addresses may be this: 0 the host, 1 the component, 2 `kind[key]`.
    pub fn covers(&self, number: usize, part: &str) -> bool {
        self.text.splitn(3, '/').nth(number).is_none_or(|glob| {
            glob_matches(glob.as_bytes(), part.as_bytes()) || glob == part.split('[').next().unwrap_or_default()
        })
    }
}

/// `*` matches any run of characters, all else itself. Two cursors and one way back: linear enough.
fn glob_matches(glob: &[u8], text: &[u8]) -> bool {
    let (mut g, mut t, mut back) = (0, 0, None);
    while t < text.len() {
        if g < glob.len() && glob[g] == b'*' {
            back = Some((g, t));
            g += 1;
        } else if g < glob.len() && glob[g] == text[t] {
            g += 1;
            t += 1;
        } else if let Some((star, from)) = back {
            back = Some((star, from + 1));
            g = star + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    glob[g..].iter().all(|&c| c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prints_and_parses_back() {
        for text in [
            "cp1/host/sysctl[net.ipv4.ip_forward]",
            "cp1/haproxy/file[/etc/haproxy/haproxy.cfg]",
            "cp1/control-plane/member",
            "cluster/network/manifest[flannel]",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn addresses_are_in_the_order_of_their_parts() {
        // As texts these are the other way round.
        for (first, second) in [("a/c/k", "a-b/c/k"), ("a/c/k", "a/c-d/k"), ("a/c/k[x]", "a/c/k-l")] {
            let [first, second] = [first, second].map(|text| text.parse::<Address>().unwrap());
            assert!(first < second, "{first} {second}");
        }
        let address: Address = "a/c/k[x[y]]".parse().unwrap();
        let parts = (address.host().as_str(), address.component(), address.kind(), address.key(), address.short());
        assert_eq!(parts, ("a", "c", "k", Some("x[y]"), "k[x[y]]"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "cp1", "cp1/haproxy", "cp1//file", "/haproxy/file", "cp1/haproxy/file[x", "cp1/a/b]c"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn patterns_are_prefixes_and_globs() {
        let address: Address = "cp2/haproxy/file[/etc/haproxy/haproxy.cfg]".parse().unwrap();
        for hit in ["cp2", "cp2/haproxy", "*/haproxy", "cp*/haproxy", "cp2/haproxy/file", "*/*/file[/etc/*]", "*"] {
            assert!(Pattern::new(hit).matches(&address), "{hit}");
        }
        for miss in ["cp", "cp20", "cp2/keepalived", "*/haproxy/service", "cp2/haproxy/file[/etc]"] {
            assert!(!Pattern::new(miss).matches(&address), "{miss}");
        }
    }

    proptest! {
        #[test]
        fn any_key_round_trips(key in any::<String>()) {
            let address = Address::new(HostName::new("h"), "c", "k", Some(&key));
            prop_assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
        }
    }
}
