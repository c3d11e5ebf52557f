//! One script over one channel.

use std::sync::Arc;
use std::time::Duration;

use russh::client::Msg;
use russh::{ChannelMsg, ChannelOpenFailure, ChannelReadHalf, ChannelWriteHalf, Sig};
use tokio::sync::OwnedSemaphorePermit;

use super::link::Connection;
use crate::fleet::shell::{ANSWER_LIMIT, Answer};

/// How long a background child may keep the output open after the script itself ended.
const GRACE: Duration = Duration::from_secs(2);

/// How long sshd may take to free a channel that was just closed.
const FREED_WITHIN: Duration = Duration::from_secs(5);

/// Limit for saying goodbye to a channel.
const GOODBYE: Duration = Duration::from_secs(2);

/// A channel on which the remote shell starts; nothing of a script was sent.
pub(super) struct Session {
    connection: Arc<Connection>,
    read: ChannelReadHalf,
    line: Line,
}

/// Why there is no session. In every case nothing of a script was sent.
pub(super) enum NoSession {
    /// The connection is dead; another one may live.
    Dead(String),
    /// The host will not have it.
    Refused(String),
}

/// Why a script has no answer.
pub(super) enum Broken {
    /// The connection broke, or the answer is no answer.
    Lost(String),
    /// The time is over; the script was told to end.
    Timeout,
}

/// The writing half, which is closed in any case: the library leaves a dropped channel open, and
/// sshd would run out of sessions.
struct Line {
    write: Option<ChannelWriteHalf<Msg>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Session {
    /// Waits for a free channel, opens it and asks for the command.
    pub(super) async fn open(
        connection: &Arc<Connection>,
        command: &'static str,
        limit: Duration,
    ) -> Result<Self, NoSession> {
        let permit = connection.channels.clone().acquire_owned().await.expect("the semaphore is never closed");
        let open = async {
            let deadline = tokio::time::Instant::now() + FREED_WITHIN;
            let mut wait = Duration::from_millis(5);
            let channel = loop {
                match connection.handle.channel_open_session().await {
                    Err(russh::Error::ChannelOpenFailure(ChannelOpenFailure::ConnectFailed))
                        if tokio::time::Instant::now() < deadline =>
                    {
                        tokio::time::sleep(wait).await;
                        wait = (wait * 2).min(Duration::from_secs(1));
                    }
                    Ok(channel) => break channel,
                    Err(russh::Error::ChannelOpenFailure(failure)) => {
                        return Err(NoSession::Refused(format!("the host opens no session ({failure:?})")));
                    }
                    Err(error) => return Err(NoSession::Dead(error.to_string())),
                }
            };
            let (read, write) = channel.split();
            let line = Line { write: Some(write), permit: Some(permit) };
            line.write().exec(true, command).await.map_err(|error| NoSession::Dead(error.to_string()))?;
            Ok(Self { connection: connection.clone(), read, line })
        };
        let late = || NoSession::Dead(format!("no answer within {}", humantime::format_duration(limit)));
        tokio::time::timeout(limit, open).await.unwrap_or_else(|_| Err(late()))
    }

    /// The connection that it is on.
    pub(super) fn connection(&self) -> Arc<Connection> {
        self.connection.clone()
    }

    /// Sends the script and reads the answer.
    pub(super) async fn run(mut self, script: &str, timeout: Duration) -> Result<Answer, Broken> {
        let conversation = tokio::time::timeout(timeout, self.converse(script)).await;
        let result = match conversation {
            Ok(Ok(Some(answer))) => Ok(answer),
            Ok(Ok(None)) => Err(Broken::Lost(self.connection.why_ended().await)),
            Ok(Err(reason)) => Err(Broken::Lost(reason)),
            Err(_) => Err(Broken::Timeout),
        };
        self.line.hang_up(result.is_err()).await;
        result
    }

    /// The answer; `None` when the channel ended without a status.
    async fn converse(&mut self, script: &str) -> Result<Option<Answer>, String> {
        let Self { read, line, .. } = self;
        let feed = async {
            // A shell that ends without reading is no error; its status says what happened.
            let _ = line.write().data(script.as_bytes()).await;
            let _ = line.write().eof().await;
        };
        let drain = drain(read);
        tokio::pin!(feed, drain);
        // Writing may wait for ever when the other side does not read: whoever reads decides.
        tokio::select! {
            answer = &mut drain => answer,
            () = &mut feed => drain.await,
        }
    }
}

async fn drain(read: &mut ChannelReadHalf) -> Result<Option<Answer>, String> {
    let (mut status, mut stdout, mut stderr) = (None, Vec::new(), Vec::new());
    let mut ended = false;
    loop {
        let message = match status {
            None => read.wait().await,
            // The status is there, before or after the end of the output.
            Some(_) if ended => break,
            Some(_) => match tokio::time::timeout(GRACE, read.wait()).await {
                Ok(message) => message,
                Err(_) => break,
            },
        };
        match message {
            None => break,
            Some(ChannelMsg::Data { data }) => stdout.extend_from_slice(&data),
            Some(ChannelMsg::ExtendedData { data, ext: 1 }) => stderr.extend_from_slice(&data),
            Some(ChannelMsg::ExitStatus { exit_status }) => status = Some(exit_status.cast_signed()),
            Some(ChannelMsg::ExitSignal { signal_name, .. }) => status = Some(128 + signal_number(&signal_name)),
            Some(ChannelMsg::Eof) => ended = true,
            Some(ChannelMsg::Failure) => return Err("the host refuses to run commands".to_owned()),
            Some(_) => {}
        }
        if stdout.len() > ANSWER_LIMIT || stderr.len() > ANSWER_LIMIT {
            return Err(format!("its output exceeds {} MiB", ANSWER_LIMIT >> 20));
        }
    }
    Ok(status.map(|status| Answer { status, stdout, stderr }))
}

impl Line {
    fn write(&self) -> &ChannelWriteHalf<Msg> {
        self.write.as_ref().expect("taken only when the line is hung up")
    }

    /// Closes the channel; `stop` tells the script to end first, which closing alone does not.
    async fn hang_up(&mut self, stop: bool) {
        if let Some(write) = self.write.take() {
            goodbye(write, stop, self.permit.take()).await;
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let (Some(write), Ok(runtime)) = (self.write.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(goodbye(write, true, self.permit.take()));
        }
    }
}

async fn goodbye(write: ChannelWriteHalf<Msg>, stop: bool, permit: Option<OwnedSemaphorePermit>) {
    let farewell = async {
        if stop {
            let _ = write.signal(Sig::TERM).await;
        }
        let _ = write.close().await;
    };
    let _ = tokio::time::timeout(GOODBYE, farewell).await;
    drop(permit);
}

/// The numbers of Linux; 0 for what has none there.
fn signal_number(signal: &Sig) -> i32 {
    match signal {
        Sig::HUP => 1,
        Sig::INT => 2,
        Sig::QUIT => 3,
        Sig::ILL => 4,
        Sig::ABRT => 6,
        Sig::FPE => 8,
        Sig::KILL => 9,
        Sig::USR1 => 10,
        Sig::SEGV => 11,
        Sig::PIPE => 13,
        Sig::ALRM => 14,
        Sig::TERM => 15,
        Sig::Custom(_) => 0,
    }
}
