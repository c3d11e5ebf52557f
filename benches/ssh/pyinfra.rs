//! pyinfra: the same checks as operations, all hosts at once.

use std::fs;

use serde_json::{Value, json};

use super::measure::{Sample, child};
use super::{Lab, Peers, Result, Wanted, root};

/// pyinfra on one lab.
pub(crate) struct Pyinfra<'a> {
    peers: &'a Peers,
    lab: &'a Lab,
}

/// How it is run.
#[derive(Clone, Copy)]
pub(crate) struct Way {
    pub(crate) name: &'static str,
    dry: bool,
    /// Its connections with `TCP_NODELAY`, which it does not set: it would be this fast with one line more.
    nodelay: bool,
}

impl<'a> Pyinfra<'a> {
    /// A dry run, a run that finds nothing to do, and the dry run without the delays that its connections cause.
    pub(crate) const WAYS: [Way; 3] = [
        Way { name: "pyinfra, --dry", dry: true, nodelay: false },
        Way { name: "pyinfra", dry: false, nodelay: false },
        Way { name: "pyinfra, --dry, patched: TCP_NODELAY", dry: true, nodelay: true },
    ];

    /// Writes what is checked, and runs until nothing changes.
    pub(crate) fn converge(peers: &'a Peers, lab: &'a Lab, wanted: &Wanted) -> Result<Self> {
        let files: Vec<Value> = wanted
            .files
            .iter()
            .map(|file| {
                json!({
                    "src": file.source, "dest": file.path, "mode": file.mode, "user": file.owner, "group": file.group,
                })
            })
            .collect();
        let hosts: Vec<Value> = lab.hosts.iter().map(|(name, address)| json!([name, address])).collect();
        let packages: Vec<&Vec<String>> = wanted.packages.values().collect();
        let checks = json!({
            "hosts": hosts, "key": lab.path("id"), "known_hosts": lab.path("known_hosts"), "sysctls": wanted.sysctls,
            "modules": wanted.modules, "files": files, "packages": packages, "services": wanted.services,
        });
        fs::write(lab.path("checks.json"), checks.to_string())?;
        for name in ["inventory.py", "deploy.py", "nodelay.py"] {
            fs::copy(root().join("benches/ssh").join(name), lab.path(name))?;
        }
        let pyinfra = Self { peers, lab };
        let _ = pyinfra.run(&Self::WAYS[1]);
        for way in Self::WAYS {
            pyinfra.run(&way)?;
        }
        Ok(pyinfra)
    }

    /// One run, which must find nothing to change on any host.
    pub(crate) fn run(&self, way: &Way) -> Result<Sample> {
        let hosts = self.lab.hosts.len();
        let mut command = if way.nodelay {
            let mut python = self.peers.program("python3", self.lab);
            python.arg("nodelay.py");
            python
        } else {
            self.peers.program("pyinfra", self.lab)
        };
        command.args(["inventory.py", "deploy.py", if way.dry { "--dry" } else { "-y" }]);
        child(&mut command, |text| if way.dry { nothing_detected(text) } else { nothing_done(text, hosts) })
    }
}

/// In a dry run's table each operation has two columns of changes, which must be empty.
fn nothing_detected(text: &str) -> Result<()> {
    let (_, table) = text.split_once("Detected changes:").ok_or("pyinfra printed no changes")?;
    let rows: Vec<&str> = table.lines().skip(2).take_while(|line| !line.trim().is_empty()).collect();
    let empty = |row: &&str| row.split_whitespace().rev().take(2).all(|column| column == "-");
    if !rows.is_empty() && rows.iter().all(empty) { Ok(()) } else { Err("pyinfra would change something".into()) }
}

/// A run's table ends with: operations over all hosts, done, failed, without change.
fn nothing_done(text: &str, hosts: usize) -> Result<()> {
    let total = text.lines().find_map(|line| line.trim().strip_prefix("Grand total"));
    let total: Vec<&str> = total.ok_or("pyinfra printed no results")?.split_whitespace().collect();
    match total[..] {
        [all, "-", "-", same] if all == same && all.parse::<usize>().is_ok_and(|all| all % hosts == 0) => Ok(()),
        _ => Err("pyinfra changed something, or failed".into()),
    }
}
