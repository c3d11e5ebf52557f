//! What is known to break something and is not mended yet. Cases steer around it, here and nowhere else, and what is
//! mended is removed here.

use crate::cluster::Wanted;

/// Simulated hosts know no load balancer but their own: where theirs go because somebody else's is to stand there, nobody
/// answers at the endpoint any more, and no node can join.
pub(crate) fn gives_the_endpoint_away(before: &Wanted, edited: &Wanted) -> bool {
    edited.knobs.is_external() && !before.knobs.is_external()
}
