//! `package`: a package of the host's package manager (apt or dnf).

use serde::{Deserialize, Serialize};

use crate::resource::{Act, FieldChange, Kind, Nature, Observation, Output, Prior, ProbeError, Script, Step};

/// A package. One that was there before mainstay stays when it is destroyed, in the version that
/// it has then; one that mainstay installed is purged together with what it pulled in, except for
/// what other packages need by then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Package {
    /// Name; its key.
    pub name: String,
    /// The version with or without its release, for example `1.31.4`; any version when absent. With apt its beginning
    /// will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether upgrades of the host leave it alone.
    #[serde(default)]
    pub hold: bool,
}

/// What a look sees of a [`Package`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PackageSeen {
    /// The installed version, as the package manager writes it.
    pub version: String,
    /// Whether it is held back from upgrades.
    #[serde(default)]
    pub held: bool,
    /// Whether it is installed wholly; a run cut off may leave it unpacked and not configured.
    pub complete: bool,
}

/// What a step keeps of each package that it is about to install newly: `installed.NAME`.
const INSTALLED: &str = "installed.";

/// Where a host notes what must outlive one run.
const NOTES: &str = "/var/lib/mainstay";

/// What package managers say about troubles that pass.
const TRANSIENT: &[&str] = &[
    "Could not get lock",
    "Unable to acquire the dpkg frontend lock",
    "frontend lock was locked by another process",
    "is another process using it",
    "Temporary failure resolving",
    "Connection timed out",
    "Connection failed",
    "Hash Sum mismatch",
    "Curl error",
];

/// All packages at once, from dpkg; it reads its whole database each time.
const TOGETHER: &str = r"
all_packages=
if command -v apt-get >/dev/null; then
    all_packages=$(dpkg-query -W -f '${Package}|${db:Status-Abbrev}|${Version}\n' -- $ITEMS)
fi
";

const HOLD: &str = r#"
if command -v apt-get >/dev/null; then
    apt-mark "$VERB" -- "$PACKAGE" >/dev/null
elif [ "$VERB" = hold ]; then
    dnf -q versionlock add "$PACKAGE" >/dev/null
else
    dnf -q versionlock delete "$PACKAGE" >/dev/null
fi
"#;

/// Whether an installed version is the wanted one or begins with it: `1.31.4` is `1.31.4-1.1` and
/// `5:1.31.4`, and is not `1.31.40`.
fn is_version(installed: &str, wanted: &str) -> bool {
    let bare = installed.split_once(':').map_or(installed, |(_, bare)| bare);
    installed == wanted
        || bare.strip_prefix(wanted).is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
}

impl Package {
    fn script(&self, body: &'static str) -> Script {
        Script::new(body).set("PACKAGE", &self.name)
    }

    fn hold(&self, hold: bool) -> Step {
        let verb = if hold { "hold" } else { "unhold" };
        Step::run(format!("{verb} {}", self.name), self.script(HOLD).set("VERB", verb)).transient(TRANSIENT)
    }

    fn right_version(&self, seen: &PackageSeen) -> bool {
        self.version.as_ref().is_none_or(|wanted| is_version(&seen.version, wanted))
    }
}

/// Whether upgrades of the host leave the package alone; this changes no file of it.
const HELD: &str = "held";

impl Kind for Package {
    const NAME: &'static str = "package";
    const WEIGHT: u64 = 80;
    const PRINCIPAL: &'static str = "version";
    type Observed = PackageSeen;

    fn key(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn nature(&self) -> Nature {
        let interruption = Some(format!("package {} changes", self.name));
        Nature { interruption, harmless: Some(HELD), ..Nature::default() }
    }

    fn probe(&self) -> Script {
        self.script(include_str!("package/look.sh")).together(TOGETHER, &self.name)
    }

    fn parse(&self, output: &Output) -> Result<Observation<PackageSeen>, ProbeError> {
        if !output.success() {
            return Err(ProbeError::failed(output));
        }
        let unexpected = || ProbeError::unexpected(format!("package {}: `{}`", self.name, output.stdout.trim()));
        let mut lines = output.stdout.lines();
        let first = lines.next().ok_or_else(unexpected)?;
        let rest: Vec<&str> = lines.collect();
        match first.split_once(' ') {
            None if first == "absent" && rest.is_empty() => Ok(Observation::Absent),
            Some(("rpm", version)) if !version.is_empty() && (rest.is_empty() || rest.last() == Some(&"hold")) => {
                let held = rest.last() == Some(&"hold");
                Ok(Observation::Present(PackageSeen { version: version.to_owned(), held, complete: true }))
            }
            // Further lines are the same package for other architectures.
            Some(("dpkg", line)) => {
                let (status, version) = line.split_once('|').ok_or_else(unexpected)?;
                let [wish, is, fault] = status.as_bytes() else { return Err(unexpected()) };
                if !b"uihrp".contains(wish) {
                    return Err(unexpected());
                }
                match is {
                    b'n' | b'c' if *fault == b' ' => Ok(Observation::Absent),
                    b'i' | b't' | b'W' | b'H' | b'U' | b'F' => {
                        let complete = matches!(is, b'i' | b't' | b'W') && *fault == b' ';
                        if complete && version.is_empty() {
                            return Err(unexpected());
                        }
                        let held = *wish == b'h';
                        Ok(Observation::Present(PackageSeen { version: version.to_owned(), held, complete }))
                    }
                    _ => Err(unexpected()),
                }
            }
            _ => Err(unexpected()),
        }
    }

    fn trace(&self, seen: &Observation<PackageSeen>) -> Option<Script> {
        // No log tells of a hold.
        let logged = seen.present().is_none_or(|seen| !seen.complete || !self.right_version(seen));
        logged.then(|| self.script(include_str!("package/trace.sh")).set("LOGS", "/var/log"))
    }

    fn diff(&self, seen: &PackageSeen) -> Vec<FieldChange> {
        let wanted = self.version.as_deref().unwrap_or(&seen.version);
        let version = FieldChange::compare("version", &seen.version, wanted).filter(|_| !self.right_version(seen));
        let complete = FieldChange::compare("fully installed", seen.complete, true);
        let held = FieldChange::compare(HELD, seen.held, self.hold);
        [version, complete, held].into_iter().flatten().collect()
    }

    fn simulate(&self) -> PackageSeen {
        let version = self.version.clone().unwrap_or_else(|| "1.0".to_owned());
        PackageSeen { version, held: self.hold, complete: true }
    }

    fn later(&self) -> &'static [&'static str] {
        if self.version.is_none() { &["version"] } else { &[] }
    }

    fn apply(&self, act: Act, before: &Observation<PackageSeen>) -> Vec<Step> {
        if let (Act::Update, Observation::Present(seen)) = (act, before)
            && seen.complete
            && self.right_version(seen)
        {
            return vec![self.hold(self.hold)];
        }
        let install = |title: &str, mode: &str| {
            let script = self
                .script(include_str!("package/install.sh"))
                .set("VERSION", self.version.as_deref().unwrap_or_default())
                .set("HOLD", if self.hold { "yes" } else { "no" })
                .set("NOTES", NOTES)
                .set("MODE", mode);
            Step::run(format!("{title} {}", self.name), script).transient(TRANSIENT)
        };
        vec![install("resolve", "resolve"), install("install", "install")]
    }

    fn destroy(&self, prior: &Prior<PackageSeen>) -> Vec<Step> {
        if let Some(before) = prior.before.present() {
            return if before.held == self.hold { Vec::new() } else { vec![self.hold(before.held)] };
        }
        let pulled_in = prior.kept.keys().filter_map(|name| name.strip_prefix(INSTALLED));
        let others: Vec<&str> = pulled_in.filter(|name| *name != self.name).collect();
        let packages = [&[self.name.as_str()], &others[..]].concat().join(" ");
        // keepalived 2.3 and later write this file at startup; the package does not own it.
        let writes = if self.name == "keepalived" { "/etc/iproute2/rt_addrprotos.d/keepalived.conf" } else { "" };
        let script = Script::new(include_str!("package/purge.sh"))
            .set("PACKAGES", packages)
            .set("WRITES", writes)
            .set("NOTES", NOTES);
        vec![Step::run(format!("purge {}", self.name), script).transient(TRANSIENT)]
    }

    fn restored(&self, seen: &Observation<PackageSeen>, prior: &Prior<PackageSeen>) -> bool {
        match (seen, &prior.before) {
            (Observation::Present(seen), Observation::Present(before)) => seen.held == before.held,
            // Whole and free: another package needs it, or the step would have failed.
            (Observation::Present(seen), Observation::Absent) => seen.complete && !seen.held,
            (Observation::Absent, _) => true,
        }
    }
}

#[cfg(test)]
mod tests;
