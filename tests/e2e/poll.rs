//! A client that asks the API through the virtual IP every 0.1 s and notes when it is answered.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_millis(100);
/// So long, that only an answer that never comes counts as none: a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(10);

/// A TLS 1.2 ClientHello. That a ServerHello comes back shows that an API server answered, not
/// only haproxy, and needs no TLS library.
const CLIENT_HELLO: &[u8] = &[
    0x16, 0x03, 0x01, 0x00, 0x53, 0x01, 0x00, 0x00, 0x4f, 0x03, 0x03, // record, handshake, version 1.2
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
    32, 0x00, // no session
    0x00, 0x08, 0xc0, 0x2f, 0xc0, 0x30, 0xc0, 0x2b, 0xc0, 0x2c, // ECDHE with AES-GCM
    0x01, 0x00, // no compression
    0x00, 0x1e, // extensions
    0x00, 0x0a, 0x00, 0x06, 0x00, 0x04, 0x00, 0x1d, 0x00, 0x17, // x25519, P-256
    0x00, 0x0b, 0x00, 0x02, 0x01, 0x00, // uncompressed points
    0x00, 0x0d, 0x00, 0x0a, 0x00, 0x08, 0x04, 0x01, 0x04, 0x03, 0x08, 0x04, 0x08, 0x07, // signatures
];

/// Whether an API server answers at this address now.
pub(crate) fn answers(address: SocketAddr) -> bool {
    answers_within(address, Duration::from_secs(1))
}

fn answers_within(address: SocketAddr, patience: Duration) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, patience)?;
        stream.set_read_timeout(Some(patience))?;
        stream.write_all(CLIENT_HELLO)?;
        let mut head = [0; 6];
        stream.read_exact(&mut head)?;
        Ok(head[0] == 0x16 && head[5] == 0x02)
    };
    ask().unwrap_or(false)
}

/// A client in the background. It asks every 0.1 s whether or not earlier questions were answered.
pub(crate) struct Poll {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Answers>,
}

/// What a client saw.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) asked: usize,
    pub(crate) failed: usize,
    /// Longest time between two answers.
    pub(crate) outage: Duration,
}

impl Poll {
    pub(crate) fn start(address: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let began = Instant::now();
            let mut questions = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                questions.push(std::thread::spawn(move || answers_within(address, PATIENCE).then(Instant::now)));
                std::thread::sleep(EVERY);
            }
            let asked = questions.len();
            let mut answered: Vec<Instant> = questions.into_iter().filter_map(|it| it.join().unwrap()).collect();
            let failed = asked - answered.len();
            answered.sort();
            let before = std::iter::once(&began).chain(&answered);
            let outage = before.zip(&answered).map(|(before, after)| *after - *before).max().unwrap_or(Duration::MAX);
            Answers { asked, failed, outage }
        });
        Self { stop, thread }
    }

    pub(crate) fn end(self) -> Answers {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}
