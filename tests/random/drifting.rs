//! Changes behind mainstay's back, and what was on hosts before it came: values that a look could find.

use mainstay::resource::{Address, Observation, sha256_hex};
use serde_json::{Value, json};

/// Kinds with simulated drift.
pub(crate) const DRIFTING: &[&str] = &[
    "bridge_interface",
    "file",
    "kernel_module",
    "package",
    "package_repository",
    "pod_routes",
    "service",
    "swap",
    "sysctl",
];

/// Kinds without simulated drift, with the reason.
pub(crate) const STEADY: &[(&str, &str)] = &[
    ("cluster_settings", "is set once, by kubeadm init"),
    ("manifest", "changes by what is done to the cluster"),
    ("member", "changes by what is done to the cluster"),
    ("node", "changes by what is done to the cluster"),
    ("route", "only states of earlier versions have it"),
    ("virtual_ip", "follows the keepalived services"),
];

/// Whether it can have simulated drift.
pub(crate) fn may_drift(address: &Address) -> bool {
    DRIFTING.contains(&address.kind())
}

/// Another value than `is`: gone, or one field changed.
pub(crate) fn drifted(address: &Address, is: &Value, how: u8) -> Observation {
    let whole = matches!(address.kind(), "kernel_module" | "bridge_interface");
    // There is always something to be said of swap, and a kernel parameter goes only with its module.
    let never_gone = matches!(address.kind(), "swap" | "sysctl");
    if (whole || how.is_multiple_of(4)) && !never_gone {
        return Observation::Absent;
    }
    let mut now = is.clone();
    match address.kind() {
        "file" => {
            let text = format!("{how} somebody else\n");
            now["sha256"] = json!(sha256_hex(text.as_bytes()));
            now["content"] = json!(text);
        }
        "package" if how % 4 == 1 => now["held"] = json!(!is["held"].as_bool().unwrap_or_default()),
        "package" => now["version"] = json!(format!("0.{how}")),
        "package_repository" => now["entry"] = json!(format!("deb https://example.com/{how} ./\n")),
        "pod_routes" if how % 4 == 1 => {
            now["table"] = json!(sha256_hex(&[how]));
            now["installed"] = now["table"].clone();
        }
        "pod_routes" => now["installed"] = json!(sha256_hex(&[how])),
        "service" if how % 4 == 1 => now["boot"] = json!("disabled"),
        "service" => now["state"] = json!(if how % 4 == 2 { "inactive" } else { "failed" }),
        "swap" => {
            now["live"] = json!("/dev/sda2");
            now["fstab"] = json!("/dev/sda2 none swap sw 0 0");
        }
        "sysctl" => now["value"] = json!(how.to_string()),
        _ => {}
    }
    Observation::Present(now)
}
