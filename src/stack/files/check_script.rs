//! The script by which keepalived checks, each second, whether haproxy serves the endpoint.

use std::fmt;

/// Succeeds while a process of haproxy's unit listens on the port: another process there must not keep the virtual IP.
/// It asks the kernel and connects to nothing, so it is the same before the first API server runs.
#[derive(Debug)]
pub(in crate::stack) struct CheckScript {
    /// Port that clients use.
    pub(in crate::stack) port: u16,
}

impl fmt::Display for CheckScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "#!/bin/sh")?;
        writeln!(f, "# Written by mainstay; changes are overwritten.")?;
        writeln!(f, "port={} hex={:04X}", self.port, self.port)?;
        // Without its first line, which is for shellcheck.
        f.write_str(include_str!("check_haproxy.sh").split_once('\n').map_or("", |(_, body)| body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::time::{Duration, Instant};

    /// The script on a machine whose haproxy has these processes.
    fn serves(port: u16, processes: &[u32]) -> bool {
        let cgroups = tempfile::tempdir().unwrap();
        let unit = cgroups.path().join("systemd/system.slice/haproxy.service");
        std::fs::create_dir_all(&unit).unwrap();
        let processes: String = processes.iter().map(|pid| format!("{pid}\n")).collect();
        std::fs::write(unit.join("cgroup.procs"), processes).unwrap();
        let script = CheckScript { port }.to_string().replace("/sys/fs/cgroup", cgroups.path().to_str().unwrap());
        Command::new("sh").arg("-c").arg(script).status().unwrap().success()
    }

    #[test]
    fn only_haproxy_itself_counts() {
        let mut other = Command::new("sleep").arg("60").spawn().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let own = std::process::id();
        assert!(serves(port, &[own]) && serves(port, &[other.id(), own]));
        assert!(!serves(port, &[other.id()]), "another process listens");
        drop(listener);
        // A child that another test has forked holds it, too, until it becomes its program.
        let deadline = Instant::now() + Duration::from_secs(20);
        while serves(port, &[own]) {
            assert!(Instant::now() < deadline, "port {port} is still listened on");
        }
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
