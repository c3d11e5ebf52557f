//! `manifest`: Kubernetes objects from YAML documents.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::kubectl::{ELECTION, with_kubectl};
use crate::resource::{
    Act, Action, Effect, FieldChange, Kind, Observation, Output, Prior, ProbeError, Script, Step, sha256_hex,
};

/// Kubernetes objects that must be as these documents say, applied on the server's side under a field manager of
/// their own. Fields that the documents do not name are left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Its name among the cluster's manifests, for example `flannel`.
    pub name: String,
    /// YAML documents.
    pub content: String,
}

/// The objects as they are in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// `sha256:` and the digest of the documents when every object is as they say, else the names of those that
    /// are missing or differ, one a line.
    pub objects: String,
}

/// A definition takes a moment before objects of its kind are understood.
const TRANSIENT: &[&str] = &["no matches for kind", "failed calling webhook", "connection refused"];

impl Manifest {
    fn script(&self, body: &'static str) -> Script {
        Script::new(body).set("CONTENT", &self.content)
    }

    fn as_declared(&self) -> Observed {
        Observed { objects: format!("sha256:{}", sha256_hex(self.content.as_bytes())) }
    }
}

impl Kind for Manifest {
    const NAME: &'static str = "manifest";
    const WEIGHT: u64 = 50;
    const PRINCIPAL: &'static str = "objects";
    type Observed = Observed;

    fn key(&self) -> Option<String> {
        Some(self.name.clone())
    }

    /// The API server itself is asked what an apply would change: nobody else can tell a default from a difference.
    fn probe(&self) -> Script {
        self.script(with_kubectl!("manifest/objects.sh", "manifest/way.sh", "manifest/look.sh"))
    }

    fn parse(&self, output: &Output) -> Result<Observation<Observed>, ProbeError> {
        if !output.success() {
            return Err(ProbeError::of_cluster(output));
        }
        match output.stdout.trim() {
            "absent" => Ok(Observation::Absent),
            "equal" => Ok(Observation::Present(self.as_declared())),
            "" => Err(ProbeError::unexpected("objects differ, but none was named")),
            text => {
                let names: Option<Vec<&str>> = text.lines().map(|line| line.strip_prefix("differs ")).collect();
                let unexpected = || ProbeError::unexpected(format!("manifest line in `{text}`"));
                Ok(Observation::Present(Observed { objects: names.ok_or_else(unexpected)?.join("\n") }))
            }
        }
    }

    fn diff(&self, seen: &Observed) -> Vec<FieldChange> {
        let declared = self.as_declared();
        if *seen == declared {
            return Vec::new();
        }
        let change = if seen.objects.starts_with("sha256:") {
            FieldChange::compare("documents", &seen.objects, &declared.objects)
        } else {
            FieldChange::compare("objects", format!("differ: {}", seen.objects.replace('\n', ", ")), "as declared")
        };
        change.into_iter().collect()
    }

    fn simulate(&self) -> Observed {
        self.as_declared()
    }

    fn apply(&self, _: Act, _: &Observation<Observed>) -> Vec<Step> {
        let script = self.script(with_kubectl!("manifest/way.sh", "manifest/apply.sh"));
        let apply = Step::run(format!("apply {}", self.name), script).transient(TRANSIENT).transient(ELECTION);
        vec![apply.means(Effect::UseApi)]
    }

    fn files(&self) -> Vec<(String, String)> {
        vec![(self.name.clone(), self.content.clone())]
    }

    /// Objects that were there before stay: what they were like is not known, and the cluster lives on them.
    fn destroy(&self, prior: &Prior<Observed>) -> Vec<Step> {
        if prior.before != Observation::Absent {
            return Vec::new();
        }
        let delete = self.script(with_kubectl!("manifest/objects.sh", "manifest/delete.sh"));
        let gone = self.script(with_kubectl!("manifest/objects.sh", "manifest/gone.sh"));
        vec![
            Step::run(format!("delete {}", self.name), delete).transient(ELECTION).optional().means(Effect::UseApi),
            Step::wait(format!("the objects of {} are deleted", self.name), gone, Duration::from_mins(3))
                .optional()
                .means(Effect::UseApi),
        ]
    }

    fn restored(&self, seen: &Observation<Observed>, prior: &Prior<Observed>) -> bool {
        prior.before != Observation::Absent || *seen == Observation::Absent
    }

    fn warning(&self, action: Action) -> Option<String> {
        (action == Action::Destroy).then(|| format!("deletes every object of {}, and what they own", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::super::kubectl::stage::Stage;
    use super::*;
    use crate::resource::StepAct;

    fn manifest() -> Manifest {
        Manifest { name: "net".into(), content: "kind: ConfigMap\nmetadata: {name: a}\n".into() }
    }

    fn look(kubectl: &str) -> Result<Observation<Observed>, ProbeError> {
        let stage = Stage::control_plane();
        stage.command("kubectl", kubectl);
        manifest().parse(&stage.run(&manifest().probe()))
    }

    /// Answers `diff`, `get -f` and `get --raw` with these statuses and texts.
    fn kubectl(diff: (i32, &str), get: (i32, &str), ready: i32) -> String {
        format!(
            "case $* in *readyz*) exit {ready};; *' diff '*) printf '{}'; exit {};; *' get '*) printf '{}'; exit {};; esac",
            diff.1, diff.0, get.1, get.0
        )
    }

    #[test]
    fn an_election_of_etcd_does_not_end_a_look() {
        for verb in [" diff ", " get "] {
            let diff = if verb == " get " { "exit 1" } else { "exit 0" };
            let kubectl = format!(
                "case $* in *readyz*) exit 0;; *'{verb}'*) if ! [ -e $0.asked ]; then touch $0.asked; \
                 echo 'Error from server: etcdserver: leader changed' >&2; exit 2; fi;; esac
                 case $* in *' diff '*) echo 'diff -u -N /tmp/LIVE-1/a /tmp/MERGED-1/a'; {diff};; *) echo configmap/a;; esac"
            );
            assert!(matches!(look(&kubectl), Ok(Observation::Present(_))), "{verb}: {:?}", look(&kubectl));
        }
    }

    #[test]
    fn diff_statuses_are_understood() {
        assert_eq!(look(&kubectl((0, ""), (0, ""), 0)), Ok(Observation::Present(manifest().simulate())));
        let headers = "diff -u -N /tmp/LIVE-123/v1.ConfigMap.default.b /tmp/MERGED-99/v1.ConfigMap.default.b\\n--- x\\n\
            diff -u -N /tmp/LIVE-123/apps.v1.DaemonSet.n.a /tmp/MERGED-99/apps.v1.DaemonSet.n.a\\n";
        let differs = look(&kubectl((1, headers), (0, "configmap/b\\n"), 0)).unwrap();
        let names = "apps.v1.DaemonSet.n.a\nv1.ConfigMap.default.b";
        assert_eq!(differs, Observation::Present(Observed { objects: names.into() }));
        assert_eq!(manifest().diff(differs.present().unwrap()).len(), 1);
        assert_eq!(look(&kubectl((1, headers), (0, ""), 0)), Ok(Observation::Absent));
        // Objects in a namespace that is not there yet cannot be compared, and cannot be there.
        assert_eq!(look(&kubectl((2, ""), (0, ""), 0)), Ok(Observation::Absent));
        let unknown = "error: unable to recognize \"STDIN\": no matches for kind \"X\" in version \"y/v1\"";
        assert_eq!(look(&kubectl((2, ""), (1, unknown), 0)), Ok(Observation::Absent));
        // As kubectl v1.36.2 says the same.
        let unknown = "error: resource mapping not found for name: \"x\" namespace: \"\" from \"STDIN\": no matches for kind \
            \"Nope\" in version \"nope/v1\"\nensure CRDs are installed first";
        assert_eq!(look(&kubectl((2, ""), (1, unknown), 0)), Ok(Observation::Absent));
    }

    #[test]
    fn who_manages_a_field_is_no_difference() {
        // As kubectl v1.20.2 says of an object that was applied by the client before.
        let managers = " metadata:\n+  generation: 1\n   labels: {}\n   managedFields:\n+  - fieldsType: FieldsV1\n\
            +    manager: mainstay\n   - apiVersion: v1\n   name: b\n";
        let headers =
            |name: &str| format!("diff -u -N /run/LIVE-1/{name} /run/MERGED-9/{name}\n--- a\n+++ b\n@@ -1 +1 @@\n");
        let said = headers("v1.ConfigMap.n.b") + managers;
        let objects = |said: &str, second: i32| {
            let stage = Stage::control_plane();
            stage.file("/said", said);
            let said = stage.path("/said").display().to_string();
            let body = "case $* in *' diff '*) cat SAID; [ -n \"$KUBECTL_EXTERNAL_DIFF\" ] && exit SECOND; exit 1;; \
                *' get '*) echo configmap/b;; esac";
            stage.command("kubectl", &body.replace("SAID", &said).replace("SECOND", &second.to_string()));
            let seen = manifest().parse(&stage.run(&manifest().probe())).unwrap();
            seen.present().unwrap().objects.clone()
        };
        assert_eq!(objects(&said, 1), manifest().simulate().objects);
        assert_eq!(objects(&said, 2), "v1.ConfigMap.n.b", "where it cannot be told, it differs");
        let other = said.clone() + " data:\n-  a: x\n+  a: y\n" + &headers("v1.Secret.n.c") + managers;
        assert_eq!(objects(&other, 1), "v1.ConfigMap.n.b");
    }

    #[test]
    fn objects_that_were_there_before_stay() {
        let there = Observation::Present(Observed { objects: "v1.ConfigMap.n.b".into() });
        let prior = Prior { before: there.clone(), kept: [].into() };
        assert_eq!(manifest().destroy(&prior), []);
        assert!(manifest().restored(&there, &prior));
    }

    #[test]
    fn what_cannot_be_told_is_an_error() {
        let both = kubectl((2, ""), (0, "configmap/a\\n"), 0);
        assert!(matches!(look(&both), Err(ProbeError::Failed { status: 2, .. })));
        let refused = "The connection to the server 10.0.0.1:6443 was refused: an error";
        assert!(matches!(look(&kubectl((2, ""), (1, refused), 1)), Err(ProbeError::Failed { status: 76, .. })));
        assert!(matches!(look(&kubectl((2, ""), (0, ""), 1)), Err(ProbeError::Failed { status: 76, .. })));
        // As kubectl v1.20.2 said while the machine was busy; it names no error.
        let late = "Unable to connect to the server: net/http: request canceled (Client.Timeout exceeded)";
        assert!(matches!(look(&kubectl((2, ""), (1, late), 0)), Err(ProbeError::Failed { status: 1, .. })));
        for text in ["", "what", "differs", "absent equal"] {
            let output = Output { status: 0, stdout: text.into(), stderr: String::new() };
            assert!(manifest().parse(&output).is_err(), "{text}");
        }
    }

    #[test]
    fn the_documents_go_through_standard_input_under_our_field_manager() {
        let stage = Stage::control_plane();
        let copy = stage.path("/got").display().to_string();
        stage.command("kubectl", &format!("cat >{copy}"));
        let steps = manifest().apply(Act::Create, &Observation::Absent);
        let StepAct::Run(run) = &steps[0].act else { panic!("no script") };
        assert_eq!(stage.run(&run.script).status, 0);
        assert!(stage.calls().contains("apply --server-side --force-conflicts --field-manager=mainstay -f -"));
        assert!(!stage.calls().contains("ConfigMap"));
        assert!(std::fs::read_to_string(copy).unwrap().starts_with(&manifest().content));
    }

    #[test]
    fn what_old_servers_refuse_on_their_side_goes_by_the_client() {
        let refused = "case $* in *--server-side*) echo 'failed to create typed patch object: x' >&2; exit $2;; \
            *' get '*) echo configmap/a; exit 0;; esac; exit 0";
        for (title, script) in [
            ("diff", manifest().probe()),
            ("apply", {
                let steps = manifest().apply(Act::Create, &Observation::Absent);
                let StepAct::Run(run) = &steps[0].act else { panic!("no script") };
                run.script.clone()
            }),
        ] {
            let stage = Stage::control_plane();
            stage.command("kubectl", &refused.replace("$2", "2"));
            assert_eq!(stage.run(&script).status, 0);
            assert!(stage.calls().contains(&format!(" {title} --field-manager=mainstay -f -")), "{}", stage.calls());
        }
    }

    #[test]
    fn deletion_forgives_kinds_that_went_first() {
        let delete = |kubectl: &str| {
            let stage = Stage::control_plane();
            stage.command("kubectl", kubectl);
            let steps = manifest().destroy(&Prior { before: Observation::Absent, kept: [].into() });
            let StepAct::Run(run) = &steps[0].act else { panic!("no script") };
            stage.run(&run.script).status
        };
        assert_eq!(delete("case $* in *' delete '*) exit 1;; esac"), 0);
        assert_ne!(delete("case $* in *' delete '*) exit 1;; *' get '*) echo configmap/a;; esac"), 0);
    }
}
