//! Pointer to position, for messages and for [`Sources`].

use super::{Content, Node};
use crate::config::{Position, Sources, Span, pointer};
use std::collections::HashMap;

/// Positions in the file, by JSON pointer.
#[derive(Debug, Default)]
pub(in crate::config) struct Index {
    places: HashMap<String, Place>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    key: Option<Span>,
    value: Span,
    scalar: bool,
}

impl Index {
    pub(in crate::config) fn new(root: &Node) -> Self {
        let mut index = Self::default();
        index.add(String::new(), None, root);
        index
    }

    fn add(&mut self, at: String, key: Option<Span>, node: &Node) {
        match &node.content {
            Content::Scalar(_) => {}
            Content::Sequence(items) => {
                for (number, item) in items.iter().enumerate() {
                    self.add(format!("{at}/{number}"), None, item);
                }
            }
            Content::Mapping(entries) => {
                for entry in entries {
                    let at = format!("{at}{}", pointer([entry.key.as_str()]));
                    self.add(at, Some(entry.key_span), &entry.value);
                }
            }
        }
        let scalar = matches!(node.content, Content::Scalar(_));
        self.places.insert(at, Place { key, value: node.span, scalar });
    }

    /// Whether the file says anything there.
    pub(in crate::config) fn has(&self, at: &str) -> bool {
        self.places.contains_key(at)
    }

    /// What to underline for a value: a scalar itself, else the key that it stands under; for what
    /// the file does not have, its nearest ancestor.
    pub(in crate::config) fn value(&self, at: &str) -> Span {
        self.nearest(at, |place| {
            if place.scalar && place.value.end > place.value.start {
                place.value
            } else {
                place.key.unwrap_or(place.value)
            }
        })
    }

    /// The span to underline for a key.
    pub(in crate::config) fn key(&self, at: &str) -> Span {
        self.nearest(at, |place| place.key.unwrap_or(place.value))
    }

    fn nearest(&self, at: &str, of: impl Fn(Place) -> Span) -> Span {
        let mut rest = at;
        loop {
            if let Some(place) = self.places.get(rest) {
                return of(*place);
            }
            match rest.rfind('/') {
                Some(end) => rest = &rest[..end],
                None => {
                    return Span { start: 0, end: 0, line: 1, column: 1 };
                }
            }
        }
    }

    /// The keys' positions, for the rest of the program.
    pub(in crate::config) fn sources(&self) -> Sources {
        let mut sources = Sources::default();
        for (at, place) in &self.places {
            let Span { line, column, .. } = place.key.unwrap_or(place.value);
            sources.insert(at.clone(), Position { line, column });
        }
        sources
    }
}
