//! Every example, from the first plan to the end, on simulated hosts.

use std::fs;

use crate::sandbox::{Sandbox, root};

#[test]
fn every_example_can_be_planned_applied_and_destroyed() {
    let mut found = 0;
    for entry in fs::read_dir(root().join("examples")).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        // Recipes are played by recipes.rs, the account that can only look by the lab.
        if !folder.join("cluster.yaml").exists() {
            continue;
        }
        let it = Sandbox::of(&format!("examples/{name}/cluster.yaml"));
        let simulate = if it.read("cluster.yaml").contains("\nfleet: simulated\n") { None } else { Some("--simulate") };
        let with = |args: &[&'static str]| -> Vec<&'static str> { args.iter().copied().chain(simulate).collect() };
        let said = it.expect(2, &with(&["plan", "--detailed-exitcode"]));
        assert!(!said.out.contains("Problems") && said.out.contains(" to add, 0 to change, 0 to destroy."), "{name}");
        assert_eq!(said.err, "", "{name}");
        it.expect(0, &with(&["apply", "--auto-approve"]));
        assert!(it.expect(0, &with(&["plan", "--detailed-exitcode"])).out.contains("No changes."), "{name}");
        if it.read("cluster.yaml").contains("\nguards:") {
            let said = it.expect(1, &with(&["plan", "--destroy"]));
            assert!(said.out.contains("guards.preventDestroy"), "{name}: {}", said.out);
            let text = it.read("cluster.yaml");
            let unguarded = text.split("\nguards:").next().unwrap();
            fs::write(it.path("cluster.yaml"), format!("{unguarded}\n")).unwrap();
            // The guards of the last apply count until the next one.
            it.expect(0, &with(&["apply", "--auto-approve"]));
        }
        it.expect(0, &with(&["destroy", "--auto-approve"]));
        let again = it.expect(0, &with(&["destroy", "--auto-approve"]));
        assert!(again.out.contains("nothing to destroy"), "{name}: {}", again.out);
        found += 1;
    }
    assert!(found >= 4, "{found}");
}
