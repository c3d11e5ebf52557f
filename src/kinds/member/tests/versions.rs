//! Tests of control planes that somebody upgraded with kubeadm.

use super::*;

fn at(version: &str) -> Member {
    Member { version: Some(version.to_owned()), ..init() }
}

fn runs(tag: &str, note: Option<&str>) -> Observed {
    let stage = whole(note);
    let manifest =
        "    - kube-apiserver\n    - --advertise-address=10.0.0.1\n    image: registry.k8s.io/kube-apiserver";
    stage.file(
        "/etc/kubernetes/manifests/kube-apiserver.yaml",
        &format!("{manifest}{tag}\n    imagePullPolicy: Always\n"),
    );
    stage.command("kubectl", "echo node-role.kubernetes.io/control-plane");
    look(&init(), &stage).unwrap().present().unwrap().clone()
}

#[test]
fn the_version_is_that_of_the_manifest() {
    assert_eq!(runs(":v1.36.2", Some("init done\n")).version.as_deref(), Some("1.36.2"));
    assert_eq!(runs(":v1.20.2", None).version.as_deref(), Some("1.20.2"));
    assert_eq!(runs(":v1.37.0-rc.1", Some("init done\n")).version.as_deref(), Some("1.37.0-rc.1"));
    for other in ["", ":latest", ":v1.36.2-vendor.1", "@sha256:00"] {
        assert_eq!(runs(other, Some("init done\n")).version, None, "{other}");
    }
}

#[test]
fn an_upgrade_by_hand_to_the_declared_version_is_only_recorded() {
    let (was, is) = (at("1.35.2"), at("1.36.2"));
    let seen = runs(":v1.36.2", Some("init done\n"));
    assert!(!Kind::settings(&is, &was, None).is_empty());
    assert_eq!(Kind::settings(&is, &was, Some(&seen)), []);
    assert_eq!((is.diff(&seen), is.impossible(&seen)), (Vec::new(), None));
    // One that is not upgraded yet.
    let behind = runs(":v1.35.2", Some("init done\n"));
    assert!(!Kind::settings(&is, &was, Some(&behind)).is_empty());
}

#[test]
fn a_version_that_does_not_run_is_refused_with_the_one_that_does() {
    let seen = runs(":v1.36.2", Some("init done\n"));
    let was = at("1.35.2");
    let fields: Vec<String> = was.diff(&seen).into_iter().map(|change| change.field).collect();
    assert_eq!(fields, ["version"]);
    let text = was.impossible(&seen).unwrap();
    assert!(text.contains("cp1 runs Kubernetes 1.36.2") && text.contains("Write `version: 1.36.2`"), "{text}");
    // Observations of before and workers have no version.
    let before = Observed { version: None, ..seen };
    assert_eq!((was.diff(&before), was.impossible(&before)), (Vec::new(), None));
}
