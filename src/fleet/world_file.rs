//! The file of the simulated fleet: one JSON line a change, so that an act costs the same however large the fleet is.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::error::FleetError;
use super::world::{Line, World, failed};
use crate::resource::{Address, HostName};

/// The lines read so far, compared with the lines of [`World::lines`].
#[derive(Debug, Default)]
pub(super) struct Written {
    host: Option<HostName>,
    at: Option<Address>,
    last: Vec<Line>,
    disordered: bool,
    /// Their length in bytes.
    length: u64,
}

impl Written {
    pub(super) fn note(&mut self, line: &Line, length: usize) {
        self.length += length as u64 + 1;
        let in_order = match line {
            Line::Host(name, _) => {
                let before = self.host.replace(name.clone());
                self.at.is_none() && self.last.is_empty() && before < self.host
            }
            Line::At(address, is) => {
                let before = self.at.replace(address.clone());
                is.present().is_some() && self.last.is_empty() && before < self.at
            }
            other => {
                self.last.push(other.clone());
                true
            }
        };
        self.disordered |= !in_order;
    }

    /// Whether a file of this length would be rewritten with the same content.
    pub(super) fn is_all_of(&self, world: &World, length: u64) -> bool {
        !self.disordered && self.length == length && world.last_lines().eq(self.last.iter().cloned())
    }
}

/// The file behind a [`World`].
#[derive(Debug)]
pub(super) struct WorldFile {
    path: PathBuf,
    file: Mutex<File>,
}

impl WorldFile {
    /// Reads the file, if it exists. Overwritten lines are removed from it.
    pub(super) fn open(path: &Path) -> Result<(Self, World), FleetError> {
        let fail = failed(path);
        let (world, same) = World::read_noting(path)?;
        if !same {
            Self::write(path, &world)?;
        }
        let file = OpenOptions::new().append(true).open(path).map_err(|error| fail(&error))?;
        Ok((Self { path: path.to_owned(), file: Mutex::new(file) }, world))
    }

    fn write(path: &Path, world: &World) -> Result<(), FleetError> {
        let fail = failed(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| fail(&error))?;
        }
        let mut text = String::new();
        for line in world.lines() {
            text.push_str(&serde_json::to_string(&line).map_err(|error| fail(&error))?);
            text.push('\n');
        }
        let partial = path.with_extension("tmp");
        std::fs::write(&partial, text).map_err(|error| fail(&error))?;
        std::fs::rename(&partial, path).map_err(|error| fail(&error))
    }

    pub(super) fn append(&self, line: &Line) -> Result<(), FleetError> {
        let fail = failed(&self.path);
        let mut text = serde_json::to_string(line).map_err(|error| fail(&error))?;
        text.push('\n');
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.write_all(text.as_bytes()).map_err(|error| fail(&error))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::resource::Observation;

    #[test]
    fn a_world_survives_its_file_and_a_torn_last_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fleet.jsonl");
        let address: Address = "cp1/host/sysctl[a]".parse().unwrap();
        let (file, mut world) = WorldFile::open(&path).unwrap();
        world.set(&address, Observation::Present(1.into()));
        world.set_down(&HostName::new("cp2"), true);
        // A keepalived that has not read its newest file, and what kubeadm's resources do not say.
        let on = |text: &str, is: serde_json::Value, world: &mut World| {
            world.set(&format!("cp1/keepalived/{text}").parse().unwrap(), Observation::Present(is));
        };
        let conf = |address: &str| serde_json::json!({ "content": format!("virtual_ipaddress {{\n{address}/24\n}}") });
        on("file[/etc/keepalived/keepalived.conf]", conf("10.0.0.100"), &mut world);
        on("service[keepalived]", serde_json::json!({ "state": "active" }), &mut world);
        on("file[/etc/keepalived/keepalived.conf]", conf("10.0.0.200"), &mut world);
        world.note(Line::Endpoint(Some(Ipv4Addr::new(10, 0, 0, 100))));
        for line in [
            r#"{"etcd":["cp3",{"voting":true,"wiped":true}]}"#,
            r#"{"token":["abcdef",{"owner":"cp1","until":7}]}"#,
            r#"{"certificates":{"key":"00","until":8}}"#,
        ] {
            world.note(serde_json::from_str(line).unwrap());
        }
        for line in world.take_unsaved() {
            file.append(&line).unwrap();
        }
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str("{\"down\":[\"cp");
        std::fs::write(&path, text).unwrap();
        // First with appended lines, then compacted.
        for _ in 0..2 {
            let read = WorldFile::open(&path).unwrap().1;
            assert_eq!(read, world);
            assert_eq!(read.virtual_ip_holders().keys().next(), Some(&Ipv4Addr::new(10, 0, 0, 100)));
        }
    }

    #[test]
    fn a_file_is_written_anew_only_when_something_was_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fleet.jsonl");
        let lines = [
            r#"{"host":["h1","10.0.0.1"]}"#,
            r#"{"at":["h1/host/sysctl[a]",{"present":{"value":"1"}}]}"#,
            r#"{"at":["h1/host/sysctl[b]",{"present":{"value":"1"}}]}"#,
            r#"{"down":["h1",true]}"#,
        ];
        let is_same = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let (world, same) = World::read_noting(&path).unwrap();
            let opened = WorldFile::open(&path).unwrap().1;
            assert_eq!(opened, world);
            assert_eq!(World::read(&path).unwrap(), world);
            assert_eq!(same, std::fs::read_to_string(&path).unwrap() == text, "{text}");
            same
        };
        let all = lines.map(|line| format!("{line}\n"));
        let [host, a, b, down] = all.each_ref().map(String::as_str);
        assert!(is_same("") && is_same(&all.concat()));
        let gone = "{\"at\":[\"h1/host/sysctl[a]\",\"absent\"]}\n";
        for other in [
            [host, a, a].concat(),
            [host, b, a].concat(),
            [a, host].concat(),
            [host, a, gone].concat(),
            [host, down, a].concat(),
            [host, a, down, down].concat(),
            [host, a, "{\"at\":[\"h1"].concat(),
            [host, a, "\n", b].concat(),
            [host, a, b.trim_end()].concat(),
        ] {
            assert!(!is_same(&other), "{other}");
        }
    }
}
