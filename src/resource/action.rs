//! Actions of a plan and the field changes behind them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a plan does with one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing to do.
    NoOp,
    /// Create an absent resource.
    Create,
    /// Change a resource in place.
    Update,
    /// Destroy and create again, because a change in place is not possible.
    Replace,
    /// Delete what mainstay created and restore what was there before.
    Destroy,
    /// Add a correct resource to the state; the host is not changed.
    Adopt,
    /// Remove a resource from the state; the host is not changed.
    Forget,
}

impl Action {
    /// The symbol of a plan line.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::NoOp => " ",
            Self::Create => "+",
            Self::Update => "~",
            Self::Replace => "±",
            Self::Destroy => "-",
            Self::Adopt => "=",
            Self::Forget => ".",
        }
    }

    /// The action in words that go after `plan to`.
    pub fn verb(self) -> &'static str {
        match self {
            Self::NoOp => "do nothing",
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Destroy => "destroy",
            Self::Adopt => "adopt",
            Self::Forget => "forget",
        }
    }

    /// Whether carrying it out touches a host.
    pub fn touches_host(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Replace | Self::Destroy)
    }
}

/// How a field's values are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// `before → after`.
    Value,
    /// A unified diff of two texts.
    Text,
    /// Only the fact that it changes.
    Sensitive,
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldChange {
    /// The display name of the field, for example `live value`.
    pub field: String,
    /// The current value; in a drift report, the applied value.
    pub before: String,
    /// The planned value; in a drift report, the current value.
    pub after: String,
    /// Whether the resource must be destroyed and created again.
    pub replaces: bool,
    /// Whether the value is used only at creation, so that no existing resource changes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_creation: bool,
    /// How to show it.
    pub shown: Shown,
}

impl FieldChange {
    /// Yields a change when the two values differ.
    #[expect(clippy::needless_pass_by_value, reason = "numbers and literals come without a reference")]
    pub fn compare(field: &str, before: impl ToString, after: impl ToString) -> Option<Self> {
        let (before, after) = (before.to_string(), after.to_string());
        (before != after).then(|| Self {
            field: field.to_owned(),
            before,
            after,
            replaces: false,
            at_creation: false,
            shown: Shown::Value,
        })
    }

    /// The same change, which is not possible in place.
    #[must_use]
    pub fn replacing(self) -> Self {
        Self { replaces: true, ..self }
    }

    /// The same change of a value that is used only at creation.
    #[must_use]
    pub fn at_creation(self) -> Self {
        Self { at_creation: true, ..self }
    }

    /// A note for a change that does not take effect in place; empty for all others.
    pub fn note(&self) -> &'static str {
        match (self.replaces, self.at_creation) {
            (true, _) => "cannot change in place",
            (false, true) => "counts only at creation",
            (false, false) => "",
        }
    }

    /// The same change, shown as a unified diff.
    #[must_use]
    pub fn as_text(self) -> Self {
        Self { shown: Shown::Text, ..self }
    }

    /// A change whose values are not shown.
    pub fn sensitive(field: &str) -> Self {
        let mask = super::Secret::MASK.to_owned();
        Self {
            field: field.to_owned(),
            before: mask.clone(),
            after: mask,
            replaces: false,
            at_creation: false,
            shown: Shown::Sensitive,
        }
    }
}
