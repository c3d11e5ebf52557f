//! Where exactly to connect: cluster.yaml's values first, then those of ~/.ssh/config.

use std::path::PathBuf;
use std::time::Duration;

use super::config_file::ConfigFile;
use super::environment::Environment;
use crate::fleet::{Bastion, FleetError, HostKeyChecking, Reach};
use crate::resource::Secret;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_IDENTITIES: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// A machine to log in to, everything decided. Two equal targets share a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) address: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) login: Login,
    pub(super) known_hosts: Vec<PathBuf>,
    pub(super) checking: HostKeyChecking,
    pub(super) timeout: Duration,
    /// The jump host that is reached first.
    pub(super) via: Option<Box<Target>>,
}

/// What to show at the door, in this order: key files, agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Login {
    /// Key files that cluster.yaml or the command line names; each must be usable, unless the agent may hold the key.
    pub(super) identities: Vec<PathBuf>,
    /// Those that `~/.ssh/config` lists, for many hosts perhaps; some may be missing.
    pub(super) listed: Vec<PathBuf>,
    /// Key files that are tried when they are there.
    pub(super) defaults: Vec<PathBuf>,
    pub(super) passphrase: Option<Secret>,
    pub(super) agent: bool,
}

impl Target {
    /// Decides on everything.
    pub(super) fn resolve(reach: &Reach, file: &ConfigFile, environment: &Environment) -> Result<Self, FleetError> {
        let resolver = Resolver { reach, file, environment };
        let settings = file.lookup(&reach.address);
        let known_hosts = match &reach.known_hosts {
            Some(path) => vec![environment.expand(path)],
            None => environment.dot_ssh("known_hosts").into_iter().chain(["/etc/ssh/ssh_known_hosts".into()]).collect(),
        };
        let mut target = Self {
            address: settings.host_name.unwrap_or_else(|| reach.address.clone()),
            port: reach.port.or(settings.port).unwrap_or(22),
            user: resolver.user(reach.user.clone().or(settings.user))?,
            login: resolver.login(reach.identity_file.clone(), &settings.identity_files),
            known_hosts,
            checking: reach.host_key_checking,
            timeout: reach.connect_timeout_ms.map_or(CONNECT_TIMEOUT, Duration::from_millis),
            via: None,
        };
        let mut seen = vec![Place(reach.address.clone(), reach.port)];
        target.via = match (&reach.bastion, settings.proxy_jump) {
            (Some(bastion), _) => Some(Box::new(resolver.jump(&target, bastion, &mut seen)?)),
            (None, Some(chain)) => resolver.chain(&target, &chain, &mut seen)?,
            (None, None) => None,
        };
        Ok(target)
    }

    /// `ADDRESS:PORT`, with the way to it.
    pub(super) fn shown(&self) -> String {
        let bracket = self.address.contains(':');
        let (open, close) = if bracket { ("[", "]") } else { ("", "") };
        let own = format!("{open}{}{close}:{}", self.address, self.port);
        match &self.via {
            Some(via) => format!("{own} through {}", via.shown()),
            None => own,
        }
    }

    /// Machines on the way, this one included.
    pub(super) fn hops(&self) -> u32 {
        1 + self.via.as_ref().map_or(0, |via| via.hops())
    }
}

/// A name and, where it is said, a port; the name alone may stand for several machines.
struct Place(String, Option<u16>);

impl Place {
    fn is_among(&self, seen: &[Self]) -> bool {
        seen.iter().any(|other| self.0 == other.0 && (self.1.is_none() || other.1.is_none() || self.1 == other.1))
    }
}

struct Resolver<'a> {
    reach: &'a Reach,
    file: &'a ConfigFile,
    environment: &'a Environment,
}

impl Resolver<'_> {
    fn user(&self, wanted: Option<String>) -> Result<String, FleetError> {
        wanted.or_else(|| self.environment.user.clone()).ok_or_else(|| FleetError::Local {
            what: self.reach.address.clone(),
            reason: "no SSH user is configured; set `ssh.user`".to_owned(),
        })
    }

    fn login(&self, explicit: Option<PathBuf>, from_file: &[String]) -> Login {
        let environment = self.environment;
        let (mut identities, mut listed, mut defaults) = (Vec::new(), Vec::new(), Vec::new());
        match explicit {
            Some(path) => identities.push(environment.expand(&path)),
            None if from_file.is_empty() => {
                defaults.extend(DEFAULT_IDENTITIES.iter().filter_map(|name| environment.dot_ssh(name)));
            }
            None => listed.extend(from_file.iter().map(|path| self.expand_identity(path))),
        }
        Login { identities, listed, defaults, passphrase: self.reach.passphrase.clone(), agent: self.reach.agent }
    }

    fn expand_identity(&self, path: &str) -> PathBuf {
        let home = self.environment.home.as_ref().map(|home| home.display().to_string()).unwrap_or_default();
        let path = path.replace("%d", &home).replace("%h", &self.reach.address).replace("%%", "%");
        self.environment.expand(&PathBuf::from(path))
    }

    /// A jump host; what it does not say itself comes from the config file, then from the host.
    fn jump(&self, host: &Target, bastion: &Bastion, seen: &mut Vec<Place>) -> Result<Target, FleetError> {
        let place = Place(bastion.address.clone(), bastion.port);
        if place.is_among(seen) || seen.len() > 8 {
            return Err(FleetError::Local {
                what: self.reach.address.clone(),
                reason: format!("its jump hosts form a loop at `{}`", bastion.address),
            });
        }
        seen.push(place);
        let settings = self.file.lookup(&bastion.address);
        let mut login = self.login(bastion.identity_file.clone(), &settings.identity_files);
        if login.identities.is_empty() && login.listed.is_empty() {
            login = host.login.clone();
        }
        let mut jump = Target {
            address: settings.host_name.unwrap_or_else(|| bastion.address.clone()),
            port: bastion.port.or(settings.port).unwrap_or(22),
            user: bastion.user.clone().or(settings.user).unwrap_or_else(|| host.user.clone()),
            login,
            via: None,
            ..host.clone()
        };
        if let Some(chain) = settings.proxy_jump {
            jump.via = self.chain(&jump, &chain, seen)?;
        }
        Ok(jump)
    }

    /// `ProxyJump a,b`: first a, then b from there.
    fn chain(&self, host: &Target, chain: &str, seen: &mut Vec<Place>) -> Result<Option<Box<Target>>, FleetError> {
        let mut via: Option<Box<Target>> = None;
        for text in chain.split(',') {
            let bastion = parse_jump(text.trim()).ok_or_else(|| FleetError::Local {
                what: self.reach.address.clone(),
                reason: format!("`ProxyJump {chain}` is not supported"),
            })?;
            // `Host *` with a ProxyJump holds for the jump host, too, which is meant to be reached
            // directly.
            if Place(bastion.address.clone(), bastion.port).is_among(seen) {
                continue;
            }
            let mut jump = self.jump(host, &bastion, seen)?;
            if via.is_some() {
                jump.via = via;
            }
            via = Some(Box::new(jump));
        }
        Ok(via)
    }
}

/// `[user@]host[:port]`, also as `ssh://...`.
fn parse_jump(text: &str) -> Option<Bastion> {
    let text = text.strip_prefix("ssh://").unwrap_or(text).trim_end_matches('/');
    let (user, rest) = match text.rsplit_once('@') {
        Some((user, rest)) => (Some(user.to_owned()), rest),
        None => (None, text),
    };
    let (address, port) = match rest.strip_prefix('[') {
        Some(bracketed) => {
            let (address, after) = bracketed.split_once(']')?;
            (address, after.strip_prefix(':'))
        }
        None => match rest.split_once(':') {
            Some((address, port)) if !port.contains(':') => (address, Some(port)),
            _ => (rest, None),
        },
    };
    let port = port.map(str::parse).transpose().ok()?;
    (!address.is_empty()).then(|| Bastion { address: address.to_owned(), user, port, identity_file: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn environment() -> Environment {
        Environment { home: Some("/home/me".into()), user: Some("me".into()), ..Environment::default() }
    }

    fn resolve(reach: &Reach, config: &str) -> Result<Target, FleetError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(config.as_bytes()).unwrap();
        Target::resolve(reach, &ConfigFile::read(file.path(), true).unwrap(), &environment())
    }

    fn reach(address: &str) -> Reach {
        Reach { address: address.into(), ..Reach::default() }
    }

    #[test]
    fn without_any_wish_openssh_defaults_hold() {
        let target = resolve(&reach("10.0.0.1"), "").unwrap();
        assert_eq!((target.shown().as_str(), target.user.as_str()), ("10.0.0.1:22", "me"));
        assert_eq!(target.login.defaults[0], PathBuf::from("/home/me/.ssh/id_ed25519"));
        assert_eq!(target.known_hosts[0], PathBuf::from("/home/me/.ssh/known_hosts"));
    }

    #[test]
    fn explicit_values_win_over_the_file() {
        let config = "Host cp1\nHostName 10.0.0.1\nUser ops\nPort 2200\nIdentityFile ~/.ssh/ops\nProxyJump a\n";
        let target = resolve(&reach("cp1"), config).unwrap();
        assert_eq!((target.shown().as_str(), target.user.as_str()), ("10.0.0.1:2200 through a:22", "ops"));
        assert_eq!(target.login.listed, [PathBuf::from("/home/me/.ssh/ops")]);
        assert!(target.login.identities.is_empty() && target.login.defaults.is_empty());
        let explicit = Reach {
            user: Some("root".into()),
            port: Some(22),
            identity_file: Some("/key".into()),
            known_hosts: Some("~/kh".into()),
            bastion: Some(Bastion { address: "b".into(), user: None, port: None, identity_file: None }),
            ..reach("cp1")
        };
        let target = resolve(&explicit, config).unwrap();
        assert_eq!((target.shown().as_str(), target.user.as_str()), ("10.0.0.1:22 through b:22", "root"));
        assert_eq!(target.login.identities, [PathBuf::from("/key")]);
        assert_eq!(target.known_hosts, [PathBuf::from("/home/me/kh")]);
        let via = target.via.unwrap();
        assert_eq!((via.user.as_str(), &via.login.identities[..]), ("root", &[PathBuf::from("/key")][..]));
    }

    #[test]
    fn jump_hosts_are_looked_up_and_chained() {
        let config = "Host a\nHostName 1.1.1.1\nUser ua\nIdentityFile /ka\nHost cp1\nProxyJump a,ub@b:2222\n";
        let target = resolve(&reach("cp1"), config).unwrap();
        assert_eq!(target.shown(), "cp1:22 through b:2222 through 1.1.1.1:22");
        assert_eq!(target.hops(), 3);
        let b = target.via.unwrap();
        let a = b.via.clone().unwrap();
        assert_eq!((b.user.as_str(), a.user.as_str()), ("ub", "ua"));
        assert_eq!(a.login.listed, [PathBuf::from("/ka")]);
    }

    #[test]
    fn a_jump_for_every_host_does_not_lead_in_a_circle() {
        let target = resolve(&reach("cp1"), "Host *\nProxyJump jump\n").unwrap();
        assert_eq!(target.shown(), "cp1:22 through jump:22");
        let own = Reach {
            bastion: Some(Bastion { address: "cp1".into(), user: None, port: None, identity_file: None }),
            ..reach("cp1")
        };
        assert!(resolve(&own, "").unwrap_err().to_string().contains("form a loop at `cp1`"));
    }

    #[test]
    fn jumps_are_read_in_every_form() {
        let form = |text| parse_jump(text).map(|b| (b.user.unwrap_or_default(), b.address, b.port));
        let is = |user: &str, address: &str, port| Some((user.to_owned(), address.to_owned(), port));
        assert_eq!(form("j"), is("", "j", None));
        assert_eq!(form("u@j:1"), is("u", "j", Some(1)));
        assert_eq!(form("ssh://u@[::1]:5/"), is("u", "::1", Some(5)));
        assert_eq!(form("fe80::1"), is("", "fe80::1", None));
        assert_eq!(form("j:x"), None);
        assert_eq!(form(""), None);
    }
}
