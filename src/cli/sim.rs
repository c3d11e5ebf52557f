//! `mainstay sim`

use std::fmt::Write;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::{Value, json};

use super::error::{CliError, Exit};
use super::next_command::NextCommand;
use super::ui::Ui;
use super::workspace::Workspace;
use crate::fleet::{EtcdMember, SimulatedFleet, World};
use crate::flow;
use crate::hint::Hint;
use crate::kinds;
use crate::plan;
use crate::render::plain;
use crate::resource::{Address, HostName, Observation, Pattern};
use crate::state::State;

/// Inspect and manipulate simulated hosts
///
/// The hosts of a cluster.yaml with `fleet: simulated`, or of any cluster.yaml after `apply --simulate`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Args {
    /// Show simulated hosts that are down, steps set to fail, and etcd members
    #[command(after_help = "Examples:
  mainstay sim status
  mainstay --json sim status")]
    Status,
    /// Take a host down
    #[command(after_help = "Example:
  mainstay sim down cp2")]
    Down {
        /// Host name
        host: String,
    },
    /// Bring a host back
    #[command(after_help = "Example:
  mainstay sim up cp2")]
    Up {
        /// Host name
        host: String,
    },
    /// Make every step on matching resources fail
    #[command(after_help = "Examples:
  mainstay sim fail 'cp2/haproxy'
  mainstay sim fail 'cp2/haproxy' --off")]
    Fail {
        /// An address, a prefix or a glob
        pattern: String,
        /// Make the steps succeed again
        #[arg(long)]
        off: bool,
    },
    /// Change a resource outside mainstay
    #[command(after_help = "Examples:
  mainstay sim set 'cp1/host/sysctl[net.ipv4.ip_forward]=0'
  mainstay sim set 'cp2/keepalived/service[keepalived]={\"state\":\"inactive\"}'
  mainstay sim set 'w1/host/swap=absent'")]
    Set {
        /// ADDRESS=VALUE: the value of its principal field, a JSON object of fields, or `absent`
        assignment: String,
    },
    /// Make a process listen on a TCP port of a host
    #[command(after_help = "Examples:
  mainstay sim listen cp1 8443
  mainstay sim listen cp1 8443 --process nginx
  mainstay sim listen cp1 8443 --off")]
    Listen {
        /// Host name
        host: String,
        /// Port
        port: u16,
        /// Name of the process
        #[arg(long, value_name = "NAME", default_value = "socat")]
        process: String,
        /// End the process
        #[arg(long)]
        off: bool,
    },
    /// Reset all simulated hosts to a clean state
    #[command(after_help = "Example:
  mainstay sim reset")]
    Reset,
}

pub(super) fn run(args: &Args, file: &Path, ui: Ui) -> Result<Exit, CliError> {
    let workspace = simulated(file, ui)?;
    let state = workspace.state()?;
    let reaches = workspace.reaches(&state)?;
    let known = |host: &str| {
        let name = HostName::new(host);
        let unknown = || CliError::no_host(host, reaches.keys().map(HostName::as_str));
        reaches.contains_key(&name).then_some(name).ok_or_else(unknown)
    };
    let fleet = flow::open_simulated(&reaches, &workspace.location.hosts)?;
    match args {
        Args::Status => status(&fleet.world(), ui)?,
        Args::Down { host } => {
            fleet.set_down(&known(host)?, true)?;
            ui.say(&format!("{host} is down."));
        }
        Args::Up { host } => {
            fleet.set_down(&known(host)?, false)?;
            ui.say(&format!("{host} is up."));
        }
        Args::Fail { pattern, off } => {
            can_fail(pattern, *off, &fleet.world(), &workspace, &state)?;
            fleet.set_fault(pattern, !off)?;
            let now = if *off { "succeed again" } else { "fail now" };
            ui.say(&format!("Steps on {} {now}.", plain(pattern)));
        }
        Args::Listen { host, port, process, off } => {
            fleet.set_listener(&known(host)?, *port, (!off).then_some(process))?;
            let now = if *off { "Nothing".to_owned() } else { plain(process) };
            ui.say(&format!("{now} listens on port {port} of {host}."));
        }
        Args::Set { assignment } => {
            let (address, value) = assigned(assignment)?;
            let there = fleet.world().get(&address).present().is_some();
            if !there && !address.host().is_cluster() {
                known(address.host().as_str())?;
            }
            set(&fleet, &address, &value, &workspace, ui)?;
        }
        Args::Reset => {
            drop(fleet);
            let path = &workspace.location.hosts;
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(CliError::failed(format!("{}: {error}", path.display())));
                }
                _ => {}
            }
            ui.say("All simulated hosts are reset to a clean state.");
        }
    }
    Ok(Exit::Done)
}

/// Refuses a pattern that matches nothing, or of which nothing fails.
fn can_fail(pattern: &str, off: bool, world: &World, workspace: &Workspace, state: &State) -> Result<(), CliError> {
    if off {
        let faults: Vec<&str> = world.faults().iter().map(String::as_str).collect();
        if faults.contains(&pattern) {
            return Ok(());
        }
        let none = CliError::wrong(format!("`{}` is not set to fail", plain(pattern)));
        return Err(match faults[..] {
            [] => none,
            _ => none.hint(format!("set to fail: {}", plain(&faults.join(", ")))),
        });
    }
    let graph = workspace.wishes(state)?.graph()?;
    let declared = graph.items().iter().map(|item| &item.address);
    let known: Vec<&Address> = declared.chain(state.resources.keys()).chain(world.present().map(|it| it.0)).collect();
    let wanted = Pattern::new(pattern);
    if known.iter().any(|address| wanted.matches(address)) {
        return Ok(());
    }
    let none = CliError::wrong(format!("no resource matches `{}`", plain(pattern)));
    let near = plan::near(pattern, known.iter().copied());
    Err(if near.is_empty() { none } else { none.hint(format!("did you mean {}?", near.join(", "))) })
}

/// The simulated hosts of the file, or of an earlier run with `--simulate`.
fn simulated(file: &Path, ui: Ui) -> Result<Workspace, CliError> {
    let workspace = Workspace::open(file, false, ui)?;
    if workspace.simulated() {
        return Ok(workspace);
    }
    let rehearsed = Workspace::open(file, true, Ui { json: true, ..ui })?;
    if !matches!(rehearsed.location.state.read(), Ok(None)) {
        return Ok(rehearsed);
    }
    Err(CliError::wrong(format!("{} does not use simulated hosts", file.display()))
        .hint(Hint::from("set `fleet: simulated`, or run ").run("apply", "--simulate")))
}

fn status(world: &World, ui: Ui) -> Result<(), CliError> {
    if ui.json {
        let down: Vec<_> = world.down().iter().collect();
        let resources: serde_json::Map<String, Value> =
            world.present().map(|(address, is)| (address.to_string(), is.clone())).collect();
        let etcd = world.kubernetes();
        let member = |it: &EtcdMember| json!({ "host": it.host, "voting": it.voting, "up": it.up });
        let members: Vec<Value> = etcd.members.iter().map(member).collect();
        let etcd = json!({ "members": members, "quorum": etcd.has_quorum() });
        let holders = world.virtual_ip_holders();
        let status = json!({
            "down": down, "faults": world.faults(), "etcd": etcd, "virtual_ips": holders, "resources": resources
        });
        return ui.data(&status.to_string());
    }
    let mut text = String::new();
    for host in world.down() {
        let _ = writeln!(text, "{host} is down");
    }
    for pattern in world.faults() {
        let _ = writeln!(text, "steps on {} fail", plain(pattern));
    }
    let etcd = world.kubernetes();
    if !etcd.members.is_empty() {
        let votes = |it: &EtcdMember| match (it.voting, it.up) {
            (true, true) => it.host.to_string(),
            (true, false) => format!("{} (not running)", it.host),
            (false, _) => format!("{} (not voting)", it.host),
        };
        let members: Vec<String> = etcd.members.iter().map(votes).collect();
        let quorum = if etcd.has_quorum() { "" } else { ": no quorum" };
        let _ = writeln!(text, "etcd on {}{quorum}", members.join(", "));
    }
    for (address, is) in world.present() {
        let short: String = is.to_string().chars().take(100).collect();
        let _ = writeln!(text, "{}  {}", plain(address.as_str()), plain(&short));
    }
    ui.data(if text.is_empty() { "All simulated hosts are reset to a clean state." } else { &text })
}

/// ADDRESS=VALUE; a key may contain `=`.
fn assigned(assignment: &str) -> Result<(Address, String), CliError> {
    let parts = assignment.split_once("]=").map(|(a, v)| (format!("{a}]"), v));
    let parts = parts.or_else(|| assignment.split_once('=').map(|(a, v)| (a.to_owned(), v)));
    let (address, value) = parts.ok_or_else(|| CliError::wrong(format!("`{assignment}` is not ADDRESS=VALUE")))?;
    let address: Address = address.parse().map_err(|error| CliError::wrong(format!("{error}")))?;
    Ok((address, value.to_owned()))
}

/// Nothing was applied at this address.
fn nothing_at(address: &Address, world: &World, workspace: &Workspace) -> CliError {
    let near: Vec<String> =
        world.present().filter(|(it, _)| it.host() == address.host()).map(|(it, _)| it.to_string()).collect();
    let error = CliError::wrong(format!("{address} does not exist"));
    if near.is_empty() {
        let apply = NextCommand::about(&workspace.file, workspace.simulate).whole("apply");
        return error.hint(format!("nothing has been applied on {} yet; run: {apply}", address.host()));
    }
    error.hint(format!("existing: {}", near.join(", ")))
}

fn set(fleet: &SimulatedFleet, address: &Address, value: &str, workspace: &Workspace, ui: Ui) -> Result<(), CliError> {
    let world = fleet.world();
    let mut now = world.get(address).present().cloned().ok_or_else(|| nothing_at(address, &world, workspace))?;
    let is = if value == "absent" {
        Observation::Absent
    } else {
        merge(&mut now, address, value)?;
        Observation::Present(now)
    };
    fleet.set(address, is)?;
    ui.say(&plain(&format!("Set {address} to {value}.")));
    Ok(())
}

/// An object sets its fields; anything else the principal field, in the type that it has.
fn merge(now: &mut Value, address: &Address, value: &str) -> Result<(), CliError> {
    let parsed = serde_json::from_str::<Value>(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    let fields = match parsed {
        Value::Object(fields) => fields,
        scalar => {
            let principal = kinds::principal(address.kind())
                .ok_or_else(|| CliError::wrong(format!("`{}` is not a resource type", address.kind())))?;
            let text = now.get(principal).is_some_and(Value::is_string) && !scalar.is_string();
            let scalar = if text { Value::String(value.to_owned()) } else { scalar };
            std::iter::once((principal.to_owned(), scalar)).collect()
        }
    };
    let object = now.as_object_mut().ok_or_else(|| CliError::failed(format!("{address} has no fields")))?;
    for (field, value) in fields {
        if !object.contains_key(&field) {
            let known: Vec<&String> = object.keys().collect();
            return Err(CliError::wrong(format!("{address} has no field `{field}`")).hint(format!("fields: {known:?}")));
        }
        object.insert(field, value);
    }
    Ok(())
}
