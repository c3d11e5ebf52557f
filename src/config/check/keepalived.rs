//! keepalived: the two sound designs, and nothing between them.

use super::values::{duration, show_duration};
use super::{names, secret};
use crate::config::faults::{Fault, Faults};
use crate::config::file;
use crate::config::paths::Paths;
use crate::config::quote::quoted;
use crate::config::{Host, Keepalived, KeepalivedCheck};
use sha2::{Digest, Sha256};
use std::time::Duration;

const AT: &str = "/loadBalancer/keepalived";

/// The weight with preemption: larger than the gap of any usual set of priorities.
const WEIGHT: i16 = -50;

/// Longest VRRP password.
const PASSWORD: usize = 8;

/// What is wrong with a VRRP password, if anything. The file only says where it is found, so it is
/// checked when it has been read.
pub fn check_vrrp_password(password: &str) -> Result<(), &'static str> {
    if password.is_empty() {
        return Err("the VRRP password is empty");
    }
    if password.len() > PASSWORD {
        return Err("the VRRP password is longer than 8 characters; keepalived would cut it off");
    }
    let plain = |c: u8| c.is_ascii_graphic() && !matches!(c, b'"' | b'\'' | b'#' | b'!' | b'{' | b'}' | b'\\');
    if !password.bytes().all(plain) {
        return Err("the VRRP password contains a space, a quote, a brace, `#`, `!` or a non-ASCII letter");
    }
    Ok(())
}

pub(super) fn check(
    written: Option<&file::Keepalived>,
    cluster: &str,
    balancers: &[&Host],
    paths: &Paths,
    faults: &mut Faults<'_>,
) -> Keepalived {
    let empty = file::Keepalived::default();
    let written = written.unwrap_or(&empty);
    let interface = written.interface.clone();
    if interface.as_deref().is_some_and(|name| !names::is_interface(name)) {
        let message = format!("{} is not a network interface", quoted(interface.as_deref().unwrap_or_default()));
        faults.broken(Fault::at(format!("{AT}/interface"), message));
    }
    let auth_password = written
        .auth_password
        .as_ref()
        .and_then(|reference| secret::check(reference, paths, &format!("{AT}/authPassword"), faults));
    let preempt = written.preempt.unwrap_or(false);
    Keepalived {
        interface,
        virtual_router_id: written.virtual_router_id.unwrap_or_else(|| derived_id(cluster)),
        preempt,
        weight: weight(written.weight, preempt, balancers, faults),
        advert_interval: advert_interval(written, faults),
        check: script(written.check.as_ref(), faults),
        auth_password,
    }
}

/// A router id from 1 to 255 that stays the same as long as the name does.
fn derived_id(cluster: &str) -> u8 {
    let digest = Sha256::digest(cluster.as_bytes());
    let number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    u8::try_from(number % 255 + 1).unwrap_or(1)
}

fn weight(written: Option<i16>, preempt: bool, balancers: &[&Host], faults: &mut Faults<'_>) -> i16 {
    let at = format!("{AT}/weight");
    if !preempt {
        let weight = written.unwrap_or(0);
        if weight != 0 && !faults.is_broken(&format!("{AT}/preempt")) {
            let mut fault = Fault::at(
                at,
                format!("a weight of {weight} without preemption keeps the virtual IP on a failing host"),
            )
            .because("without preemption the other hosts ignore a lower priority and do not take over")
            .help("remove `weight`; a failing check then releases the virtual IP at once")
            .help("or use `preempt: true`");
            let place = format!("{AT}/preempt");
            if faults.written(&place) {
                fault = fault.also(place, "no preemption");
            }
            faults.error(fault);
        }
        return 0;
    }
    let weight = written.unwrap_or(WEIGHT);
    let ranked = || balancers.iter().filter(|host| host.priority > 0);
    let (highest, lowest) = (ranked().max_by_key(|h| h.priority), ranked().min_by_key(|h| h.priority));
    if weight == 0 {
        faults.error(
            Fault::at(at, "with preemption the weight must be negative")
                .because("otherwise a failing check does not move the virtual IP")
                .help(format!("remove it to use the default, {WEIGHT}")),
        );
    } else if let (Some(highest), Some(lowest)) = (highest, lowest) {
        let gap = i16::from(highest.priority) - i16::from(lowest.priority);
        if -weight <= gap {
            faults.error(
                Fault::at(
                    if written.is_some() { at } else { format!("{AT}/preempt") },
                    format!("a weight of {weight} is not larger than the gap of {gap} between the priorities"),
                )
                .because("a failing host would still have the highest priority and keep the virtual IP")
                .also(super::hosts::at(&highest.name, "priority"), format!("highest: {}", highest.priority))
                .also(super::hosts::at(&lowest.name, "priority"), format!("lowest: {}", lowest.priority))
                .help(format!("use `weight: {}` or less, or use priorities that are closer together", -gap - 1)),
            );
        }
    }
    weight
}

fn advert_interval(written: &file::Keepalived, faults: &mut Faults<'_>) -> Duration {
    let at = format!("{AT}/advertInterval");
    let text = written.advert_interval.as_deref();
    let (millis, secs) = (Duration::from_millis, Duration::from_secs);
    let old_protocol = written.auth_password.is_some() || faults.is_broken(&format!("{AT}/authPassword"));
    let default = if old_protocol { secs(1) } else { millis(250) };
    let value = duration(text, default, millis(10)..=secs(40), &at, faults);
    if old_protocol && value.subsec_millis() != 0 {
        faults.error(
            Fault::at(
                at,
                format!(
                    "with a password the advertisement interval must be whole seconds, not {}",
                    show_duration(value)
                ),
            )
            .because("only VRRP version 2 supports passwords, and it counts in seconds")
            .also(format!("{AT}/authPassword"), "the password")
            .help("use `1s`, or remove the password; unicast between known hosts does not need one"),
        );
    } else if !value.as_millis().is_multiple_of(10) {
        faults.error(
            Fault::at(
                at,
                format!("VRRP counts in hundredths of a second; {} is not a multiple of that", show_duration(value)),
            )
            .help("use a multiple of `10ms`"),
        );
    }
    value
}

fn script(written: Option<&file::KeepalivedCheck>, faults: &mut Faults<'_>) -> KeepalivedCheck {
    let empty = file::KeepalivedCheck::default();
    let written = written.unwrap_or(&empty);
    let at = format!("{AT}/check/interval");
    let second = Duration::from_secs(1);
    let interval = duration(written.interval.as_deref(), second, second..=second * 60, &at, faults);
    if interval.subsec_millis() != 0 {
        let message = format!("the keepalived check interval must be whole seconds, not {}", show_duration(interval));
        faults.error(Fault::at(at, message).help("use `1s`"));
    }
    KeepalivedCheck { interval, fall: written.fall.unwrap_or(1), rise: written.rise.unwrap_or(2) }
}

#[cfg(test)]
mod tests {
    use super::{check_vrrp_password, derived_id};

    #[test]
    fn the_router_id_is_stable_and_never_zero() {
        assert_eq!(derived_id("prod"), derived_id("prod"));
        assert!((0..2000).all(|n| derived_id(&format!("c{n}")) > 0));
        let different: std::collections::BTreeSet<u8> = (0..2000).map(|n| derived_id(&format!("c{n}"))).collect();
        assert!(different.len() > 200);
    }

    #[test]
    fn vrrp_passwords_are_short_and_plain() {
        assert_eq!(check_vrrp_password("a1b2c3d4"), Ok(()));
        for password in ["", "a1b2c3d4e", "a b", "p\"w", "pä"] {
            assert!(check_vrrp_password(password).is_err(), "{password}");
        }
    }
}
