//! Shares equal values of a file: names of hosts and addresses repeat, mostly close together.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// Enough for the resources of several hosts: most dependencies are on the same host.
const SLOTS: usize = 1024;

/// A cache of recently read values by their texts.
#[derive(Debug)]
pub(super) struct Recent<T>(Vec<Option<T>>);

impl<T: AsRef<str> + Clone> Recent<T> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// The value of this text: a copy of an earlier value, or the result of `read`.
    pub(super) fn of<E>(&mut self, text: &str, read: impl FnOnce(&str) -> Result<T, E>) -> Result<T, E> {
        self.0.resize(SLOTS, None);
        let hash = BuildHasherDefault::<DefaultHasher>::new().hash_one(text);
        let slot = &mut self.0[usize::try_from(hash % SLOTS as u64).unwrap_or_default()];
        match slot {
            Some(value) if (*value).as_ref() == text => Ok(value.clone()),
            _ => Ok(slot.insert(read(text)?).clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn equal_texts_are_read_once_and_an_error_is_not_kept() {
        let mut recent = Recent::<Arc<str>>::new();
        let mut read = |text: &str| recent.of(text, |text| if text == "bad" { Err(()) } else { Ok(Arc::from(text)) });
        assert!(Arc::ptr_eq(&read("a").unwrap(), &read("a").unwrap()));
        assert_eq!(read("bad"), Err(()));
        for number in 0..5 * SLOTS {
            let text = number.to_string();
            assert_eq!(*read(&text).unwrap(), *text);
        }
    }
}
