//! `sysctl`: the live value of a kernel parameter. Its persistence is a `file` of its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::resource::{Act, FieldChange, Kind, Observation, Output, Prior, ProbeError, Script, Step};

/// A kernel parameter's live value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sysctl {
    /// Name as sysctl(8) takes it: `net.ipv4.ip_forward`, or `net/ipv4/conf/eth0.100/rp_filter`
    /// where a part holds a dot; its key.
    pub name: String,
    /// Value; runs of blanks count as one.
    pub value: String,
}

/// What a look sees of a [`Sysctl`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SysctlSeen {
    /// The live value, blanks normalised.
    pub value: String,
}

/// All values at once. (The shell's own `read` takes only the first digit of what it finds there.)
const TOGETHER: &str = r#"
all_values="
$(grep -sH '' -- $ITEMS)"
"#;

/// A value of several lines is not taken from there.
const LOOK: &str = r#"
line="
$ROOT/$KEY:"
seen=${all_values-}
value=${seen#*"$line"}
again=${value#*"$line"}
if [ "$value" != "$seen" ] && [ "$again" = "$value" ]; then
    printf 'value %s\n' "${value%%"
"*}"
elif [ -e "$ROOT/$KEY" ]; then printf 'value '; exec cat "$ROOT/$KEY"
else echo absent; fi
"#;

/// Through tee, whose single write the kernel takes whole, and which says why it was refused.
const SET: &str = r#"
if [ ! -e "$ROOT/$KEY" ]; then
    echo "this kernel has no parameter $NAME; the kernel module that provides it may not be loaded" >&2
    exit 1
fi
if [ "$KEEP" = yes ]; then
    printf '@@keep was=%s\n' "$(cat "$ROOT/$KEY")"
fi
printf '%s\n' "$VALUE" | tee "$ROOT/$KEY" >/dev/null
"#;

const RESTORE: &str = r#"
if [ -e "$ROOT/$KEY" ]; then printf '%s\n' "$VALUE" | tee "$ROOT/$KEY" >/dev/null; fi
"#;

/// Where the parameters are.
const ROOT: &str = "/proc/sys";

/// What a step keeps when the parameter appeared only after the plan was made: its first value.
const WAS: &str = "was";

fn normal(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn before(prior: &Prior<SysctlSeen>) -> Option<&str> {
    let kept = |kept: &'_ BTreeMap<String, String>| kept.contains_key(WAS);
    match &prior.before {
        Observation::Present(seen) => Some(&seen.value),
        Observation::Absent if kept(&prior.kept) => prior.kept.get(WAS).map(String::as_str),
        Observation::Absent => None,
    }
}

impl Sysctl {
    /// The path below /proc/sys. As for sysctl(8), the first separator in the name decides.
    fn path(&self) -> String {
        match self.name.find(['.', '/']) {
            Some(at) if self.name.as_bytes()[at] == b'.' => self
                .name
                .chars()
                .map(|c| match c {
                    '.' => '/',
                    '/' => '.',
                    c => c,
                })
                .collect(),
            _ => self.name.clone(),
        }
    }

    fn script(&self, body: &'static str) -> Script {
        Script::new(body).set("ROOT", ROOT).set("KEY", self.path())
    }
}

impl Kind for Sysctl {
    const NAME: &'static str = "sysctl";
    const PRINCIPAL: &'static str = "value";
    type Observed = SysctlSeen;

    fn key(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn handed_over(&self, hosts: &str) -> Option<String> {
        Some(format!(
            "{} is no longer set at boot on {hosts}: add it to hostConfig.sysctls for as long as haproxy runs there.",
            self.name
        ))
    }

    fn probe(&self) -> Script {
        self.script(LOOK).together(TOGETHER, format!("{ROOT}/{}", self.path()))
    }

    fn parse(&self, output: &Output) -> Result<Observation<SysctlSeen>, ProbeError> {
        if !output.success() {
            return Err(ProbeError::failed(output));
        }
        match output.stdout.split_once(' ') {
            _ if output.stdout == "absent\n" => Ok(Observation::Absent),
            Some(("value", value)) if value.ends_with('\n') => {
                Ok(Observation::Present(SysctlSeen { value: normal(value) }))
            }
            _ => Err(ProbeError::unexpected(format!("`{}` for a kernel parameter", output.tail(1)))),
        }
    }

    fn diff(&self, seen: &SysctlSeen) -> Vec<FieldChange> {
        FieldChange::compare("live value", normal(&seen.value), normal(&self.value)).into_iter().collect()
    }

    fn simulate(&self) -> SysctlSeen {
        SysctlSeen { value: normal(&self.value) }
    }

    fn apply(&self, act: Act, _: &Observation<SysctlSeen>) -> Vec<Step> {
        let keep = if act == Act::Create { "yes" } else { "no" };
        let script = self.script(SET).set("NAME", &self.name).set("VALUE", normal(&self.value)).set("KEEP", keep);
        vec![Step::run(format!("set {}", self.name), script)]
    }

    fn destroy(&self, prior: &Prior<SysctlSeen>) -> Vec<Step> {
        let Some(value) = before(prior) else { return Vec::new() };
        vec![Step::run(format!("restore {}", self.name), self.script(RESTORE).set("VALUE", value))]
    }

    fn restored(&self, seen: &Observation<SysctlSeen>, prior: &Prior<SysctlSeen>) -> bool {
        // A parameter that is gone went with its module and has no value to restore.
        seen.present().is_none_or(|seen| before(prior).is_none_or(|value| normal(value) == seen.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::rehearsal::Rehearsal;
    use std::fs;

    fn sysctl(name: &str, value: &str) -> Sysctl {
        Sysctl { name: name.into(), value: value.into() }
    }

    fn parse(text: &str) -> Result<Observation<SysctlSeen>, ProbeError> {
        sysctl("a.b", "1").parse(&Output { status: 0, stdout: text.into(), stderr: String::new() })
    }

    #[test]
    fn names_become_paths_as_sysctl_reads_them() {
        for (name, path) in [
            ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
            ("net/ipv4/conf/eth0.100/rp_filter", "net/ipv4/conf/eth0.100/rp_filter"),
            ("net.ipv4.conf.eth0/100.rp_filter", "net/ipv4/conf/eth0.100/rp_filter"),
        ] {
            assert_eq!(sysctl(name, "").path(), path);
        }
    }

    #[test]
    fn blanks_do_not_count() {
        let wanted = sysctl("net.ipv4.ip_local_port_range", " 1024  65535 ");
        let Observation::Present(seen) = parse("value 1024\t65535\n").unwrap() else { panic!() };
        assert_eq!(wanted.diff(&seen), []);
        assert_eq!(sysctl("a", "1024 6553").diff(&seen)[0].before, "1024 65535");
    }

    #[test]
    fn garbage_is_an_error() {
        assert_eq!(parse("absent\n"), Ok(Observation::Absent));
        for text in ["", "absent", "value", "value 1", "1\n", "valu 1\n"] {
            assert!(parse(text).is_err(), "{text}");
        }
        let refused = Output { status: 1, stdout: "value ".into(), stderr: "cat: Permission denied".into() };
        assert!(sysctl("a", "1").parse(&refused).is_err());
    }

    #[test]
    fn sets_and_restores() {
        let root = tempfile::tempdir().unwrap();
        let rehearsal = Rehearsal::default().with("ROOT", root.path().to_str().unwrap());
        fs::create_dir(root.path().join("a")).unwrap();
        fs::write(root.path().join("a/b"), "7\t8\n").unwrap();
        for value in ["1 2 3", "'; id #", "$(id)", "-n", "%s"] {
            let (_, seen) = rehearsal.live(&sysctl("a.b", value));
            assert_eq!(seen.value, value);
            assert_eq!(fs::read_to_string(root.path().join("a/b")).unwrap(), "7 8\n");
        }
    }

    #[test]
    fn a_parameter_that_appears_late_gets_its_first_value_back() {
        let root = tempfile::tempdir().unwrap();
        let rehearsal = Rehearsal::default().with("ROOT", root.path().to_str().unwrap());
        let wanted = sysctl("late", "1");
        let before = rehearsal.look(&wanted).unwrap();
        assert_eq!(before, Observation::Absent);
        let missing = rehearsal.run(&wanted, &wanted.apply(Act::Create, &before)).unwrap_err();
        assert!(missing.stderr.contains("no parameter late"), "{missing:?}");
        fs::write(root.path().join("late"), "0\n").unwrap();
        let kept = rehearsal.run(&wanted, &wanted.apply(Act::Create, &before)).unwrap();
        let prior = Prior { before, kept };
        rehearsal.run(&wanted, &wanted.destroy(&prior)).unwrap();
        let last = rehearsal.look(&wanted).unwrap();
        assert_eq!(last, Observation::Present(SysctlSeen { value: "0".into() }));
        assert!(wanted.restored(&last, &prior));
        assert!(!wanted.restored(&Observation::Present(wanted.simulate()), &prior));
        assert!(wanted.restored(&Observation::Absent, &prior));
    }
}
