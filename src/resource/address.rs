//! Addresses: `host/component/kind[key]`, the one name of a resource in plan, state and targets.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The name of a host in cluster.yaml, or `cluster` for cluster-wide resources.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct HostName(String);

impl HostName {
    /// Stands for the cluster itself; its resources are carried out on any healthy control plane.
    pub const CLUSTER: &'static str = "cluster";

    /// Takes a name that `config` has checked (DNS-1123), or one read back from state.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The host that stands for the cluster.
    pub fn cluster() -> Self {
        Self::new(Self::CLUSTER)
    }

    /// Whether this stands for the cluster rather than for a machine.
    pub fn is_cluster(&self) -> bool {
        self.0 == Self::CLUSTER
    }

    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without its trailing number, that number, and the name: a sort key that puts w2 before w10.
    pub fn by_number(&self) -> (&str, u64, &str) {
        let name = self.as_str();
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        (stem, name[stem.len()..].parse().unwrap_or(0), name)
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
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
/// not four texts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(Arc<Parts>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Parts {
    host: HostName,
    component: String,
    kind: String,
    key: Option<String>,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

impl Address {
    /// Builds an address. `component` and `kind` are our own constants; `key` may hold anything.
    pub fn new(host: HostName, component: &str, kind: &str, key: Option<String>) -> Self {
        Self(Arc::new(Parts { host, component: component.to_owned(), kind: kind.to_owned(), key }))
    }

    /// The host, or the cluster.
    pub fn host(&self) -> &HostName {
        &self.0.host
    }

    /// The part of the stack, for example `haproxy`.
    pub fn component(&self) -> &str {
        &self.0.component
    }

    /// The kind's name, for example `file`.
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// What tells this resource from others of its kind, for example a path.
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// `kind[key]`, the short form under a heading that names host and component.
    pub fn short(&self) -> String {
        match &self.0.key {
            Some(key) => format!("{}[{key}]", self.0.kind),
            None => self.0.kind.clone(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}/{}/{}", self.0.host, self.0.component, self.short());
        f.pad(&text)
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
            Some((kind, key)) => (kind, Some(key.strip_suffix(']').ok_or_else(fail)?.to_owned())),
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
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
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
        let parts = [address.host().to_string(), address.component().to_owned(), address.short()];
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
            let address = Address::new(HostName::new("h"), "c", "k", Some(key));
            prop_assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
        }
    }
}
