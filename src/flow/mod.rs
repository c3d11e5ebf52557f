//! The work of commands without output: from cluster.yaml, state and hosts to a plan, and its execution.
//!
//! The command line, the randomized tests and the benches all come this way, so that what is tested
//! and measured is what is run. Nothing here prints, asks, or chooses an exit code.

mod begun;
mod error;
mod hosts;
mod inquiry;
mod lift;
mod look;
mod manifest;
mod opening;
mod reaches;
mod secrets;
mod survey;
mod unmatched;
mod wishes;

pub use begun::{Begun, begin, refresh};
pub use error::FlowError;
pub use hosts::{guarded, ignored, recorded_control_planes, renames};
pub use inquiry::{Inquiry, Question};
pub use lift::{lift, refusals};
pub use look::{Listener, look};
pub use manifest::check_manifest;
pub use opening::{open_fleet, open_looker, open_simulated, simulated_path};
pub use reaches::{reaches, reaches_known, recorded_reaches};
pub use survey::{Asked, Destroying, Survey, survey, survey_destroy};
pub use wishes::Wishes;
