//! `virtual_ip`: the address that all clients use answers, wherever it is held.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::resource::{
    Act, Action, Address, Effect, FieldChange, Kind, Observation, Output, Prior, ProbeError, Script, Step,
};

/// The virtual address accepts connections, as seen from one load-balancer host.
///
/// It makes nothing: keepalived's and haproxy's own resources do. What needs the address needs this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VirtualIp {
    /// The address that keepalived moves between hosts.
    pub address: Ipv4Addr,
    /// The port that haproxy listens on.
    pub port: u16,
}

/// The virtual address as seen from one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// The port that answers.
    pub port: u16,
}

/// Seconds after which a look takes an address for silent: the first packet of a connection may be lost once, and is sent
/// again after one second.
const PATIENCE: &str = "1.3";
/// Seconds of one look while it is awaited. An attempt that began before the address came to this host itself never ends.
const IMPATIENCE: &str = "0.3";

impl VirtualIp {
    fn script(&self, body: &'static str, patience: &'static str) -> Script {
        let script = Script::new(body).set("ADDRESS", self.address.to_string()).set("PORT", self.port.to_string());
        script.set("PATIENCE", patience)
    }
}

impl Kind for VirtualIp {
    const NAME: &'static str = Address::VIRTUAL_IP;
    const WEIGHT: u64 = 50;
    const PRINCIPAL: &'static str = "port";
    type Observed = Observed;

    fn key(&self) -> Option<String> {
        Some(self.address.to_string())
    }

    /// keepalived removes the address; this resource is only forgotten.
    fn last_one(&self, action: Action) -> Option<String> {
        (action == Action::Forget).then(|| {
            format!(
                "No mainstay load balancer holds {} afterwards. Until another load balancer answers there, nodes and \
                 clients cannot reach the API.",
                self.address
            )
        })
    }

    fn handed_over(&self, hosts: &str) -> Option<String> {
        let address = self.address;
        Some(format!(
            "haproxy and keepalived keep running on {hosts} and keep {address}, but mainstay no longer manages them: \
             they are not updated when control planes are added or removed. Stop them on all of these hosts when \
             another load balancer is ready to answer at {address}."
        ))
    }

    fn probe(&self) -> Script {
        self.script(concat!(include_str!("virtual_ip/accepted.sh"), include_str!("virtual_ip/look.sh")), PATIENCE)
    }

    fn parse(&self, output: &Output) -> Result<Observation<Observed>, ProbeError> {
        match (output.status, output.stdout.trim()) {
            (0, "answers") => Ok(Observation::Present(Observed { port: self.port })),
            (0, "silent") => Ok(Observation::Absent),
            (0, other) => Err(ProbeError::unexpected(format!("`{other}` is neither answers nor silent"))),
            _ => Err(ProbeError::failed(output)),
        }
    }

    fn diff(&self, seen: &Observed) -> Vec<FieldChange> {
        FieldChange::compare("port", seen.port, self.port).into_iter().collect()
    }

    fn simulate(&self) -> Observed {
        Observed { port: self.port }
    }

    fn apply(&self, _: Act, _: &Observation<Observed>) -> Vec<Step> {
        let until = format!("{}:{} accepts connections", self.address, self.port);
        let body = concat!(include_str!("virtual_ip/accepted.sh"), include_str!("virtual_ip/missing.sh"));
        let answers = Effect::EndpointAnswers { address: self.address };
        vec![Step::wait(until, self.script(body, IMPATIENCE), Duration::from_mins(1)).means(answers)]
    }

    fn destroy(&self, _: &Prior<Observed>) -> Vec<Step> {
        Vec::new()
    }

    fn restored(&self, _: &Observation<Observed>, _: &Prior<Observed>) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::kubectl::stage::Stage;
    use super::*;
    use crate::resource::StepAct;
    use std::net::TcpListener;

    fn vip(port: u16) -> VirtualIp {
        VirtualIp { address: Ipv4Addr::LOCALHOST, port }
    }

    #[test]
    fn a_real_port_answers_and_a_closed_one_is_silent() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let vip = vip(listener.local_addr().unwrap().port());
        let stage = Stage::new();
        let seen = vip.parse(&stage.run(&vip.probe())).unwrap();
        assert_eq!(seen, Observation::Present(vip.simulate()));
        drop(listener);
        assert_eq!(vip.parse(&stage.run(&vip.probe())).unwrap(), Observation::Absent);
    }

    #[test]
    fn an_address_that_nobody_holds_is_silent_without_a_second_try() {
        let stage = Stage::new();
        stage.command("timeout", "exit 124");
        stage.command("curl", "exit 0");
        assert_eq!(stage.run(&vip(1).probe()).stdout.trim(), "silent");
    }

    #[test]
    fn curl_tells_where_bash_cannot_connect() {
        let stage = Stage::new();
        stage.command("bash", "exit 1");
        // 1: it cannot speak HTTPS at all, and has asked nobody.
        for (status, answer) in [
            (1, "silent"),
            (7, "silent"),
            (28, "silent"),
            (35, "answers"),
            (52, "answers"),
            (56, "answers"),
            (0, "answers"),
        ] {
            stage.command("curl", &format!("exit {status}"));
            assert_eq!(stage.run(&vip(1).probe()).stdout.trim(), answer, "{status}");
        }
        // A proxy would answer for an address that nobody holds.
        assert!(stage.calls().contains(" --noproxy * "), "{}", stage.calls());
    }

    #[test]
    fn the_wait_says_what_is_missing() {
        let stage = Stage::new();
        let wait = |stage: &Stage| {
            let steps = vip(1).apply(Act::Create, &Observation::Absent);
            let StepAct::Wait(wait) = &steps[0].act else { panic!("not a wait") };
            stage.run(&wait.script)
        };
        stage.command("ss", "");
        stage.command("ip", "[ \"$2\" != addr ] || echo 2: eth0 inet 127.0.0.1/24");
        let output = wait(&stage);
        assert_eq!((output.status, output.stdout.contains("nothing listens on port 1")), (1, true), "{output:?}");
        stage.command("ip", "[ \"$1\" != neigh ] || echo 127.0.0.1 dev eth0 lladdr 02:42:0a:4d:00:0c REACHABLE");
        assert!(wait(&stage).stdout.contains("another host holds"));
        stage.command("ip", "[ \"$1\" != neigh ] || echo 127.0.0.1 dev eth0 FAILED");
        assert!(wait(&stage).stdout.contains("no host holds"));
    }

    #[test]
    fn garbage_is_an_error() {
        for (status, stdout) in [(0, ""), (0, "yes"), (1, "answers"), (127, "")] {
            let output = Output { status, stdout: stdout.into(), stderr: String::new() };
            assert!(vip(1).parse(&output).is_err(), "{status} {stdout}");
        }
    }
}
