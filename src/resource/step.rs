//! Steps: remote acts as data. Kinds yield them, the engine runs them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::effect::Effect;
use super::script::{Script, ScriptError};
use super::secret::Secret;

/// Why a kind is asked for steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Nothing is there.
    Create,
    /// Create the cluster with this resource, or resume its creation.
    Found,
    /// Something is there and differs.
    Update,
    /// All is right, but something that this resource reacts to changed (a service reloads).
    React,
    /// An earlier run was cut off in the middle; anything may be there, including all of it.
    Resume,
}

/// Where a step runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// On the resource's own host; for a cluster resource, on any healthy control plane.
    Host,
    /// On any healthy control plane other than the resource's own host.
    ControlPlane,
    /// On each control plane other than the resource's own host, healthy or not; on a host that is to become one, too.
    /// For scripts that only ask: one that fails, or a host that does not answer, is a failure.
    EachOtherControlPlane,
}

/// One step. Those of a resource run in order; the first failure ends them, except for the ones
/// marked [`Step::always`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it does, for progress and errors, for example `kubeadm init`.
    pub title: String,
    /// Where it runs.
    pub on: On,
    /// What it does.
    pub act: StepAct,
    /// Runs also after an earlier step of the resource failed, to clean up.
    pub always: bool,
    /// Runs only after an earlier step of the resource failed that came after something was done.
    pub rescue: bool,
    /// Skipped when no host qualifies for `on`, instead of failing.
    pub optional: bool,
    /// What it means to the cluster, if anything; only the simulated fleet asks.
    pub effect: Option<Effect>,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepAct {
    /// Makes a random secret in memory and puts it into a slot.
    Mint {
        /// The slot to fill.
        slot: &'static str,
        /// Its form.
        form: Mint,
    },
    /// Runs a script once.
    Run(Run),
    /// Repeats a read-only script until it ends with status 0.
    Wait(Wait),
}

/// The form of a minted secret. All begin with a letter, so that YAML never takes one for a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mint {
    /// A kubeadm bootstrap token id, `[a-z0-9]{6}`; public.
    TokenId,
    /// A kubeadm bootstrap token secret, `[a-z0-9]{16}`.
    TokenSecret,
    /// A kubeadm certificate key: 32 bytes as 64 hex digits (AES-256).
    CertificateKey,
}

/// A script that acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// What to run.
    pub script: Script,
    /// A slot that takes the script's standard output, trimmed.
    pub capture: Option<&'static str>,
    /// How long it may take before the connection is given up.
    pub timeout: Duration,
    /// Parts of an error output that are known to pass by themselves, for example a package
    /// manager's lock; the step is then tried again, at most five times.
    pub transient: Vec<&'static str>,
}

/// A condition that is awaited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Read-only; status 0 means that the condition holds. What it prints says what is missing.
    pub script: Script,
    /// The condition, for people: `the etcd member votes`.
    pub until: String,
    /// When to give up.
    pub deadline: Duration,
}

impl Step {
    /// A step on the resource's own host, at most ten minutes long.
    pub fn run(title: impl Into<String>, script: Script) -> Self {
        let run = Run { script, capture: None, timeout: Duration::from_mins(10), transient: Vec::new() };
        Self::of(title, StepAct::Run(run))
    }

    /// A condition awaited on the resource's own host.
    pub fn wait(until: impl Into<String>, script: Script, deadline: Duration) -> Self {
        let until = until.into();
        Self::of(format!("wait until {until}"), StepAct::Wait(Wait { script, until, deadline }))
    }

    /// A secret made in memory.
    pub fn mint(slot: &'static str, form: Mint) -> Self {
        Self::of(format!("mint {slot}"), StepAct::Mint { slot, form })
    }

    fn of(title: impl Into<String>, act: StepAct) -> Self {
        Self { title: title.into(), on: On::Host, act, always: false, rescue: false, optional: false, effect: None }
    }

    /// The same step on any healthy control plane other than the resource's host.
    #[must_use]
    pub fn on_control_plane(self) -> Self {
        Self { on: On::ControlPlane, ..self }
    }

    /// The same step on each other control plane, healthy or not.
    #[must_use]
    pub fn on_each_other_control_plane(self) -> Self {
        Self { on: On::EachOtherControlPlane, ..self }
    }

    /// The same step, run also after a failure.
    #[must_use]
    pub fn always(self) -> Self {
        Self { always: true, ..self }
    }

    /// The same step, run only after a failure.
    #[must_use]
    pub fn rescue(self) -> Self {
        Self { rescue: true, ..self }
    }

    /// The same step, skipped when no host qualifies.
    #[must_use]
    pub fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// The same step, which means this to the cluster.
    #[must_use]
    pub fn means(self, effect: Effect) -> Self {
        Self { effect: Some(effect), ..self }
    }

    /// The same step with its standard output put into a slot.
    #[must_use]
    pub fn capture(mut self, slot: &'static str) -> Self {
        if let StepAct::Run(run) = &mut self.act {
            run.capture = Some(slot);
        }
        self
    }

    /// The same step with another time limit.
    #[must_use]
    pub fn within(mut self, timeout: Duration) -> Self {
        if let StepAct::Run(run) = &mut self.act {
            run.timeout = timeout;
        }
        self
    }

    /// The same step, tried again also when its error output holds one of these texts.
    #[must_use]
    pub fn transient(mut self, texts: &'static [&'static str]) -> Self {
        if let StepAct::Run(run) = &mut self.act {
            run.transient.extend(texts);
        }
        self
    }
}

/// What steps of one resource hand to later ones: run-time secrets, in memory only.
#[derive(Clone, Debug, Default)]
pub struct Slots {
    filled: BTreeMap<&'static str, Secret>,
}

impl Slots {
    /// Slot that is always filled, with [`Slots::WHOLE`] or [`Slots::PART`].
    pub const SCOPE: &'static str = "scope";
    /// All that there is of the cluster goes away in this run.
    pub const WHOLE: &'static str = "mainstay-whole-cluster";
    /// Slot in which a rescue says what it has put back.
    pub const PUT_BACK: &'static str = "put-back";
    /// Some of the cluster stays.
    pub const PART: &'static str = "mainstay-part-of-the-cluster";

    /// The text that stands for a slot in a [`super::Value::Slotted`] text. It is a plain YAML
    /// scalar, so a serializer leaves it as it is.
    pub fn placeholder(slot: &str) -> String {
        format!("SLOT-{slot}-TOLS")
    }

    /// A text with every placeholder masked, to be shown.
    pub fn masked(text: &str) -> String {
        let mut shown = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("SLOT-") {
            let Some((_, after)) = after.split_once("-TOLS") else { break };
            shown.push_str(before);
            shown.push_str(Secret::MASK);
            rest = after;
        }
        shown + rest
    }

    /// Fills a slot.
    pub fn put(&mut self, slot: &'static str, secret: Secret) {
        self.filled.insert(slot, secret);
    }

    /// What is in a slot.
    pub fn get(&self, slot: &str) -> Option<&Secret> {
        self.filled.get(slot)
    }

    /// Every value held, for redaction of what comes back.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.filled.values()
    }

    /// `text` with every placeholder replaced.
    pub(super) fn fill(&self, name: &'static str, text: &str) -> Result<Zeroizing<String>, ScriptError> {
        let mut filled = Zeroizing::new(text.to_owned());
        for (slot, secret) in &self.filled {
            filled = Zeroizing::new(filled.replace(&Self::placeholder(slot), secret.expose()));
        }
        let missing = filled.split("SLOT-").skip(1).find_map(|rest| rest.split_once("-TOLS"));
        match missing {
            Some((slot, _)) => Err(ScriptError::EmptySlot { name, slot: slot.to_owned() }),
            None => Ok(filled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_filled_and_empty_ones_refused() {
        let mut slots = Slots::default();
        let text = format!("token: {}.{}", Slots::placeholder("id"), Slots::placeholder("secret"));
        slots.put("id", Secret::new("abc"));
        assert_eq!(Slots::masked(&text), format!("token: {0}.{0}", Secret::MASK));
        assert_eq!(Slots::masked("SLOT-x"), "SLOT-x");
        let empty = ScriptError::EmptySlot { name: "C", slot: "secret".into() };
        assert_eq!(slots.fill("C", &text), Err(empty));
        slots.put("secret", Secret::new("xyz"));
        assert_eq!(slots.fill("C", &text).unwrap().as_str(), "token: abc.xyz");
    }
}
