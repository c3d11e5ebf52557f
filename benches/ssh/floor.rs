//! The floor: fresh connections by OpenSSH, all at once, each with the very script that mainstay sends.

use std::fs::{self, File};
use std::process::Command;

use super::measure::{Sample, at_once};
use super::report::output;
use super::{Lab, Result};

/// The connections to make.
pub(crate) struct Floor {
    options: Vec<String>,
    /// Each host's address, and the file with its script.
    hosts: Vec<(String, std::path::PathBuf)>,
}

impl Floor {
    /// Lets mainstay plan once with a key for which the hosts keep what is sent to their shell.
    pub(crate) fn record(lab: &Lab) -> Result<Self> {
        let key = lab.path("recorder");
        output(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key))?;
        let public = fs::read_to_string(lab.path("recorder.pub"))?;
        for (host, _) in &lab.hosts {
            let line = format!(r#"command="tee /run/looks | /bin/sh" {}"#, public.trim());
            let add = r#"printf '%s\n' "$1" >>/root/.ssh/authorized_keys"#;
            lab.exec(host, &["sh", "-c", add, "sh", &line])?;
        }
        let cluster = fs::read_to_string(lab.path("cluster.yaml"))?;
        fs::write(lab.path("recorder.yaml"), cluster.replace("identityFile: id,", "identityFile: recorder,"))?;
        output(lab.mainstay("recorder.yaml", "plan").arg("--detailed-exitcode"))?;
        let mut hosts = Vec::new();
        for (host, address) in &lab.hosts {
            let file = lab.path(&format!("{host}.looks"));
            fs::write(&file, lab.exec(host, &["cat", "/run/looks"])?)?;
            hosts.push((address.clone(), file));
        }
        Ok(Self { options: lab.ssh_options(), hosts })
    }

    fn ssh(&self, address: &str) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.args(&self.options).args(["-T", "-lroot", address]).env_remove("SSH_AUTH_SOCK");
        ssh
    }

    /// Connections alone.
    pub(crate) fn connect(&self) -> Result<Sample> {
        let ssh = |(address, _): &(String, _)| {
            let mut ssh = self.ssh(address);
            ssh.arg("true");
            (ssh, None)
        };
        at_once(self.hosts.iter().map(ssh).collect())
    }

    /// Connections and the script.
    pub(crate) fn script(&self, options: &[&str]) -> Result<Sample> {
        let mut commands = Vec::new();
        for (address, file) in &self.hosts {
            let mut ssh = self.ssh(address);
            ssh.args(["sh", "-s"]);
            let mut with = Command::new(ssh.get_program());
            with.args(options).args(ssh.get_args()).env_remove("SSH_AUTH_SOCK");
            commands.push((with, Some(File::open(file)?)));
        }
        at_once(commands)
    }
}
