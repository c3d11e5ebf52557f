//! A drift report as one JSON document; `schema/drift.schema.json` is made from these types.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::drift_words::{drift_summary, line};
use super::reason::Source;
use crate::plan::{Answer, Drift, Entry, Label, Reason, Seeing, Warning};
use crate::resource::{Address, FieldChange, HostName, Trace};

/// Version of the document; grows when a reader must change.
const VERSION: &str = "1.0";

/// What `mainstay drift --format json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, title = "mainstay drift")]
struct DriftDocument<'a> {
    /// Version of this document.
    format_version: &'static str,
    /// The answer.
    answer: Answer,
    /// The code with which the command ends.
    exit_code: u8,
    /// The answer in words.
    summary: String,
    /// The cluster's name.
    cluster: &'a str,
    /// Lineage of the state that the hosts were compared with.
    lineage: &'a str,
    /// Serial of that state.
    serial: u64,
    /// The coverage.
    coverage: &'a Seeing,
    /// The differences.
    resources: Vec<Differing<'a>>,
    /// Warnings that belong to no single resource.
    warnings: &'a [Warning],
}

/// One resource that differs.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Differing<'a> {
    /// Its name.
    address: &'a Address,
    /// Its host, or `cluster`.
    host: &'a HostName,
    /// Its part of the stack.
    component: &'a str,
    /// Its kind.
    r#type: &'a str,
    /// Its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    /// The kind of difference.
    label: Label,
    /// Whether it was applied and is not there any more.
    gone: bool,
    /// On drift: `before` as it was applied, `after` as it is on the host.
    fields: &'a [FieldChange],
    /// If pending: the changes that were not applied yet.
    pending: &'a [Reason],
    /// The line of cluster.yaml that changed, else of what declares it.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    /// On drift: when and how it happened, if the host has that information.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a Trace>,
}

/// The report as one document.
pub(super) fn document(drift: &Drift, source: Source<'_>) -> Value {
    let answer = drift.answer();
    let document = DriftDocument {
        format_version: VERSION,
        answer,
        exit_code: answer.exit_code(),
        summary: drift_summary(drift),
        cluster: &drift.cluster,
        lineage: &drift.lineage,
        serial: drift.serial,
        coverage: &drift.coverage,
        resources: drift.entries.iter().map(|entry| differing(entry, source)).collect(),
        warnings: &drift.warnings,
    };
    serde_json::to_value(document).expect("a drift report is JSON")
}

/// The JSON Schema of a drift report as JSON.
pub fn drift_schema() -> Value {
    schemars::schema_for!(DriftDocument<'_>).to_value()
}

fn differing<'a>(entry: &'a Entry, source: Source<'_>) -> Differing<'a> {
    let address = &entry.address;
    Differing {
        address,
        host: address.host(),
        component: address.component(),
        r#type: address.kind(),
        key: address.key(),
        label: entry.label,
        gone: entry.gone,
        fields: &entry.fields,
        pending: &entry.pending,
        line: line(entry, source),
        trace: entry.trace.as_ref(),
    }
}
