//! The node that a service keeps running: its health before and after the service restarts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::kubectl::with_kubectl;
use crate::resource::{Effect, MemberRole, Script, Slots, Step, Value};

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Served {
    /// Its name.
    pub name: String,
    /// What it is.
    pub role: MemberRole,
}

/// Slot that says whether the node was healthy before.
const WAS: &str = "was";
/// What stands in it.
const READY: &str = "ready";
const NOT: &str = "not";

/// Within so many seconds after a start kubelet has asked its runtime (each 5 s) and has reported the node's condition
/// where that changed (each 10 s).
const SETTLED: u64 = 16;

/// How long a node may take to be healthy again.
const DEADLINE: Duration = Duration::from_mins(2);

impl Served {
    fn script(&self, control_plane: &'static str, worker: &'static str) -> Script {
        let body = if self.role == MemberRole::ControlPlane { control_plane } else { worker };
        Script::new(body).set("NODE", &self.name)
    }

    /// Finds out whether the node is healthy, before anything happens to it.
    pub(super) fn ask(&self) -> Step {
        let script = self.script(
            concat!(
                with_kubectl!("service/node.sh"),
                "\nwhole() (\n",
                include_str!("member/gate.sh"),
                ")\n",
                include_str!("service/ask.sh")
            ),
            concat!(with_kubectl!("service/node.sh"), "\nwhole() { :; }\n", include_str!("service/ask.sh")),
        );
        let step =
            Step::run(format!("check that node {} is healthy", self.name), script).within(Duration::from_mins(1));
        step.capture(WAS).means(Effect::NodeStanding { ready: READY, not: NOT })
    }

    /// Waits until a node that was healthy is so again, after `unit` was started.
    pub(super) fn gate(&self, unit: &str) -> Step {
        let script = self.script(
            concat!(
                with_kubectl!("service/node.sh"),
                "\nwhole() (\n",
                include_str!("member/gate.sh"),
                ")\n",
                include_str!("service/gate.sh")
            ),
            concat!(with_kubectl!("service/node.sh"), "\nwhole() { :; }\n", include_str!("service/gate.sh")),
        );
        let script = script.set("UNIT", unit).set("SETTLED", SETTLED.to_string());
        let script = script.set("WAS", Value::Slotted(Slots::placeholder(WAS)));
        let until = match self.role {
            MemberRole::ControlPlane => {
                format!("{0} is Ready again, its API server too, and every etcd member votes", self.name)
            }
            MemberRole::Worker => format!("{} is Ready again", self.name),
        };
        Step::wait(until, script, DEADLINE).means(Effect::NodeReady.only_if(WAS, READY))
    }
}
