//! Voting etcd members never drop below quorum through our own act.

use mainstay::fleet::Kubernetes;
use mainstay::plan::Plan;

/// Follows etcd. Hosts that go down may cost the quorum, and that is nobody's fault; an act may not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quorum {
    had: bool,
    /// All members run.
    all: bool,
    /// All of the cluster goes, whatever cannot be reached.
    ends: bool,
}

impl Quorum {
    /// This is how etcd is before anything of ours happens.
    pub(crate) fn before(&mut self, etcd: &Kubernetes) {
        self.had = etcd.has_quorum();
        self.all = etcd.members.iter().all(|member| member.up);
    }

    /// What a plan means for etcd: a destroy of everything may leave a control plane that does not answer without the
    /// others, but none that it leaves alone.
    pub(crate) fn planned(&mut self, plan: &Plan) {
        self.ends = plan.ends_the_cluster();
    }

    /// This is how it is after an act of ours. That no member is left is the end of the cluster, and was planned.
    pub(crate) fn after(&mut self, act: &str, etcd: &Kubernetes) -> Result<(), String> {
        let had = std::mem::replace(&mut self.had, etcd.has_quorum());
        if !had || self.had || etcd.voting() == 0 || (self.ends && !self.all) {
            return Ok(());
        }
        let up = etcd.members.iter().filter(|member| member.voting && member.up).count();
        Err(format!("quorum: after {act} {up} of {} voting etcd members run: {:?}", etcd.voting(), etcd.members))
    }
}
