//! `bridge_interface`: a bridge of the kernel, for a program that brings its own ports and settings.

use serde::{Deserialize, Serialize};

use crate::resource::{Act, Action, FieldChange, Kind, Observation, Output, Prior, ProbeError, Script, Step};

/// A bridge. Only its being there is managed: address, ports and state belong to who uses it (the
/// CNI plugin takes a bridge that is there for its own). It lasts until the next boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BridgeInterface {
    /// Name of the interface; its key.
    pub name: String,
}

/// What a look sees of a [`BridgeInterface`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BridgeInterfaceSeen {
    /// Whether the interface of this name is a bridge.
    pub bridge: bool,
}

const LOOK: &str = r#"
if [ -d "$ROOT/sys/class/net/$NAME/bridge" ]; then echo bridge
elif [ -e "$ROOT/sys/class/net/$NAME" ]; then echo other
elif [ -d "$ROOT/sys/class/net" ]; then echo absent
else exit 1; fi
"#;

const MAKE: &str = r#"
if [ ! -d "$ROOT/sys/class/net/$NAME/bridge" ]; then ip link add name "$NAME" type bridge; fi
"#;

const REMOVE: &str = r#"
if [ -d "$ROOT/sys/class/net/$NAME/bridge" ]; then ip link delete "$NAME" type bridge; fi
"#;

impl BridgeInterface {
    fn script(&self, body: &'static str) -> Script {
        Script::new(body).set("NAME", &self.name).set("ROOT", "")
    }
}

impl Kind for BridgeInterface {
    const NAME: &'static str = "bridge_interface";
    const PRINCIPAL: &'static str = "bridge";
    type Observed = BridgeInterfaceSeen;

    fn key(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn last_one(&self, action: Action) -> Option<String> {
        (action == Action::Destroy).then(|| {
            "The pod network `bridge` is removed from all nodes. Pods have no network until another plugin runs and they are \
             restarted."
                .to_owned()
        })
    }

    fn handed_over(&self, hosts: &str) -> Option<String> {
        Some(format!(
            "The pod network `bridge` stays on {hosts} as it is, but mainstay no longer manages it: nodes that are added \
             later are not connected to it."
        ))
    }

    fn probe(&self) -> Script {
        self.script(LOOK)
    }

    fn parse(&self, output: &Output) -> Result<Observation<BridgeInterfaceSeen>, ProbeError> {
        if !output.success() {
            return Err(ProbeError::failed(output));
        }
        match output.stdout.as_str() {
            "absent\n" => Ok(Observation::Absent),
            "bridge\n" => Ok(Observation::Present(BridgeInterfaceSeen { bridge: true })),
            "other\n" => Ok(Observation::Present(BridgeInterfaceSeen { bridge: false })),
            _ => Err(ProbeError::unexpected(format!("`{}` for a bridge", output.tail(1)))),
        }
    }

    fn diff(&self, seen: &BridgeInterfaceSeen) -> Vec<FieldChange> {
        FieldChange::compare("bridge", seen.bridge, true).into_iter().collect()
    }

    fn simulate(&self) -> BridgeInterfaceSeen {
        BridgeInterfaceSeen { bridge: true }
    }

    fn apply(&self, _: Act, _: &Observation<BridgeInterfaceSeen>) -> Vec<Step> {
        vec![Step::run(format!("create the bridge {}", self.name), self.script(MAKE))]
    }

    fn destroy(&self, prior: &Prior<BridgeInterfaceSeen>) -> Vec<Step> {
        match prior.before {
            Observation::Absent => vec![Step::run(format!("delete the bridge {}", self.name), self.script(REMOVE))],
            Observation::Present(_) => Vec::new(),
        }
    }

    fn restored(&self, seen: &Observation<BridgeInterfaceSeen>, prior: &Prior<BridgeInterfaceSeen>) -> bool {
        // One that was there before may be gone by now: nothing of ours keeps it over a boot.
        prior.before != Observation::Absent || *seen == Observation::Absent
    }

    fn impossible(&self, seen: &BridgeInterfaceSeen) -> Option<String> {
        (!seen.bridge).then(|| format!("the host has an interface {} that is not a bridge", self.name))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::kinds::rehearsal::{Rehearsal, stand_in};

    fn bridge(name: &str) -> BridgeInterface {
        BridgeInterface { name: name.into() }
    }

    /// A host whose `ip` makes and removes directories under its /sys/class/net.
    fn host() -> (tempfile::TempDir, Rehearsal) {
        let root = tempfile::tempdir().unwrap();
        let net = root.path().join("sys/class/net");
        fs::create_dir_all(net.join("lo")).unwrap();
        fs::create_dir_all(root.path().join("bin")).unwrap();
        let ip = format!(
            "#!/bin/sh\ncase \"$*\" in\n'link add name '*' type bridge') mkdir -p {0}/$4/bridge ;;\n\
             'link delete '*' type bridge') rm -r {0}/$3 ;;\n*) exit 1 ;;\nesac\n",
            net.display()
        );
        let program = root.path().join("bin/ip");
        stand_in(&program, &ip);
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let rehearsal = Rehearsal::default().with("ROOT", text(root.path())).path(&text(&root.path().join("bin")));
        (root, rehearsal)
    }

    #[test]
    fn it_is_made_and_removed() {
        let (root, rehearsal) = host();
        let (prior, after) = rehearsal.live(&bridge("cni0"));
        assert_eq!((prior.before, after.bridge), (Observation::Absent, true));
        assert!(!root.path().join("sys/class/net/cni0").exists());
    }

    #[test]
    fn one_that_was_there_before_stays() {
        let (root, rehearsal) = host();
        fs::create_dir_all(root.path().join("sys/class/net/cni0/bridge")).unwrap();
        rehearsal.live(&bridge("cni0"));
        assert!(root.path().join("sys/class/net/cni0").exists());
    }

    #[test]
    fn an_interface_that_is_no_bridge_makes_it_impossible() {
        let (_root, rehearsal) = host();
        let seen = rehearsal.look(&bridge("lo")).unwrap();
        let why = bridge("lo").impossible(seen.present().unwrap()).unwrap();
        assert!(why.contains("lo that is not a bridge"), "{why}");
        assert_eq!(bridge("lo").impossible(&bridge("lo").simulate()), None);
    }

    #[test]
    fn garbage_is_an_error() {
        for (status, text) in [(0, ""), (0, "bridge"), (0, "yes\n"), (1, "absent\n")] {
            let output = Output { status, stdout: text.into(), stderr: String::new() };
            assert!(bridge("cni0").parse(&output).is_err(), "{text}");
        }
    }
}
