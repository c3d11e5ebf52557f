//! Key exchange with one machine, and whether it is who it should be.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use russh::client::{self, DisconnectReason, Handle};
use russh::keys::ssh_key::EcdsaCurve;
use russh::keys::{Algorithm, HashAlg, PublicKeyOrCertificate};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::known_hosts::KnownHosts;
use super::target::Target;

/// Our side of a connection.
pub(super) struct Client {
    address: String,
    port: u16,
    /// Whether it is reached through a jump host.
    behind: bool,
    checking: crate::fleet::HostKeyChecking,
    known_hosts: Arc<KnownHosts>,
    refusal: Arc<Mutex<Option<String>>>,
    ended: watch::Sender<Option<String>>,
}

/// Why a key exchange came to nothing.
pub(super) enum HandshakeError {
    /// The host's key is not accepted.
    Key(String),
    /// The host hung up before it said anything wrong: too many connections begin at once.
    HungUp(String),
    /// Anything else.
    Other(String),
}

/// Key exchange over a stream. Nothing of ours is sent before the host's key is accepted.
pub(super) async fn shake_hands<S>(
    stream: S,
    target: &Target,
    known_hosts: Arc<KnownHosts>,
) -> Result<(Handle<Client>, watch::Receiver<Option<String>>), HandshakeError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let refusal = Arc::new(Mutex::new(None));
    let (ended, ending) = watch::channel(None);
    let config = Arc::new(config(&known_hosts.algorithms(&target.address, target.port)));
    let client = Client {
        address: target.address.clone(),
        port: target.port,
        behind: target.via.is_some(),
        checking: target.checking,
        known_hosts,
        refusal: refusal.clone(),
        ended,
    };
    match client::connect_stream(config, stream, client).await {
        Ok(handle) => Ok((handle, ending)),
        Err(error) => {
            let refused = refusal.lock().expect("nobody panics while holding it").take();
            Err(match (refused, &error) {
                (Some(reason), _) => HandshakeError::Key(reason),
                (None, russh::Error::IO(_) | russh::Error::Disconnect | russh::Error::HUP) => {
                    HandshakeError::HungUp(format!("the host closed the connection during the key exchange ({error})"))
                }
                (None, _) => HandshakeError::Other(format!("key exchange: {error}")),
            })
        }
    }
}

fn config(known: &[Algorithm]) -> client::Config {
    // Key exchange stays in the library's order, ML-KEM before plain curve25519: it costs 0.2 ms
    // of 12, and what is recorded off the wire today stays unread tomorrow.
    let mut preferred = russh::Preferred::DEFAULT;
    preferred.key = Cow::Owned(key_order(known));
    client::Config {
        preferred,
        // Otherwise each script waits 40 ms for a delayed acknowledgement.
        nodelay: true,
        keepalive_interval: Some(Duration::from_secs(15)),
        keepalive_max: 4,
        inactivity_timeout: None,
        ..client::Config::default()
    }
}

/// The known algorithms first, so that the host shows the key that we can compare. SHA-1 never.
fn key_order(known: &[Algorithm]) -> Vec<Algorithm> {
    let ecdsa = |curve| Algorithm::Ecdsa { curve };
    let rsa = |hash| Algorithm::Rsa { hash: Some(hash) };
    let all = [
        Algorithm::Ed25519,
        ecdsa(EcdsaCurve::NistP256),
        ecdsa(EcdsaCurve::NistP384),
        ecdsa(EcdsaCurve::NistP521),
        rsa(HashAlg::Sha512),
        rsa(HashAlg::Sha256),
    ];
    let same = |one: &Algorithm, other: &Algorithm| match (one, other) {
        (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }) => true,
        _ => one == other,
    };
    let is_known = |one: &Algorithm| known.iter().any(|known| same(known, one));
    let (first, then): (Vec<_>, Vec<_>) = all.into_iter().partition(is_known);
    first.into_iter().chain(then).collect()
}

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        // No certificate algorithm is offered; a host that shows one all the same is refused.
        let verdict = if shown.certificate().is_some() {
            Err("the host presents a certificate; host certificates are not supported".to_owned())
        } else {
            self.known_hosts.check(&self.address, self.port, &shown.public_key(), self.checking)
        };
        match verdict {
            Ok(()) => Ok(true),
            Err(mut reason) => {
                if self.behind && reason.contains("ssh-keyscan") {
                    reason.push_str(" (ssh-keyscan must run on the jump host)");
                }
                *self.refusal.lock().expect("nobody panics while holding it") = Some(reason);
                Ok(false)
            }
        }
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Self::Error>) -> Result<(), Self::Error> {
        match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                let _ = self.ended.send(Some(format!("the host closed the connection: {}", info.message)));
                Ok(())
            }
            DisconnectReason::Error(error) => {
                let _ = self.ended.send(Some(error.to_string()));
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_algorithms_come_first_and_sha1_never() {
        let order = key_order(&[Algorithm::Rsa { hash: None }]);
        let names: Vec<&str> = order.iter().map(Algorithm::as_str).collect();
        assert_eq!(names[..3], ["rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519"]);
        assert!(!names.contains(&"ssh-rsa"));
    }
}
