//! `route`: a live static IPv4 route, as earlier versions recorded one for each other node. Nothing declares it any
//! more: [`super::PodRoutes`] supersedes the records, and those of nodes that are gone are destroyed.

use serde::{Deserialize, Serialize};

use crate::resource::{Act, FieldChange, Kind, Observation, Output, Prior, ProbeError, Script, Step};

/// A live static route in the main table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Route {
    /// Network in CIDR notation, for example `10.244.1.0/24`; its key.
    pub(super) destination: String,
    /// IPv4 address of the next hop.
    pub(super) via: String,
}

/// What a look sees of a [`Route`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RouteSeen {
    /// The next hop; empty when the network is reached directly.
    pub(super) via: String,
    /// The route as ip(8) takes it, without the destination.
    #[serde(default)]
    pub(super) options: String,
}

const LOOK: &str = r#"ip -4 route show exact "$DESTINATION""#;

const REMOVE: &str = r#"
if [ -n "$(ip -4 route show exact "$DESTINATION" via "$VIA")" ]; then
    ip -4 route del "$DESTINATION" via "$VIA"
fi
"#;

const RESTORE: &str = r#"
set -f
ip -4 route replace "$DESTINATION" $OLD
if [ "$(ip -4 route show exact "$DESTINATION" | wc -l)" -gt 1 ]; then
    ip -4 route del "$DESTINATION" via "$VIA" proto static
fi
"#;

/// Words of a route that tell its momentary condition and that ip(8) does not take back.
const CONDITIONS: [&str; 5] = ["linkdown", "dead", "offload", "trap", "rt_offload"];

impl Route {
    fn script(&self, body: &'static str) -> Script {
        Script::new(body).set("DESTINATION", &self.destination)
    }
}

impl Kind for Route {
    const NAME: &'static str = "route";
    const PRINCIPAL: &'static str = "via";
    type Observed = RouteSeen;

    fn key(&self) -> Option<String> {
        Some(self.destination.clone())
    }

    fn probe(&self) -> Script {
        self.script(LOOK)
    }

    fn parse(&self, output: &Output) -> Result<Observation<RouteSeen>, ProbeError> {
        if !output.success() {
            return Err(ProbeError::failed(output));
        }
        let mut lines = output.stdout.lines();
        let Some(line) = lines.next() else { return Ok(Observation::Absent) };
        let unexpected =
            || ProbeError::unexpected(format!("route to {}: `{}`", self.destination, output.stdout.trim_end()));
        // A second line is a second route with another metric, or one of several next hops.
        let mut words = line.split_whitespace();
        let host = self.destination.strip_suffix("/32");
        let right = words.next().is_some_and(|word| word == self.destination || Some(word) == host);
        if lines.next().is_some() || !right {
            return Err(unexpected());
        }
        let words: Vec<&str> = words.filter(|word| !CONDITIONS.contains(word)).collect();
        let via = match words.iter().position(|word| *word == "via") {
            Some(at) => *words.get(at + 1).ok_or_else(unexpected)?,
            None if words.contains(&"dev") => "",
            None => return Err(unexpected()),
        };
        Ok(Observation::Present(RouteSeen { via: via.to_owned(), options: words.join(" ") }))
    }

    fn diff(&self, seen: &RouteSeen) -> Vec<FieldChange> {
        FieldChange::compare("via", &seen.via, &self.via).into_iter().collect()
    }

    fn simulate(&self) -> RouteSeen {
        RouteSeen { via: self.via.clone(), options: format!("via {} proto static", self.via) }
    }

    fn apply(&self, _: Act, _: &Observation<RouteSeen>) -> Vec<Step> {
        Vec::new()
    }

    fn destroy(&self, prior: &Prior<RouteSeen>) -> Vec<Step> {
        match &prior.before {
            Observation::Absent => {
                let script = self.script(REMOVE).set("VIA", &self.via);
                vec![Step::run(format!("remove the route to {}", self.destination), script)]
            }
            Observation::Present(seen) if seen.via == self.via => Vec::new(),
            Observation::Present(seen) => {
                let script = self.script(RESTORE).set("VIA", &self.via).set("OLD", &seen.options);
                vec![Step::run(format!("restore the route to {}", self.destination), script)]
            }
        }
    }

    fn restored(&self, seen: &Observation<RouteSeen>, prior: &Prior<RouteSeen>) -> bool {
        match (seen, &prior.before) {
            (Observation::Present(seen), Observation::Present(before)) => seen.via == before.via,
            // Somebody else's route to the same network is none of ours.
            (Observation::Present(seen), Observation::Absent) => seen.via != self.via,
            (Observation::Absent, before) => *before == Observation::Absent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::rehearsal::{Rehearsal, stand_in};
    use std::fs;

    fn route() -> Route {
        Route { destination: "10.244.1.0/24".into(), via: "10.0.0.12".into() }
    }

    fn parse(text: &str) -> Result<Observation<RouteSeen>, ProbeError> {
        route().parse(&Output { status: 0, stdout: text.into(), stderr: String::new() })
    }

    /// A host with one route, kept in a file by a stand-in for ip(8).
    fn host(before: &str) -> (tempfile::TempDir, Rehearsal) {
        let dir = tempfile::tempdir().unwrap();
        let table = dir.path().join("table");
        fs::write(&table, before).unwrap();
        let ip = format!(
            "#!/bin/sh\nT={}\nshift 2\nact=$1; shift\ncase $act in\nshow) shift; shift; [ ! -e $T ] || grep \"$*\" $T || :;;\n\
             replace) d=$1; shift; echo \"$d $* dev eth0\" >$T ;;\ndel) d=$1; shift; grep -q \"$*\" $T && rm $T ;;\nesac\n",
            table.display()
        );
        stand_in(dir.path().join("ip"), &ip);
        let rehearsal = Rehearsal::default().path(dir.path().to_str().unwrap());
        (dir, rehearsal)
    }

    /// Destroys the route of a host that has it, and yields the table that is left.
    fn left(before: Observation<RouteSeen>) -> Option<String> {
        let (dir, rehearsal) = host("10.244.1.0/24 via 10.0.0.12 dev eth0 proto static \n");
        let prior = Prior { before, kept: std::collections::BTreeMap::new() };
        rehearsal.run(&route(), &route().destroy(&prior)).unwrap();
        assert!(route().restored(&rehearsal.look(&route()).unwrap(), &prior));
        fs::read_to_string(dir.path().join("table")).ok()
    }

    #[test]
    fn a_recorded_route_is_deleted() {
        assert_eq!(left(Observation::Absent), None);
    }

    #[test]
    fn another_route_comes_back() {
        let before = parse("10.244.1.0/24 via 10.0.0.99 proto dhcp linkdown \n").unwrap();
        assert_eq!(left(before).unwrap(), "10.244.1.0/24 via 10.0.0.99 proto dhcp dev eth0\n");
    }

    #[test]
    fn reads_what_ip_prints() {
        let seen = |text| parse(text).unwrap().present().map(|seen| (seen.via.clone(), seen.options.clone()));
        assert_eq!(seen(""), None);
        let via = seen("10.244.1.0/24 via 10.0.0.12 dev eth0 proto static linkdown \n").unwrap();
        assert_eq!(via, ("10.0.0.12".into(), "via 10.0.0.12 dev eth0 proto static".into()));
        assert_eq!(seen("10.244.1.0/24 dev cni0 scope link\n").unwrap().0, "");
    }

    #[test]
    fn garbage_is_an_error() {
        for text in [
            "10.244.2.0/24 via 10.0.0.12 dev eth0\n",
            "10.244.1.0/24 via\n",
            "10.244.1.0/24\n",
            "Command failed\n",
            "10.244.1.0/24 via 10.0.0.12 dev eth0\n10.244.1.0/24 via 10.0.0.13 dev eth0 metric 5\n",
            "10.244.1.0/24 proto static\n\tnexthop via 10.0.0.1 dev eth0 weight 1\n",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert!(route().parse(&Output { status: 1, ..Output::default() }).is_err());
    }

    #[test]
    fn only_the_next_hop_counts() {
        assert_eq!(route().diff(&route().simulate()), []);
        let seen = RouteSeen { via: String::new(), options: "dev eth0".into() };
        assert_eq!(route().diff(&seen)[0].after, "10.0.0.12");
    }
}
