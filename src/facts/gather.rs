//! Asking the hosts; the only input and output that planning needs.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;

use tokio::task::JoinSet;

use super::{Answered, FactSet, Looks, of_cluster};
use crate::fleet::{FleetError, HostReport, Look};
use crate::resource::{Address, HostName, ProbeError};

/// Probes every host once, at most `parallelism` (at least one) at a time, and merges the answers.
///
/// `look` asks one host; `on_host` hears of each host as it ends, in the order in which they end.
/// This never fails: missing answers are part of the result.
pub async fn gather<F, Fut>(
    looks: Looks,
    control_planes: &[HostName],
    parallelism: usize,
    look: F,
    mut on_host: impl FnMut(&HostName, &Result<HostReport, FleetError>),
) -> FactSet
where
    F: Fn(HostName, Vec<Look>) -> Fut,
    Fut: Future<Output = Result<HostReport, FleetError>> + Send + 'static,
{
    let mut asked: BTreeMap<HostName, Vec<Address>> = BTreeMap::new();
    let mut answers: BTreeMap<HostName, Result<HostReport, String>> = BTreeMap::new();
    let mut tasks = JoinSet::new();
    let mut hosts = HashMap::new();
    let mut waiting = looks.by_host.into_iter();
    loop {
        while tasks.len() < parallelism.max(1) {
            let Some((host, targets)) = waiting.next() else { break };
            let wanted: Vec<Look> = targets.into_iter().map(|(address, resource)| Look { address, resource }).collect();
            asked.insert(host.clone(), wanted.iter().map(|look| look.address.clone()).collect());
            let task = tasks.spawn(look(host.clone(), wanted));
            hosts.insert(task.id(), host);
        }
        let Some(ended) = tasks.join_next_with_id().await else { break };
        let (id, answer) = match ended {
            Ok((id, answer)) => (id, answer),
            Err(error) => {
                let what = "asking the host".to_owned();
                (error.id(), Err(FleetError::Local { what, reason: error.to_string() }))
            }
        };
        let Some(host) = hosts.remove(&id) else { continue };
        on_host(&host, &answer);
        answers.insert(host, answer.map_err(|error| error.to_string()));
    }
    let mut facts = merge(asked, answers, control_planes);
    for (address, error) in looks.unreadable {
        facts.seen.insert(address, Err(ProbeError::unexpected(error.to_string())));
    }
    facts
}

/// Merges the answers of all hosts. Pure.
fn merge(
    asked: BTreeMap<HostName, Vec<Address>>,
    mut answers: BTreeMap<HostName, Result<HostReport, String>>,
    control_planes: &[HostName],
) -> FactSet {
    let mut facts = FactSet::default();
    let mut of_the_cluster: BTreeMap<Address, BTreeMap<HostName, Answered>> = BTreeMap::new();
    for (host, addresses) in asked {
        let mut answer = answers.remove(&host).unwrap_or_else(|| Err("was not asked".into()));
        for address in addresses {
            let answered = match &mut answer {
                Ok(report) => {
                    let silent = || Err(ProbeError::unexpected("the host's answer has no result for this resource"));
                    Answered::Look(report.seen.remove(&address).unwrap_or_else(silent))
                }
                Err(text) => Answered::Unreached { text: text.clone() },
            };
            if address.host().is_cluster() {
                of_the_cluster.entry(address).or_default().insert(host.clone(), answered);
            } else if let Answered::Look(look) = answered {
                facts.seen.insert(address, look);
            }
        }
        match answer {
            Ok(report) => _ = facts.hosts.insert(host, report.facts),
            Err(text) => _ = facts.unreached.insert(host, text),
        }
    }
    for (address, mut answers) in of_the_cluster {
        let in_order = control_planes.iter().filter_map(|host| answers.remove_entry(host));
        let look = of_cluster(in_order);
        facts.seen.insert(address, look);
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Graph;
    use crate::resource::testing::{Thing, absent, decode, seen};
    use crate::resource::{Declarations, HostFacts};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn looks(hosts: &[HostName]) -> Looks {
        let mut wanted = Declarations::default();
        for host in hosts {
            wanted.declare(host, "c", "/", Thing::new("a", "1")).address();
        }
        wanted.declare(&HostName::cluster(), "c", "/", Thing::new("net", "1")).address();
        Looks::collect(&Graph::build(wanted.into_items()).unwrap(), [], hosts, &hosts[..2], &decode)
    }

    async fn answer(host: HostName, looks: Vec<Look>) -> Result<HostReport, FleetError> {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        assert_ne!(host.as_str(), "h4", "this task panics");
        if host.as_str() == "h3" {
            return Err(FleetError::Timeout { host, address: "10.0.0.3:22".into(), seconds: 10 });
        }
        let not_here = host.as_str() == "h0";
        let seen = looks.into_iter().filter(|_| host.as_str() != "h2").map(|look| {
            let found = match look.address.host().is_cluster() {
                true if not_here => Err(ProbeError::NotHere),
                true => Ok(absent().into()),
                false => Ok(seen("1").into()),
            };
            (look.address, found)
        });
        Ok(HostReport { facts: HostFacts { cpus: 2, ..HostFacts::default() }, seen: seen.collect() })
    }

    #[tokio::test]
    async fn every_host_is_asked_once_and_what_fails_is_part_of_the_result() {
        let hosts: Vec<HostName> = (0..6).map(|i| HostName::new(format!("h{i}"))).collect();
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut ended = Vec::new();
        let look = |host: HostName, looks: Vec<Look>| {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let answer = tokio::spawn(answer(host, looks)).await;
                running.fetch_sub(1, Ordering::SeqCst);
                answer.unwrap()
            }
        };
        let facts = gather(looks(&hosts), &hosts[..2], 2, look, |host, _| ended.push(host.clone())).await;
        assert_eq!(most.load(Ordering::SeqCst), 2);
        ended.sort();
        assert_eq!(ended, hosts);
        assert_eq!(facts.hosts.keys().map(HostName::as_str).collect::<Vec<_>>(), ["h0", "h1", "h2", "h5"]);
        assert_eq!(facts.unreached[&hosts[3]], "h3 (10.0.0.3:22): no answer within 10 s");
        assert!(facts.unreached[&hosts[4]].contains("panic"), "{:?}", facts.unreached);
        let look = |text: &str| facts.look(&text.parse().unwrap());
        assert_eq!(look("h0/c/thing[a]"), Ok(&seen("1").into()));
        assert_eq!(look("cluster/c/thing[net]"), Ok(&absent().into()));
        assert!(look("h2/c/thing[a]").unwrap_err().contains("has no result for this resource"));
        assert_eq!(look("h3/c/thing[a]").unwrap_err(), "h3 (10.0.0.3:22): no answer within 10 s");
    }
}
