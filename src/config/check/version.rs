//! The Kubernetes version: exact, and one that mainstay knows how to install.

use crate::config::faults::{Fault, Faults};
use crate::config::quote::quoted;
use semver::Version;

/// The oldest minor version of Kubernetes 1 that mainstay installs.
pub(in crate::config) const OLDEST: u64 = 20;

/// The newest one. 1.37 reads other kubeadm configuration than is written.
pub(in crate::config) const NEWEST: u64 = 36;

const AT: &str = "/kubernetes/version";

pub(super) fn check(written: Option<&str>, faults: &mut Faults<'_>) -> Option<Version> {
    let text = written?;
    let plain = text.strip_prefix('v').unwrap_or(text);
    let Ok(version) = Version::parse(plain) else {
        faults.broken(unreadable(text, plain));
        return None;
    };
    if !version.pre.is_empty() || !version.build.is_empty() {
        let released = format!("{}.{}.{}", version.major, version.minor, version.patch);
        faults.broken(
            Fault::at(AT, format!("{} is not a released version", quoted(text)))
                .help(format!("use a release, for example `{released}`")),
        );
        return None;
    }
    if version.major != 1 || !(OLDEST..=NEWEST).contains(&version.minor) {
        faults.broken(
            Fault::at(AT, format!("Kubernetes {} is not supported", quoted(text)))
                .help(format!("mainstay installs 1.{OLDEST} to 1.{NEWEST}")),
        );
        return None;
    }
    Some(version)
}

fn unreadable(text: &str, plain: &str) -> Fault {
    let moving = text.is_empty()
        || ["latest", "stable", "ci/", "release/"].iter().any(|word| plain.to_lowercase().starts_with(word));
    let parts = plain.split('.').filter(|part| part.parse::<u64>().is_ok()).count();
    if moving {
        return Fault::at(AT, format!("{} is not a fixed version", quoted(text)))
            .because("the next host could get a different version")
            .help("pin an exact version, for example `1.31.4`");
    }
    if parts == plain.split('.').count() && parts < 3 {
        let patch = format!("{plain}{}", ".0".repeat(3 - parts));
        return Fault::at(AT, format!("{} has no patch version", quoted(text)))
            .because("the next host could get a different version")
            .help(format!("pin all three numbers, for example {}", quoted(&patch)));
    }
    Fault::at(AT, format!("{} is not a version", quoted(text))).help("pin an exact version, for example `1.31.4`")
}
