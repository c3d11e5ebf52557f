//! The manifest of the network plugin, read from where cluster.yaml says.

use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use super::error::FlowError;
use crate::config::{Cluster, ManifestSource, Network};
use crate::input;
use crate::resource::sha256_hex;

/// Where cluster.yaml names a local manifest.
const PATH: &str = "network.manifest.path";
const URL: &str = "network.manifest.url";
const SHA256: &str = "network.manifest.sha256";

/// The text of the manifest, where cluster.yaml names one.
pub(super) fn manifest(cluster: &Cluster) -> Result<Option<String>, FlowError> {
    let Network::Manifest { source, sha256 } = &cluster.network else { return Ok(None) };
    let (key, from, bytes) = match source {
        ManifestSource::Path(path) => (PATH, path.strip_prefix(".").unwrap_or(path).display().to_string(), read(path)),
        ManifestSource::Url(url) => (URL, url.clone(), download(url)),
    };
    let unfit = |key: &str, reason: String| FlowError::Unfit {
        key: key.to_owned(),
        reason: format!("the manifest {from} {reason}"),
    };
    let bytes = bytes.map_err(|reason| unfit(key, format!("cannot be read: {reason}")))?;
    let digest = sha256_hex(&bytes);
    match sha256 {
        Some(wanted) if *wanted != digest => {
            return Err(unfit(SHA256, format!("has SHA-256 {digest}, not {wanted}")));
        }
        _ => {}
    }
    let text = String::from_utf8(bytes).map_err(|_| unfit(key, "is not UTF-8 text".to_owned()))?;
    objects(&text).map_err(|reason| unfit(key, reason))?;
    Ok(Some(text))
}

/// Checks the manifest without network: one behind a URL is not fetched.
///
/// # Errors
/// That it cannot be read or holds no Kubernetes objects.
pub fn check_manifest(cluster: &Cluster) -> Result<(), FlowError> {
    match &cluster.network {
        Network::Manifest { source: ManifestSource::Path(_), .. } => manifest(cluster).map(drop),
        _ => Ok(()),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    input::read(path, input::MANIFEST).map_err(|error| error.to_string())
}

/// Fetches a URL with curl, which every operator has; its content is checked against its SHA-256.
fn download(url: &str) -> Result<Vec<u8>, String> {
    let arguments = ["--fail", "--silent", "--show-error", "--location", "--max-time", "60", "--", url];
    let printed = input::run(Command::new("curl").args(arguments), input::MANIFEST);
    match printed {
        Ok(printed) if printed.status.success() => Ok(printed.stdout),
        Ok(printed) => Err(printed.stderr),
        Err(error) => Err(format!("cannot run curl: {error}")),
    }
}

/// The fields of every Kubernetes object.
#[derive(Deserialize)]
struct Object {
    #[serde(rename = "apiVersion")]
    api_version: Option<String>,
    kind: Option<String>,
}

/// Checks that a text holds Kubernetes objects, as kubectl reads it; duplicate keys are kubectl's business.
fn objects(text: &str) -> Result<(), String> {
    let options = serde_yaml::options! {
        budget: None,
        duplicate_keys: serde_yaml::DuplicateKeyPolicy::LastWins,
    };
    let objects: Vec<Option<Object>> = serde_yaml::from_multiple_with_options(text, options).map_err(|error| {
        let why = error.to_string();
        format!("is not YAML of Kubernetes objects: {}", why.lines().next().unwrap_or_default())
    })?;
    let mut count = 0;
    for object in objects.into_iter().flatten() {
        count += 1;
        if object.api_version.is_none() || object.kind.is_none() {
            return Err(format!("is not a Kubernetes manifest: document {count} has no `apiVersion` or no `kind`"));
        }
    }
    if count == 0 { Err("contains no Kubernetes object".to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::objects;

    #[test]
    fn only_kubernetes_objects_are_a_manifest() {
        let good = [
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: kube-flannel}\n",
            "# a comment\n---\napiVersion: v1\nkind: ConfigMap\ndata:\n  1: x\n  a: |\n    {{ raw }}\n",
            "---\n---\napiVersion: v1\nkind: A\n---\n# nothing\n---\napiVersion: v1\nkind: A\nkind: B\n",
            "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": []}",
        ];
        for text in good {
            assert_eq!(objects(text), Ok(()), "{text}");
        }
        let bad = [
            ("", "contains no Kubernetes object"),
            ("# nothing\n", "contains no Kubernetes object"),
            ("404: Not Found\n", "document 1 has no `apiVersion`"),
            ("apiVersion: v1\nkind: A\n---\na: b\n", "document 2 has no `apiVersion`"),
            ("<!DOCTYPE html>\n<html>\n", "is not YAML of Kubernetes objects"),
            ("a: [\n", "is not YAML of Kubernetes objects"),
            ("- a\n- b\n", "is not YAML of Kubernetes objects"),
        ];
        for (text, why) in bad {
            let said = objects(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
