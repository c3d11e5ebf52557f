//! `route`: a live static IPv4 route.

use serde::{Deserialize, Serialize};

use crate::resource::{Act, FieldChange, Kind, Observation, Output, Prior, ProbeError, Script, Step};

/// A live static route in the main table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// Network in CIDR notation, for example `10.244.1.0/24`; its key.
    pub destination: String,
    /// IPv4 address of the next hop.
    pub via: String,
}

/// What a look sees of a [`Route`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteSeen {
    /// The next hop; empty when the network is reached directly.
    pub via: String,
    /// The route as ip(8) takes it, without the destination.
    #[serde(default)]
    pub options: String,
}

const LOOK: &str = r#"ip -4 route show exact "$DESTINATION""#;

/// The new route first, so that there is never none; the old one is gone already unless its metric
/// sets it apart.
const SET: &str = r#"
ip -4 route replace "$DESTINATION" via "$VIA" proto static
set -f
if [ -n "$OLD" ]; then ip -4 route del "$DESTINATION" $OLD 2>/dev/null || :; fi
"#;

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
        let odd = || ProbeError::odd(format!("route to {}: `{}`", self.destination, output.stdout.trim_end()));
        // A second line is a second route with another metric, or one of several next hops.
        let mut words = line.split_whitespace();
        let host = self.destination.strip_suffix("/32");
        let right = words.next().is_some_and(|word| word == self.destination || Some(word) == host);
        if lines.next().is_some() || !right {
            return Err(odd());
        }
        let words: Vec<&str> = words.filter(|word| !CONDITIONS.contains(word)).collect();
        let via = match words.iter().position(|word| *word == "via") {
            Some(at) => *words.get(at + 1).ok_or_else(odd)?,
            None if words.contains(&"dev") => "",
            None => return Err(odd()),
        };
        Ok(Observation::Present(RouteSeen { via: via.to_owned(), options: words.join(" ") }))
    }

    fn diff(&self, seen: &RouteSeen) -> Vec<FieldChange> {
        FieldChange::compare("via", &seen.via, &self.via).into_iter().collect()
    }

    fn simulate(&self) -> RouteSeen {
        RouteSeen { via: self.via.clone(), options: format!("via {} proto static", self.via) }
    }

    fn apply(&self, _: Act, before: &Observation<RouteSeen>) -> Vec<Step> {
        let old = before.present().filter(|seen| seen.via != self.via).map_or("", |seen| &seen.options);
        let script = self.script(SET).set("VIA", &self.via).set("OLD", old);
        vec![Step::run(format!("route {} via {}", self.destination, self.via), script)]
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
        if !before.is_empty() {
            fs::write(&table, before).unwrap();
        }
        let ip = format!(
            "#!/bin/sh\nT={}\nshift 2\nact=$1; shift\ncase $act in\nshow) shift; shift; [ ! -e $T ] || grep \"$*\" $T || :;;\n\
             replace) d=$1; shift; echo \"$d $* dev eth0\" >$T ;;\ndel) d=$1; shift; grep -q \"$*\" $T && rm $T ;;\nesac\n",
            table.display()
        );
        stand_in(dir.path().join("ip"), &ip);
        let rehearsal = Rehearsal::default().path(dir.path().to_str().unwrap());
        (dir, rehearsal)
    }

    #[test]
    fn a_route_comes_and_goes() {
        let (dir, rehearsal) = host("");
        assert_eq!(rehearsal.live(&route()).1.options, "via 10.0.0.12 proto static dev eth0");
        assert!(!dir.path().join("table").exists());
    }

    #[test]
    fn another_route_comes_back() {
        let (dir, rehearsal) = host("10.244.1.0/24 via 10.0.0.99 proto dhcp linkdown \n");
        rehearsal.live(&route());
        let table = fs::read_to_string(dir.path().join("table")).unwrap();
        assert_eq!(table, "10.244.1.0/24 via 10.0.0.99 proto dhcp dev eth0\n");
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
