//! cluster.yaml: its faults can be told, and one without faults can be planned.

use std::collections::BTreeMap;
use std::path::Path;

use mainstay::config::{load_bytes, render_diagnostics};

use super::planning::{debian, graph, plans, resources_hold};

pub(super) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let loaded = match load_bytes(bytes, "cluster.yaml", Path::new("/etc/prod")) {
        Ok(loaded) => loaded,
        Err(errors) => {
            assert!(!errors.diagnostics.is_empty(), "a file is refused with a reason");
            let text = if std::str::from_utf8(bytes).is_ok() { &*text } else { "" };
            for color in [false, true] {
                render_diagnostics(&errors.diagnostics, text, &errors.file, color);
            }
            serde_json::to_string(&errors.diagnostics).expect("diagnostics are JSON");
            return;
        }
    };
    render_diagnostics(&loaded.warnings, &text, "cluster.yaml", false);
    let cluster = &loaded.cluster;
    let facts = debian(cluster);
    // Before the hosts are asked, and after.
    let Ok(blind) = graph(cluster, &BTreeMap::default()) else { return };
    let Ok(graph) = graph(cluster, &facts) else { return };
    let addresses =
        |graph: &mainstay::graph::Graph| graph.items().iter().map(|it| it.address.clone()).collect::<Vec<_>>();
    assert_eq!(addresses(&blind), addresses(&graph), "facts decide values, not which resources there are");
    resources_hold(&graph);
    plans(cluster, &graph, facts);
}
