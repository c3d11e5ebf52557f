//! The pod network.

use super::names;
use super::values::local_path;
use crate::config::faults::{Fault, Faults};
use crate::config::file::{self, Plugin};
use crate::config::paths::Paths;
use crate::config::quote::quoted;
use crate::config::{ManifestSource, Network};

const MANIFEST: &str = "/network/manifest";

pub(super) fn check(written: Option<&file::Network>, paths: &Paths, faults: &mut Faults<'_>) -> Network {
    let plugin = written.and_then(|n| n.plugin);
    let manifest = written.and_then(|n| n.manifest.as_ref());
    if manifest.is_some() && plugin.is_some_and(|plugin| plugin != Plugin::Manifest) {
        faults.error(
            Fault::key(MANIFEST, "a manifest has no effect with this plugin")
                .also("/network/plugin", "the plugin")
                .help("remove `manifest`, or use `plugin: manifest`"),
        );
    }
    match plugin {
        Some(Plugin::Bridge) => Network::Bridge,
        None | Some(Plugin::None) => Network::None,
        Some(Plugin::Manifest) => from_manifest(manifest, paths, faults),
    }
}

fn from_manifest(written: Option<&file::Manifest>, paths: &Paths, faults: &mut Faults<'_>) -> Network {
    let Some(written) = written else {
        if !faults.is_broken(MANIFEST) {
            faults.error(
                Fault::at("/network/plugin", "`plugin: manifest` needs a manifest")
                    .help("add `manifest: {path: network/flannel.yaml}`, or a `url` with its `sha256`"),
            );
        }
        return Network::None;
    };
    let at_sha = format!("{MANIFEST}/sha256");
    let sha256 = written.sha256.as_ref().map(|text| text.to_lowercase());
    if sha256.as_deref().is_some_and(|sum| sum.len() != 64 || !sum.bytes().all(|c| c.is_ascii_hexdigit())) {
        let message = "a SHA-256 has 64 hexadecimal digits";
        faults.broken(Fault::at(&at_sha, message).help("to print it, run `sha256sum FILE`"));
    }
    let source = match (&written.path, &written.url) {
        (Some(path), None) => local_path(path, paths, &format!("{MANIFEST}/path"), faults).map(ManifestSource::Path),
        (None, Some(url)) => url_of(url, sha256.is_none(), faults),
        (path, _) => {
            if !faults.is_broken(MANIFEST) {
                let message = match path {
                    Some(_) => "the manifest has both a path and a URL",
                    None => "the manifest has neither a path nor a URL",
                };
                faults.error(Fault::key(MANIFEST, message).help("write exactly one of `path` and `url`"));
            }
            None
        }
    };
    match source {
        Some(source) => Network::Manifest { source, sha256 },
        None => Network::None,
    }
}

fn url_of(url: &str, unpinned: bool, faults: &mut Faults<'_>) -> Option<ManifestSource> {
    let at = format!("{MANIFEST}/url");
    if !names::is_url(url) {
        faults.broken(Fault::at(at, format!("{} is not an http or https URL", quoted(url))));
        return None;
    }
    if unpinned && !faults.is_broken(&format!("{MANIFEST}/sha256")) {
        faults.error(
            Fault::at(at, "a manifest from a URL needs a `sha256`")
                .because("the file at the URL may change after it was reviewed")
                .help("to print it, run `curl -sL URL | sha256sum`"),
        );
    }
    Some(ManifestSource::Url(url.to_owned()))
}
