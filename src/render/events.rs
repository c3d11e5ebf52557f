//! The event stream (`--json`): what one line can say. `schema/events.schema.json` is made from these types.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::plan_document::ResourceChange;
use crate::engine::Outcome;
use crate::engine::event::{Ending, Failure};
use crate::plan::{Counts, Problem, Reason};
use crate::resource::{Action, Address, FieldChange, HostName};

/// Version of the event stream; grows when a reader must change.
pub const STREAM_VERSION: &str = "1.0";

/// One event. A line of the stream is an event with `@timestamp`, `@level` and `@message`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schemars(deny_unknown_fields)]
pub enum StreamEvent {
    /// Always the first line.
    Version {
        /// Version of mainstay.
        mainstay: String,
        /// Version of the stream.
        ui: String,
    },
    /// An error or a warning.
    Diagnostic {
        /// The error or warning.
        diagnostic: Diagnosis,
        /// The exit code of the command because of this error.
        #[serde(skip_serializing_if = "Option::is_none")]
        exit_code: Option<u8>,
    },
    /// The refresh of the hosts starts.
    FactsStart {
        /// Which hosts.
        hosts: BTreeSet<HostName>,
    },
    /// The result of one host. Hosts are reported in the order of their names.
    FactsProgress {
        /// The host.
        host: HostName,
        /// Whether it answered.
        reached: bool,
        /// Number of resources that were checked on the host.
        resources: usize,
        /// Why it did not answer.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// All hosts were checked or are unreachable.
    FactsComplete {
        /// Hosts that answered.
        reached: BTreeSet<HostName>,
        /// Hosts that did not answer, with the reasons.
        unreached: BTreeMap<HostName, String>,
        /// Resources that were checked.
        resources: usize,
    },
    /// A resource was changed outside mainstay.
    Drift {
        /// From the recorded to the observed values.
        change: StreamChange,
    },
    /// A change is planned for a resource.
    PlannedChange {
        /// What.
        change: StreamChange,
    },
    /// Number of planned changes.
    ChangeSummary {
        /// The counts.
        changes: Changes,
    },
    /// Work on a resource started.
    ApplyStart {
        /// The resource.
        hook: Hook,
    },
    /// A step of a resource started, is retried, or is still running (repeated every 10 seconds).
    ApplyProgress {
        /// The resource.
        hook: Hook,
        /// Time since its start.
        elapsed_seconds: f64,
        /// The current step.
        step: String,
        /// Where the step runs.
        #[serde(skip_serializing_if = "Option::is_none")]
        host: Option<HostName>,
        /// What went wrong the last time.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// Number of failed attempts so far.
        #[serde(skip_serializing_if = "Option::is_none")]
        tries: Option<u32>,
    },
    /// A resource is done.
    ApplyComplete {
        /// The resource.
        hook: Hook,
        /// Time since its start.
        elapsed_seconds: f64,
    },
    /// A resource failed.
    ApplyErrored {
        /// The resource.
        hook: Hook,
        /// Time since its start.
        elapsed_seconds: f64,
        /// What failed.
        error: Failed,
    },
    /// A resource was not started.
    ApplySkipped {
        /// The resource.
        hook: Hook,
        /// The resource that failed; absent when the run was stopped.
        #[serde(skip_serializing_if = "Option::is_none")]
        because: Option<Address>,
    },
    /// A condition does not hold yet.
    Waiting {
        /// The resource.
        hook: Hook,
        /// The condition.
        until: String,
        /// What is missing.
        missing: String,
        /// Time since the start of the resource.
        since_seconds: f64,
        /// Time left until the timeout.
        left_seconds: f64,
    },
    /// Always the last line, however the command ends.
    RunSummary(RunSummary),
}

/// Severity of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The command cannot do what was requested.
    Error,
    /// The command continues; the message is a warning.
    Warning,
}

/// An error or a warning.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Diagnosis {
    /// The severity.
    pub severity: Severity,
    /// What is wrong.
    pub summary: String,
    /// The resource, when it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// The place, when it is one of cluster.yaml.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

/// A place in a file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Range {
    /// The file name as given by the user.
    pub filename: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// The resource of an event.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Hook {
    address: Address,
    host: HostName,
    component: String,
    resource_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_key: Option<String>,
    action: Action,
}

impl Hook {
    pub(super) fn new(address: &Address, action: Action) -> Self {
        Self {
            address: address.clone(),
            host: address.host().clone(),
            component: address.component().to_owned(),
            resource_type: address.kind().to_owned(),
            resource_key: address.key().map(str::to_owned),
            action,
        }
    }
}

/// A change with `before` and `after`, as in the plan document; secrets are masked.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct StreamChange {
    address: Address,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_address: Option<Address>,
    host: HostName,
    component: String,
    resource_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_key: Option<String>,
    action: Action,
    reasons: Vec<Reason>,
    fields: Vec<FieldChange>,
    before: Option<Map<String, Value>>,
    after: Option<Map<String, Value>>,
    after_unknown: Map<String, Value>,
    before_sensitive: Value,
    after_sensitive: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

impl From<ResourceChange> for StreamChange {
    fn from(change: ResourceChange) -> Self {
        let Hook { address, host, component, resource_type, resource_key, action } =
            Hook::new(&change.address, change.action);
        Self {
            address,
            previous_address: change.previous_address,
            host,
            component,
            resource_type,
            resource_key,
            action,
            reasons: change.reasons,
            fields: change.fields,
            before: change.change.before,
            after: change.change.after,
            after_unknown: change.change.after_unknown,
            before_sensitive: change.change.before_sensitive,
            after_sensitive: change.change.after_sensitive,
            problem: change.problem,
            warning: change.warning,
        }
    }
}

/// The command that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// `mainstay plan`
    Plan,
    /// `mainstay apply`
    Apply,
    /// `mainstay destroy`
    Destroy,
    /// `mainstay drift`
    Drift,
}

/// Number of changes of a plan, by action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Changes {
    add: usize,
    change: usize,
    remove: usize,
    adopt: usize,
    forget: usize,
    problems: usize,
}

impl From<Counts> for Changes {
    fn from(counts: Counts) -> Self {
        let Counts { add, change, destroy: remove, adopt, forget, problems } = counts;
        Self { add, change, remove, adopt, forget, problems }
    }
}

/// What failed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Failed {
    /// The resource; absent where the event names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<Address>,
    /// Where.
    host: HostName,
    /// The failed action.
    step: String,
    /// What went wrong.
    text: String,
}

impl Failed {
    pub(super) fn of(address: Option<&Address>, failure: &Failure) -> Self {
        let Failure { host, step, text, after: _ } = failure.clone();
        Self { address: address.cloned(), host, step, text }
    }
}

/// A resource that was not started.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Skipped {
    address: Address,
    /// The resource that failed; absent when the run was stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<Address>,
}

/// The result of a run, by resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Done {
    added: usize,
    changed: usize,
    destroyed: usize,
    adopted: usize,
    forgotten: usize,
    failed: usize,
    skipped: usize,
}

/// How a command ended.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RunSummary {
    /// The command.
    pub operation: Operation,
    /// The exit code.
    pub exit_code: u8,
    /// Whether everything that was requested is done.
    pub complete: bool,
    /// Whether the user interrupted.
    pub interrupted: bool,
    /// How long the command ran.
    pub elapsed_seconds: f64,
    /// Number of planned changes, if there was a plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
    /// The result, if a run was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Done>,
    /// Resources that failed or could not be checked.
    pub failed: Vec<Failed>,
    /// Resources that were not started.
    pub skipped: Vec<Skipped>,
}

impl RunSummary {
    /// Of a command that begins now.
    pub fn begun(operation: Operation) -> Self {
        Self {
            operation,
            exit_code: 0,
            complete: false,
            interrupted: false,
            elapsed_seconds: 0.0,
            changes: None,
            resources: None,
            failed: Vec::new(),
            skipped: Vec::new(),
        }
    }

    /// The command ends with this code after this time. Changes that are pending and drift that was found are answers,
    /// not failures.
    pub fn finish(&mut self, exit_code: u8, took: Duration) {
        self.exit_code = exit_code;
        self.complete = matches!(exit_code, 0 | 2 | 3);
        self.interrupted |= exit_code == 130;
        self.elapsed_seconds = rounded(took);
    }

    /// Takes over what became of a run.
    pub fn take(&mut self, outcome: &Outcome) {
        for (address, _, ending) in &outcome.endings {
            match ending {
                Ending::Done => {}
                Ending::Failed(failure) => self.failed.push(Failed::of(Some(address), failure)),
                Ending::Skipped { because } => {
                    self.skipped.push(Skipped { address: address.clone(), because: Some(because.clone()) });
                }
                Ending::NotStarted => self.skipped.push(Skipped { address: address.clone(), because: None }),
            }
        }
        self.interrupted |= outcome.interrupted;
        self.resources = Some(Done {
            added: outcome.done(Action::Create),
            changed: outcome.done(Action::Update),
            destroyed: outcome.done(Action::Destroy),
            adopted: outcome.adopted,
            forgotten: outcome.forgotten,
            failed: self.failed.len(),
            skipped: self.skipped.len(),
        });
    }
}

/// Seconds, to the millisecond.
pub(super) fn rounded(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

impl StreamEvent {
    /// The first line of every stream.
    pub fn version() -> Self {
        Self::Version { mainstay: env!("CARGO_PKG_VERSION").to_owned(), ui: STREAM_VERSION.to_owned() }
    }

    fn level(&self) -> &'static str {
        match self {
            Self::Diagnostic { diagnostic: Diagnosis { severity: Severity::Error, .. }, .. }
            | Self::ApplyErrored { .. }
            | Self::RunSummary(RunSummary { complete: false, .. }) => "error",
            Self::Diagnostic { .. }
            | Self::ApplySkipped { .. }
            | Self::ApplyProgress { error: Some(_), .. }
            | Self::FactsProgress { reached: false, .. } => "warn",
            _ => "info",
        }
    }

    /// The line, without its end.
    pub fn line(&self, message: &str) -> String {
        let mut line = serde_json::to_value(self).unwrap_or_default();
        line["@timestamp"] = json!(humantime::format_rfc3339_millis(SystemTime::now()).to_string());
        line["@level"] = json!(self.level());
        line["@message"] = json!(message);
        line.to_string()
    }
}

/// The JSON Schema of one line of the stream.
pub fn events_schema() -> Value {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<StreamEvent>().to_value();
    schema["title"] = json!("A line of mainstay's event stream");
    let everywhere = [
        ("@timestamp", json!({"description": "RFC 3339, UTC.", "type": "string", "format": "date-time"})),
        ("@level", json!({"description": "The severity.", "enum": ["info", "warn", "error"]})),
        ("@message", json!({"description": "The event as text for people.", "type": "string"})),
    ];
    for event in schema["oneOf"].as_array_mut().into_iter().flatten() {
        for (key, value) in &everywhere {
            event["properties"][*key] = value.clone();
            if let Some(required) = event["required"].as_array_mut() {
                required.push(json!(key));
            }
        }
    }
    schema
}
