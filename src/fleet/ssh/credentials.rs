//! Logging in: key files, then the agent.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{self, HashAlg, PrivateKey, PrivateKeyWithHashAlg};
use tokio::sync::Mutex;

use super::environment::Environment;
use super::handshake::Client;
use super::known_hosts::describe;
use super::target::Login;
use crate::input;
use crate::resource::Secret;

/// Key files that were read; decrypting one costs a tenth of a second, so each is read once.
#[derive(Debug, Default)]
pub(super) struct KeyRing {
    read: Mutex<Vec<ReadKey>>,
}

#[derive(Debug)]
struct ReadKey {
    path: PathBuf,
    passphrase: Option<Secret>,
    key: Arc<PrivateKey>,
}

/// What will be shown to a host.
#[derive(Debug)]
pub(super) struct Credentials {
    keys: Vec<(PathBuf, Arc<PrivateKey>)>,
    agent: Option<PathBuf>,
    /// Why something cannot be shown.
    notes: Vec<String>,
}

enum KeyFault {
    Missing,
    /// Usable only by the agent.
    Encrypted(String),
    Other(String),
}

impl KeyRing {
    /// Reads what a login needs, before anything is sent to the host. A key file named in cluster.yaml
    /// that cannot be used is an error, unless it is only locked and the agent may hold it; of those that
    /// ~/.ssh/config lists some may be missing, as for ssh.
    pub(super) async fn prepare(&self, login: &Login, environment: &Environment) -> Result<Credentials, String> {
        let agent = environment.agent.clone().filter(|_| login.agent);
        let mut credentials = Credentials { keys: Vec::new(), agent, notes: Vec::new() };
        if login.agent && environment.agent.is_none() {
            credentials.notes.push("no agent (SSH_AUTH_SOCK is not set)".to_owned());
        }
        let passphrase = login.passphrase.as_ref().or(environment.passphrase.as_ref());
        for path in &login.identities {
            match self.key(path, passphrase).await {
                Ok(key) => credentials.keys.push((path.clone(), key)),
                Err(KeyFault::Encrypted(reason)) if credentials.agent.is_some() => credentials.notes.push(reason),
                Err(KeyFault::Encrypted(reason) | KeyFault::Other(reason)) => return Err(reason),
                Err(KeyFault::Missing) => return Err(format!("key file {} does not exist", path.display())),
            }
        }
        let listed = login.listed.iter().map(|path| (path, true));
        for (path, named) in listed.chain(login.defaults.iter().map(|path| (path, false))) {
            match self.key(path, passphrase).await {
                Ok(key) => credentials.keys.push((path.clone(), key)),
                Err(KeyFault::Missing) if named => {
                    credentials.notes.push(format!("key file {} does not exist", path.display()));
                }
                Err(KeyFault::Missing) => {}
                Err(KeyFault::Encrypted(reason) | KeyFault::Other(reason)) => credentials.notes.push(reason),
            }
        }
        if credentials.keys.is_empty() && credentials.agent.is_none() {
            let notes = if credentials.notes.is_empty() {
                "no key file in ~/.ssh".to_owned()
            } else {
                credentials.notes.join("; ")
            };
            return Err(format!(
                "no SSH key or agent is available: {notes}; set `ssh.identityFile` or `ssh.agent: true`"
            ));
        }
        Ok(credentials)
    }

    async fn key(&self, path: &Path, passphrase: Option<&Secret>) -> Result<Arc<PrivateKey>, KeyFault> {
        // Held while decrypting, so that a hundred hosts do not all decrypt the same file.
        let mut read = self.read.lock().await;
        if let Some(known) = read.iter().find(|known| known.path == path && known.passphrase.as_ref() == passphrase) {
            return Ok(known.key.clone());
        }
        let (file, secret) = (path.to_owned(), passphrase.cloned());
        let loaded = tokio::task::spawn_blocking(move || load(&file, secret.as_ref())).await;
        let key = loaded.map_err(|error| KeyFault::Other(format!("key file {}: {error}", path.display())))??;
        let key = Arc::new(key);
        read.push(ReadKey { path: path.to_owned(), passphrase: passphrase.cloned(), key: key.clone() });
        Ok(key)
    }
}

fn load(path: &Path, passphrase: Option<&Secret>) -> Result<PrivateKey, KeyFault> {
    let shown = path.display();
    let text = match input::read_text(path, input::SECRET) {
        Ok(text) => zeroize::Zeroizing::new(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(KeyFault::Missing),
        Err(error) => return Err(KeyFault::Other(format!("key file {shown} cannot be read: {error}"))),
    };
    // Most keys are not encrypted, whatever passphrase there is for the others.
    let plain = keys::decode_secret_key(&text, None);
    let locked = text.contains("ENCRYPTED") || matches!(plain, Err(keys::Error::KeyIsEncrypted));
    match (plain, passphrase) {
        (Ok(key), _) if key.is_encrypted() => Err(KeyFault::Encrypted(no_passphrase(path))),
        (Ok(key), _) => Ok(key),
        (Err(_), None) if locked => Err(KeyFault::Encrypted(no_passphrase(path))),
        (Err(_), Some(passphrase)) if locked => keys::decode_secret_key(&text, Some(passphrase.expose()))
            .map_err(|error| KeyFault::Encrypted(format!("the passphrase does not open key file {shown} ({error})"))),
        (Err(error), _) => Err(KeyFault::Other(format!("{shown} is not a private key: {error}"))),
    }
}

fn no_passphrase(path: &Path) -> String {
    format!(
        "key file {} is encrypted; set {} or add it to the agent and set `ssh.agent: true`",
        path.display(),
        Environment::PASSPHRASE
    )
}

impl Credentials {
    /// Shows everything until the host lets us in; the error says what was tried.
    pub(super) async fn log_in(&self, handle: &mut Handle<Client>, user: &str) -> Result<(), String> {
        let mut tried = Tried { shown: self.notes.clone(), allowed: String::new() };
        for (path, key) in &self.keys {
            let hash = signature_hash(handle, key.algorithm().is_rsa()).await;
            let shown = format!("key file {} ({})", path.display(), describe(key.public_key()));
            let key = PrivateKeyWithHashAlg::new(key.clone(), hash);
            let result = handle.authenticate_publickey(user, key).await;
            if tried.note(shown, result.map_err(|error| error.to_string()), handle)? {
                return Ok(());
            }
        }
        if let Some(socket) = &self.agent
            && self.ask_agent(socket, handle, user, &mut tried).await?
        {
            return Ok(());
        }
        Err(tried.to_string())
    }

    async fn ask_agent(
        &self,
        socket: &Path,
        handle: &mut Handle<Client>,
        user: &str,
        tried: &mut Tried,
    ) -> Result<bool, String> {
        let mut agent = match AgentClient::connect_uds(socket).await {
            Ok(agent) => agent,
            Err(error) => {
                tried.shown.push(format!("the SSH agent at {} does not answer: {error}", socket.display()));
                return Ok(false);
            }
        };
        let identities = match agent.request_identities().await {
            Ok(identities) => identities,
            Err(error) => {
                tried.shown.push(format!("the SSH agent cannot list its keys: {error}"));
                return Ok(false);
            }
        };
        if identities.is_empty() {
            tried.shown.push("the SSH agent has no keys".to_owned());
        }
        for identity in identities {
            let public = identity.public_key().into_owned();
            if self.keys.iter().any(|(_, key)| key.public_key().key_data() == public.key_data()) {
                continue;
            }
            let hash = signature_hash(handle, public.algorithm().is_rsa()).await;
            let shown = format!("agent key {}", describe(&public));
            let result = match identity {
                AgentIdentity::PublicKey { key, .. } => {
                    handle.authenticate_publickey_with(user, key, hash, &mut agent).await
                }
                AgentIdentity::Certificate { certificate, .. } => {
                    handle.authenticate_certificate_with(user, certificate, hash, &mut agent).await
                }
            };
            if tried.note(shown, result.map_err(|error| error.to_string()), handle)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// RSA keys sign with SHA-2; servers since OpenSSH 8.8 refuse SHA-1.
async fn signature_hash(handle: &Handle<Client>, rsa: bool) -> Option<HashAlg> {
    if !rsa {
        return None;
    }
    let best = handle.best_supported_rsa_hash().await.ok().flatten().flatten();
    Some(best.unwrap_or(HashAlg::Sha512))
}

struct Tried {
    shown: Vec<String>,
    allowed: String,
}

impl Tried {
    /// Whether we are in; an error when the host hung up, so that nothing more can be tried.
    fn note(
        &mut self,
        shown: String,
        result: Result<AuthResult, String>,
        handle: &Handle<Client>,
    ) -> Result<bool, String> {
        match result {
            Ok(AuthResult::Success) => return Ok(true),
            Ok(AuthResult::Failure { remaining_methods, partial_success }) => {
                let methods: Vec<String> = remaining_methods.iter().map(|method| <&str>::from(method).into()).collect();
                self.allowed = methods.join(", ");
                self.shown.push(if partial_success {
                    format!("{shown} (accepted, but the host requires more)")
                } else {
                    shown
                });
            }
            Err(error) => self.shown.push(format!("{shown}: {error}")),
        }
        if handle.is_closed() {
            return Err(format!(
                "{self}; then the host closed the connection (MaxAuthTries limits how many keys may be tried)"
            ));
        }
        Ok(false)
    }
}

impl std::fmt::Display for Tried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "tried {}", self.shown.join("; "))?;
        if self.allowed.is_empty() { Ok(()) } else { write!(f, "; the host accepts {}", self.allowed) }
    }
}
