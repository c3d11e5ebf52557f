//! A drift report as `JUnit` XML: one suite per host, one test per recorded resource. Drift fails its test, an
//! unchecked resource is skipped; a pending one passes and says so in its output.

use std::collections::{BTreeMap, HashMap};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::drift_words::{differences, verdict};
use super::reason::Source;
use crate::plan::{Drift, Entry, Label};
use crate::resource::{Address, HostName};

/// The report as one XML document.
pub(super) fn junit(drift: &Drift, source: Source<'_>) -> String {
    let entries: HashMap<&Address, &Entry> = drift.entries.iter().map(|entry| (&entry.address, entry)).collect();
    let mut suites: BTreeMap<&HostName, TestSuite> = BTreeMap::new();
    for address in &drift.coverage.resources {
        let suite = suites.entry(address.host()).or_insert_with(|| TestSuite::new(address.host().as_str()));
        suite.add_test_case(case(address, entries.get(address).copied(), drift, source));
    }
    let mut report = Report::new(format!("drift of {}", drift.cluster));
    report.add_test_suites(suites.into_values());
    // The texts were freed of what XML cannot carry when they were taken over.
    report.to_string().expect("JUnit XML is written to memory")
}

fn case(address: &Address, entry: Option<&Entry>, drift: &Drift, source: Source<'_>) -> TestCase {
    let mut status = TestCaseStatus::success();
    if let Some(entry) = entry.filter(|entry| entry.label != Label::Pending) {
        status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type("drift").set_message(verdict(entry, source)).set_description(differences(entry));
    } else if let Some(why) = drift.coverage.unseen.get(address) {
        status = TestCaseStatus::skipped();
        status.set_message(why.as_str());
    }
    let mut case = TestCase::new(address.to_string(), status);
    case.set_classname(format!("{}.{}", address.host(), address.component()));
    if let Some(entry) = entry.filter(|entry| entry.label == Label::Pending) {
        case.set_system_out(format!("pending: {}", verdict(entry, source)));
    }
    let ignored = drift.coverage.ignored.iter().find(|(_, addresses)| addresses.contains(address));
    if let Some((pattern, _)) = ignored {
        case.set_system_out(format!("drift, ignored by lifecycle.ignoreDrift `{pattern}`"));
    }
    case
}
