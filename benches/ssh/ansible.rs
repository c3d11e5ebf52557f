//! Ansible: the same checks as tasks, forks for all hosts, pipelining, `ControlPersist`, connections cold at each start.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use serde_json::{Value, json};

use super::measure::{Sample, child};
use super::{Lab, Peers, Result, Wanted};

/// Ansible on one lab.
pub(crate) struct Ansible<'a> {
    peers: &'a Peers,
    lab: &'a Lab,
    more: bool,
    /// Sockets of masters, a directory a run: short, because a socket's path may have 108 bytes only.
    sockets: tempfile::TempDir,
    runs: Cell<usize>,
}

/// How it is run.
#[derive(Clone, Copy)]
pub(crate) struct Way {
    pub(crate) name: &'static str,
    playbook: &'static str,
    check: bool,
}

const CONVERGED: Way = Way { name: "Ansible", playbook: "site.json", check: false };
const MORE: [Way; 2] = [
    Way { name: "Ansible, --check", playbook: "site.json", check: true },
    Way { name: "Ansible, batched by hand", playbook: "batched.json", check: false },
];

impl<'a> Ansible<'a> {
    /// Writes the playbooks, and runs them until nothing changes.
    pub(crate) fn converge(peers: &'a Peers, lab: &'a Lab, wanted: &Wanted, more: bool) -> Result<Self> {
        let hosts: BTreeMap<&str, Value> =
            lab.hosts.iter().map(|(name, address)| (name.as_str(), json!({"ansible_host": address}))).collect();
        save(lab, "inventory.json", &json!({"all": {"hosts": hosts}}))?;
        save(lab, "site.json", &playbook("linear", &tasks(lab, wanted)))?;
        save(lab, "batched.json", &playbook("free", &few_tasks(lab, wanted)))?;
        let sockets = tempfile::Builder::new().prefix("bench").tempdir_in("/tmp")?;
        let ansible = Self { peers, lab, more, sockets, runs: Cell::new(0) };
        for way in ansible.ways() {
            // What mainstay has laid down may differ in nothing that counts here; whatever does is settled now.
            let _ = ansible.run(&way);
            ansible.run(&way)?;
        }
        Ok(ansible)
    }

    /// How it is run in each round.
    pub(crate) fn ways(&self) -> Vec<Way> {
        let more = MORE.into_iter().filter(|_| self.more);
        std::iter::once(CONVERGED).chain(more).collect()
    }

    /// One run, which must change nothing on any host.
    pub(crate) fn run(&self, way: &Way) -> Result<Sample> {
        self.runs.set(self.runs.get() + 1);
        let sockets = self.sockets.path().join(self.runs.get().to_string());
        let hosts = self.lab.hosts.len();
        let mut command = self.peers.program("ansible-playbook", self.lab);
        // Masters outlive the run by a little only; the next one must not find them.
        let persist = "-oControlMaster=auto -oControlPersist=30s";
        command.args(["-i", "inventory.json", way.playbook]).args(way.check.then_some("--check"));
        command.env("ANSIBLE_FORKS", hosts.to_string()).env("ANSIBLE_PIPELINING", "1");
        command.env("ANSIBLE_SSH_ARGS", format!("{persist} {}", self.lab.ssh_options().join(" ")));
        command.env("ANSIBLE_SSH_CONTROL_PATH_DIR", &sockets).env("ANSIBLE_REMOTE_USER", "root");
        command.env("ANSIBLE_LOCAL_TEMP", self.lab.path("ansible-tmp")).env("ANSIBLE_NOCOLOR", "1");
        child(&mut command, |text| unchanged(text, hosts))
    }
}

/// The recap must name every host, with nothing changed, failed or unreached.
fn unchanged(text: &str, hosts: usize) -> Result<()> {
    let (_, recap) = text.split_once("PLAY RECAP").ok_or("Ansible printed no recap")?;
    let lines: Vec<&str> = recap.lines().filter(|line| line.contains("ok=")).collect();
    let none = |line: &&&str| {
        ["changed=0", "unreachable=0", "failed=0"].iter().all(|word| line.split_whitespace().any(|it| it == *word))
    };
    let good = lines.iter().filter(none).count();
    if lines.len() == hosts && good == hosts { Ok(()) } else { Err("Ansible changed something, or failed".into()) }
}

fn save(lab: &Lab, name: &str, value: &Value) -> Result<()> {
    Ok(fs::write(lab.path(name), serde_json::to_string_pretty(value)?)?)
}

/// JSON is YAML.
fn playbook(strategy: &str, tasks: &[Value]) -> Value {
    let vars = json!({"ansible_python_interpreter": "/usr/bin/python3"});
    json!([{"hosts": "all", "gather_facts": false, "strategy": strategy, "vars": vars, "tasks": tasks}])
}

/// One task a thing, as roles have them; packages as one list a role.
fn tasks(lab: &Lab, wanted: &Wanted) -> Vec<Value> {
    let mut tasks = Vec::new();
    for module in &wanted.modules {
        tasks.push(module_task(module));
    }
    for (name, value) in &wanted.sysctls {
        // The live value, and the line in the file that mainstay keeps them in.
        tasks.push(json!({"ansible.posix.sysctl": {
            "name": name, "value": value, "sysctl_set": true, "reload": false,
            "sysctl_file": "/etc/sysctl.d/90-mainstay.conf",
        }}));
    }
    for packages in wanted.packages.values() {
        tasks.push(json!({"ansible.builtin.apt": {"name": packages, "state": "present"}}));
    }
    tasks.extend(file_tasks(lab, wanted));
    tasks.extend(service_tasks(wanted));
    tasks
}

/// All that can be one task is one: the least that somebody who counts tasks would come to.
fn few_tasks(lab: &Lab, wanted: &Wanted) -> Vec<Value> {
    let mut script = String::from("set -e\n");
    for module in &wanted.modules {
        let _ = writeln!(script, "modprobe -n -q {module}");
    }
    for (name, value) in &wanted.sysctls {
        let file = name.replace('.', "/");
        let _ = writeln!(script, "test \"$(tr '\\t' ' ' </proc/sys/{file})\" = '{value}'");
    }
    let packages: Vec<&String> = wanted.packages.values().flatten().collect();
    let mut tasks = vec![
        json!({"ansible.builtin.shell": {"cmd": script}, "changed_when": false, "check_mode": false}),
        json!({"ansible.builtin.apt": {"name": packages, "state": "present"}}),
    ];
    tasks.extend(file_tasks(lab, wanted));
    tasks.extend(service_tasks(wanted));
    tasks
}

/// `community.general.modprobe` cannot be used: it wants /proc/modules, which a kernel without loadable modules lacks.
/// `command` is among the cheapest modules that there are.
fn module_task(module: &str) -> Value {
    json!({"ansible.builtin.command": {"cmd": format!("modprobe -n -q {module}")}, "changed_when": false, "check_mode": false})
}

fn file_tasks(lab: &Lab, wanted: &Wanted) -> Vec<Value> {
    let task = |file: &super::wanted::WantedFile| {
        let source = format!("{}/{{{{ inventory_hostname }}}}/{}", lab.path("files").display(), file.source);
        json!({"ansible.builtin.copy": {
            "src": source, "dest": file.path, "mode": file.mode, "owner": file.owner, "group": file.group,
        }})
    };
    wanted.files.iter().map(task).collect()
}

fn service_tasks(wanted: &Wanted) -> Vec<Value> {
    let task = |name| json!({"ansible.builtin.systemd_service": {"name": name, "state": "started", "enabled": true}});
    wanted.services.iter().map(task).collect()
}
