//! What must be true of a running cluster.

use std::process::Command;

use serde_json::Value;

use crate::lab::{Lab, docker, text, until};

/// All that an operator would look at after an apply that made the cluster.
pub(crate) fn cluster_is_whole(lab: &Lab) {
    cluster_works(lab);
    no_tokens(lab);
}

/// All that an operator would look at, whoever made the cluster.
pub(crate) fn cluster_works(lab: &Lab) {
    nodes_are_ready(lab);
    let members = etcd_members(lab);
    let control_planes = lab.hosts.iter().filter(|host| host.starts_with("cp")).count();
    assert_eq!(members.len(), control_planes, "{members:?}");
    assert!(members.iter().all(|(_, learner)| !learner), "every member votes: {members:?}");
    backends_are_up(lab);
    one_holder(lab);
    kubeconfig_works_from_outside(lab);
    pods_reach_each_other(lab);
}

pub(crate) fn nodes_are_ready(lab: &Lab) {
    until("all nodes are Ready", 90, || {
        let all = lab.try_sh(
            "cp1",
            "kubectl --cache-dir /tmp/kube --kubeconfig /etc/kubernetes/admin.conf get nodes --no-headers",
        );
        let all = String::from_utf8_lossy(&all.stdout).into_owned();
        all.lines().filter(|line| line.split_whitespace().nth(1) == Some("Ready")).count() == lab.hosts.len()
    });
}

/// etcdctl in the member of cp1.
fn etcdctl(lab: &Lab, endpoint: &str, args: &str) -> String {
    let pki = "/etc/kubernetes/pki/etcd";
    lab.kubectl(&format!(
        "exec -n kube-system etcd-cp1 -- etcdctl --endpoints={endpoint} --cacert={pki}/ca.crt --cert={pki}/server.crt \
         --key={pki}/server.key {args}"
    ))
}

const OWN_MEMBER: &str = "https://127.0.0.1:2379";

/// Makes the member of this host the leader of etcd: the one that is missed most.
pub(crate) fn lead_etcd_from(lab: &Lab, host: &str) {
    let json = |args: &str| -> Value { serde_json::from_str(&etcdctl(lab, OWN_MEMBER, args)).unwrap() };
    let (list, states) = (json("member list -w json"), json("endpoint status --cluster -w json"));
    let wanted = list["members"].as_array().unwrap().iter().find(|it| it["name"] == host).unwrap()["ID"].clone();
    let is_leader = |it: &&Value| it["Status"]["header"]["member_id"] == it["Status"]["leader"];
    let leader = states.as_array().unwrap().iter().find(is_leader).unwrap();
    if leader["Status"]["leader"] != wanted {
        let to = format!("move-leader {:x}", wanted.as_u64().unwrap());
        etcdctl(lab, leader["Endpoint"].as_str().unwrap(), &to);
    }
}

/// Names of etcd's members, and whether each is a learner.
pub(crate) fn etcd_members(lab: &Lab) -> Vec<(String, bool)> {
    let list: Value = serde_json::from_str(&etcdctl(lab, OWN_MEMBER, "member list -w json")).unwrap();
    let member =
        |it: &Value| (it["name"].as_str().unwrap_or("").to_owned(), it["isLearner"].as_bool().unwrap_or(false));
    list["members"].as_array().unwrap().iter().map(member).collect()
}

pub(crate) fn backends_are_up(lab: &Lab) {
    for host in lab.hosts.iter().filter(|host| host.starts_with("cp")) {
        until(&format!("haproxy on {host} shows all backends up"), 30, || {
            let all = lab.sh(host, "echo 'show stat' | socat - /run/haproxy/admin.sock");
            let servers: Vec<&str> = all.lines().filter(|line| line.starts_with("kube-apiserver,cp")).collect();
            let control_planes = lab.hosts.iter().filter(|host| host.starts_with("cp")).count();
            servers.len() == control_planes && servers.iter().all(|line| line.split(',').nth(17) == Some("UP"))
        });
    }
}

pub(crate) fn one_holder(lab: &Lab) -> String {
    let (address, _) = lab.endpoint();
    let mut holders = Vec::new();
    until(&format!("exactly one host has {address}"), 10, || {
        holders = lab.holders(&address);
        holders.len() == 1
    });
    holders.remove(0)
}

fn kubeconfig_works_from_outside(lab: &Lab) {
    let kubectl = lab.dir.join("kubectl");
    let from = format!("{}:/usr/bin/kubectl", lab.container("cp1"));
    let copied = docker(&["cp", &from, kubectl.to_str().unwrap()]);
    assert!(copied.status.success(), "{}", text(&copied));
    let config = lab.dir.join("kubeconfig");
    std::fs::write(&config, lab.expect(0, &["kubeconfig"])).unwrap();
    let (address, port) = lab.endpoint();
    assert!(std::fs::read_to_string(&config).unwrap().contains(&format!("https://{address}:{port}")));
    let output =
        Command::new(&kubectl).arg("--kubeconfig").arg(&config).args(["get", "nodes", "-o", "name"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), lab.hosts.len());
}

/// A pod on one node asks pods on all others.
pub(crate) fn pods_reach_each_other(lab: &Lab) {
    let pods: Vec<String> = lab
        .hosts
        .iter()
        .map(|host| {
            format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: echo-{host}}}\nspec:\n  nodeName: {host}\n  \
                 tolerations: [{{operator: Exists}}]\n  containers: [{{name: echo, image: 'lab/echo:1', \
                 imagePullPolicy: Never}}]\n"
            )
        })
        .collect();
    lab.sh("cp1", &format!("cat > /tmp/pods.yaml <<'EOF'\n{}\nEOF", pods.join("\n---\n")));
    lab.kubectl("apply -f /tmp/pods.yaml");
    let mut addresses = Vec::new();
    for host in &lab.hosts {
        let mut address = String::new();
        until(&format!("the pod on {host} runs"), 60, || {
            address = lab.kubectl(&format!("get pod echo-{host} -o 'jsonpath={{.status.phase}} {{.status.podIP}}'"));
            address.starts_with("Running ") && address.len() > 10
        });
        addresses.push((host.clone(), address.trim_start_matches("Running ").trim().to_owned()));
    }
    for from in &lab.hosts {
        for (host, address) in &addresses {
            until(&format!("the pod on {from} reaches the one on {host}"), 30, || {
                let answer = lab.try_sh(
                    "cp1",
                    &format!("kubectl --cache-dir /tmp/kube --kubeconfig /etc/kubernetes/admin.conf exec echo-{from} -- /echo get {address}"),
                );
                answer.status.success() && String::from_utf8_lossy(&answer.stdout).contains(&format!("echo-{host}"))
            });
        }
    }
    lab.kubectl("delete -f /tmp/pods.yaml --grace-period=0 --force");
    lab.sh("cp1", "rm /tmp/pods.yaml");
}

/// Neither bootstrap tokens nor uploaded certificates are left.
pub(crate) fn no_tokens(lab: &Lab) {
    let secrets = lab.kubectl("get secrets -n kube-system -o name");
    let left: Vec<&str> = secrets
        .lines()
        .filter(|name| {
            name.contains("bootstrap-token-") && !name.contains("bootstrap-signer") || name.contains("kubeadm-certs")
        })
        .collect();
    assert!(left.iter().all(|name| name.contains("token-cleaner")), "left behind: {left:?}");
}
