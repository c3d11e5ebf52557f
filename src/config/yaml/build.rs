//! Builds the tree from the parser's events. A syntax error ends the parsing; errors such as duplicate keys are
//! recorded and parsing continues.

use super::scalar::resolve;
use super::syntax::explain;
use super::text::narrow;
use super::{Content, Entry, Node, Scalar};
use crate::config::faults::{MOST, too_many};
use crate::config::quote::quoted;
use crate::config::{Diagnostic, Label, Severity, Span};
use serde_yaml::granit_parser::{self as granit, Event, Parser, ScalarStyle, Tag};
use std::collections::HashMap;
use std::rc::Rc;

/// Deeper than any key of cluster.yaml, raw configuration included.
const DEEPEST: usize = 64;

/// Values that aliases may add. A file of ten nested aliases of ten would add ten thousand
/// millions.
const ALIASED: usize = 100_000;

/// Reads a document. The tree may be usable despite errors.
pub(in crate::config) fn parse(text: &str) -> Result<(Node, Vec<Diagnostic>), Vec<Diagnostic>> {
    let options = granit::options! { flow_nesting_limit: DEEPEST, block_nesting_limit: DEEPEST };
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let step = match event {
            Ok((event, span)) => builder.event(event, span_of(&span)),
            Err(error) => Err(Box::new(explain(text, &error))),
        };
        if let Err(fatal) = step {
            builder.faults.push(*fatal);
            return Err(builder.faults);
        }
        if builder.faults.len() >= MOST {
            builder.faults.push(too_many());
            return Err(builder.faults);
        }
    }
    let empty = |node: &Node| matches!(node.content, Content::Scalar(Scalar::Null));
    match builder.root.map(Rc::unwrap_or_clone) {
        Some(root) if !empty(&root) => Ok((root, builder.faults)),
        _ => Err(vec![fault("the file is empty", None, "to create an example file, run `mainstay init`")]),
    }
}

#[derive(Default)]
struct Builder {
    root: Option<Rc<Node>>,
    documents: usize,
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    aliased: usize,
    faults: Vec<Diagnostic>,
}

/// A collection whose end has not come yet.
struct Open {
    start: Span,
    anchor: usize,
    kind: OpenKind,
}

enum OpenKind {
    Sequence(Vec<Rc<Node>>),
    Mapping { entries: Vec<Entry>, seen: HashMap<String, Span>, key: Option<(String, Span)> },
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Box<Diagnostic>> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return fatal(
                        "a second document starts here",
                        span,
                        "cluster.yaml describes one cluster; move the other document to its own file",
                    );
                }
                Ok(())
            }
            Event::Scalar(value, style, anchor, tag) => {
                let content = Content::Scalar(self.scalar(&value, style, tag.as_deref(), span));
                if let Some(Open { kind: OpenKind::Mapping { key: key @ None, .. }, .. }) = self.open.last_mut() {
                    *key = Some((value.into_owned(), span));
                    return Ok(());
                }
                let node = Rc::new(Node { content, span, size: 1 });
                self.finish(node, anchor);
                Ok(())
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.begin(OpenKind::Sequence(Vec::new()), span, anchor, tag.as_deref())
            }
            Event::MappingStart(_, anchor, tag) => {
                let (entries, seen) = (Vec::new(), HashMap::new());
                let kind = OpenKind::Mapping { entries, seen, key: None };
                self.begin(kind, span, anchor, tag.as_deref())
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.end(span);
                Ok(())
            }
            Event::Alias(anchor) => self.alias(anchor, span),
            _ => Ok(()),
        }
    }

    fn scalar(&mut self, value: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Scalar {
        match tag.map(|tag| (tag.core_suffix(), tag)) {
            None if style == ScalarStyle::Plain => resolve(value),
            None | Some((Some("str"), _)) => Scalar::Text(value.to_owned()),
            Some((Some("int" | "float" | "bool" | "null"), _)) => resolve(value),
            Some((_, tag)) => {
                self.faults.push(unknown_tag(tag, span));
                Scalar::Text(value.to_owned())
            }
        }
    }

    fn begin(&mut self, kind: OpenKind, start: Span, anchor: usize, tag: Option<&Tag>) -> Result<(), Box<Diagnostic>> {
        if let Some(tag) = tag.filter(|tag| !matches!(tag.core_suffix(), Some("map" | "seq"))) {
            self.faults.push(unknown_tag(tag, start));
        }
        self.refuse_as_key(start)?;
        self.open.push(Open { start, anchor, kind });
        Ok(())
    }

    fn end(&mut self, end: Span) {
        let Some(Open { start, anchor, kind }) = self.open.pop() else {
            return;
        };
        let (content, inner) = match kind {
            OpenKind::Sequence(items) => {
                let inner: usize = items.iter().map(|item| item.size).sum();
                (Content::Sequence(items), inner)
            }
            OpenKind::Mapping { entries, .. } => {
                let inner: usize = entries.iter().map(|entry| entry.value.size).sum();
                (Content::Mapping(entries), inner)
            }
        };
        let span = Span { end: end.end.max(start.end), ..start };
        self.finish(Rc::new(Node { content, span, size: inner + 1 }), anchor);
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Box<Diagnostic>> {
        self.refuse_as_key(span)?;
        let Some(target) = self.anchors.get(&anchor) else {
            return fatal("an alias that contains itself", span, "its anchor is not complete here");
        };
        self.aliased += target.size;
        if self.aliased > ALIASED {
            return fatal(
                &format!("aliases expand to more than {ALIASED} values"),
                span,
                "write the values in full instead of nesting aliases",
            );
        }
        let (content, size) = (target.content.clone(), target.size);
        self.finish(Rc::new(Node { content, span, size }), 0);
        Ok(())
    }

    fn refuse_as_key(&self, span: Span) -> Result<(), Box<Diagnostic>> {
        match self.open.last() {
            Some(Open { kind: OpenKind::Mapping { key: None, .. }, .. }) => fatal(
                "a key must be plain text",
                span,
                "put values that start with a brace or bracket in quotes; write keys as `key: value`",
            ),
            _ => Ok(()),
        }
    }

    /// Puts a complete value where it belongs.
    fn finish(&mut self, node: Rc<Node>, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open { kind: OpenKind::Sequence(items), .. }) => items.push(node),
            Some(Open { kind: OpenKind::Mapping { entries, seen, key }, .. }) => {
                let Some((key, key_span)) = key.take() else {
                    return;
                };
                if let Some(first) = seen.get(&key) {
                    self.faults.push(twice(&key, *first, key_span));
                } else if key == "<<" {
                    self.faults.push(fault(
                        "merge keys (`<<`) are not supported",
                        Some(key_span),
                        "YAML 1.2 does not support them; use one alias per value, or write the values in full",
                    ));
                } else {
                    seen.insert(key.clone(), key_span);
                    entries.push(Entry { key, key_span, value: node });
                }
            }
        }
    }
}

fn span_of(span: &granit::Span) -> Span {
    let offset = |marker: &granit::Marker| marker.byte_offset().unwrap_or(0);
    Span {
        start: offset(&span.start),
        end: offset(&span.end),
        line: narrow(span.start.line()),
        column: narrow(span.start.col() + 1),
    }
}

fn twice(key: &str, first: Span, second: Span) -> Diagnostic {
    Diagnostic {
        labels: vec![Label { span: first, text: "first written here".into() }],
        ..fault(&format!("duplicate key {}", quoted(key)), Some(second), "keep one of the two")
    }
}

fn unknown_tag(tag: &Tag, span: Span) -> Diagnostic {
    let message = format!("the tag {} is not supported", quoted(&tag.original()));
    fault(&message, Some(span), "remove it; cluster.yaml supports only plain values")
}

/// An error that ends the parsing.
fn fatal(message: &str, span: Span, help: &str) -> Result<(), Box<Diagnostic>> {
    Err(Box::new(fault(message, Some(span), help)))
}

fn fault(message: &str, span: Option<Span>, help: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        message: message.to_owned(),
        primary: span.map(|span| Label { span, text: String::new() }),
        labels: Vec::new(),
        help: vec![help.to_owned()],
        secret: false,
    }
}
