//! From a checked cluster to a rendered plan, in memory: every host answers and has nothing yet.

use std::collections::{BTreeMap, BTreeSet};

use mainstay::config::{Cluster, ManifestSource, Network};
use mainstay::facts::FactSet;
use mainstay::graph::{Graph, dot, mermaid};
use mainstay::kinds;
use mainstay::plan::saved::{Basis, Origin, Saved, digest_key, from_bytes, to_bytes};
use mainstay::plan::{self, Mode, Plan, Selection};
use mainstay::render::{PlanHtml, PlanMarkdown, PlanText, Source, plan_document, plan_events};
use mainstay::resource::{Act, Address, HostFacts, HostName, Interface, Observation, Pattern, Secret, Seen, Slots};
use mainstay::stack::{self, StackError};
use mainstay::state::State;

const MANIFEST: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: net}\n";

/// A Debian host on which every interface that cluster.yaml names has the host's own address.
pub(super) fn debian(cluster: &Cluster) -> BTreeMap<HostName, HostFacts> {
    let of = |host: &mainstay::config::Host| {
        let name = host.interface.clone().unwrap_or_else(|| "eth0".into());
        let facts = HostFacts {
            hostname: host.node_name.clone(),
            os: "debian".into(),
            package_manager: "apt".into(),
            interfaces: vec![Interface { name, address: host.internal_address, prefix: 24 }],
            ..HostFacts::default()
        };
        (HostName::new(&host.name), facts)
    };
    cluster.hosts.iter().map(of).collect()
}

/// What is declared; errors are those that facts or a full subnet may rightly cause.
pub(super) fn graph(cluster: &Cluster, facts: &BTreeMap<HostName, HostFacts>) -> Result<Graph, StackError> {
    let password = Secret::new("fuzzfuzz");
    let inputs = stack::Inputs {
        pod_ranges: &stack::assign_pod_ranges(cluster, &BTreeMap::new())?,
        pods_before: &BTreeMap::new(),
        vrrp_password: Some(&password),
        manifest: matches!(
            &cluster.network,
            Network::Manifest { source: ManifestSource::Path(_) | ManifestSource::Url(_), .. }
        )
        .then_some(MANIFEST),
        recorded: &stack::Recorded::default(),
    };
    let values = stack::complete(cluster, &inputs, facts)?;
    let (items, handed_over) = stack::declare(cluster, &inputs)?.into_parts();
    let mut graph = Graph::build(items).unwrap_or_else(|error| panic!("a checked cluster is no graph: {error}"));
    graph.complete(values);
    Ok(graph.handing_over(handed_over))
}

/// Everything that a resource says of itself can be written, sent and read back.
pub(super) fn resources_hold(graph: &Graph) {
    for item in graph.items() {
        let (address, resource) = (&item.address, &item.resource);
        let printed = address.to_string();
        assert_eq!(printed.parse::<Address>().as_ref(), Ok(address), "an address reads back as it prints");
        resource.probe().render(&Slots::default()).unwrap_or_else(|error| panic!("the look of {address}: {error}"));
        resource.files();
        let attributes = resource.attributes();
        let again = kinds::decode(address.kind(), &attributes).unwrap_or_else(|error| panic!("{address}: {error}"));
        assert_eq!(again.attributes(), attributes, "{address} reads back as recorded");
        let steps = resource.apply(Act::Create, &Observation::Absent);
        steps.unwrap_or_else(|error| panic!("{address}: {error}"));
        let differs = resource.diff(&resource.simulate()).unwrap_or_else(|error| panic!("{address}: {error}"));
        assert_eq!(differs, [], "{address} is as declared once it is applied");
    }
}

/// Plans, shows the plan in every form and saves it.
pub(super) fn plans(cluster: &Cluster, graph: &Graph, facts: BTreeMap<HostName, HostFacts>) {
    let state = State::fresh(&cluster.name, "11111111-2222-4333-8444-555555555555".into(), "5a17".into());
    let renames: Vec<_> = cluster.lifecycle.moved.iter().map(|it| (it.from.clone(), it.to.clone())).collect();
    let Ok(followed) = plan::follow(&state, &renames) else { return };
    let nothing =
        |address: &Address| (address.clone(), Ok(Seen { observation: Observation::Absent, digest: "0".into() }.into()));
    let seen = graph.items().iter().map(|item| nothing(&item.address)).collect();
    let control_planes: Vec<HostName> = cluster.control_planes().map(|host| HostName::new(&host.name)).collect();
    let patterns = |all: &[String]| all.iter().map(|it| Pattern::new(it.as_str())).collect::<Vec<_>>();
    let made = Plan::make(&plan::Inputs {
        mode: Mode::Apply,
        graph,
        state: &state,
        facts: &FactSet { hosts: facts, seen, unreached: BTreeMap::new() },
        decode: &kinds::decode,
        control_planes: &control_planes,
        prevent_destroy: &patterns(&cluster.guards.prevent_destroy),
        ignore_drift: &patterns(&cluster.lifecycle.ignore_drift),
        virtual_ip: cluster.endpoint.vip,
        moved: &followed.previous,
        selection: &Selection::default(),
        forget_unreachable: false,
    });
    let addresses: BTreeSet<&Address> = made.changes.iter().map(|change| &change.address).collect();
    assert_eq!(addresses.len(), graph.len(), "every resource is planned, and once");
    shown(&made);
    dot(&graph.drawing());
    mermaid(&graph.drawing());
    let saved = Saved::of(&made, &digest_key(&state), Basis::default(), Origin::default());
    assert_eq!(from_bytes(&to_bytes(&saved)).as_ref(), Ok(&saved), "a saved plan reads back");
}

/// Shows a plan in every form.
pub(super) fn shown(plan: &Plan) {
    let source = Source { file: "cluster.yaml", line_of: &|_: &str| None };
    for full in [false, true] {
        PlanText { color: true, width: 80, full, source }.render(plan);
        PlanHtml { full, source }.render(plan);
        let comment = PlanMarkdown { full, source }.render(plan);
        assert!(comment.len() < 65_536, "a comment of {} bytes is refused", comment.len());
    }
    assert!(plan_document(plan).is_object());
    plan_events(plan);
}
