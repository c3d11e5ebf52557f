//! Partial plans: what a part of a case stands for, and what holds of it beside the whole plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay::config::Cluster;
use mainstay::fleet::{Fleet, Reach};
use mainstay::flow::{self, Asked, FlowError};
use mainstay::plan::{Change, Mode, Plan, Problem, Selection};
use mainstay::resource::{Address, HostName, Pattern};
use mainstay::state::State;

use crate::cluster::load;
use crate::invariants::{part_name, whole_refuses};
use crate::mainstay::{Failed, Mainstay};
use crate::operations::Part;

const COMPONENTS: [&str; 6] = ["*/host", "*/haproxy", "*/control-plane", "cluster", "*/kubernetes", "*/worker"];

/// What is picked by the whole plan.
fn needs_whole(part: Part) -> bool {
    matches!(part, Part::Refused(_) | Part::WithoutRefused(_) | Part::Blocked(_))
}

/// A resource, its component or its host, whichever the number says.
fn around(address: &Address, number: u16) -> Pattern {
    let text = match number % 4 {
        0 => address.to_string(),
        1 => format!("{}/{}", address.host(), address.component()),
        2 => format!("*/{}", address.component()),
        _ => address.host().to_string(),
    };
    Pattern::new(&text)
}

/// The part as planning takes it; what a number picks is picked from what there is.
fn selection(part: Part, cluster: &Cluster, state: &State, whole: Option<&Plan>) -> Selection {
    let mut hosts: Vec<&str> = cluster.hosts.iter().map(|host| host.name.as_str()).collect();
    hosts.extend(state.hosts.keys().map(HostName::as_str));
    let host = |number: u8| Pattern::new(hosts[usize::from(number) % hosts.len()]);
    let recorded: Vec<&Address> = state.resources.keys().collect();
    // Where nothing of the kind is planned any resource will do.
    let picked = |number: u16, which: fn(&&Change) -> bool| {
        let changes = whole.iter().flat_map(|whole| &whole.changes).filter(which);
        let all: Vec<&Address> = changes.map(|change| &change.address).collect();
        let all = if all.is_empty() { &recorded } else { &all };
        all.get(usize::from(number / 4) % all.len().max(1)).map(|address| around(address, number))
    };
    let refused = |change: &&Change| matches!(change.problem, Some(Problem::Refused { .. }));
    let blocked = |change: &&Change| matches!(change.problem, Some(Problem::Blocked { .. }));
    let mut selection = Selection::default();
    match part {
        Part::All | Part::Refresh => {}
        Part::Host(number) => selection.targets.push(host(number)),
        Part::Component(number) => {
            selection.targets.push(Pattern::new(COMPONENTS[usize::from(number) % COMPONENTS.len()]));
        }
        Part::Without(number) => selection.excludes.push(host(number)),
        Part::One(number) => selection.targets.extend(picked(number, |_| false)),
        Part::Refused(number) => selection.targets.extend(picked(number, refused)),
        Part::WithoutRefused(number) => selection.excludes.extend(picked(number, refused)),
        Part::Blocked(number) => selection.targets.extend(picked(number, blocked)),
        Part::Replace(number) => {
            let picked = recorded.get(usize::from(number) % recorded.len().max(1));
            selection.replace.extend(picked.map(ToString::to_string));
        }
    }
    selection
}

impl Mainstay {
    /// The part as planning takes it.
    pub(crate) async fn selection(&self, part: Part, cluster: &Cluster, state: &State) -> Selection {
        let whole = if needs_whole(part) { self.quiet(cluster, state, &Selection::default()).await.ok() } else { None };
        selection(part, cluster, state, whole.as_ref())
    }

    /// A plan, by looks in which nothing goes wrong and which nobody notices.
    async fn quiet(&self, cluster: &Cluster, state: &State, selection: &Selection) -> Result<Plan, FlowError> {
        let asked = Asked { mode: Mode::Apply, cluster, simulated: false, selection, parallelism: 64 };
        let open = |reaches: &BTreeMap<HostName, Reach>| {
            let addresses = reaches.iter().map(|(host, reach)| (host.clone(), reach.address.clone())).collect();
            Ok(Arc::new(Fleet::Simulated(self.hosts.again(addresses))))
        };
        Ok(flow::survey(&asked, state, open, &mut ()).await?.plan)
    }

    /// Compares a plan that may be carried out with the whole one, if it is a part.
    pub(crate) async fn judge(&self, cluster: &Cluster, state: &State, plan: &Plan) {
        if plan.mode == Mode::Apply
            && plan.left_out > 0
            && let Ok(whole) = self.quiet(cluster, state, &Selection::default()).await
        {
            self.compare(&whole, plan);
        }
    }

    fn compare(&self, whole: &Plan, part: &Plan) {
        self.scene.count(part_name(whole, part));
        self.scene.must(whole_refuses(whole, part));
    }

    /// Plans parts of what the whole plan refuses, one after the other.
    pub(crate) async fn plan_parts(&self, yaml: &str, parts: &[Part]) -> Result<(), Failed> {
        let loaded = load(yaml).map_err(|error| Failed::Other(error.to_string()))?;
        let state = self.store()?.snapshot();
        let whole = self.quiet(&loaded.cluster, &state, &Selection::default()).await?;
        if flow::refusals(&whole) == 0 {
            return Ok(());
        }
        for part in parts {
            let selection = selection(*part, &loaded.cluster, &state, Some(&whole));
            // Some parts cannot be planned.
            match self.quiet(&loaded.cluster, &state, &selection).await {
                Ok(plan) if plan.left_out > 0 => self.compare(&whole, &plan),
                Ok(_) | Err(_) => self.scene.count("part: not planned"),
            }
        }
        Ok(())
    }
}
