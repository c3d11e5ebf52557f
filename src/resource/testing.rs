//! A kind for tests of everything that only knows [`super::AnyKind`].

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Act, Action, AnyKind, DecodeError, FieldChange, Kind, Observation, Output, Prior, ProbeError, Refusal, Registered,
    Script, Seen, Setting, Step,
};

/// A thing with a value that can change in place, a text, a size that cannot, and a place at which
/// the kind refuses every change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Thing {
    pub(crate) key: String,
    pub(crate) value: String,
    #[serde(default)]
    pub(crate) size: u32,
    #[serde(default)]
    pub(crate) place: String,
    #[serde(default)]
    pub(crate) text: String,
    #[serde(default)]
    pub(crate) warns: bool,
}

/// What a look sees of a thing; `noise` is of no interest to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ThingSeen {
    pub(crate) value: String,
    pub(crate) size: u32,
    pub(crate) text: String,
    pub(crate) noise: u32,
}

impl Thing {
    pub(crate) fn new(key: &str, value: &str) -> Self {
        Self { key: key.into(), value: value.into(), size: 0, place: String::new(), text: String::new(), warns: false }
    }
}

/// A look that found a thing with this value.
pub(crate) fn seen(value: &str) -> Seen {
    seen_as(&ThingSeen { value: value.into(), size: 0, text: String::new(), noise: 0 })
}

/// A look that found this.
pub(crate) fn seen_as(thing: &ThingSeen) -> Seen {
    let observation = Observation::Present(serde_json::to_value(thing).unwrap());
    Seen { digest: observation.digest(), observation }
}

/// A look that found nothing.
pub(crate) fn absent() -> Seen {
    Seen { observation: Observation::Absent, digest: "absent".into() }
}

/// Reads a recorded thing back, whatever its address calls it.
pub(crate) fn decode(_: &str, value: &Value) -> Result<Arc<dyn AnyKind>, DecodeError> {
    (Registered::of::<Thing>().decode)(value)
}

impl Kind for Thing {
    const NAME: &'static str = "thing";
    const PRINCIPAL: &'static str = "value";
    const HAS_SETTINGS: bool = true;
    type Observed = ThingSeen;

    fn key(&self) -> Option<String> {
        Some(self.key.clone())
    }

    fn probe(&self) -> Script {
        Script::new("cat \"$F\"").set("F", self.key.clone())
    }

    fn parse(&self, output: &Output) -> Result<Observation<ThingSeen>, ProbeError> {
        serde_json::from_str(&output.stdout)
            .map(Observation::Present)
            .map_err(|error| ProbeError::unexpected(error.to_string()))
    }

    fn diff(&self, seen: &ThingSeen) -> Vec<FieldChange> {
        let value = FieldChange::compare("value", &seen.value, &self.value);
        let size = FieldChange::compare("size", seen.size, self.size).map(FieldChange::replacing);
        let text = FieldChange::compare("text", &seen.text, &self.text).map(FieldChange::as_text);
        value.into_iter().chain(size).chain(text).collect()
    }

    fn simulate(&self) -> ThingSeen {
        ThingSeen { value: self.value.clone(), size: self.size, text: self.text.clone(), noise: 0 }
    }

    fn apply(&self, _: Act, _: &Observation<ThingSeen>) -> Vec<Step> {
        vec![Step::run("write", Script::new(":"))]
    }

    fn destroy(&self, _: &Prior<ThingSeen>) -> Vec<Step> {
        vec![Step::run("put back", Script::new(":"))]
    }

    fn settings(&self, recorded: &Self, _: Option<&ThingSeen>) -> Vec<Setting> {
        let refusal = || {
            let change = format!("place: {} → {}", recorded.place, self.place);
            Refusal::of("/place".into(), change, format!("it cannot move to {}", self.place))
        };
        (recorded.place != self.place).then(refusal).map(Setting::Refused).into_iter().collect()
    }

    fn impossible(&self, _: &ThingSeen) -> Option<String> {
        (self.value == "impossible").then(|| "the host cannot do that".into())
    }

    fn rereads(&self, prior: &Prior<ThingSeen>) -> bool {
        self.key == "service" && prior.before != Observation::Absent
    }

    fn takeover(&self, _: &ThingSeen, _: Action) -> Option<String> {
        self.warns.then(|| "takes over".into())
    }

    fn warning(&self, action: Action) -> Option<String> {
        (self.warns && matches!(action, Action::Destroy | Action::Replace))
            .then(|| format!("destroys what runs in {}", self.key))
    }
}
