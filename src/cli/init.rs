//! `mainstay init`

use std::fs::OpenOptions;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;

use super::error::{CliError, Exit};
use super::next_command::NextCommand;
use super::ui::Ui;
use crate::config::{self, Draft, DraftHost, FleetKind, Role};

/// Create a commented cluster.yaml
///
/// On a terminal, mainstay prompts for missing options. An existing file is never overwritten.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  mainstay init --name prod --endpoint 10.0.0.100:8443 \\
    --hosts cp1=10.0.0.11,cp2=10.0.0.12,cp3=10.0.0.13,w1=10.0.0.21
Hosts whose names begin with `cp`, `master` or `control` become control planes, all others workers;
when none does, the first three are control planes.")]
pub(super) struct Args {
    /// Cluster name
    #[arg(long)]
    name: Option<String>,
    /// Virtual IP and port of the API
    #[arg(long, value_name = "ADDRESS[:PORT]")]
    endpoint: Option<String>,
    /// Exact version of Kubernetes
    #[arg(long, value_name = "X.Y.Z", default_value = VERSION)]
    kubernetes_version: String,
    /// Login name on the hosts
    #[arg(long)]
    user: Option<String>,
    /// Use simulated hosts
    #[arg(long)]
    simulated: bool,
    /// Hosts as NAME=ADDRESS, separated by commas
    #[arg(long, value_name = "NAME=ADDRESS", value_delimiter = ',')]
    hosts: Vec<String>,
}

/// haproxy shares hosts with API servers on 6443, so the endpoint needs another port.
const PORT: u16 = 8443;
/// The default version; never "latest", which would depend on the day.
const VERSION: &str = "1.31.4";

pub(super) fn run(args: &Args, file: &Path, ui: Ui) -> Result<Exit, CliError> {
    if file.exists() {
        return Err(
            CliError::wrong(format!("{} already exists", file.display())).hint("name another file with -f FILE")
        );
    }
    let shown = file.display().to_string();
    if let Some(folder) = file.parent().filter(|it| *it != Path::new("") && !it.is_dir()) {
        return Err(
            CliError::wrong(format!("the directory {} does not exist", folder.display())).hint("create it first")
        );
    }
    // Options are checked before the first prompt.
    let mut answers = Answers { name: args.name.clone(), endpoint: args.endpoint.clone(), hosts: None };
    answers.hosts = (!args.hosts.is_empty()).then(|| args.hosts.join(","));
    let text = answers.text(args)?;
    check(&text).map_err(|errors| super::workspace::faults(&errors, text.as_bytes(), &shown, ui))?;
    let text = interview(args, &answers, ui)?;
    let fail = |error: std::io::Error| CliError::failed(format!("cannot write {shown}: {error}"));
    let mut out = OpenOptions::new().write(true).create_new(true).open(file).map_err(fail)?;
    out.write_all(text.as_bytes()).map_err(fail)?;
    let next = NextCommand::about(file, false).whole("plan");
    ui.say(&format!("Wrote {shown}. Review it, then run: {next}"));
    Ok(Exit::Done)
}

/// The answers so far, as typed.
#[derive(Clone, Debug, Default)]
struct Answers {
    name: Option<String>,
    endpoint: Option<String>,
    hosts: Option<String>,
}

/// A prompt, its option, and the field for the answer.
struct Question {
    text: &'static str,
    option: &'static str,
    answer: fn(&mut Answers) -> &mut Option<String>,
}

const QUESTIONS: [Question; 3] = [
    Question { text: "Name of the cluster", option: "--name", answer: |it| &mut it.name },
    Question {
        text: "Virtual IP of the API (ADDRESS or ADDRESS:PORT)",
        option: "--endpoint",
        answer: |it| &mut it.endpoint,
    },
    Question { text: "Hosts (NAME=ADDRESS, separated by commas)", option: "--hosts", answer: |it| &mut it.hosts },
];

/// Prompts for missing answers until the file is valid. Each answer is checked at once; a rejected one is offered
/// again.
fn interview(args: &Args, given: &Answers, ui: Ui) -> Result<String, CliError> {
    let missing = |question: &&Question| (question.answer)(&mut given.clone()).is_none();
    let asked: Vec<&Question> = QUESTIONS.iter().filter(missing).collect();
    let (mut answers, mut last, mut at) = (given.clone(), Answers::default(), 0);
    while let Some(question) = asked.get(at) {
        let slot = question.answer;
        let answer = ask(question, slot(&mut last).as_deref(), ui)?;
        *slot(&mut last) = Some(answer.clone());
        *slot(&mut answers) = Some(answer);
        let Some(problem) = problem(&answers, args) else {
            at += 1;
            continue;
        };
        ui.say(&problem);
        // The hosts may be right, and the endpoint wrong.
        let endpoint_is_wrong = question.option == "--hosts" && answers.hosts_are_right(args);
        *slot(&mut answers) = None;
        if let Some(before) = at.checked_sub(1).filter(|_| endpoint_is_wrong)
            && asked[before].option == "--endpoint"
        {
            (answers.endpoint, at) = (None, before);
        }
    }
    answers.text(args)
}

fn ask(question: &Question, before: Option<&str>, ui: Ui) -> Result<String, CliError> {
    let offered = before.map(|text| format!(" [{text}]")).unwrap_or_default();
    let line = ui.ask_line(&format!("{}{offered}:", question.text), &format!("{} is required", question.option))?;
    let Some(answer) = line else {
        return Err(CliError::failed("Init cancelled. Nothing was written."));
    };
    match (answer.trim(), before) {
        ("", Some(before)) => Ok(before.to_owned()),
        (answer, _) => Ok(answer.to_owned()),
    }
}

/// The errors of the answers so far, as text.
fn problem(answers: &Answers, args: &Args) -> Option<String> {
    match answers.text(args) {
        Err(error) => Some(error.text()),
        Ok(text) => check(&text).err().map(|errors| {
            let line = |it: &config::Diagnostic| {
                let help = it.help.iter().map(|help| format!("\n  = help: {help}"));
                format!("error: {}{}", it.message, help.collect::<String>())
            };
            let errors = errors.diagnostics.iter().filter(|it| it.severity == config::Severity::Error);
            errors.map(line).collect::<Vec<_>>().join("\n")
        }),
    }
}

fn check(text: &str) -> Result<(), config::ConfigErrors> {
    config::load(text, "cluster.yaml", Path::new(".")).map(drop)
}

impl Answers {
    /// Whether the hosts are valid with an endpoint in their network.
    fn hosts_are_right(&self, args: &Args) -> bool {
        let Some(first) = self.hosts.as_deref().and_then(|hosts| hosts_of(hosts).ok()?.into_iter().next()) else {
            return false;
        };
        let endpoint = Some(neighbour(&first.address).to_string());
        problem(&Self { endpoint, ..self.clone() }, args).is_none()
    }

    /// The resulting file, with placeholders for missing answers.
    fn text(&self, args: &Args) -> Result<String, CliError> {
        let endpoint = self.endpoint.as_deref().unwrap_or("10.255.255.100");
        let (address, port) = match endpoint.rsplit_once(':') {
            Some((address, port)) => {
                let port = port.parse().map_err(|_| CliError::wrong(format!("`{port}` is not a port")))?;
                (address, port)
            }
            None => (endpoint, PORT),
        };
        let hosts = match &self.hosts {
            Some(hosts) => hosts_of(hosts)?,
            None => hosts_of(&format!("cp1={}", neighbour(address)))?,
        };
        Ok(config::template(&Draft {
            name: self.name.clone().unwrap_or_else(|| "name".to_owned()),
            fleet: if args.simulated { FleetKind::Simulated } else { FleetKind::Ssh },
            version: args.kubernetes_version.clone(),
            endpoint: address.to_owned(),
            port,
            user: args.user.clone(),
            hosts,
        }))
    }
}

/// Another address of the same network.
fn neighbour(address: &str) -> Ipv4Addr {
    let address: Ipv4Addr =
        address.split('/').next().and_then(|it| it.parse().ok()).unwrap_or(Ipv4Addr::new(10, 255, 255, 100));
    let [a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, if d == 77 { 78 } else { 77 })
}

fn hosts_of(given: &str) -> Result<Vec<DraftHost>, CliError> {
    let mut hosts = Vec::new();
    for host in given.split(',').map(str::trim) {
        let (name, address) = host.split_once('=').ok_or_else(|| {
            CliError::wrong(format!("`{host}` is not NAME=ADDRESS")).hint("for example cp1=10.0.0.11")
        })?;
        let control_plane = ["cp", "master", "control"].iter().any(|prefix| name.starts_with(prefix));
        let role = if control_plane { Role::ControlPlane } else { Role::Worker };
        hosts.push(DraftHost { name: name.trim().to_owned(), address: address.trim().to_owned(), roles: vec![role] });
    }
    if !hosts.iter().any(|host| host.roles.contains(&Role::ControlPlane)) {
        hosts.iter_mut().take(3).for_each(|host| host.roles = vec![Role::ControlPlane]);
    }
    Ok(hosts)
}
