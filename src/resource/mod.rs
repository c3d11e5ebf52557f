//! The contract between the parts: what a resource is, how it is looked at and how it is changed.
//!
//! Everything here is data and pure functions; nothing does IO. A kind (one file in
//! [`crate::kinds`]) implements [`Kind`]; everybody else sees it through [`AnyKind`].

mod action;
mod address;
mod declared;
mod effect;
mod frame;
mod handed_over;
mod host_facts;
mod host_name;
mod json;
mod kind;
mod made_from;
mod membership;
mod nature;
mod observation;
mod output;
mod recent;
mod refusal;
mod script;
mod secret;
mod step;
#[cfg(test)]
pub(crate) mod testing;
mod text;
mod trace;

pub use action::{Action, FieldChange, Shown};
pub use address::{Address, AddressError, Pattern};
pub use declared::{Completion, Declarations, Declared, Declaring, Lane, Turn};
pub use effect::Effect;
pub use frame::{Frame, FrameError, Framed, LookScript, parse_frames};
pub use handed_over::{HandOvers, HandedOver};
pub use host_facts::{FACTS, HostFacts, HostFactsError, Interface, Listener};
pub use host_name::HostName;
pub use json::Json;
pub use kind::{AnyKind, DecodeError, Kind, Listens, Registered};
pub use made_from::{Key, MadeFrom, dotted, overlaps, stands_in};
pub use membership::MemberRole;
pub use nature::{BalancerGroup, Nature};
pub use observation::{Observation, Prior, Seen};
pub use output::{Output, ProbeError, excerpt, hex, sha256_hex, yaml_scalar};
pub use refusal::{Refusal, Setting};
pub use script::{Script, ScriptError, Value};
pub use secret::{DigestKey, Secret};
pub use step::{Act, Mint, On, Run, Slots, Step, StepAct, Wait};
pub use trace::Trace;
