//! Further names in the API server's certificate.

use super::names::is_subdomain;
use crate::config::faults::{Fault, Faults};
use crate::config::pointer;
use crate::config::quote::quoted;
use std::net::IpAddr;

pub(super) fn names(written: Option<&Vec<String>>, faults: &mut Faults<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for (number, name) in written.into_iter().flatten().enumerate() {
        let at = pointer(["kubernetes", "apiServer", "certSANs", &number.to_string()]);
        let bare = name.strip_prefix("*.").unwrap_or(name);
        if name.parse::<IpAddr>().is_ok() || (is_subdomain(bare) && !super::names::looks_like_ipv4(bare)) {
            names.push(name.clone());
            continue;
        }
        let fault = Fault::at(at, format!("{} is neither an address nor a DNS name", quoted(name)));
        let lower = name.to_lowercase();
        faults.broken(if name.contains("://") || name.contains(':') {
            fault.help("a certificate contains only names, without scheme or port")
        } else if lower != *name && is_subdomain(&lower) {
            fault.help(format!("write it in lower case: {}", quoted(&lower)))
        } else {
            fault.help("for example `api.example.com`, `*.example.com` or `10.0.0.100`")
        });
    }
    names
}
