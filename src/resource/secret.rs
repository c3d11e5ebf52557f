//! Secrets as a type: masked wherever they could be shown or stored, compared by keyed digest.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};
use sha2::Sha256;

/// What stands in for a secret in every output.
pub(super) const MASK: &str = "(sensitive)";

/// A secret text. Debug, Display and Serialize show a mask; only [`Secret::expose`] shows the value.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// The mask that is shown instead.
    pub const MASK: &'static str = MASK;

    /// Takes over a secret value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(SecretString::from(value.into()))
    }

    /// The value itself; for rendering a script that is sent on stdin, and for nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

/// The key under which a state file digests declared values, so that equal secrets can be told
/// apart from changed ones without storing them, and digests of two clusters cannot be compared.
#[derive(Clone)]
pub struct DigestKey(SecretString);

impl DigestKey {
    /// The key is the state's random salt.
    pub fn new(salt: impl Into<String>) -> Self {
        Self(SecretString::from(salt.into()))
    }

    /// HMAC-SHA256 over the parts (each one length-prefixed), as hex.
    pub fn digest<'a>(&self, parts: impl IntoIterator<Item = &'a str>) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.0.expose_secret().as_bytes()).expect("HMAC takes a key of any length");
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        super::output::hex(&mac.finalize().into_bytes())
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_shows() {
        let secret = Secret::new("hunter2");
        let shown = format!("{secret} {secret:?} {}", serde_json::to_string(&secret).unwrap());
        assert!(!shown.contains("hunter2"));
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn digests_depend_on_key_and_on_where_parts_end() {
        let (a, b) = (DigestKey::new("a"), DigestKey::new("b"));
        assert_ne!(a.digest(["x"]), b.digest(["x"]));
        assert_ne!(a.digest(["ab", "c"]), a.digest(["a", "bc"]));
        assert_eq!(a.digest(["ab", "c"]), a.digest(["ab", "c"]));
    }
}
