//! This machine as a host: `/bin/sh` as a child process, with the semantics of a remote one.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::shell::{ANSWER_LIMIT, Answer, Shell, sudo_refusal};
use super::{FleetError, Sudo};
use crate::resource::HostName;

/// How long a background child may keep the output open after the script itself ended.
const GRACE: Duration = Duration::from_secs(2);

/// What stands for the address in messages.
const ADDRESS: &str = "this machine";

/// Sends a signal to a process group, then, when it is still there, the one that cannot be refused.
const STOP: &str = r#"kill -s TERM -- "-$1" 2>/dev/null || exit 0
tries=0
while [ $tries -lt 20 ] && kill -s 0 -- "-$1" 2>/dev/null; do sleep 0.1; tries=$((tries + 1)); done
kill -s KILL -- "-$1" 2>/dev/null || :"#;

/// A shell on this machine.
#[derive(Debug)]
pub(super) struct LocalShell {
    host: HostName,
    sudo: bool,
}

impl LocalShell {
    pub(super) fn new(host: HostName, sudo: Sudo) -> Self {
        let root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        Self { host, sudo: sudo == Sudo::Passwordless && !root }
    }

    fn command(&self) -> Command {
        shell_command(self.sudo)
    }

    fn lost(&self, error: &std::io::Error) -> FleetError {
        FleetError::Lost { host: self.host.clone(), address: ADDRESS.to_owned(), reason: error.to_string() }
    }
}

fn shell_command(sudo: bool) -> Command {
    if sudo {
        let mut command = Command::new("sudo");
        command.args(["-n", "--", "/bin/sh"]);
        command
    } else {
        Command::new("/bin/sh")
    }
}

/// Kills the whole process group of a script that is given up, also when its future is dropped.
struct Group {
    id: Option<u32>,
    sudo: bool,
}

impl Group {
    fn stop(&mut self) -> Option<Child> {
        let id = self.id.take()?;
        let mut command = shell_command(self.sudo);
        command.args(["-c", STOP, "sh", &id.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().inspect_err(|error| tracing::warn!("process group {id} is not stopped: {error}")).ok()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if tokio::runtime::Handle::try_current().is_ok() {
            self.stop();
        }
    }
}

impl Shell for LocalShell {
    async fn run(&self, script: &str, timeout: Duration) -> Result<Answer, FleetError> {
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Away from our own group, so that a Ctrl-C at the terminal does not reach a running step.
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| FleetError::Connect {
            host: self.host.clone(),
            address: ADDRESS.to_owned(),
            reason: format!("{}: {error}", if self.sudo { "sudo" } else { "/bin/sh" }),
        })?;
        let mut group = Group { id: child.id(), sudo: self.sudo };
        let Ok(answer) = tokio::time::timeout(timeout, converse(&mut child, script)).await else {
            if let Some(mut stop) = group.stop() {
                let _ = stop.wait().await;
            }
            return Err(FleetError::Timeout {
                host: self.host.clone(),
                address: ADDRESS.to_owned(),
                seconds: timeout.as_secs(),
            });
        };
        group.id = None;
        let answer = answer.map_err(|error| self.lost(&error))?;
        match sudo_refusal(&answer).filter(|_| self.sudo) {
            Some(reason) => Err(FleetError::Sudo {
                host: self.host.clone(),
                address: ADDRESS.to_owned(),
                user: std::env::var("USER").unwrap_or_else(|_| "this user".to_owned()),
                reason,
            }),
            None => Ok(answer),
        }
    }

    async fn close(&self) {}
}

/// Feeds the script while the answer is read, so that neither side waits for the other.
async fn converse(child: &mut Child, script: &str) -> std::io::Result<Answer> {
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    let mut out = child.stdout.take().expect("standard output is a pipe");
    let mut err = child.stderr.take().expect("standard error is a pipe");
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let status = {
        let feed = async {
            // A shell that ends without reading is no error; its status says what happened.
            let _ = stdin.write_all(script.as_bytes()).await;
            drop(stdin);
        };
        let collect = async { tokio::try_join!(drain(&mut out, &mut stdout), drain(&mut err, &mut stderr)) };
        tokio::pin!(feed, collect);
        let (mut sent, mut collected) = (false, false);
        let status = loop {
            tokio::select! {
                status = child.wait() => break status?,
                () = &mut feed, if !sent => sent = true,
                read = &mut collect, if !collected => {
                    read?;
                    collected = true;
                }
            }
        };
        if !collected && let Ok(read) = tokio::time::timeout(GRACE, collect).await {
            read?;
        }
        status
    };
    let status = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    Ok(Answer { status, stdout, stderr })
}

async fn drain(from: &mut (impl AsyncRead + Unpin), to: &mut Vec<u8>) -> std::io::Result<()> {
    while from.read_buf(to).await? > 0 {
        if to.len() > ANSWER_LIMIT {
            return Err(std::io::Error::other(format!("its output exceeds {} MiB", ANSWER_LIMIT >> 20)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell() -> LocalShell {
        LocalShell::new(HostName::new("here"), Sudo::Never)
    }

    async fn run(script: &str) -> Result<Answer, FleetError> {
        shell().run(script, Duration::from_secs(20)).await
    }

    #[tokio::test]
    async fn both_streams_and_the_status_come_back() {
        let answer = run("echo out; echo err >&2; exit 3").await.unwrap();
        assert_eq!((answer.status, &answer.stdout[..], &answer.stderr[..]), (3, &b"out\n"[..], &b"err\n"[..]));
        assert_eq!(run("kill -s KILL $$").await.unwrap().status, 137);
    }

    #[tokio::test]
    async fn large_scripts_and_answers_pass_at_the_same_time() {
        let script = format!("echo '{}'\n", "x".repeat(400)).repeat(3000);
        let answer = run(&script).await.unwrap();
        assert_eq!(answer.stdout.len(), 401 * 3000);
    }

    #[tokio::test]
    async fn a_shell_that_ends_without_reading_is_no_error() {
        let script = format!("exit 7\n{}", "# never read\n".repeat(200_000));
        assert_eq!(run(&script).await.unwrap().status, 7);
    }

    #[tokio::test]
    async fn a_background_child_does_not_hold_the_answer_back() {
        // It outlasts the limit of this run.
        let answer = run("sleep 60 & echo done").await.unwrap();
        assert_eq!(answer.stdout, b"done\n");
    }

    #[tokio::test]
    async fn a_script_that_takes_too_long_is_killed_with_its_children() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("goes-on");
        // Deaf to the polite signal, and the work is done by a child.
        let script = format!("trap '' TERM; (while :; do echo >>'{}'; sleep 0.1; done)\n:", file.display());
        let error = shell().run(&script, Duration::from_millis(500)).await.unwrap_err();
        assert_eq!(error.to_string(), "here (this machine): no answer within 0 s");
        let written = || std::fs::metadata(&file).map_or(0, |file| file.len());
        let ended = async {
            let mut before = 0;
            while written() != before {
                before = written();
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        };
        assert!(tokio::time::timeout(Duration::from_mins(1), ended).await.is_ok(), "a child went on");
    }
}
