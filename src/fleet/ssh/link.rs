//! One machine's connection: opened at the first use, shared, opened anew when it is found dead.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use russh::client::Handle;
use russh::{ChannelOpenFailure, Disconnect};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, Semaphore, watch};

use super::credentials::{Credentials, KeyRing};
use super::environment::Environment;
use super::handshake::{Client, HandshakeError, shake_hands};
use super::known_hosts::KnownHosts;
use super::target::Target;
use crate::fleet::FleetError;
use crate::resource::HostName;

/// Channels open at the same time on one connection; sshd's `MaxSessions` is 10.
const CHANNELS: usize = 8;

/// A machine and, while there is one, its connection.
#[derive(Debug)]
pub(super) struct Link {
    target: Target,
    via: Option<Arc<Link>>,
    keys: Arc<KeyRing>,
    environment: Arc<Environment>,
    known_hosts: Arc<KnownHosts>,
    live: Mutex<Option<Arc<Connection>>>,
}

/// A connection on which we are logged in.
pub(super) struct Connection {
    pub(super) handle: Handle<Client>,
    /// Free channels.
    pub(super) channels: Arc<Semaphore>,
    ending: watch::Receiver<Option<String>>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("closed", &self.handle.is_closed()).finish_non_exhaustive()
    }
}

/// What to do about a connection that did not come about.
enum Failure {
    /// It may come about in a moment.
    Passing(String),
    Final(FleetError),
}

impl Connection {
    /// Why it ended, once that is known.
    pub(super) async fn why_ended(&self) -> String {
        let mut ending = self.ending.clone();
        let known = tokio::time::timeout(Duration::from_millis(200), ending.wait_for(Option::is_some)).await;
        match known {
            Ok(Ok(reason)) => reason.clone().unwrap_or_default(),
            _ => "the host closed the connection without an exit status".to_owned(),
        }
    }
}

impl Link {
    pub(super) fn new(
        target: Target,
        via: Option<Arc<Self>>,
        keys: Arc<KeyRing>,
        environment: Arc<Environment>,
        known_hosts: Arc<KnownHosts>,
    ) -> Self {
        Self { target, via, keys, environment, known_hosts, live: Mutex::new(None) }
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// The connection; whoever comes while it is being opened waits for it. `host` is whom it is
    /// for, and whom errors name.
    pub(super) fn connection<'a>(
        &'a self,
        host: &'a HostName,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<Connection>, FleetError>> + Send + 'a>> {
        Box::pin(async move {
            let mut live = self.live.lock().await;
            if let Some(connection) = live.as_ref().filter(|connection| !connection.handle.is_closed()) {
                return Ok(connection.clone());
            }
            *live = None;
            let connection = Arc::new(self.open(host).await?);
            *live = Some(connection.clone());
            Ok(connection)
        })
    }

    /// Drops a connection that was found dead, unless it is another one by now.
    pub(super) async fn forget(&self, dead: &Arc<Connection>) {
        let mut live = self.live.lock().await;
        if live.as_ref().is_some_and(|connection| Arc::ptr_eq(connection, dead)) {
            *live = None;
        }
    }

    /// Ends the connection.
    pub(super) async fn close(&self) {
        if let Some(connection) = self.live.lock().await.take() {
            let _ = connection.handle.disconnect(Disconnect::ByApplication, "", "").await;
        }
    }

    /// Connects and logs in. A host that hangs up before the key exchange (`MaxStartups`) is asked
    /// again until the time is over.
    async fn open(&self, host: &HostName) -> Result<Connection, FleetError> {
        let credentials = self.keys.prepare(&self.target.login, &self.environment).await;
        let credentials = credentials.map_err(|reason| self.auth_error(host, reason))?;
        let mut last = String::new();
        let attempts = async {
            let mut wait = Duration::from_millis(100);
            loop {
                match self.open_once(host, &credentials).await {
                    Ok(connection) => return Ok(connection),
                    Err(Failure::Final(error)) => return Err(error),
                    Err(Failure::Passing(reason)) => last = reason,
                }
                // Jittered, so that a hundred connections do not come back all at once.
                let jitter = rand::rng().random_range(0.5..1.5);
                tokio::time::sleep(wait.mul_f64(jitter)).await;
                wait = (wait * 2).min(Duration::from_secs(2));
            }
        };
        let limit = self.target.timeout * self.target.hops();
        match tokio::time::timeout(limit, attempts).await {
            Ok(result) => result,
            Err(_) if last.is_empty() => {
                Err(self.connect_error(host, format!("no answer within {}", humantime::format_duration(limit))))
            }
            Err(_) => {
                let within = humantime::format_duration(limit);
                Err(self.connect_error(host, format!("{last} (each attempt limited to {within})")))
            }
        }
    }

    async fn open_once(&self, host: &HostName, credentials: &Credentials) -> Result<Connection, Failure> {
        let shaken = match &self.via {
            None => {
                let stream = self.dial(host).await?;
                shake_hands(stream, &self.target, self.known_hosts.clone()).await
            }
            Some(via) => {
                let jump = via.connection(host).await.map_err(Failure::Final)?;
                let (address, port) = (self.target.address.clone(), u32::from(self.target.port));
                match jump.handle.channel_open_direct_tcpip(address, port, "127.0.0.1", 0).await {
                    Ok(channel) => shake_hands(channel.into_stream(), &self.target, self.known_hosts.clone()).await,
                    Err(russh::Error::ChannelOpenFailure(failure)) => {
                        let jump = via.target.shown();
                        let reason = match failure {
                            ChannelOpenFailure::AdministrativelyProhibited => {
                                format!("jump host {jump} does not allow forwarding (AllowTcpForwarding)")
                            }
                            other => format!("jump host {jump} cannot reach it ({other:?})"),
                        };
                        return Err(Failure::Final(self.connect_error(host, reason)));
                    }
                    Err(error) => {
                        via.forget(&jump).await;
                        return Err(Failure::Passing(format!("jump host: {error}")));
                    }
                }
            }
        };
        let (mut handle, ending) = shaken.map_err(|error| match error {
            HandshakeError::Key(reason) => {
                let (host, address) = (host.clone(), self.target.shown());
                Failure::Final(FleetError::HostKey { host, address, reason })
            }
            HandshakeError::HungUp(reason) => Failure::Passing(reason),
            HandshakeError::Other(reason) => Failure::Final(self.connect_error(host, reason)),
        })?;
        let login = credentials.log_in(&mut handle, &self.target.user).await;
        login.map_err(|reason| Failure::Final(self.auth_error(host, reason)))?;
        Ok(Connection { handle, channels: Arc::new(Semaphore::new(CHANNELS)), ending })
    }

    async fn dial(&self, host: &HostName) -> Result<TcpStream, Failure> {
        use std::io::ErrorKind::{ConnectionAborted, ConnectionReset};
        let connected = TcpStream::connect((self.target.address.as_str(), self.target.port)).await;
        match connected.and_then(|stream| stream.set_nodelay(true).map(|()| stream)) {
            Ok(stream) => Ok(stream),
            Err(error) if matches!(error.kind(), ConnectionReset | ConnectionAborted) => {
                Err(Failure::Passing(error.to_string()))
            }
            Err(error) => Err(Failure::Final(self.connect_error(host, error.to_string()))),
        }
    }

    fn connect_error(&self, host: &HostName, reason: String) -> FleetError {
        FleetError::Connect { host: host.clone(), address: self.target.shown(), reason }
    }

    fn auth_error(&self, host: &HostName, reason: String) -> FleetError {
        let user = self.target.user.clone();
        FleetError::Auth { host: host.clone(), address: self.target.shown(), user, reason }
    }
}
