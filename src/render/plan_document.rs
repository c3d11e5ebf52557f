//! A plan as one JSON document, in the shape of Terraform's plans: policies and viewers made for those read it.
//!
//! `before` is what is recorded, overlaid by what was seen; `after` is what is declared, overlaid by what a look
//! will see then. Secrets are masked in both, and the trees `before_sensitive` and `after_sensitive` say where. No time
//! is in it: the same inputs yield the same document.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::plan_text::cannot_apply;
use crate::plan::{Change, Counts, Coverage, Mode, Plan, Problem, Reason, Warning};
use crate::resource::{Action, Address, FieldChange, HostName, Observation, Secret};

mod planned;

use planned::{Configuration, PlannedValues};

/// Version of the Terraform plan format that this document follows.
const FORMAT_VERSION: &str = "1.2";
/// A version of Terraform that writes this format. Some readers refuse a plan without one.
const TERRAFORM_VERSION: &str = "1.9.0";
/// The one provider.
const PROVIDER: &str = "mainstay";

/// A plan as `mainstay plan --format json` and `mainstay show --json FILE` print it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PlanDocument<'a> {
    /// Version of the Terraform plan format that this document follows.
    format_version: String,
    /// A Terraform version that writes this format, for readers that require one.
    terraform_version: String,
    /// Version of mainstay that made the plan.
    mainstay_version: String,
    /// The cluster's name.
    cluster: String,
    /// What the plan is for.
    mode: Mode,
    /// Lineage of the state that the plan was made from; null before the first apply.
    lineage: Option<String>,
    /// Serial of that state; 0 before the first apply.
    serial: u64,
    /// The planned values after the apply, as far as they are known.
    planned_values: PlannedValues<'a>,
    /// Every resource, including those without a change, in a possible execution order.
    resource_changes: &'a [ResourceChange],
    /// Changes made outside mainstay: from the recorded to the observed values.
    resource_drift: Vec<ResourceChange>,
    /// What was checked.
    coverage: Coverage,
    /// How many of each action.
    counts: Counts,
    /// Warnings that belong to no single change.
    warnings: Vec<Warning>,
    /// If changes are refused: a sentence that says the plan cannot be applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnostic: Option<String>,
    /// Whether the plan has changes and none of them is refused.
    applyable: bool,
    /// Whether the apply completes everything: nothing failed to be planned, and nothing was left out.
    complete: bool,
    /// Whether something could not be planned.
    errored: bool,
    /// Terraform's configuration section: only the provider, because cluster.yaml is not a Terraform configuration.
    configuration: Configuration,
}

/// The planned change of one resource.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ResourceChange {
    /// `host/component/kind[key]`.
    pub(super) address: Address,
    /// The address under which the resource is recorded so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) previous_address: Option<Address>,
    /// The host.
    module_address: HostName,
    /// Always `managed`.
    mode: String,
    /// The kind.
    #[serde(rename = "type")]
    kind: String,
    /// The component.
    name: String,
    /// The key, where the kind has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<String>,
    /// Always `mainstay`.
    provider_name: String,
    /// The change itself.
    pub(super) change: Body,
    /// Terraform's reason for destroying or replacing it.
    #[serde(skip_serializing_if = "Option::is_none")]
    action_reason: Option<ActionReason>,
    /// The host, or `cluster`.
    host: HostName,
    /// The part of the stack.
    component: String,
    /// mainstay's own name of the action.
    pub(super) action: Action,
    /// The reasons; the first one is the main one.
    pub(super) reasons: Vec<Reason>,
    /// The fields that change; empty for create, destroy, adopt, forget and reactions.
    pub(super) fields: Vec<FieldChange>,
    /// Why nothing can be planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<Problem>,
    /// A warning to show before approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) warning: Option<String>,
}

/// `change` of a resource.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Body {
    /// Terraform's names of the actions.
    actions: Vec<TerraformAction>,
    /// The current values, with secrets masked; null if the resource is absent or unknown.
    pub(super) before: Option<Map<String, Value>>,
    /// The planned values, with secrets masked; null if the resource will be absent.
    pub(super) after: Option<Map<String, Value>>,
    /// `true` for each value that is known only after the apply.
    pub(super) after_unknown: Map<String, Value>,
    /// `true` for each masked value in `before`.
    pub(super) before_sensitive: Value,
    /// `true` for each masked value in `after`.
    pub(super) after_sensitive: Value,
    /// Fields that cannot be changed in place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    replace_paths: Vec<Vec<String>>,
    /// Terraform's import section, for adopted resources.
    #[serde(skip_serializing_if = "Option::is_none")]
    importing: Option<Importing>,
}

/// Terraform's name of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum TerraformAction {
    NoOp,
    Create,
    Update,
    Delete,
    Forget,
}

/// Terraform's reason for destroying or replacing a resource.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ActionReason {
    /// It is no longer in cluster.yaml.
    DeleteBecauseNoResourceConfig,
    /// A field cannot be changed in place.
    ReplaceBecauseCannotUpdate,
    /// The user asked for it.
    ReplaceByRequest,
}

/// Terraform's import section, for adopted resources.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Importing {
    /// Its address.
    id: Address,
}

/// The plan as a JSON document.
pub fn plan_document(plan: &Plan) -> Value {
    with_document(plan, |document| serde_json::to_value(document).unwrap_or_default())
}

/// The plan as the text of a JSON document.
pub fn plan_json(plan: &Plan) -> String {
    with_document(plan, |document| serde_json::to_string(document).unwrap_or_default())
}

fn with_document<T>(plan: &Plan, write: impl FnOnce(&PlanDocument<'_>) -> T) -> T {
    let resource_changes: Vec<ResourceChange> = plan.changes.iter().map(resource_change).collect();
    let counts = plan.counts();
    let diagnostic = cannot_apply(plan);
    let document = PlanDocument {
        format_version: FORMAT_VERSION.to_owned(),
        terraform_version: TERRAFORM_VERSION.to_owned(),
        mainstay_version: env!("CARGO_PKG_VERSION").to_owned(),
        cluster: plan.cluster.clone(),
        mode: plan.mode,
        lineage: (plan.serial > 0).then(|| plan.lineage.clone()),
        serial: plan.serial,
        planned_values: PlannedValues::of(&resource_changes),
        resource_changes: &resource_changes,
        resource_drift: plan.changes.iter().filter_map(resource_drift).collect(),
        coverage: plan.coverage.clone(),
        counts,
        warnings: plan.warnings.iter().chain(&plan.turns).cloned().collect(),
        applyable: diagnostic.is_none() && plan.changes.iter().any(|change| change.action != Action::NoOp),
        complete: counts.problems == 0 && plan.left_out == 0,
        errored: counts.problems > 0,
        configuration: Configuration::of_mainstay(),
        diagnostic,
    };
    write(&document)
}

/// The JSON Schema of a plan document.
pub fn plan_schema() -> Value {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<PlanDocument<'_>>().to_value();
    schema["title"] = json!("Plan of mainstay");
    schema
}

/// What is planned for one resource.
pub(super) fn resource_change(change: &Change) -> ResourceChange {
    use TerraformAction::{Create, Delete, Forget, NoOp, Update};
    let actions = match change.action {
        Action::NoOp | Action::Adopt => vec![NoOp],
        Action::Create => vec![Create],
        Action::Update => vec![Update],
        Action::Replace => vec![Delete, Create],
        Action::Destroy => vec![Delete],
        Action::Forget => vec![Forget],
    };
    let before = before(change);
    let (after, after_unknown) = after(change, before.as_ref());
    let moved = change.reasons.iter().find_map(|reason| match reason {
        Reason::Moved { other } if change.action != Action::Forget => Some(other.clone()),
        _ => None,
    });
    let replacing = change.fields.iter().filter(|field| field.replaces && change.action == Action::Replace);
    let importing = change.action == Action::Adopt && change.reasons.contains(&Reason::AlreadyRight);
    let action_reason = match change.action {
        Action::Replace if change.reasons.contains(&Reason::Requested) => Some(ActionReason::ReplaceByRequest),
        Action::Replace => Some(ActionReason::ReplaceBecauseCannotUpdate),
        Action::Destroy if change.reasons.contains(&Reason::Removed) => {
            Some(ActionReason::DeleteBecauseNoResourceConfig)
        }
        _ => None,
    };
    let body = Body {
        replace_paths: replacing.map(|field| vec![field.field.clone()]).collect(),
        importing: importing.then(|| Importing { id: change.address.clone() }),
        ..Body::of(actions, before, after, after_unknown)
    };
    ResourceChange {
        previous_address: moved,
        action_reason,
        action: change.action,
        reasons: change.reasons.clone(),
        fields: change.fields.clone(),
        problem: change.problem.clone(),
        warning: change.warning.clone(),
        ..ResourceChange::of(&change.address, body)
    }
}

/// From what is recorded to what was seen, when somebody else changed it.
pub(super) fn resource_drift(change: &Change) -> Option<ResourceChange> {
    let reason = change.reasons.iter().find(|reason| matches!(reason, Reason::Drift | Reason::Gone))?;
    Some(drifted(change, reason.clone(), change.fields.clone()))
}

pub(super) fn drifted(change: &Change, reason: Reason, fields: Vec<FieldChange>) -> ResourceChange {
    // Only a digest of what was seen last is recorded; when nothing is pending it was what is declared.
    let pending = change.reasons.iter().any(|reason| matches!(reason, Reason::Pending { .. } | Reason::Recomputed));
    let recorded = change.recorded.as_ref().and_then(Value::as_object).cloned();
    let seen = before(change);
    let before = if pending { recorded } else { after(change, seen.as_ref()).0.or(recorded) };
    let (word, action) = match seen {
        Some(_) => (TerraformAction::Update, Action::Update),
        None => (TerraformAction::Delete, Action::Destroy),
    };
    let body = Body::of(vec![word], before, seen, Map::new());
    ResourceChange { action, reasons: vec![reason], fields, ..ResourceChange::of(&change.address, body) }
}

impl ResourceChange {
    fn of(address: &Address, change: Body) -> Self {
        Self {
            address: address.clone(),
            previous_address: None,
            module_address: address.host().clone(),
            mode: "managed".to_owned(),
            kind: address.kind().to_owned(),
            name: address.component().to_owned(),
            index: address.key().map(str::to_owned),
            provider_name: PROVIDER.to_owned(),
            change,
            action_reason: None,
            host: address.host().clone(),
            component: address.component().to_owned(),
            action: Action::NoOp,
            reasons: Vec::new(),
            fields: Vec::new(),
            problem: None,
            warning: None,
        }
    }
}

impl Body {
    fn of(
        actions: Vec<TerraformAction>,
        before: Option<Map<String, Value>>,
        after: Option<Map<String, Value>>,
        after_unknown: Map<String, Value>,
    ) -> Self {
        let tree = |side: &Option<Map<String, Value>>| side.as_ref().map_or(json!(false), sensitive_of);
        let (before_sensitive, after_sensitive) = (tree(&before), tree(&after));
        let (replace_paths, importing) = (Vec::new(), None);
        Self { actions, before, after, after_unknown, before_sensitive, after_sensitive, replace_paths, importing }
    }
}

/// What is recorded or, without a record, declared; overlaid by what was seen. `None` where nothing is.
fn before(change: &Change) -> Option<Map<String, Value>> {
    let seen = match change.before.as_ref().map(|seen| &seen.observation) {
        Some(Observation::Absent) => return None,
        Some(Observation::Present(seen)) => change.resource.as_ref()?.shown(seen).ok(),
        None => None,
    };
    let known = match (&change.recorded, &change.resource, change.action) {
        (Some(recorded), ..) => recorded.clone(),
        (None, Some(resource), Action::NoOp | Action::Adopt) if seen.is_some() => resource.attributes(),
        _ => Value::Null,
    };
    overlaid(known, seen)
}

/// What is declared, overlaid by what a look will see; and what only the act itself will tell.
fn after(change: &Change, before: Option<&Map<String, Value>>) -> (Option<Map<String, Value>>, Map<String, Value>) {
    let mut unknown = Map::new();
    let resource = match (change.action, &change.resource) {
        (Action::Destroy | Action::Forget, _) => return (None, unknown),
        (Action::NoOp | Action::Adopt, _) | (_, None) => return (before.cloned(), unknown),
        (_, Some(resource)) => resource,
    };
    let found = change.before.as_ref().and_then(|seen| seen.observation.present());
    let mut then = resource.simulate();
    let mut later = Vec::new();
    for (field, value) in then.as_object().cloned().unwrap_or_default() {
        // What is there already and as good as what is declared stays: `1.31.4-1.1` for `1.31.4`.
        let kept = found.and_then(|found| found.get(&field)).filter(|&there| {
            *there == value || {
                let mut other = then.clone();
                other[field.as_str()] = there.clone();
                resource.diff(&other).is_ok_and(|fields| fields.is_empty())
            }
        });
        if let (Some(there), true) = (kept, change.action == Action::Update) {
            then[field.as_str()] = there.clone();
        } else if resource.later().contains(&field.as_str()) {
            later.push(field);
        }
    }
    let then = resource.shown(&then).ok();
    let mut after = overlaid(resource.attributes(), then);
    for field in later {
        after.as_mut().map(|after| after.remove(&field));
        unknown.insert(field, json!(true));
    }
    (after, unknown)
}

fn overlaid(below: Value, above: Option<Value>) -> Option<Map<String, Value>> {
    let fields = [Some(below), above].into_iter().flatten().filter_map(|value| match value {
        Value::Object(fields) => Some(fields),
        _ => None,
    });
    fields.reduce(|mut below, above| {
        below.extend(above);
        below
    })
}

/// `true` where a secret is masked, `false` or nothing elsewhere.
fn sensitive(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(text == Secret::MASK),
        Value::Array(items) => Value::Array(items.iter().map(sensitive).collect()),
        Value::Object(fields) => sensitive_of(fields),
        _ => json!(false),
    }
}

fn sensitive_of(fields: &Map<String, Value>) -> Value {
    fields.iter().map(|(key, value)| (key.clone(), sensitive(value))).filter(|(_, value)| holds_true(value)).collect()
}

fn holds_true(tree: &Value) -> bool {
    match tree {
        Value::Array(items) => items.iter().any(holds_true),
        Value::Object(fields) => !fields.is_empty(),
        other => *other == json!(true),
    }
}

#[cfg(test)]
mod tests;
