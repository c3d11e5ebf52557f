//! What a kind of resource is: its desired state, how to look at it, how to change it.

use std::fmt::Debug;
use std::net::SocketAddrV4;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::action::{Action, FieldChange};
use super::host_facts::HostFacts;
use super::nature::Nature;
use super::observation::{Observation, Prior};
use super::output::{Output, ProbeError};
use super::refusal::Setting;
use super::script::Script;
use super::secret::{DigestKey, Secret};
use super::step::{Act, Step};

/// A kind of resource. The implementing struct *is* the desired state; it is what `stack` writes
/// and what `state` records. Every method is pure.
pub trait Kind: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The kind's name in addresses, for example `file`.
    const NAME: &'static str;
    /// Version of the recorded form; raise it when old records no longer decode.
    const VERSION: u32 = 1;
    /// The field of [`Kind::Observed`] (as serialized) that `mainstay sim set ADDR=VALUE` sets.
    const PRINCIPAL: &'static str;
    /// Typical duration of its creation in tenths of a second, used to start slow resources first.
    const WEIGHT: u64 = 1;
    /// Whether [`Kind::settings`] yields anything.
    const HAS_SETTINGS: bool = false;
    /// What a look can see of it; only what this resource owns, so that equal means untouched.
    type Observed: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync;

    /// What tells it from others of its kind on the same host and component.
    fn key(&self) -> Option<String>;
    /// Secrets inside, which attributes show masked; they count for the digest.
    fn secrets(&self) -> Vec<Secret> {
        Vec::new()
    }
    /// Read-only script that reports the current state. It depends on identity (the key) alone, so the same script runs
    /// whatever value is desired, also when only the recorded value is known. What [`Kind::impossible`] needs to know
    /// must therefore be reported for every desired value, for example the list of all values the host supports.
    fn probe(&self) -> Script;
    /// Understands the look's answer. What is unexpected is an error, never `Absent`.
    fn parse(&self, output: &Output) -> Result<Observation<Self::Observed>, ProbeError>;
    /// A read-only script that tells when, how or by whom something that differs came to be as the look found it;
    /// [`super::Trace::parse`] understands its answer. Asked of what drifted, and of nothing else.
    fn trace(&self, seen: &Observation<Self::Observed>) -> Option<Script> {
        let _ = seen;
        None
    }
    /// In what the observed differs from the desired; empty means that all is right.
    fn diff(&self, seen: &Self::Observed) -> Vec<FieldChange>;
    /// What a look sees right after apply: what the simulated fleet answers.
    fn simulate(&self) -> Self::Observed;
    /// What people and other programs may see of a look: what could give a secret away is masked.
    fn shown(&self, seen: Self::Observed) -> Self::Observed {
        seen
    }
    /// Fields of [`Kind::Observed`] (as serialized) whose value only the act itself will tell, for example the exact
    /// version of a package.
    fn later(&self) -> &'static [&'static str] {
        &[]
    }
    /// Steps that make it so.
    fn apply(&self, act: Act, before: &Observation<Self::Observed>) -> Vec<Step>;
    /// Steps that put back what was there before; called on the recorded value.
    fn destroy(&self, prior: &Prior<Self::Observed>) -> Vec<Step>;
    /// Whether a look after destroy shows what was there before.
    fn restored(&self, seen: &Observation<Self::Observed>, prior: &Prior<Self::Observed>) -> bool {
        *seen == prior.before
    }
    /// Settings that differ from the recorded ones and that no step changes, for example another service subnet after
    /// `kubeadm init`. A setting that has the declared value on the host already is not among them: it is only recorded.
    fn settings(&self, recorded: &Self, seen: Option<&Self::Observed>) -> Vec<Setting> {
        let _ = (recorded, seen);
        Vec::new()
    }
    /// Why this desired state cannot be reached on a host where this was observed, for example a kernel module that its
    /// kernel does not have. Called while planning, before any change. It can only use what [`Kind::probe`] reports for
    /// every desired value. It is not called for `Absent`: a probe that finds an obstacle reports it as `Present`.
    fn impossible(&self, seen: &Self::Observed) -> Option<String> {
        let _ = seen;
        None
    }
    /// Why it cannot be created on a host with these facts, for example because kubelet refuses the host's version of
    /// cgroups. Called only for resources to create.
    fn unfit(&self, host: &HostFacts) -> Option<String> {
        let _ = host;
        None
    }
    /// Files that it lays down, or documents that it hands to a program, as `(path or name, text)` with secrets
    /// masked; what `mainstay render` shows.
    fn files(&self) -> Vec<(String, String)> {
        Vec::new()
    }
    /// Properties that plans need, independent of the kind.
    fn nature(&self) -> Nature {
        Nature::default()
    }
    /// Whether the process runs, on a resource that is one ([`Nature::process`]).
    fn runs(&self, seen: &Self::Observed) -> bool {
        let _ = seen;
        false
    }
    /// Where it listens once it is made, and the process that does.
    fn listens(&self) -> Vec<Listens> {
        Vec::new()
    }
    /// Absolute paths of files that must be on disk as the running process read them.
    fn reads(&self) -> &'static [&'static str] {
        &[]
    }
    /// Whether it goes on after destroy, because it was there before, and must act once what it reads is put back.
    fn rereads(&self, prior: &Prior<Self::Observed>) -> bool {
        let _ = prior;
        false
    }
    /// Whether it keeps, as one of many, what earlier versions recorded under this kind and key on the same host and
    /// component; that record is then dropped, and the host is not touched for it.
    fn supersedes(&self, kind: &str, key: Option<&str>) -> bool {
        let _ = (kind, key);
        false
    }
    /// What it costs to change what others made; said when it is taken over, and when it is given back. `found` is what
    /// is there now.
    fn takeover(&self, found: &Self::Observed, action: Action) -> Option<String> {
        let _ = (found, action);
        None
    }
    /// What people must know before they approve, for example `destroys what runs on w2`. A change
    /// with a warning always has a plan line of its own.
    fn warning(&self, action: Action) -> Option<String> {
        let _ = action;
        None
    }
    /// What people must know when this action removes the last one of its kind from the cluster.
    fn last_one(&self, action: Action) -> Option<String> {
        let _ = action;
        None
    }
    /// What people must know when cluster.yaml hands it over to somebody else on these hosts, for example `cp1, cp2`.
    fn handed_over(&self, hosts: &str) -> Option<String> {
        let _ = hosts;
        None
    }
}

/// A place where a resource listens for connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listens {
    /// Address, 0.0.0.0 for all of them, and port.
    pub at: SocketAddrV4,
    /// Name of the process that may listen there.
    pub process: String,
}

/// A recorded value that this version cannot read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} of kind `{kind}` cannot be read: {reason}")]
pub struct DecodeError {
    /// The kind's name.
    pub kind: String,
    /// `recorded attributes`, `observation` or `prior value`.
    pub what: &'static str,
    /// What the decoder said.
    pub reason: String,
}

/// [`Kind`] with its types erased to JSON: what everybody but the kinds themselves uses.
pub trait AnyKind: Debug + Send + Sync {
    /// [`Kind::NAME`].
    fn name(&self) -> &'static str;
    /// [`Kind::VERSION`].
    fn version(&self) -> u32;
    /// [`Kind::PRINCIPAL`].
    fn principal(&self) -> &'static str;
    /// [`Kind::WEIGHT`].
    fn weight(&self) -> u64;
    /// [`Kind::key`].
    fn key(&self) -> Option<String>;
    /// The desired state as JSON, secrets masked; what state records.
    fn attributes(&self) -> Value;
    /// Keyed digest over the desired state and its secrets.
    fn digest(&self, key: &DigestKey) -> String;
    /// [`Kind::secrets`].
    fn secrets(&self) -> Vec<Secret>;
    /// [`Kind::probe`].
    fn probe(&self) -> Script;
    /// [`Kind::parse`].
    fn parse(&self, output: &Output) -> Result<Observation, ProbeError>;
    /// [`Kind::trace`]; nothing, too, when the observation cannot be read.
    fn trace(&self, seen: &Observation) -> Option<Script>;
    /// [`Kind::diff`].
    fn diff(&self, seen: &Value) -> Result<Vec<FieldChange>, DecodeError>;
    /// [`Kind::simulate`].
    fn simulate(&self) -> Value;
    /// [`Kind::shown`].
    fn shown(&self, seen: &Value) -> Result<Value, DecodeError>;
    /// [`Kind::later`].
    fn later(&self) -> &'static [&'static str];
    /// [`Kind::apply`].
    fn apply(&self, act: Act, before: &Observation) -> Result<Vec<Step>, DecodeError>;
    /// [`Kind::destroy`].
    fn destroy(&self, prior: &Prior) -> Result<Vec<Step>, DecodeError>;
    /// [`Kind::restored`].
    fn restored(&self, seen: &Observation, prior: &Prior) -> Result<bool, DecodeError>;
    /// [`Kind::HAS_SETTINGS`].
    fn has_settings(&self) -> bool;
    /// [`Kind::settings`], against recorded attributes.
    fn settings(&self, recorded: &Value, seen: Option<&Value>) -> Result<Vec<Setting>, DecodeError>;
    /// [`Kind::impossible`].
    fn impossible(&self, seen: &Value) -> Result<Option<String>, DecodeError>;
    /// [`Kind::unfit`].
    fn unfit(&self, host: &HostFacts) -> Option<String>;
    /// [`Kind::files`].
    fn files(&self) -> Vec<(String, String)>;
    /// [`Kind::nature`].
    fn nature(&self) -> Nature;
    /// [`Kind::runs`]; `false`, too, when the observation cannot be read.
    fn runs(&self, seen: &Value) -> bool;
    /// [`Kind::listens`].
    fn listens(&self) -> Vec<Listens>;
    /// [`Kind::reads`].
    fn reads(&self) -> &'static [&'static str];
    /// [`Kind::rereads`].
    fn rereads(&self, prior: &Prior) -> Result<bool, DecodeError>;
    /// [`Kind::supersedes`].
    fn supersedes(&self, kind: &str, key: Option<&str>) -> bool;
    /// [`Kind::takeover`].
    fn takeover(&self, found: &Value, action: Action) -> Result<Option<String>, DecodeError>;
    /// [`Kind::warning`].
    fn warning(&self, action: Action) -> Option<String>;
    /// [`Kind::last_one`].
    fn last_one(&self, action: Action) -> Option<String>;
    /// [`Kind::handed_over`].
    fn handed_over(&self, hosts: &str) -> Option<String>;
}

fn decode<T: DeserializeOwned>(kind: &str, what: &'static str, value: &Value) -> Result<T, DecodeError> {
    T::deserialize(value).map_err(|error| DecodeError { kind: kind.to_owned(), what, reason: error.to_string() })
}

fn encode<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("kinds hold only what JSON can express")
}

fn observed<K: Kind>(seen: &Observation) -> Result<Observation<K::Observed>, DecodeError> {
    seen.as_ref().try_map(|value| decode(K::NAME, "observation", value))
}

fn prior_of<K: Kind>(prior: &Prior) -> Result<Prior<K::Observed>, DecodeError> {
    let before = prior.before.as_ref().try_map(|value| decode(K::NAME, "prior value", value))?;
    Ok(Prior { before, kept: prior.kept.clone() })
}

impl<K: Kind> AnyKind for K {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn version(&self) -> u32 {
        K::VERSION
    }

    fn principal(&self) -> &'static str {
        K::PRINCIPAL
    }

    fn weight(&self) -> u64 {
        K::WEIGHT
    }

    fn key(&self) -> Option<String> {
        Kind::key(self)
    }

    fn attributes(&self) -> Value {
        encode(self)
    }

    fn digest(&self, key: &DigestKey) -> String {
        let attributes = encode(self).to_string();
        let secrets = Kind::secrets(self);
        key.digest(std::iter::once(attributes.as_str()).chain(secrets.iter().map(Secret::expose)))
    }

    fn secrets(&self) -> Vec<Secret> {
        Kind::secrets(self)
    }

    fn probe(&self) -> Script {
        Kind::probe(self)
    }

    fn parse(&self, output: &Output) -> Result<Observation, ProbeError> {
        // No shell could be given it back when what was there is restored.
        if output.stdout.contains('\0') {
            return Err(ProbeError::unexpected("a NUL byte"));
        }
        Ok(match Kind::parse(self, output)? {
            Observation::Absent => Observation::Absent,
            Observation::Present(seen) => Observation::Present(encode(&seen)),
        })
    }

    fn trace(&self, seen: &Observation) -> Option<Script> {
        Kind::trace(self, &observed::<K>(seen).ok()?)
    }

    fn diff(&self, seen: &Value) -> Result<Vec<FieldChange>, DecodeError> {
        Ok(Kind::diff(self, &decode(K::NAME, "observation", seen)?))
    }

    fn simulate(&self) -> Value {
        encode(&Kind::simulate(self))
    }

    fn shown(&self, seen: &Value) -> Result<Value, DecodeError> {
        Ok(encode(&Kind::shown(self, decode(K::NAME, "observation", seen)?)))
    }

    fn later(&self) -> &'static [&'static str] {
        Kind::later(self)
    }

    fn apply(&self, act: Act, before: &Observation) -> Result<Vec<Step>, DecodeError> {
        Ok(Kind::apply(self, act, &observed::<K>(before)?))
    }

    fn destroy(&self, prior: &Prior) -> Result<Vec<Step>, DecodeError> {
        Ok(Kind::destroy(self, &prior_of::<K>(prior)?))
    }

    fn restored(&self, seen: &Observation, prior: &Prior) -> Result<bool, DecodeError> {
        Ok(Kind::restored(self, &observed::<K>(seen)?, &prior_of::<K>(prior)?))
    }

    fn has_settings(&self) -> bool {
        K::HAS_SETTINGS
    }

    fn settings(&self, recorded: &Value, seen: Option<&Value>) -> Result<Vec<Setting>, DecodeError> {
        let recorded = decode::<K>(K::NAME, "recorded attributes", recorded)?;
        let seen = seen.map(|seen| decode(K::NAME, "observation", seen)).transpose()?;
        Ok(Kind::settings(self, &recorded, seen.as_ref()))
    }

    fn impossible(&self, seen: &Value) -> Result<Option<String>, DecodeError> {
        Ok(Kind::impossible(self, &decode(K::NAME, "observation", seen)?))
    }

    fn unfit(&self, host: &HostFacts) -> Option<String> {
        Kind::unfit(self, host)
    }

    fn files(&self) -> Vec<(String, String)> {
        Kind::files(self)
    }

    fn nature(&self) -> Nature {
        Kind::nature(self)
    }

    fn runs(&self, seen: &Value) -> bool {
        decode(K::NAME, "observation", seen).is_ok_and(|seen| Kind::runs(self, &seen))
    }

    fn listens(&self) -> Vec<Listens> {
        Kind::listens(self)
    }

    fn reads(&self) -> &'static [&'static str] {
        Kind::reads(self)
    }

    fn rereads(&self, prior: &Prior) -> Result<bool, DecodeError> {
        Ok(Kind::rereads(self, &prior_of::<K>(prior)?))
    }

    fn supersedes(&self, kind: &str, key: Option<&str>) -> bool {
        Kind::supersedes(self, kind, key)
    }

    fn takeover(&self, found: &Value, action: Action) -> Result<Option<String>, DecodeError> {
        Ok(Kind::takeover(self, &decode(K::NAME, "observation", found)?, action))
    }

    fn warning(&self, action: Action) -> Option<String> {
        Kind::warning(self, action)
    }

    fn last_one(&self, action: Action) -> Option<String> {
        Kind::last_one(self, action)
    }

    fn handed_over(&self, hosts: &str) -> Option<String> {
        Kind::handed_over(self, hosts)
    }
}

/// One line of the registry [`crate::kinds::KINDS`].
#[derive(Clone, Copy, Debug)]
pub struct Registered {
    /// [`Kind::NAME`].
    pub name: &'static str,
    /// [`Kind::VERSION`].
    pub version: u32,
    /// [`Kind::PRINCIPAL`].
    pub principal: &'static str,
    /// Reads recorded attributes back.
    pub decode: fn(&Value) -> Result<Arc<dyn AnyKind>, DecodeError>,
}

impl Registered {
    /// The registry line of a kind.
    pub const fn of<K: Kind>() -> Self {
        Self {
            name: K::NAME,
            version: K::VERSION,
            principal: K::PRINCIPAL,
            decode: |value| Ok(Arc::new(decode::<K>(K::NAME, "recorded attributes", value)?)),
        }
    }
}
