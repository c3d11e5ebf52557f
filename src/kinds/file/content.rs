//! The content of a file: text, and secrets that never show.

use serde::{Deserialize, Serialize};

use crate::resource::{Secret, sha256_hex};

/// What a file holds: text and secrets, one after the other. Where it is shown or recorded, each
/// secret is masked; recorded content with secrets reads back with the masks in their place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Recorded", into = "Recorded")]
pub struct Content {
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Text(String),
    Secret(Secret),
}

/// The form of state and plan: a plain text, or a list when there are secrets.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Recorded {
    Plain(String),
    Segments(Vec<RecordedSegment>),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RecordedSegment {
    Text(String),
    Secret(String),
}

/// Puts a [`Content`] together.
#[derive(Clone, Debug, Default)]
pub struct ContentBuilder {
    content: Content,
}

impl ContentBuilder {
    /// Appends text.
    #[must_use]
    pub fn text(mut self, text: impl AsRef<str>) -> Self {
        if let Some(Segment::Text(last)) = self.content.segments.last_mut() {
            last.push_str(text.as_ref());
        } else if !text.as_ref().is_empty() {
            self.content.segments.push(Segment::Text(text.as_ref().to_owned()));
        }
        self
    }

    /// Appends a secret.
    #[must_use]
    pub fn secret(mut self, secret: Secret) -> Self {
        self.content.segments.push(Segment::Secret(secret));
        self
    }

    /// The content.
    pub fn build(self) -> Content {
        self.content
    }
}

impl Content {
    /// An empty content to append to.
    pub fn builder() -> ContentBuilder {
        ContentBuilder::default()
    }

    /// Whether any part of it is a secret.
    pub fn has_secrets(&self) -> bool {
        self.segments.iter().any(|segment| matches!(segment, Segment::Secret(_)))
    }

    /// The secrets in it.
    pub fn secrets(&self) -> Vec<Secret> {
        let secrets = self.segments.iter().filter_map(|segment| match segment {
            Segment::Secret(secret) => Some(secret.clone()),
            Segment::Text(_) => None,
        });
        secrets.collect()
    }

    /// The whole text, as one secret when any part of it is one.
    pub(super) fn whole(&self) -> Secret {
        let text = |segment: &Segment| match segment {
            Segment::Text(text) => text.clone(),
            Segment::Secret(secret) => secret.expose().to_owned(),
        };
        Secret::new(self.segments.iter().map(text).collect::<String>())
    }

    /// The whole text with every secret masked.
    pub fn masked(&self) -> String {
        let text = |segment: &Segment| match segment {
            Segment::Text(text) => text.clone(),
            Segment::Secret(_) => Secret::MASK.to_owned(),
        };
        self.segments.iter().map(text).collect()
    }

    /// SHA-256 of the whole text, lower-case hex.
    pub fn sha256(&self) -> String {
        sha256_hex(self.whole().expose().as_bytes())
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::builder().text(text).build()
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::builder().text(text).build()
    }
}

impl From<Content> for Recorded {
    fn from(content: Content) -> Self {
        if !content.has_secrets() {
            return Self::Plain(content.masked());
        }
        let record = |segment| match segment {
            Segment::Text(text) => RecordedSegment::Text(text),
            Segment::Secret(_) => RecordedSegment::Secret(Secret::MASK.to_owned()),
        };
        Self::Segments(content.segments.into_iter().map(record).collect())
    }
}

impl From<Recorded> for Content {
    fn from(recorded: Recorded) -> Self {
        let segments = match recorded {
            Recorded::Plain(text) => return Self::from(text),
            Recorded::Segments(segments) => segments,
        };
        segments
            .into_iter()
            .fold(Self::builder(), |content, segment| match segment {
                RecordedSegment::Text(text) => content.text(text),
                RecordedSegment::Secret(mask) => content.secret(Secret::new(mask)),
            })
            .build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_count_for_the_hash_and_never_show() {
        let content = Content::builder().text("pass ").text("= ").secret(Secret::new("hunter2")).text("\n").build();
        assert_eq!(content.sha256(), sha256_hex(b"pass = hunter2\n"));
        assert_eq!(content.masked(), "pass = (sensitive)\n");
        let json = serde_json::to_string(&content).unwrap();
        assert_eq!(json, r#"[{"text":"pass = "},{"secret":"(sensitive)"},{"text":"\n"}]"#);
        assert!(!format!("{content:?}").contains("hunter2"));
        assert!(serde_json::from_str::<Content>(&json).unwrap().has_secrets());
    }

    #[test]
    fn plain_content_is_recorded_as_the_text_itself() {
        for text in ["", "a\n", "\n\n"] {
            let content = Content::from(text);
            let json = serde_json::to_value(&content).unwrap();
            assert_eq!(json, serde_json::json!(text));
            assert_eq!(serde_json::from_value::<Content>(json).unwrap(), content);
        }
    }
}
