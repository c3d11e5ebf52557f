//! How hosts are reached. Nothing outside this module knows whether a host is a machine over SSH,
//! this machine, or a simulated one.

mod error;
mod full_disk;
mod hosts;
mod interference;
mod kubernetes;
mod local;
mod looker;
mod reach;
mod report;
mod running;
mod shell;
mod shells;
mod simulated;
mod ssh;
mod world;
mod world_file;

pub use error::FleetError;
pub use hosts::{Fleet, Machines};
pub use interference::{Fate, Interference};
pub use kubernetes::{EtcdMember, Kubernetes};
pub use looker::Looker;
pub use reach::{Bastion, HostKeyChecking, Reach, Sudo, Transport};
pub use report::{ActOutcome, ActRequest, HostReport, Look, LookResult, Purpose, Trail};
pub use simulated::SimulatedFleet;
#[doc(hidden)]
pub use ssh::fuzzing as ssh_files;
pub use world::World;
