//! What containers cannot show, because they share the machine's kernel: modules, and what is left
//! after a reboot. The machine has no Kubernetes, so an apply ends when the host is prepared.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::lab::{self, loudly, planned_changes, ready, root, text};
use crate::turn::Turn;

/// What `proxyMode: ipvs` loads.
const MODULES: [&str; 7] = ["overlay", "br_netfilter", "nf_conntrack", "ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_sh"];
const MODULES_FILE: &str = "/etc/modules-load.d/mainstay.conf";
const SYSCTL_FILE: &str = "/etc/sysctl.d/90-mainstay.conf";

/// A running virtual machine; ended when it is dropped, unless `LAB_KEEP` is set.
struct Machine {
    dir: PathBuf,
}

impl Machine {
    fn script(&self, name: &str) -> Command {
        lab::script(&format!("vm/{name}"), "mainstay-e2e-vm", &self.dir)
    }

    fn run(&self, name: &str, args: &[&str]) -> String {
        let output = self.script(name).args(args).output().unwrap();
        assert!(output.status.success(), "tests/lab/vm/{name} {args:?}:\n{}", text(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs a shell line as root in the machine.
    fn sh(&self, line: &str) -> String {
        self.run("exec", &[line])
    }

    /// All that destroy must put back. Contents are read where mainstay may write.
    fn snapshot(&self) -> String {
        let recipe = fs::File::open(root().join("tests/lab/snapshot.sh")).unwrap();
        let directories = ["/etc", "/var/lib", "/usr/local", "/root"];
        let output = self.script("exec").args(["bash", "-s", "--"]).args(directories).stdin(recipe).output().unwrap();
        assert!(output.status.success(), "snapshot: {}", text(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn mainstay(&self, file: &str, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mainstay"));
        command.arg("-f").arg(self.dir.join(file)).args(args).env_remove("MAINSTAY_FILE").env("NO_COLOR", "1");
        command.stdin(Stdio::null()).output().unwrap()
    }

    /// Addresses below `vm/host/` for which something is planned.
    fn planned_for_the_host(&self) -> Vec<String> {
        let output = self.mainstay("cluster.yaml", &["--json", "plan"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        let planned = planned_changes(&String::from_utf8(output.stdout).unwrap());
        assert!(planned.iter().any(|it| it == "vm/control-plane/member"), "that one is never done: {planned:?}");
        planned.into_iter().filter(|it| it.starts_with("vm/host/")).collect()
    }

    fn host_is_prepared(&self) {
        let loaded = self.sh("lsmod");
        let loaded: Vec<&str> = loaded.lines().filter_map(|line| line.split_whitespace().next()).collect();
        for module in MODULES {
            assert!(loaded.contains(&module), "{module} is not loaded: {loaded:?}");
        }
        let line =
            "sysctl -n net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables";
        assert_eq!(self.sh(line), "1\n1\n1\n");
        assert_eq!(self.planned_for_the_host(), [""; 0]);
    }

    fn boot_id(&self) -> String {
        self.sh("cat /proc/sys/kernel/random/boot_id").trim().to_owned()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if lab::stays() {
            let (dir, down) = (self.dir.display(), root().join("tests/lab/vm/down"));
            loudly(&format!("the machine is left running; to remove it: LAB_DIR={dir} {}", down.display()));
            return;
        }
        let _ = self.script("down").output();
    }
}

#[test]
fn the_kernel_is_prepared_for_ipvs_also_after_a_reboot_and_put_back() {
    let _turn = Turn::take();
    if !ready("vm/ready") {
        return;
    }
    let machine = Machine { dir: root().join("target").join(lab::own_name("mainstay-e2e-vm")) };
    let began = std::time::Instant::now();
    let lap = |what: &str| loudly(&format!("figure: virtual machine, {what}: {:.0} s", began.elapsed().as_secs_f64()));
    machine.run("up", &[]);
    lap("booted");
    let before = machine.snapshot();
    assert!(!before.contains("\nip_vs\n"), "nothing is shown by what was there before");

    a_missing_module_is_said_before_anything_is_changed(&machine);
    lap("missing module refused");

    let applied = machine.mainstay("cluster.yaml", &["apply", "--auto-approve"]);
    let said = text(&applied);
    assert_eq!(applied.status.code(), Some(1), "{said}");
    assert!(said.contains("Apply incomplete.") && said.contains("no unit containerd.service"), "{said}");
    assert!(!said.contains("\n  vm/host/"), "only what comes after the host fails: {said}");
    let lines = |path: &str| machine.sh(&format!("grep -v ^# {path}"));
    assert_eq!(lines(MODULES_FILE), MODULES.join("\n") + "\n");
    assert!(lines(SYSCTL_FILE).contains("net.ipv4.ip_forward = 1\n"));
    machine.host_is_prepared();
    lap("prepared");

    let boot = machine.boot_id();
    machine.sh("systemctl reboot");
    machine.run("wait", &[&boot]);
    assert_ne!(machine.boot_id(), boot);
    machine.host_is_prepared();
    lap("prepared after a reboot");

    let destroyed = machine.mainstay("cluster.yaml", &["destroy", "--auto-approve"]);
    assert!(text(&destroyed).contains("Destroy complete!"), "{}", text(&destroyed));
    let after = machine.snapshot();
    let diff = similar::TextDiff::from_lines(before.as_str(), after.as_str());
    let diff = diff.unified_diff().context_radius(0).to_string();
    assert!(diff.is_empty(), "the machine is not as it was before the first apply:\n{diff}");
    lap("put back");
}

fn a_missing_module_is_said_before_anything_is_changed(machine: &Machine) {
    let file = fs::read_to_string(machine.dir.join("cluster.yaml")).unwrap();
    let file = file.replace("name: lab-vm", "name: lab-vm-missing") + "hostConfig: {kernelModules: [no_such_module]}\n";
    fs::write(machine.dir.join("missing.yaml"), file).unwrap();
    machine.sh("touch /run/marker");
    let modules = machine.sh("cut -d' ' -f1 /proc/modules");
    for command in [&["plan"][..], &["apply", "--auto-approve"]] {
        let output = machine.mainstay("missing.yaml", command);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
        let refused = "vm/host/kernel_module[no_such_module]: refused";
        assert!(said.contains(refused) && said.contains("has no module"), "{said}");
    }
    let written = "find / -xdev -newer /run/marker -type f -not -path '/var/log/*' -not -path '/tmp/*'";
    assert_eq!(machine.sh(written), "", "nothing is written");
    assert_eq!(machine.sh("cut -d' ' -f1 /proc/modules"), modules, "and nothing is loaded");
}
