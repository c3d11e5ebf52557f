//! Where in cluster.yaml a value was written, so that a plan can name the line that asks for a
//! change.

use std::collections::BTreeMap;

/// Positions of everything in the file, by JSON pointer (`/hosts/cp1/address`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    positions: BTreeMap<String, Position>,
}

/// A place in the file; lines and columns count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column, in characters.
    pub column: u32,
}

impl Sources {
    /// Line of the key at the pointer, or of its nearest ancestor that the file has.
    pub fn line(&self, pointer: &str) -> Option<u32> {
        self.position(pointer).map(|p| p.line)
    }

    /// Line of the key at the pointer, where the file has that very key.
    pub fn exact_line(&self, pointer: &str) -> Option<u32> {
        self.positions.get(pointer).map(|place| place.line)
    }

    /// Position of the key at the pointer, or of its nearest ancestor that the file has.
    pub fn position(&self, pointer: &str) -> Option<Position> {
        let mut rest = pointer;
        loop {
            if let Some(found) = self.positions.get(rest) {
                return Some(*found);
            }
            rest = &rest[..rest.rfind('/')?];
        }
    }

    /// Records where a pointer's value was written.
    pub(in crate::config) fn insert(&mut self, pointer: String, position: Position) {
        self.positions.insert(pointer, position);
    }
}

/// The JSON pointer of a path: `pointer(["hosts", "cp1"])` is `/hosts/cp1`.
pub fn pointer<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    parts.into_iter().fold(String::new(), |mut path, part| {
        path.push('/');
        path.push_str(&part.replace('~', "~0").replace('/', "~1"));
        path
    })
}

#[cfg(test)]
mod tests {
    use super::{Position, Sources, pointer};

    #[test]
    fn a_missing_pointer_falls_back_to_its_nearest_ancestor() {
        let mut sources = Sources::default();
        sources.insert(pointer(["a"]), Position { line: 3, column: 1 });
        sources.insert(pointer(["a", "b/c"]), Position { line: 4, column: 3 });
        assert_eq!(sources.line("/a/b~1c/d"), Some(4));
        assert_eq!(sources.line("/a/x/y"), Some(3));
        assert_eq!(sources.line("/z"), None);
    }
}
