//! `mainstay init`

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use super::error::{CliError, Exit};
use super::next_command::NextCommand;
use super::ui::Ui;
use crate::config::{self, Draft, DraftHost, FleetKind, Role};

/// Writes a commented cluster.yaml
///
/// On a terminal, what is not given is asked for. An existing file is never overwritten.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  mainstay init --name prod --endpoint 10.0.0.100:8443 \\
    --hosts cp1=10.0.0.11,cp2=10.0.0.12,cp3=10.0.0.13,w1=10.0.0.21
Hosts whose names begin with `cp`, `master` or `control` become control planes, all others workers;
when none does, the first three are control planes.")]
pub(super) struct Args {
    /// The cluster's name
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
    /// For simulated hosts
    #[arg(long)]
    simulated: bool,
    /// Hosts as NAME=ADDRESS, separated by commas
    #[arg(long, value_name = "NAME=ADDRESS", value_delimiter = ',')]
    hosts: Vec<String>,
}

/// haproxy shares hosts with API servers on 6443, so the endpoint needs another port.
const PORT: u16 = 8443;
/// What `init` pins unless told otherwise; never "latest", which would depend on the day.
const VERSION: &str = "1.31.4";

pub(super) fn run(args: &Args, file: &Path, ui: Ui) -> Result<Exit, CliError> {
    if file.exists() {
        return Err(CliError::wrong(format!("{} exists already", file.display())).hint("`-f FILE` names another"));
    }
    let asked = |given: Option<&String>, question: &str, flag: &str| match given {
        Some(given) => Ok(given.clone()),
        None => ui.ask(question, &format!("give it with {flag}")),
    };
    let name = asked(args.name.as_ref(), "Name of the cluster:", "--name")?;
    let endpoint = asked(args.endpoint.as_ref(), "Virtual IP of the API (ADDRESS or ADDRESS:PORT):", "--endpoint")?;
    let hosts = if args.hosts.is_empty() {
        let answer = ui.ask("Hosts (NAME=ADDRESS, separated by commas):", "give them with --hosts")?;
        answer.split(',').map(|host| host.trim().to_owned()).collect()
    } else {
        args.hosts.clone()
    };
    let hosts = hosts_of(&hosts)?;
    let (address, port) = match endpoint.rsplit_once(':') {
        Some((address, port)) => {
            let port = port.parse().map_err(|_| CliError::wrong(format!("`{port}` is not a port")))?;
            (address.to_owned(), port)
        }
        None => (endpoint, PORT),
    };
    let text = config::template(&Draft {
        name,
        fleet: if args.simulated { FleetKind::Simulated } else { FleetKind::Ssh },
        version: args.kubernetes_version.clone(),
        endpoint: address,
        port,
        user: args.user.clone(),
        hosts,
    });
    if let Err(errors) = config::load(&text, &file.display().to_string(), Path::new(".")) {
        return Err(super::workspace::faults(&errors, text.as_bytes(), &file.display().to_string(), ui));
    }
    let fail = |error: std::io::Error| CliError::failed(format!("cannot write {}: {error}", file.display()));
    let mut out = OpenOptions::new().write(true).create_new(true).open(file).map_err(fail)?;
    out.write_all(text.as_bytes()).map_err(fail)?;
    let next = NextCommand::about(file, false).whole("plan");
    ui.say(&format!("{} is written. Look it through, then:  {next}", file.display()));
    Ok(Exit::Done)
}

fn hosts_of(given: &[String]) -> Result<Vec<DraftHost>, CliError> {
    let mut hosts = Vec::new();
    for host in given {
        let (name, address) = host.split_once('=').ok_or_else(|| {
            CliError::wrong(format!("`{host}` is not NAME=ADDRESS")).hint("for example cp1=10.0.0.11")
        })?;
        let control_plane = ["cp", "master", "control"].iter().any(|prefix| name.starts_with(prefix));
        let role = if control_plane { Role::ControlPlane } else { Role::Worker };
        hosts.push(DraftHost { name: name.to_owned(), address: address.to_owned(), roles: vec![role] });
    }
    if !hosts.iter().any(|host| host.roles.contains(&Role::ControlPlane)) {
        hosts.iter_mut().take(3).for_each(|host| host.roles = vec![Role::ControlPlane]);
    }
    Ok(hosts)
}
