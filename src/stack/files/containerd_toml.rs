//! containerd's config.toml, whole. Version 2 of the format, which containerd 1.6 to 2.x read.

use std::collections::BTreeMap;

use semver::Version;
use serde::Serialize;
use serde_json::{Map, Value};

use super::merge;
use crate::config::CgroupDriver;

/// What decides containerd's configuration.
#[derive(Debug)]
pub(in crate::stack) struct ContainerdToml<'a> {
    /// Who manages control groups; the same value as kubelet's.
    pub(in crate::stack) cgroup_driver: CgroupDriver,
    /// Image of the pause container.
    pub(in crate::stack) sandbox_image: &'a str,
    /// Where the CNI plugins lie.
    pub(in crate::stack) cni_bin_dir: &'a str,
    /// The user's settings, merged over all.
    pub(in crate::stack) extra: &'a Map<String, Value>,
}

/// containerd's tables.
#[derive(Serialize)]
struct Config<'a> {
    version: u8,
    plugins: Plugins<'a>,
}

#[derive(Serialize)]
struct Plugins<'a> {
    #[serde(rename = "io.containerd.grpc.v1.cri")]
    cri: Cri<'a>,
}

#[derive(Serialize)]
struct Cri<'a> {
    sandbox_image: &'a str,
    cni: Cni<'a>,
    containerd: Containerd,
    registry: Registry,
}

#[derive(Serialize)]
struct Cni<'a> {
    bin_dir: &'a str,
    conf_dir: &'static str,
}

#[derive(Serialize)]
struct Containerd {
    default_runtime_name: &'static str,
    runtimes: BTreeMap<&'static str, Runtime>,
}

#[derive(Serialize)]
struct Runtime {
    runtime_type: &'static str,
    options: RuntimeOptions,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RuntimeOptions {
    systemd_cgroup: bool,
}

#[derive(Serialize)]
struct Registry {
    config_path: &'static str,
}

impl ContainerdToml<'_> {
    /// The file.
    pub(in crate::stack) fn render(&self) -> String {
        let options = RuntimeOptions { systemd_cgroup: self.cgroup_driver == CgroupDriver::Systemd };
        let config = Config {
            version: 2,
            plugins: Plugins {
                cri: Cri {
                    sandbox_image: self.sandbox_image,
                    cni: Cni { bin_dir: self.cni_bin_dir, conf_dir: super::CNI_CONF_DIR },
                    containerd: Containerd {
                        default_runtime_name: "runc",
                        runtimes: BTreeMap::from([(
                            "runc",
                            Runtime { runtime_type: "io.containerd.runc.v2", options },
                        )]),
                    },
                    registry: Registry { config_path: "/etc/containerd/certs.d" },
                },
            },
        };
        let mut tables = super::table(&config);
        merge(&mut tables, self.extra);
        let tables: toml::Table = tables.into_iter().filter_map(|(key, value)| Some((key, toml_of(value)?))).collect();
        let body = toml::to_string(&tables).expect("a table of strings, numbers and tables is TOML");
        format!("# Written by mainstay; changes are overwritten.\n{body}")
    }
}

/// The value in TOML's terms; TOML has no null.
fn toml_of(value: Value) -> Option<toml::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => toml::Value::Boolean(value),
        Value::Number(number) => match number.as_i64() {
            Some(value) => toml::Value::Integer(value),
            None => toml::Value::Float(number.as_f64()?),
        },
        Value::String(value) => toml::Value::String(value),
        Value::Array(values) => toml::Value::Array(values.into_iter().filter_map(toml_of).collect()),
        Value::Object(map) => {
            toml::Value::Table(map.into_iter().filter_map(|(key, value)| Some((key, toml_of(value)?))).collect())
        }
    })
}

/// The pause image that kubeadm of this version expects.
pub(in crate::stack) fn pause_image(version: &Version, repository: Option<&str>) -> String {
    let tag = match version.minor {
        ..=20 => "3.2",
        21 => "3.4.1",
        22 => "3.5",
        23 => "3.6",
        24 => "3.7",
        25 => "3.8",
        26..=30 => "3.9",
        31..=33 => "3.10",
        34..=35 => "3.10.1",
        36.. => "3.10.2",
    };
    let default = if version.minor < 25 { "k8s.gcr.io" } else { "registry.k8s.io" };
    format!("{}/pause:{tag}", repository.unwrap_or(default))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn render(cgroup_driver: CgroupDriver, extra: &Value) -> String {
        ContainerdToml {
            cgroup_driver,
            sandbox_image: "registry.k8s.io/pause:3.10",
            cni_bin_dir: "/opt/cni/bin",
            extra: extra.as_object().unwrap(),
        }
        .render()
    }

    #[test]
    fn the_default() {
        insta::assert_snapshot!(render(CgroupDriver::Systemd, &json!({})));
    }

    #[test]
    fn extra_goes_deep() {
        let extra = json!({
            "oom_score": -999,
            "plugins": {"io.containerd.grpc.v1.cri": {
                "restrict_oom_score_adj": true,
                "cni": {"bin_dir": "/usr/lib/cni"},
                "registry": null,
            }},
        });
        insta::assert_snapshot!(render(CgroupDriver::Cgroupfs, &extra));
    }

    #[test]
    fn the_pause_image_follows_version_and_repository() {
        let image = |minor, repository| pause_image(&Version::new(1, minor, 2), repository);
        assert_eq!(image(20, None), "k8s.gcr.io/pause:3.2");
        assert_eq!(image(31, None), "registry.k8s.io/pause:3.10");
        assert_eq!(image(99, Some("harbor.example/k8s")), "harbor.example/k8s/pause:3.10.2");
    }
}
