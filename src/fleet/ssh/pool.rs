//! All SSH connections of a fleet. Hosts and jump hosts that are the same machine share one.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::config_file::ConfigFile;
use super::credentials::KeyRing;
use super::environment::Environment;
use super::exec::{Broken, NoSession, Session};
use super::known_hosts::KnownHosts;
use super::link::Link;
use super::target::Target;
use crate::fleet::shell::{Answer, Shell, sudo_refusal};
use crate::fleet::{FleetError, Reach, Sudo};
use crate::resource::HostName;

/// What all connections share.
#[derive(Debug)]
pub(in crate::fleet) struct SshPool {
    environment: Arc<Environment>,
    keys: Arc<KeyRing>,
    config_files: BTreeMap<Option<PathBuf>, Arc<ConfigFile>>,
    known_hosts: BTreeMap<Vec<PathBuf>, Arc<KnownHosts>>,
    links: BTreeMap<(String, u16, String), Vec<Arc<Link>>>,
}

/// A shell over SSH; the connection is opened at its first use.
#[derive(Debug)]
pub(in crate::fleet) struct SshShell {
    host: HostName,
    link: Arc<Link>,
    sudo: Sudo,
}

impl SshPool {
    /// Nothing yet, with the environment of this process.
    pub(in crate::fleet) fn of_process() -> Self {
        Self::new(Environment::of_process())
    }

    pub(super) fn new(environment: Environment) -> Self {
        Self {
            environment: Arc::new(environment),
            keys: Arc::default(),
            config_files: BTreeMap::new(),
            known_hosts: BTreeMap::new(),
            links: BTreeMap::new(),
        }
    }

    /// A host's shell; reads configuration, connects to nothing.
    pub(in crate::fleet) fn shell(&mut self, host: &HostName, reach: &Reach) -> Result<SshShell, FleetError> {
        let file = self.config_file(reach.config_file.as_ref())?;
        let target = Target::resolve(reach, &file, &self.environment)?;
        let root = reach.sudo == Sudo::Passwordless && target.user == "root";
        let sudo = if root { Sudo::Never } else { reach.sudo };
        Ok(SshShell { host: host.clone(), link: self.link(target)?, sudo })
    }

    fn config_file(&mut self, named: Option<&PathBuf>) -> Result<Arc<ConfigFile>, FleetError> {
        if let Some(file) = self.config_files.get(&named.cloned()) {
            return Ok(file.clone());
        }
        let path = match named {
            Some(path) => Some(self.environment.expand(path)),
            None => self.environment.dot_ssh("config"),
        };
        let file = match path {
            Some(path) => ConfigFile::read(&path, named.is_some())?,
            None => ConfigFile::default(),
        };
        let file = Arc::new(file);
        self.config_files.insert(named.cloned(), file.clone());
        Ok(file)
    }

    fn link(&mut self, target: Target) -> Result<Arc<Link>, FleetError> {
        let place = (target.address.clone(), target.port, target.user.clone());
        let same = self.links.get(&place).and_then(|links| links.iter().find(|link| *link.target() == target));
        if let Some(link) = same {
            return Ok(link.clone());
        }
        let via = target.via.as_deref().cloned().map(|via| self.link(via)).transpose()?;
        let known_hosts = if let Some(known) = self.known_hosts.get(&target.known_hosts) {
            known.clone()
        } else {
            let known = KnownHosts::read(target.known_hosts.clone())
                .map_err(|reason| FleetError::Local { what: "known_hosts".to_owned(), reason })?;
            let known = Arc::new(known);
            self.known_hosts.insert(target.known_hosts.clone(), known.clone());
            known
        };
        let link = Link::new(target, via, self.keys.clone(), self.environment.clone(), known_hosts);
        let link = Arc::new(link);
        self.links.entry(place).or_default().push(link.clone());
        Ok(link)
    }

    /// Ends what the shells left open: connections to jump hosts.
    pub(in crate::fleet) async fn close(&self) {
        for link in self.links.values().flatten() {
            link.close().await;
        }
    }
}

impl SshShell {
    /// A constant: everything else travels on standard input.
    fn command(&self) -> &'static str {
        match self.sudo {
            Sudo::Never => "/bin/sh",
            Sudo::Passwordless => "sudo -n -- /bin/sh",
            Sudo::Look => "sudo -n -- /usr/local/sbin/mainstay-look",
        }
    }

    /// A channel on a living connection. A connection that is found dead is opened anew, once;
    /// nothing of a script was sent by then.
    async fn session(&self) -> Result<Session, FleetError> {
        let limit = self.link.target().timeout;
        let mut again = true;
        loop {
            let connection = self.link.connection(&self.host).await?;
            match Session::open(&connection, self.command(), limit).await {
                Ok(session) => return Ok(session),
                Err(NoSession::Refused(reason)) => return Err(self.unsent(reason)),
                Err(NoSession::Dead(reason)) => {
                    self.link.forget(&connection).await;
                    if !std::mem::take(&mut again) {
                        return Err(self.unsent(reason));
                    }
                    tracing::info!("{}: the connection is dead ({reason}); connecting again", self.host);
                }
            }
        }
    }

    fn unsent(&self, reason: String) -> FleetError {
        FleetError::Connect { host: self.host.clone(), address: self.link.target().shown(), reason }
    }
}

impl Shell for SshShell {
    async fn run(&self, script: &str, timeout: Duration) -> Result<Answer, FleetError> {
        let session = self.session().await?;
        let connection = session.connection();
        let address = || self.link.target().shown();
        match session.run(script, timeout).await {
            Ok(answer) => match sudo_refusal(&answer).filter(|_| self.sudo != Sudo::Never) {
                Some(reason) => Err(FleetError::Sudo {
                    host: self.host.clone(),
                    address: address(),
                    user: self.link.target().user.clone(),
                    reason,
                }),
                None => Ok(answer),
            },
            Err(Broken::Lost(reason)) => Err(FleetError::Lost { host: self.host.clone(), address: address(), reason }),
            Err(Broken::Timeout) => {
                // sshd may not end it (for root it passes no signal on), and it would keep one of the connection's ten
                // sessions.
                self.link.forget(&connection).await;
                Err(FleetError::Timeout { host: self.host.clone(), address: address(), seconds: timeout.as_secs() })
            }
        }
    }

    async fn close(&self) {
        self.link.close().await;
    }
}
