//! What it costs to replace a file that others wrote: the diff shows lines, not what depends on them.

use std::collections::BTreeSet;

use super::{File, FileCheck, FileSeen};
use crate::resource::Action;

/// More names than this are counted.
const NAMED: usize = 6;

/// What people must know before the file of others is replaced, or put back.
pub(super) fn cost(file: &File, found: &FileSeen, action: Action) -> Option<String> {
    let ours = file.content.masked();
    let theirs = found.content.as_deref().or(found.masked.as_deref()).unwrap_or_default();
    let lost = |names: &dyn Fn(&str) -> BTreeSet<String>| -> Vec<String> {
        names(theirs).difference(&names(&ours)).cloned().collect()
    };
    match file.check {
        Some(FileCheck::Keepalived) => Some(
            "keepalived restarts with a different configuration: its holder releases the virtual IP and takes it \
             again, and nothing answers there for a moment (one second with mainstay's configuration, four with the \
             usual one)"
                .to_owned(),
        ),
        _ if action == Action::Destroy => None,
        Some(FileCheck::Haproxy) => {
            let sections = lost(&sections);
            let text = || {
                format!(
                    "{} is replaced as a whole. Its {} will no longer be served: move them to another haproxy first.",
                    file.path,
                    list(&sections)
                )
            };
            (!sections.is_empty()).then(text)
        }
        Some(FileCheck::Containerd) => {
            let tables = lost(&tables);
            let more = if tables.is_empty() { String::new() } else { format!(" It loses {}.", list(&tables)) };
            Some(format!(
                "{} is replaced as a whole, and containerd restarts.{more} Move your own settings to \
                 containerRuntime.extra first.",
                file.path
            ))
        }
        None => None,
    }
}

/// What an haproxy serves.
fn sections(text: &str) -> BTreeSet<String> {
    let served = |line: &str| {
        let mut words = line.split_whitespace();
        let (section, name) = (words.next()?, words.next()?);
        matches!(section, "frontend" | "listen" | "backend").then(|| format!("`{section} {name}`"))
    };
    text.lines().filter_map(served).collect()
}

/// Tables of containerd's configuration that no default has: registries, further runtimes, proxied plugins.
fn tables(text: &str) -> BTreeSet<String> {
    let own = |line: &str| {
        let name = line.trim().strip_prefix('[')?.strip_suffix(']')?;
        let after = |part: &str| name.split_once(part).map(|(_, rest)| rest);
        let runtime = after(".runtimes.").filter(|rest| !rest.contains('.') && *rest != "runc");
        let own = after(".registry.mirrors.").or_else(|| after(".registry.configs.")).or(runtime);
        (own.is_some() || name.starts_with("proxy_plugins.")).then(|| format!("`[{name}]`"))
    };
    text.lines().filter_map(own).collect()
}

fn list(names: &[String]) -> String {
    let shown = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::Kind;

    fn found(text: &str) -> FileSeen {
        File::new("/f", text).simulate()
    }

    #[test]
    fn what_an_own_haproxy_serves_is_named() {
        let ours = File::new("/etc/haproxy/haproxy.cfg", "frontend api\n  bind :1\nbackend servers\n");
        let ours = ours.checked_by(FileCheck::Haproxy);
        let own = found("global\nfrontend web\n  bind :80\nbackend servers\nlisten  stats\n");
        let text = cost(&ours, &own, Action::Update).unwrap();
        assert!(text.contains("Its `frontend web`, `listen stats` will"), "{text}");
        assert_eq!(cost(&ours, &own, Action::Destroy), None);
        assert_eq!(cost(&ours, &found("defaults\n  mode tcp\n"), Action::Update), None);
    }

    #[test]
    fn what_an_own_containerd_has_is_named() {
        let ours = File::new("/etc/containerd/config.toml", "version = 2\n[plugins.x.containerd.runtimes.runc]\n");
        let ours = ours.checked_by(FileCheck::Containerd);
        let own = "[plugins.x.registry]\n  [plugins.x.registry.mirrors.\"a.b\"]\n[plugins.x.containerd.runtimes.runc]\n\
                   [plugins.x.containerd.runtimes.kata]\n[plugins.x.containerd.runtimes.kata.options]\n";
        let text = cost(&ours, &found(own), Action::Update).unwrap();
        assert!(
            text.contains("It loses `[plugins.x.containerd.runtimes.kata]`, `[plugins.x.registry.mirrors"),
            "{text}"
        );
        assert!(!cost(&ours, &found("version = 2\n"), Action::Update).unwrap().contains("loses"));
        assert_eq!(cost(&File::new("/f", "a"), &found("b"), Action::Update), None);
    }
}
