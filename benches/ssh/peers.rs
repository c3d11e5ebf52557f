//! Ansible and pyinfra, installed from the Python Package Index into a directory of ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::report::output;
use super::{Lab, Result};

/// Ansible's package with the collections that have sysctl; it brings ansible-core 2.19.
const PINS: [&str; 2] = ["ansible==12.3.0", "pyinfra==3.10.0"];

/// Where their programs are.
pub(crate) struct Peers {
    environment: PathBuf,
}

impl Peers {
    /// Installs them, unless these versions are there already.
    pub(crate) fn install(directory: &Path) -> Result<Self> {
        let environment = directory.join("peers");
        let stamp = environment.join("installed");
        if fs::read_to_string(&stamp).is_ok_and(|text| text == PINS.join(" ")) {
            return Ok(Self { environment });
        }
        eprintln!("ssh: installing {}", PINS.join(" "));
        let _ = fs::remove_dir_all(&environment);
        output(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
        output(Command::new(environment.join("bin/pip")).args(["install", "--quiet"]).args(PINS))?;
        fs::write(&stamp, PINS.join(" "))?;
        Ok(Self { environment })
    }

    /// One of their programs, in the lab's directory.
    pub(crate) fn program(&self, name: &str, lab: &Lab) -> Command {
        let mut command = Command::new(self.environment.join("bin").join(name));
        command.current_dir(lab.path(".")).env_remove("SSH_AUTH_SOCK");
        command
    }
}
