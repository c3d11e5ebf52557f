//! What must hold after every event, each in a file of its own. A broken one says what was broken.

mod as_it_was;
mod dropped_first;
mod no_secret;
mod one_comparison;
mod one_per_lane;
mod one_virtual_ip;
mod one_writer;
mod planned_only;
mod quorum;
mod runs_its_files;
mod settles;
mod turns;
mod whole_refuses;

pub(crate) use as_it_was::{Before, as_it_was, machine, on_host, on_machine};
pub(crate) use dropped_first::DroppedFirst;
pub(crate) use no_secret::no_secret;
pub(crate) use one_comparison::{no_drift, one_comparison};
pub(crate) use one_per_lane::OnePerLane;
pub(crate) use one_virtual_ip::OneVirtualIp;
pub(crate) use one_writer::OneWriter;
pub(crate) use planned_only::{Permit, only_planned_act, only_planned_change};
pub(crate) use quorum::Quorum;
pub(crate) use runs_its_files::runs_its_files;
pub(crate) use settles::settled;
pub(crate) use turns::Turns;
pub(crate) use whole_refuses::{part_name, whole_refuses};
