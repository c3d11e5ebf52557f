//! An SSH server inside the test: real TCP, real `/bin/sh`, and faults on demand.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey, PublicKey};
use russh::server::{self, Auth, ChannelOpenHandle, Msg, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelOpenFailure, Sig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{ChildStdin, Command};

/// What the server does with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// Runs `/bin/sh`; the status goes out after the end of the output.
    Shell,
    /// The same, with the status before the end of the output.
    StatusFirst,
    /// Ends with status 7 and never grants more window.
    NeverReads,
    /// Ends as sudo does without a password.
    NoSudo,
    /// Hangs up once the first byte of a script is there.
    HangsUp,
    /// Says something and a status, but never that it is the end.
    LingersOn,
}

/// A running server; it ends with the test's runtime.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) key: PrivateKey,
    shared: Arc<Shared>,
}

struct Shared {
    doing: Doing,
    user: PublicKey,
    log: Mutex<Vec<String>>,
    connections: Mutex<Vec<server::Handle>>,
    /// Connections still to be dropped before the first byte, as `MaxStartups` does.
    drops: AtomicUsize,
    /// Sessions still to be refused, as sshd does for a moment after one was closed.
    refusals: AtomicUsize,
    open: AtomicUsize,
    most_open: AtomicUsize,
}

pub(super) fn new_key() -> PrivateKey {
    key_of(Algorithm::Ed25519)
}

pub(super) fn key_of(algorithm: Algorithm) -> PrivateKey {
    PrivateKey::random(&mut russh::keys::key::safe_rng(), algorithm).unwrap()
}

pub(super) fn write_key(key: &PrivateKey, path: &Path) -> PathBuf {
    std::fs::write(path, key.to_openssh(LineEnding::LF).unwrap().as_bytes()).unwrap();
    path.to_owned()
}

impl Server {
    /// Starts a server that lets this user key in, with a host key of its own.
    pub(super) async fn start(doing: Doing, user: &PrivateKey) -> Self {
        Self::start_with(doing, user, new_key()).await
    }

    pub(super) async fn start_with(doing: Doing, user: &PrivateKey, key: PrivateKey) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            doing,
            user: user.public_key().clone(),
            log: Mutex::default(),
            connections: Mutex::default(),
            drops: AtomicUsize::new(0),
            refusals: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            most_open: AtomicUsize::new(0),
        });
        let config = Arc::new(server::Config {
            keys: vec![key.clone()],
            auth_rejection_time: Duration::ZERO,
            auth_rejection_time_initial: Some(Duration::ZERO),
            nodelay: true,
            window_size: if doing == Doing::NeverReads { 4096 } else { 2 << 20 },
            ..server::Config::default()
        });
        let serving = shared.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.note("connected");
                if take_one(&serving.drops) {
                    continue;
                }
                let (config, handler) = (config.clone(), Handler::new(serving.clone()));
                tokio::spawn(async move {
                    if let Ok(running) = server::run_stream(config, stream, handler).await {
                        let _ = running.await;
                    }
                });
            }
        });
        Self { address, key, shared }
    }

    /// What happened, in order.
    pub(super) fn log(&self) -> Vec<String> {
        self.shared.log.lock().unwrap().clone()
    }

    pub(super) fn count(&self, what: &str) -> usize {
        self.log().iter().filter(|line| line.as_str() == what).count()
    }

    /// Drops the next connections before the first byte.
    pub(super) fn drop_next(&self, connections: usize) {
        self.shared.drops.store(connections, Ordering::SeqCst);
    }

    /// Refuses the next sessions.
    pub(super) fn refuse_next(&self, sessions: usize) {
        self.shared.refusals.store(sessions, Ordering::SeqCst);
    }

    /// Channels that are open now, and the most that ever were.
    pub(super) fn open(&self) -> (usize, usize) {
        (self.shared.open.load(Ordering::SeqCst), self.shared.most_open.load(Ordering::SeqCst))
    }

    /// Hangs up on everybody.
    pub(super) async fn kick(&self) {
        let connections = std::mem::take(&mut *self.shared.connections.lock().unwrap());
        for connection in connections {
            let _ = connection.disconnect(russh::Disconnect::ByApplication, "reboot".into(), String::new()).await;
        }
    }

    /// The line of `known_hosts`.
    pub(super) fn known_hosts_line(&self) -> String {
        let key = self.key.public_key().to_openssh().unwrap();
        format!("[127.0.0.1]:{} {key}\n", self.address.port())
    }
}

fn take_one(counter: &AtomicUsize) -> bool {
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

impl Shared {
    fn note(&self, what: &str) {
        self.log.lock().unwrap().push(what.to_owned());
    }
}

impl Shared {
    fn closed(&self, channels: &Mutex<HashSet<ChannelId>>, id: ChannelId) {
        if channels.lock().unwrap().remove(&id) {
            self.open.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

struct Handler {
    shared: Arc<Shared>,
    stdin: HashMap<ChannelId, ChildStdin>,
    children: HashMap<ChannelId, u32>,
    /// Open channels of this connection; either side may close one first.
    channels: Arc<Mutex<HashSet<ChannelId>>>,
}

impl Handler {
    fn new(shared: Arc<Shared>) -> Self {
        Self { shared, stdin: HashMap::new(), children: HashMap::new(), channels: Arc::default() }
    }

    fn start_shell(&mut self, id: ChannelId, handle: server::Handle) {
        let mut command = Command::new("/bin/sh");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap();
        self.stdin.insert(id, child.stdin.take().unwrap());
        self.children.insert(id, child.id().unwrap());
        let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let status_first = self.shared.doing == Doing::StatusFirst;
        let (shared, channels) = (self.shared.clone(), self.channels.clone());
        tokio::spawn(async move {
            let out = async {
                let mut buffer = vec![0; 32 * 1024];
                while let Ok(n @ 1..) = stdout.read(&mut buffer).await {
                    let _ = handle.data(id, buffer[..n].to_vec()).await;
                }
            };
            let err = async {
                let mut buffer = vec![0; 32 * 1024];
                while let Ok(n @ 1..) = stderr.read(&mut buffer).await {
                    let _ = handle.extended_data(id, 1, buffer[..n].to_vec()).await;
                }
            };
            tokio::join!(out, err);
            let status = child.wait().await.unwrap().code().map_or(143, i32::cast_unsigned);
            if status_first {
                let _ = handle.exit_status_request(id, status).await;
                let _ = handle.eof(id).await;
            } else {
                let _ = handle.eof(id).await;
                let _ = handle.exit_status_request(id, status).await;
            }
            let _ = handle.close(id).await;
            shared.closed(&channels, id);
        });
    }
}

impl server::Handler for Handler {
    type Error = russh::Error;

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let right = key.public_key.key_data() == self.shared.user.key_data();
        self.shared.note(&format!("{} {user}", if right { "let in" } else { "turned away" }));
        Ok(if right { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_succeeded(&mut self, session: &mut Session) -> Result<(), Self::Error> {
        self.shared.connections.lock().unwrap().push(session.handle());
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        if take_one(&self.shared.refusals) {
            self.shared.note("refused a session");
            reply.reject(ChannelOpenFailure::ConnectFailed).await;
        } else {
            let open = self.shared.open.fetch_add(1, Ordering::SeqCst) + 1;
            self.shared.most_open.fetch_max(open, Ordering::SeqCst);
            self.channels.lock().unwrap().insert(channel.id());
            reply.accept().await;
        }
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.shared.note(&format!("forward to {host}"));
        match TcpStream::connect((host, u16::try_from(port).unwrap())).await {
            Ok(mut stream) => {
                reply.accept().await;
                tokio::spawn(async move {
                    let _ = tokio::io::copy_bidirectional(&mut channel.into_stream(), &mut stream).await;
                });
            }
            Err(_) => reply.reject(ChannelOpenFailure::ConnectFailed).await,
        }
        Ok(())
    }

    async fn exec_request(&mut self, id: ChannelId, command: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        self.shared.note(&String::from_utf8_lossy(command));
        session.channel_success(id)?;
        match self.shared.doing {
            Doing::Shell | Doing::StatusFirst => self.start_shell(id, session.handle()),
            Doing::NeverReads => {
                session.exit_status_request(id, 7)?;
                session.eof(id)?;
                session.close(id)?;
            }
            Doing::NoSudo => {
                session.extended_data(id, 1, b"sudo: a password is required\n".to_vec())?;
                session.exit_status_request(id, 1)?;
                session.eof(id)?;
                session.close(id)?;
            }
            Doing::LingersOn => {
                session.data(id, b"said".to_vec())?;
                session.exit_status_request(id, 0)?;
            }
            Doing::HangsUp => {}
        }
        Ok(())
    }

    async fn data(&mut self, id: ChannelId, data: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        if self.shared.doing == Doing::HangsUp {
            self.shared.note("got a part of a script");
            session.disconnect(russh::Disconnect::ByApplication, "power cut", "")?;
        }
        if let Some(stdin) = self.stdin.get_mut(&id) {
            let _ = stdin.write_all(data).await;
        }
        Ok(())
    }

    async fn channel_eof(&mut self, id: ChannelId, _: &mut Session) -> Result<(), Self::Error> {
        self.stdin.remove(&id);
        Ok(())
    }

    async fn channel_close(&mut self, id: ChannelId, _: &mut Session) -> Result<(), Self::Error> {
        self.shared.note("closed");
        self.shared.closed(&self.channels, id);
        self.stdin.remove(&id);
        Ok(())
    }

    async fn signal(&mut self, id: ChannelId, signal: Sig, _: &mut Session) -> Result<(), Self::Error> {
        self.shared.note(&format!("signal {signal:?}"));
        if let Some(child) = self.children.get(&id) {
            let mut kill = Command::new("/bin/sh");
            kill.args(["-c", "kill -s TERM -- \"-$1\"", "sh", &child.to_string()]);
            let _ = kill.status().await;
        }
        Ok(())
    }
}

/// An agent that holds these keys, on a socket; it ends with the test's runtime.
pub(super) fn start_agent(socket: &Path, keys: Vec<PrivateKey>) {
    let listener = tokio::net::UnixListener::bind(socket).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            while let Ok(length) = stream.read_u32().await {
                let mut request = vec![0; length as usize];
                stream.read_exact(&mut request).await.unwrap();
                let answer = agent_answer(&request, &keys);
                stream.write_u32(u32::try_from(answer.len()).unwrap()).await.unwrap();
                stream.write_all(&answer).await.unwrap();
            }
        }
    });
}

fn agent_answer(request: &[u8], keys: &[PrivateKey]) -> Vec<u8> {
    use russh::keys::ssh_key::encoding::{Decode, Encode};
    use signature::Signer;
    let blob = |key: &PrivateKey| key.public_key().to_bytes().unwrap();
    let mut body = &request[1..];
    let mut answer = Vec::new();
    match request[0] {
        11 => {
            answer.push(12);
            u32::try_from(keys.len()).unwrap().encode(&mut answer).unwrap();
            for key in keys {
                blob(key).encode(&mut answer).unwrap();
                "a comment".encode(&mut answer).unwrap();
            }
        }
        13 => {
            let (wanted, data) = (Vec::<u8>::decode(&mut body).unwrap(), Vec::<u8>::decode(&mut body).unwrap());
            let key = keys.iter().find(|key| blob(key) == wanted).unwrap();
            let mut signed = Vec::new();
            key.try_sign(&data).unwrap().encode(&mut signed).unwrap();
            answer.push(14);
            signed.encode(&mut answer).unwrap();
        }
        _ => answer.push(5),
    }
    answer
}
