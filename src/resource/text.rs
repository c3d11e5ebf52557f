//! Reads values from texts of a file, without a copy of the text.

use std::fmt;

use serde::Deserializer;
use serde::de::{Error, Visitor};

/// What `read` makes of a text.
pub(super) fn with_text<'de, D: Deserializer<'de>, T, W: fmt::Display>(
    deserializer: D,
    read: impl FnOnce(&str) -> Result<T, W>,
) -> Result<T, D::Error> {
    struct Text<F>(F);
    impl<T, W: fmt::Display, F: FnOnce(&str) -> Result<T, W>> Visitor<'_> for Text<F> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            (self.0)(text).map_err(E::custom)
        }
    }
    deserializer.deserialize_str(Text(read))
}
