//! Chooses the control plane for cluster-wide resources: any healthy one, never "the first".

use std::time::Duration;

use crate::fleet::{ActOutcome, ActRequest, Fleet, Purpose};
use crate::kinds::control_plane_ready;
use crate::plan::{Change, Plan};
use crate::resource::{AnyKind, Effect, HostName, Slots};

/// How long a control plane may take to say that it is healthy.
const ANSWER: Duration = Duration::from_secs(20);

/// Asks one control plane after the other, `except` left out, and returns the first healthy one.
/// The error contains the answer of each control plane.
pub(super) async fn pick(
    fleet: &Fleet,
    plan: &Plan,
    change: &Change,
    resource: &dyn AnyKind,
    except: Option<&HostName>,
) -> Result<HostName, String> {
    let mut answers = Vec::new();
    let (ready, slots) = (control_plane_ready(), Slots::default());
    for host in plan.control_planes.iter().filter(|host| Some(*host) != except) {
        let request = ActRequest {
            address: &change.address,
            resource,
            purpose: Purpose::Apply,
            expect: None,
            act: Some((&ready, &slots)),
            effect: Some(&Effect::ApiReady),
            completes: false,
            look_after: false,
            timeout: ANSWER,
        };
        match fleet.act(host, &request).await {
            Ok(ActOutcome::Ran { output, .. }) if output.success() => return Ok(host.clone()),
            Ok(ActOutcome::Ran { output, .. }) => answers.push(format!("{host}: {}", output.tail(1))),
            Ok(ActOutcome::Stale { .. }) => answers.push(format!("{host}: changed")),
            Err(error) => answers.push(error.to_string()),
        }
    }
    Err(if answers.is_empty() {
        "there is no other control plane".to_owned()
    } else {
        format!("no healthy control plane is available: {}", answers.join("; "))
    })
}
