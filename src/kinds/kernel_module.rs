//! `kernel_module`: a kernel module that is loaded now. Loading it at boot is a `file` of its own.

use serde::{Deserialize, Serialize};

use crate::resource::{Act, FieldChange, Kind, Observation, Output, Prior, ProbeError, Script, Step};

/// A kernel module, loaded or built in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KernelModule {
    /// Name, for example `br_netfilter`; its key.
    pub name: String,
}

/// What a look sees of a [`KernelModule`]. One that could be loaded and is not is absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KernelModuleSeen {
    /// Whether the kernel has it in use: loaded or built in.
    pub loaded: bool,
    /// Whether the kernel could load it.
    pub available: bool,
}

const LOOK: &str = include_str!("kernel_module/look.sh");

const LOAD: &str = include_str!("kernel_module/load.sh");
const UNLOAD: &str = include_str!("kernel_module/unload.sh");

/// What the step that loads keeps: the modules that came with it, separated by blanks.
const WITH: &str = "with";

impl KernelModule {
    /// The name as the kernel writes it.
    fn kernels_name(&self) -> String {
        self.name.replace('-', "_")
    }
}

impl Kind for KernelModule {
    const NAME: &'static str = "kernel_module";
    const PRINCIPAL: &'static str = "loaded";
    type Observed = KernelModuleSeen;

    fn key(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn probe(&self) -> Script {
        let name = self.kernels_name();
        let pattern = name.replace('_', "[-_]");
        Script::new(LOOK).set("MODULE", name).set("PATTERN", pattern).set("ROOT", "")
    }

    fn parse(&self, output: &Output) -> Result<Observation<KernelModuleSeen>, ProbeError> {
        if !output.success() {
            return Err(ProbeError::failed(output));
        }
        match output.stdout.as_str() {
            "loaded\n" => Ok(Observation::Present(KernelModuleSeen { loaded: true, available: true })),
            "available\n" => Ok(Observation::Absent),
            "missing\n" => Ok(Observation::Present(KernelModuleSeen { loaded: false, available: false })),
            _ => Err(ProbeError::unexpected(format!("`{}` for a kernel module", output.tail(1)))),
        }
    }

    fn diff(&self, seen: &KernelModuleSeen) -> Vec<FieldChange> {
        FieldChange::compare("loaded", seen.loaded, true).into_iter().collect()
    }

    fn simulate(&self) -> KernelModuleSeen {
        KernelModuleSeen { loaded: true, available: true }
    }

    fn apply(&self, _: Act, _: &Observation<KernelModuleSeen>) -> Vec<Step> {
        let script = Script::new(LOAD).set("MODULE", &self.name).set("OWN_NAME", self.kernels_name()).set("ROOT", "");
        vec![Step::run(format!("load {}", self.name), script)]
    }

    fn destroy(&self, prior: &Prior<KernelModuleSeen>) -> Vec<Step> {
        match prior.before {
            Observation::Absent => {
                let with = prior.kept.get(WITH).map_or("", String::as_str);
                let script = Script::new(UNLOAD).set("MODULE", self.kernels_name()).set("WITH", with).set("ROOT", "");
                vec![Step::run(format!("unload {}", self.name), script)]
            }
            Observation::Present(_) => Vec::new(),
        }
    }

    fn restored(&self, _: &Observation<KernelModuleSeen>, _: &Prior<KernelModuleSeen>) -> bool {
        // A module in use may stay; a look cannot tell that from a failure, the step did.
        true
    }

    fn impossible(&self, seen: &KernelModuleSeen) -> Option<String> {
        (!seen.loaded && !seen.available)
            .then(|| format!("the kernel of the host has no module {} (neither built in nor loadable)", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::rehearsal::{Rehearsal, stand_in};
    use std::fs;
    use std::path::Path;

    fn module(name: &str) -> KernelModule {
        KernelModule { name: name.into() }
    }

    fn write(path: impl AsRef<Path>, text: &str) {
        fs::create_dir_all(path.as_ref().parent().unwrap()).unwrap();
        stand_in(path, text);
    }

    /// A host whose modprobe loads by making a directory under its /sys/module. `ip_vs` needs
    /// `nf_conntrack`, which needs `libcrc32c`.
    fn host() -> (tempfile::TempDir, Rehearsal) {
        let root = tempfile::tempdir().unwrap();
        let modules = format!("{}/sys/module", root.path().display());
        let modprobe = format!(
            "#!/bin/sh\nfor name; do :; done\nname=$(printf %s \"$name\" | tr - _)\ncase $name in\nip_vs) \
             all='libcrc32c nf_conntrack ip_vs' ;;\nin_use | bridge) all=$name ;;\n*) echo 'FATAL: not found' >&2; \
             exit 1 ;;\nesac\ncase $1 in\n-n) ;;\n-D) for one in $all; do echo \"insmod /lib/x/$(echo $one | tr _ \
             -).ko.xz a=1\"; done ;;\n--) for one in $all; do mkdir -p {modules}/$one; done ;;\n*) exit 1 ;;\nesac\n"
        );
        write(root.path().join("bin/modprobe"), &modprobe);
        let rmmod = format!("#!/bin/sh\n[ $2 != in_use ] && echo $2 >>{modules}/../gone && rmdir {modules}/$2\n");
        write(root.path().join("bin/rmmod"), &rmmod);
        let rehearsal = Rehearsal::default()
            .with("ROOT", root.path().to_str().unwrap())
            .path(root.path().join("bin").to_str().unwrap());
        (root, rehearsal)
    }

    const LOADED: Observation<KernelModuleSeen> =
        Observation::Present(KernelModuleSeen { loaded: true, available: true });

    #[test]
    fn loads_and_unloads() {
        let (root, rehearsal) = host();
        let (prior, _) = rehearsal.live(&module("ip-vs"));
        assert_eq!(prior.before, Observation::Absent);
        assert!(!root.path().join("sys/module/ip_vs").exists());
    }

    #[test]
    fn what_came_with_it_goes_with_it_and_what_was_there_stays() {
        let (root, rehearsal) = host();
        let (prior, _) = rehearsal.live(&module("ip-vs"));
        assert_eq!(prior.kept["with"], "nf_conntrack libcrc32c");
        assert_eq!(fs::read_to_string(root.path().join("sys/gone")).unwrap(), "ip_vs\nnf_conntrack\nlibcrc32c\n");

        fs::create_dir_all(root.path().join("sys/module/nf_conntrack")).unwrap();
        let (prior, _) = rehearsal.live(&module("ip_vs"));
        assert_eq!(prior.kept["with"], "libcrc32c");
        assert!(root.path().join("sys/module/nf_conntrack").exists());
    }

    #[test]
    fn a_module_that_network_devices_would_go_with_stays() {
        let (root, rehearsal) = host();
        write(root.path().join("sys/class/net/docker0/uevent"), "DEVTYPE=bridge\nINTERFACE=docker0\n");
        rehearsal.live(&module("bridge"));
        assert!(root.path().join("sys/module/bridge").exists());
    }

    #[test]
    fn a_module_that_the_host_still_asks_for_stays() {
        let (root, rehearsal) = host();
        let module_of = |name: &str| root.path().join("sys/module").join(name);
        let boot = root.path().join("etc/modules-load.d/mainstay.conf");
        // It came with `ip_vs`, and is listed itself.
        write(&boot, "# ours\nnf-conntrack\n");
        rehearsal.live(&module("ip_vs"));
        assert!(module_of("nf_conntrack").exists() && !module_of("ip_vs").exists());
        fs::remove_dir(module_of("nf_conntrack")).unwrap();
        // A parameter that only it brings is still set.
        fs::remove_file(&boot).unwrap();
        write(root.path().join("etc/sysctl.d/90-mainstay.conf"), "net.ipv4.vs.conntrack = 1\n");
        rehearsal.live(&module("ip_vs"));
        assert!(module_of("ip_vs").exists() && !module_of("nf_conntrack").exists());
    }

    #[test]
    fn one_that_was_there_or_is_in_use_stays() {
        let (root, rehearsal) = host();
        rehearsal.live(&module("in_use"));
        assert!(root.path().join("sys/module/in_use").exists());
        assert_eq!(rehearsal.live(&module("in_use")).0.before, LOADED);
    }

    #[test]
    fn built_in_modules_show_in_many_ways() {
        let (root, rehearsal) = host();
        let release = std::process::Command::new("uname").arg("-r").output().unwrap();
        let release = String::from_utf8(release.stdout).unwrap();
        let list = root.path().join(format!("lib/modules/{}/modules.builtin", release.trim()));
        write(list, "kernel/net/x/nf-tables.ko\nkernel/not_xfs.ko\n");
        write(root.path().join("proc/filesystems"), "nodev\toverlay\n\text4\n");
        write(root.path().join("proc/sys/net/bridge/bridge-nf-call-iptables"), "1\n");
        write(root.path().join("proc/net/ip_vs"), "");
        write(root.path().join("proc/modules"), "dummy 12288 0 - Live 0x0\n");
        for name in ["nf_tables", "nf-tables", "overlay", "br_netfilter", "ip_vs", "dummy"] {
            assert_eq!(rehearsal.look(&module(name)), Ok(LOADED), "{name}");
        }
        for name in ["xfs", "ext", "dumm", "modules"] {
            let seen = rehearsal.look(&module(name)).unwrap();
            let why = module(name).impossible(seen.present().unwrap()).unwrap();
            assert!(why.contains(&format!("no module {name}")), "{why}");
        }
    }

    #[test]
    fn a_missing_module_names_itself_when_it_is_loaded_nevertheless() {
        let (_root, rehearsal) = host();
        let wanted = module("nope");
        let failed = rehearsal.run(&wanted, &wanted.apply(Act::Create, &Observation::Absent)).unwrap_err();
        assert!(failed.stderr.contains("module nope: FATAL: not found"), "{failed:?}");
    }

    #[test]
    fn garbage_is_an_error() {
        for (status, text) in [(0, ""), (0, "loaded"), (0, "yes\n"), (1, "loaded\n"), (0, "loaded\nloaded\n")] {
            let output = Output { status, stdout: text.into(), stderr: String::new() };
            assert!(module("x").parse(&output).is_err(), "{text}");
        }
    }

    #[test]
    fn only_what_is_not_loaded_differs() {
        let missing = KernelModuleSeen { loaded: false, available: false };
        assert_eq!(module("x").diff(&module("x").simulate()), []);
        assert_eq!(module("x").diff(&missing)[0].field, "loaded");
        assert_eq!(module("x").impossible(&module("x").simulate()), None);
    }
}
