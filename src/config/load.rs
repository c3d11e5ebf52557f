//! Text to a checked cluster, or to everything that is wrong with it.

use super::faults::{Fault, Faults};
use super::file::ClusterFile;
use super::paths::Paths;
use super::yaml::{self, Index};
use super::{ConfigErrors, Diagnostic, Label, Loaded, Severity, check, shape};
use std::path::Path;

/// Reads a cluster.yaml. `file_name` is its name in messages; paths in it are relative to `base_dir`, and `~/` is the
/// home directory of the process.
///
/// # Errors
/// Every fault of the file, in its order.
pub fn load(text: &str, file_name: &str, base_dir: &Path) -> Result<Loaded, ConfigErrors> {
    let paths = Paths { base: base_dir.to_owned(), home: std::env::home_dir() };
    load_with(text, file_name, &paths)
}

/// Reads a cluster.yaml that may not even be text.
///
/// # Errors
/// Every fault of the file, in its order.
pub fn load_bytes(bytes: &[u8], file_name: &str, base_dir: &Path) -> Result<Loaded, ConfigErrors> {
    match yaml::decode(bytes) {
        Ok(text) => load(text, file_name, base_dir),
        Err(fault) => Err(failed(file_name, vec![*fault])),
    }
}

/// Reads a cluster.yaml with a given home directory.
///
/// # Errors
/// Every fault of the file, in its order.
pub fn load_with(text: &str, file_name: &str, paths: &Paths) -> Result<Loaded, ConfigErrors> {
    yaml::check_text(text).map_err(|fault| failed(file_name, vec![*fault]))?;
    let (root, found) = yaml::parse(text).map_err(|faults| failed(file_name, faults))?;
    let index = Index::new(&root);
    let mut faults = Faults::new(&index, found);
    let Some(value) = shape::check(&root, &mut faults) else {
        return Err(failed(file_name, faults.into_diagnostics()));
    };
    let written: ClusterFile = serde_json::from_value(value).unwrap_or_else(|error| {
        faults.error(Fault::at("", format!("the file cannot be read: {error}")));
        ClusterFile::default()
    });
    let cluster = check::check(&written, paths, &mut faults);
    let (clean, doubts) = (faults.is_clean(), faults.take_doubts());
    let diagnostics = faults.into_diagnostics();
    if clean {
        Ok(Loaded { cluster, warnings: diagnostics, doubts, sources: index.sources() })
    } else {
        Err(failed(file_name, diagnostics))
    }
}

/// An error about what the file refers to: the key at the pointer is where it can be fixed.
pub fn fault_at(text: &str, at: &str, message: String, help: Vec<String>) -> Diagnostic {
    let place = |(root, _): (yaml::Node, _)| Label { span: Index::new(&root).value(at), text: String::new() };
    let primary = yaml::parse(text).ok().map(place);
    Diagnostic { severity: Severity::Error, message, primary, labels: Vec::new(), help, secret: false }
}

fn failed(file_name: &str, diagnostics: Vec<Diagnostic>) -> ConfigErrors {
    ConfigErrors { file: file_name.to_owned(), diagnostics }
}
