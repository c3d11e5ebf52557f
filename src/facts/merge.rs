//! Merges the answers of all control planes about a cluster resource.

use std::sync::Arc;

use crate::resource::{HostName, Observation, ProbeError, Seen};

/// The answer of one control plane about a cluster resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It ran the probe.
    Look(Result<Arc<Seen>, ProbeError>),
    /// It did not answer at all.
    Unreached {
        /// Why.
        text: String,
    },
}

/// The merged answer, from the answers of all control planes in order.
///
/// The first look that succeeded wins. Else the first error other than [`ProbeError::NotHere`]
/// counts. Absent may be concluded only when every control plane says that it is none (yet): as
/// long as one did not answer, it might be the one that knows.
pub fn of_cluster(answers: impl IntoIterator<Item = (HostName, Answered)>) -> Result<Arc<Seen>, ProbeError> {
    let (mut error, mut unreached, mut answered) = (None, Vec::new(), false);
    for (host, answer) in answers {
        match answer {
            Answered::Look(Ok(seen)) => return Ok(seen),
            Answered::Look(Err(ProbeError::NotHere)) => answered = true,
            Answered::Look(Err(other)) => error = error.or(Some(other)),
            Answered::Unreached { text } => unreached.push((host, text)),
        }
    }
    if let Some(error) = error {
        return Err(error);
    }
    let Some(((_, text), others)) = unreached.split_first() else {
        let nobody = || ProbeError::Unreachable { text: "no control plane is available".into() };
        let absent = Seen { observation: Observation::Absent, digest: String::new() };
        return if answered { Ok(absent.into()) } else { Err(nobody()) };
    };
    let first = if answered { "the control planes that answered do not have it" } else { "no control plane answered" };
    let mut text = format!("{first}; {text}");
    if !others.is_empty() {
        let others: Vec<&str> = others.iter().map(|(host, _)| host.as_str()).collect();
        text = format!("{text}; {} did not answer either", others.join(", "));
    }
    Err(ProbeError::Unreachable { text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::testing::{absent, seen};

    fn merged(answers: &[Answered]) -> Result<Arc<Seen>, ProbeError> {
        of_cluster(
            answers.iter().enumerate().map(|(i, answer)| (HostName::new(format!("cp{}", i + 1)), answer.clone())),
        )
    }

    fn not_here() -> Answered {
        Answered::Look(Err(ProbeError::NotHere))
    }

    fn unexpected(text: &str) -> Answered {
        Answered::Look(Err(ProbeError::unexpected(text)))
    }

    fn dead() -> Answered {
        Answered::Unreached { text: "cp: no route".into() }
    }

    #[test]
    fn the_first_success_wins_whatever_the_others_say() {
        let (one, two) = (Answered::Look(Ok(absent().into())), Answered::Look(Ok(seen("2").into())));
        assert_eq!(merged(&[dead(), unexpected("x"), one.clone(), two.clone()]), Ok(absent().into()));
        assert_eq!(merged(&[not_here(), two, one]), Ok(seen("2").into()));
    }

    #[test]
    fn an_error_is_an_error_even_when_others_are_no_control_planes() {
        assert_eq!(merged(&[not_here(), unexpected("x"), unexpected("y"), dead()]), Err(ProbeError::unexpected("x")));
    }

    #[test]
    fn absent_only_when_every_control_plane_says_it_is_none() {
        assert_eq!(merged(&[not_here(), not_here()]).unwrap().observation, Observation::Absent);
        assert_eq!(merged(&[not_here(), not_here()]).unwrap().digest, "");
    }

    #[test]
    fn one_that_did_not_answer_might_know() {
        for answers in [vec![not_here(), dead()], vec![dead()], vec![dead(), dead()], vec![]] {
            assert!(matches!(merged(&answers), Err(ProbeError::Unreachable { .. })), "{answers:?}");
        }
    }
}
