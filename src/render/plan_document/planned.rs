//! What Terraform's readers ask of a plan beside its changes: what will be there, and a configuration.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{PROVIDER, ResourceChange};
use crate::resource::Address;

/// The planned values after the apply, borrowed from the changes.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct PlannedValues<'a> {
    /// All planned resources; there are no child modules.
    root_module: PlannedModule<'a>,
}

/// Resources, in the order of the changes.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct PlannedModule<'a> {
    /// Every resource that exists after the apply.
    resources: Vec<PlannedResource<'a>>,
}

/// One planned resource.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct PlannedResource<'a> {
    /// `host/component/kind[key]`.
    address: &'a Address,
    /// Always `managed`.
    mode: &'a str,
    /// The kind.
    #[serde(rename = "type")]
    kind: &'a str,
    /// The component.
    name: &'a str,
    /// The key, where the kind has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<&'a str>,
    /// Always `mainstay`.
    provider_name: &'a str,
    /// Always 0.
    schema_version: u32,
    /// The planned values, secrets masked; values known only after apply are left out.
    values: &'a Map<String, Value>,
    /// `true` for each masked value.
    sensitive_values: &'a Value,
}

impl<'a> PlannedValues<'a> {
    pub(super) fn of(changes: &'a [ResourceChange]) -> Self {
        let planned = |it: &'a ResourceChange| {
            Some(PlannedResource {
                address: &it.address,
                mode: &it.mode,
                kind: &it.kind,
                name: &it.name,
                index: it.index.as_deref(),
                provider_name: &it.provider_name,
                schema_version: 0,
                values: it.change.after.as_ref()?,
                sensitive_values: &it.change.after_sensitive,
            })
        };
        Self { root_module: PlannedModule { resources: changes.iter().filter_map(planned).collect() } }
    }
}

/// A Terraform configuration with one provider and nothing else.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Configuration {
    /// The one provider, by its name.
    provider_config: BTreeMap<String, Provider>,
    /// Always empty: resources are declared by cluster.yaml.
    root_module: Map<String, Value>,
}

/// A provider.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Provider {
    /// Its name.
    name: String,
    /// The same.
    full_name: String,
}

impl Configuration {
    pub(super) fn of_mainstay() -> Self {
        let provider = Provider { name: PROVIDER.to_owned(), full_name: PROVIDER.to_owned() };
        Self { provider_config: BTreeMap::from([(PROVIDER.to_owned(), provider)]), root_module: Map::new() }
    }
}
