//! Keys of cluster.yaml that a resource is made from, so that a change can name the key behind it, and a refused key
//! stops all that is made from it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::output::sha256_hex;
use super::recent::Recent;
use super::text::with_text;

thread_local! {
    static POINTERS: RefCell<Recent<Arc<str>>> = const { RefCell::new(Recent::new()) };
}

/// A key of cluster.yaml as a JSON pointer, and a short digest of its checked value. A segment `*` is every key there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pointer: Arc<str>,
    digest: u32,
}

impl Key {
    /// The key at this pointer, which has this value.
    pub fn new(pointer: impl Into<Arc<str>>, value: &impl fmt::Display) -> Self {
        let digest = sha256_hex(value.to_string().as_bytes());
        Self { pointer: pointer.into(), digest: u32::from_str_radix(&digest[..8], 16).unwrap_or_default() }
    }

    /// One key for each leaf of a JSON value below this pointer; what is null is not set.
    pub fn leaves(pointer: &str, value: &serde_json::Value) -> Vec<Self> {
        match value {
            serde_json::Value::Null => Vec::new(),
            serde_json::Value::Object(fields) => {
                let below = |name: &String| format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                fields.iter().flat_map(|(name, value)| Self::leaves(&below(name), value)).collect()
            }
            serde_json::Value::String(text) => vec![Self::new(pointer, text)],
            leaf => vec![Self::new(pointer, leaf)],
        }
    }

    /// The JSON pointer.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }
}

/// The keys that a resource is made from, where they are known. Recorded as a map from pointer to digest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MadeFrom(Option<Arc<[Key]>>);

impl MadeFrom {
    /// Whether nothing is known, as in records of earlier versions.
    pub fn is_unknown(&self) -> bool {
        self.0.is_none()
    }

    /// The keys, by pointer.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.sorted().iter()
    }

    fn sorted(&self) -> &[Key] {
        self.0.as_deref().unwrap_or_default()
    }

    /// The same keys with another pointer where `rename` has one.
    #[must_use]
    pub fn renamed(&self, rename: impl Fn(&str) -> Option<String>) -> Self {
        let of = |key: &Key| rename(&key.pointer).map_or_else(|| key.clone(), |to| Key { pointer: to.into(), ..*key });
        if self.is_unknown() { Self::default() } else { self.keys().map(of).collect() }
    }

    /// Pointers of the keys that only one of the two has or that differ, in order.
    pub fn changed<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
        let missing = |here: &'a Self, there: &'a Self| {
            here.keys().filter(|key| there.sorted().binary_search(key).is_err()).map(Key::pointer)
        };
        let mut pointers: Vec<&str> = missing(self, other).chain(missing(other, self)).collect();
        pointers.sort_unstable();
        pointers.dedup();
        pointers
    }
}

impl FromIterator<Key> for MadeFrom {
    fn from_iter<T: IntoIterator<Item = Key>>(keys: T) -> Self {
        let mut keys: Vec<Key> = keys.into_iter().collect();
        keys.sort();
        keys.dedup_by(|later, first| later.pointer == first.pointer);
        Self(Some(keys.into()))
    }
}

impl Serialize for MadeFrom {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.keys().map(|key| (&*key.pointer, format!("{:08x}", key.digest))))
    }
}

/// A pointer and a digest as they are recorded.
struct Pointer(Arc<str>);
struct Digest(u32);

impl<'de> Deserialize<'de> for Pointer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let new = |pointer: &str| Ok::<_, Infallible>(pointer.into());
        with_text(deserializer, |pointer| POINTERS.with_borrow_mut(|recent| recent.of(pointer, new))).map(Self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        with_text(deserializer, |digest| u32::from_str_radix(digest, 16)).map(Self)
    }
}

impl<'de> Deserialize<'de> for MadeFrom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = MadeFrom;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of JSON pointers to digests")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<MadeFrom, A::Error> {
                let mut keys = Vec::new();
                while let Some((Pointer(pointer), Digest(digest))) = map.next_entry()? {
                    keys.push(Key { pointer, digest });
                }
                Ok(keys.into_iter().collect())
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

impl schemars::JsonSchema for MadeFrom {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "MadeFrom".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        BTreeMap::<String, String>::json_schema(generator)
    }
}

/// Whether two pointers name the same key, or one names a key inside the other.
pub fn overlaps(one: &str, other: &str) -> bool {
    let same = |(one, other): (&str, &str)| one == other || one == "*" || other == "*";
    one.split('/').zip(other.split('/')).all(same)
}

/// A pointer as people write it: `loadBalancer.haproxy.maxconn`. Names that have dots stay as they are.
pub fn dotted(pointer: &str) -> String {
    let parts = pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"));
    parts.collect::<Vec<_>>().join(".")
}

/// The key that this one takes its value from where the file does not have it.
pub fn stands_in(pointer: &str) -> Option<String> {
    let host = pointer.strip_prefix("/hosts/")?;
    let (name, key) = host.split_once('/')?;
    match key {
        "internalAddress" => Some(format!("/hosts/{name}/address")),
        "nodeName" => Some(format!("/hosts/{name}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn made_from(keys: &[(&str, &str)]) -> MadeFrom {
        keys.iter().map(|(pointer, value)| Key::new(*pointer, value)).collect()
    }

    #[test]
    fn changed_keys_are_those_that_differ_and_those_of_one_side() {
        let was = made_from(&[("/b", "1"), ("/a", "1"), ("/c", "1")]);
        let is = made_from(&[("/b", "2"), ("/d", "1"), ("/a", "1")]);
        assert_eq!(was.changed(&is), ["/b", "/c", "/d"]);
        assert!(was.changed(&was).is_empty());
    }

    #[test]
    fn a_record_reads_what_it_wrote() {
        let keys = made_from(&[("/b", "1"), ("/a", "2")]);
        let text = serde_json::to_string(&keys).unwrap();
        assert_eq!(text, r#"{"/a":"d4735e3a","/b":"6b86b273"}"#);
        assert_eq!(serde_json::from_str::<MadeFrom>(&text).unwrap(), keys);
        assert!(serde_json::from_str::<MadeFrom>(r#"{"/a":"x"}"#).is_err());
        let none = serde_json::from_str::<MadeFrom>("{}").unwrap();
        assert!(!none.is_unknown() && MadeFrom::default().is_unknown(), "nothing is not unknown");
    }

    #[test]
    fn leaves_are_keys_of_their_own() {
        let value = json!({"a": {"b/c": 1, "d": null}, "e": [1, {"f": 2}]});
        let leaves = Key::leaves("/x", &value);
        assert_eq!(leaves.iter().map(Key::pointer).collect::<Vec<_>>(), ["/x/a/b~1c", "/x/e"]);
    }

    #[test]
    fn keys_overlap_where_one_is_inside_the_other() {
        assert!(overlaps("/kubernetes/kubelet", "/kubernetes/kubelet/maxPods"));
        assert!(overlaps("/hosts/*/internalAddress", "/hosts/w1/internalAddress"));
        assert!(!overlaps("/hosts/*/internalAddress", "/hosts/w1/roles"));
        assert!(!overlaps("/kubernetes/kubeletx", "/kubernetes/kubelet"));
    }

    #[test]
    fn people_read_dots() {
        assert_eq!(dotted("/hostConfig/sysctls/net.core.somaxconn"), "hostConfig.sysctls.net.core.somaxconn");
        assert_eq!(stands_in("/hosts/w1/internalAddress").unwrap(), "/hosts/w1/address");
        assert_eq!(stands_in("/hosts/w1/roles"), None);
    }
}
