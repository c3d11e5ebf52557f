//! `pod_routes`: the routes of a node to the pods of all other nodes.
//!
//! They have a protocol number of their own, by which they are found again, and are read after a boot from a file that
//! is the same on all nodes but for its last line. Nothing that is declared, observed or recorded of one node depends
//! on how many others there are: the table is shared, and its digest stands for it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::resource::{Act, FieldChange, Kind, Observation, Output, Prior, ProbeError, Script, Step, hex, sha256_hex};

/// The file that the routes are read from after a boot: a batch of ip(8), and the node's own range as a comment.
pub const POD_ROUTES_FILE: &str = "/etc/mainstay/pod-routes";

/// Routing protocol number of the routes. No routing daemon of `/etc/iproute2/rt_protos` has it.
const PROTOCOL: &str = "77";

/// The unit in which earlier versions listed the routes.
const UNIT: &str = "/etc/systemd/system/mainstay-pod-routes.service";

/// Where a host notes the directories that were made for files.
const MADE: &str = "/var/lib/mainstay/made";

/// Pod ranges and addresses of all nodes, as every node has them.
#[derive(Debug)]
pub struct PodTable {
    routes: BTreeMap<Ipv4Net, Ipv4Addr>,
    text: Arc<str>,
    /// After the whole text; a node's own line follows.
    hasher: Sha256,
    sha256: String,
    before: Option<Before>,
}

/// The table before the last change of the nodes, and what is new since.
#[derive(Debug)]
struct Before {
    sha256: String,
    news: String,
}

/// News that are named; of more only their number is.
const NAMED: usize = 3;

impl PodTable {
    /// The table of these nodes. `before` is the one that was applied last, as far as is known.
    pub fn new(routes: BTreeMap<Ipv4Net, Ipv4Addr>, before: &BTreeMap<Ipv4Net, Ipv4Addr>) -> Self {
        let text = text(&routes);
        let hasher = Sha256::new_with_prefix(&text);
        let sha256 = sha256_hex(text.as_bytes());
        let before = (!before.is_empty() && *before != routes)
            .then(|| Before { sha256: sha256_hex(self::text(before).as_bytes()), news: news(before, &routes) });
        Self { routes, text: text.into(), hasher, sha256, before }
    }
}

/// A line a node. Sorted as bytes, as the host sorts what is installed.
fn text(routes: &BTreeMap<Ipv4Net, Ipv4Addr>) -> String {
    let line = |(range, via): (&Ipv4Net, &Ipv4Addr)| format!("route replace {range} via {via} proto {PROTOCOL}\n");
    let mut lines: Vec<String> = routes.iter().map(line).collect();
    lines.sort_unstable();
    lines.concat()
}

fn news(before: &BTreeMap<Ipv4Net, Ipv4Addr>, now: &BTreeMap<Ipv4Net, Ipv4Addr>) -> String {
    let lacking = |all: &BTreeMap<Ipv4Net, Ipv4Addr>, others: &BTreeMap<Ipv4Net, Ipv4Addr>| {
        let lacks = all.iter().filter(|(range, via)| others.get(range) != Some(via));
        lacks.map(|(range, via)| format!("{range} via {via}")).collect::<Vec<_>>()
    };
    let said = [("adds", lacking(now, before)), ("deletes", lacking(before, now))];
    let said = said.into_iter().filter(|(_, routes)| !routes.is_empty()).map(|(verb, routes)| {
        let mut text = format!("{verb} {}", routes[..routes.len().min(NAMED)].join(", "));
        if let more @ 1.. = routes.len().saturating_sub(NAMED) {
            let _ = write!(text, " and {more} more");
        }
        text
    });
    said.collect::<Vec<_>>().join("; ")
}

/// The routes of one node to the pods of all others.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodRoutes {
    /// Range of all pods, for example `10.244.0.0/16`: no route out of it is looked at. It never changes.
    pub subnet: Ipv4Net,
    /// Range of this node's own pods, to which there is no route.
    pub range: Ipv4Net,
    /// How many nodes the table has.
    pub nodes: usize,
    /// SHA-256 of the table.
    pub table: String,
    /// The table itself; records have only its digest.
    #[serde(skip)]
    shared: Option<Arc<PodTable>>,
}

impl PartialEq for PodRoutes {
    /// The digest stands for the table.
    fn eq(&self, other: &Self) -> bool {
        (self.subnet, self.range, &self.table) == (other.subnet, other.range, &other.table)
    }
}

/// What a look sees of [`PodRoutes`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodRoutesSeen {
    /// The node's own range as the file has it; empty when it has none.
    pub range: String,
    /// How many nodes the table of the file has.
    pub nodes: usize,
    /// SHA-256 of the table of the file; empty when there is no file.
    pub table: String,
    /// How many of the routes are installed.
    pub routes: usize,
    /// SHA-256 of the table that the installed routes amount to.
    pub installed: String,
}

const LOOK: &str = include_str!("pod_routes/look.sh");

const INSTALL: &str = concat!(
    include_str!("pod_routes/others.sh"),
    "CONTENT=\"$TABLE# own $RANGE\n\"\n",
    include_str!("file/write.sh"),
    include_str!("pod_routes/install.sh"),
);

const DELETE: &str = concat!(include_str!("pod_routes/delete.sh"), include_str!("file/remove.sh"));

impl PodRoutes {
    /// The routes of the node that has this range.
    pub fn new(subnet: Ipv4Net, range: Ipv4Net, table: &Arc<PodTable>) -> Self {
        let (nodes, sha256) = (table.routes.len(), table.sha256.clone());
        Self { subnet, range, nodes, table: sha256, shared: Some(Arc::clone(table)) }
    }

    fn script(&self, body: &'static str) -> Script {
        let subnet = self.subnet.to_string();
        Script::new(body).set("SUBNET", subnet).set("PROTOCOL", PROTOCOL).set("FILE", POD_ROUTES_FILE)
    }

    /// The last line of the file.
    fn own(&self) -> String {
        format!("# own {}\n", self.range)
    }
}

impl Kind for PodRoutes {
    const NAME: &'static str = "pod_routes";
    const PRINCIPAL: &'static str = "routes";
    type Observed = PodRoutesSeen;

    fn key(&self) -> Option<String> {
        None
    }

    fn probe(&self) -> Script {
        self.script(LOOK)
    }

    fn parse(&self, output: &Output) -> Result<Observation<PodRoutesSeen>, ProbeError> {
        if !output.success() {
            return Err(ProbeError::failed(output));
        }
        if output.stdout == "absent\n" {
            return Ok(Observation::Absent);
        }
        let unexpected = || ProbeError::unexpected(format!("`{}` for the routes to pods", output.tail(1)));
        let line = output.stdout.strip_suffix('\n').filter(|line| !line.contains('\n')).ok_or_else(unexpected)?;
        let [range, nodes, table, routes, installed] = line.split(' ').collect::<Vec<_>>()[..] else {
            return Err(unexpected());
        };
        let known = |word: &str| if word == "-" { String::new() } else { word.to_owned() };
        let digest = |word: &str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = |word: &str| word.parse::<usize>().map_err(|_| unexpected());
        let whole = (table == "-" || digest(table)) && digest(installed);
        if !whole || !(range == "-" || range.parse::<Ipv4Net>().is_ok()) {
            return Err(unexpected());
        }
        let (range, table, installed) = (known(range), known(table), known(installed));
        Ok(Observation::Present(PodRoutesSeen {
            range,
            nodes: number(nodes)?,
            table,
            routes: number(routes)?,
            installed,
        }))
    }

    fn diff(&self, seen: &PodRoutesSeen) -> Vec<FieldChange> {
        let range = FieldChange::compare("range of this node", &seen.range, self.range);
        let before = self.shared.as_ref().and_then(|table| table.before.as_ref());
        let news = before.filter(|before| before.sha256 == seen.table).map(|before| before.news.as_str());
        let news = match news {
            Some(news) => format!(" ({news})"),
            None if seen.nodes == self.nodes => " (other ranges or addresses)".to_owned(),
            None => String::new(),
        };
        let nodes = FieldChange::compare("table", &seen.table, &self.table).map(|change| FieldChange {
            field: "nodes".into(),
            before: seen.nodes.to_string(),
            after: format!("{}{news}", self.nodes),
            ..change
        });
        // Where only the table is another one the routes follow from it.
        let follow = seen.installed == seen.table || seen.installed == self.table;
        let others = if seen.routes == self.simulate().routes { " (to the right ranges)" } else { "" };
        let routes = FieldChange::compare("installed", &seen.installed, &self.table).filter(|_| !follow);
        let routes = routes.map(|change| FieldChange {
            field: "routes".into(),
            before: seen.routes.to_string(),
            after: format!("{}{others}", self.simulate().routes),
            ..change
        });
        // A number that contradicts its digest is none that a host has: somebody set it on a simulated one.
        let number = FieldChange::compare("routes", seen.routes, self.simulate().routes)
            .filter(|_| routes.is_none() && seen.installed == self.table);
        [range, nodes, routes, number].into_iter().flatten().collect()
    }

    fn simulate(&self) -> PodRoutesSeen {
        PodRoutesSeen {
            range: self.range.to_string(),
            nodes: self.nodes,
            table: self.table.clone(),
            routes: self.nodes.saturating_sub(1),
            installed: self.table.clone(),
        }
    }

    fn apply(&self, _: Act, _: &Observation<PodRoutesSeen>) -> Vec<Step> {
        // A resource that was read back from a record is never applied.
        let Some(table) = &self.shared else { return Vec::new() };
        let sha256 = hex(&table.hasher.clone().chain_update(self.own()).finalize());
        let script = self
            .script(INSTALL)
            .set("TABLE", Arc::clone(&table.text))
            .set("RANGE", self.range.to_string())
            .set("UNIT", UNIT)
            .set("SHA256", sha256)
            .set("MODE", "0644")
            .set("OWNER", "root:root")
            .set("MADE", MADE)
            .set("CHECK", "none")
            .set("PREVIOUS", "drop")
            .set("KEEP", "no");
        vec![Step::run("install the routes to the pods of the other nodes", script)]
    }

    fn destroy(&self, _: &Prior<PodRoutesSeen>) -> Vec<Step> {
        vec![Step::run("delete the routes to the pods of the other nodes", self.script(DELETE).set("MADE", MADE))]
    }

    /// What an earlier cluster left is not put back.
    fn restored(&self, seen: &Observation<PodRoutesSeen>, prior: &Prior<PodRoutesSeen>) -> bool {
        *seen == Observation::Absent || *seen == prior.before
    }

    /// Each route was a resource of its own.
    fn supersedes(&self, kind: &str, key: Option<&str>) -> bool {
        let listed = |range: Ipv4Net| self.shared.as_ref().is_some_and(|table| table.routes.contains_key(&range));
        kind == "route" && key.and_then(|key| key.parse().ok()).is_some_and(listed)
    }

    fn files(&self) -> Vec<(String, String)> {
        let table = self.shared.as_ref().map_or("", |table| &table.text);
        vec![(POD_ROUTES_FILE.to_owned(), format!("{table}{}", self.own()))]
    }
}

#[cfg(test)]
mod tests;
