//! What a step means to the cluster, as data. Real hosts never hear of it: they run the script. The simulated fleet
//! has no shell, so this tells it what kubeadm, etcd and the API would do.

use std::net::Ipv4Addr;
use std::time::Duration;

/// What one step asks of the cluster or does to it. The *own host* is that of the resource; the step may run on
/// another one ([`super::On`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Asks whether the API server of the host on which it runs is ready.
    ApiReady,
    /// Fails where a control plane is, healthy or not.
    NoClusterHere,
    /// Asks whether the own host is a whole control plane: API server ready, every etcd member voting.
    ControlPlaneWhole,
    /// Asks whether the own host's node is registered.
    NodeRegistered,
    /// Answers whether the own host's node is healthy: Ready, and, on a control plane, whole.
    NodeStanding {
        /// The answer where it is.
        ready: &'static str,
        /// The answer where it is not, or is none yet.
        not: &'static str,
    },
    /// Asks the same.
    NodeReady,
    /// Gives a service back the files that it had before; simulated hosts keep none.
    PutBack,
    /// Asks whether no Ready node bears the own host's name.
    NodeAway,
    /// Asks whether a virtual address accepts connections.
    EndpointAnswers {
        /// The address.
        address: Ipv4Addr,
    },
    /// Asks whether a bootstrap token may be used by now.
    TokenSigned {
        /// Slot of its id.
        id: &'static str,
    },
    /// Does something through the API server of the host on which it runs.
    UseApi,
    /// Brings what an unfinished kubeadm left on the own host to an end, and answers how. Refused where only a reset
    /// would do and etcd would lose its majority by it, or has none.
    Settle {
        /// Whether the host joins an existing cluster.
        joins: bool,
        /// The answer where kubeadm has ended well.
        finished: &'static str,
        /// The answer where nothing of it is left.
        bare: &'static str,
    },
    /// `kubeadm init`.
    Init {
        /// The address that must answer for it, when the cluster's own load balancers hold one.
        endpoint: Option<Ipv4Addr>,
    },
    /// `kubeadm join`.
    Join {
        /// As in [`Effect::Init`]; a cluster may have got somebody else's load balancer since then.
        endpoint: Option<Ipv4Addr>,
        /// Slot of the bootstrap token's id.
        token: &'static str,
        /// Slot of the key that the uploaded certificates are encrypted with; a control plane joins when there is one.
        certificates: Option<&'static str>,
    },
    /// Makes a bootstrap token for the own host.
    MakeToken {
        /// Slot of its id.
        id: &'static str,
        /// How long it may be used.
        lifetime: Duration,
    },
    /// Uploads the certificates that a control plane joins with; earlier ones are replaced.
    UploadCertificates {
        /// As in [`Effect::Join`].
        endpoint: Option<Ipv4Addr>,
        /// Slot of the key that they are encrypted with.
        key: &'static str,
    },
    /// Deletes the own host's bootstrap tokens.
    DeleteTokens {
        /// Whether the uploaded certificates go, too.
        certificates: bool,
    },
    /// `kubeadm reset` on the own host: its etcd member leaves, as far as it can, and its data is wiped. Refused where
    /// etcd would lose its majority, unless the whole cluster goes ([`super::Slots::SCOPE`]).
    Reset,
    /// Takes the own host's etcd member and node out of the cluster, on another control plane.
    RemoveMember {
        /// Whether a cluster that does not answer is no failure.
        leaving: bool,
    },
    /// Another effect, if an earlier step answered so; else nothing.
    If {
        /// Slot of the answer.
        slot: &'static str,
        /// The answer.
        is: &'static str,
        /// What is done then.
        then: Box<Effect>,
    },
}

impl Effect {
    /// The same effect, if an earlier step answered so.
    #[must_use]
    pub fn only_if(self, slot: &'static str, is: &'static str) -> Self {
        Self::If { slot, is, then: Box::new(self) }
    }
}
