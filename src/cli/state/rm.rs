//! `mainstay state rm`

use std::collections::{BTreeMap, BTreeSet};

use super::super::error::{CliError, Exit};
use super::super::ui::Ui;
use super::super::which::Target;
use super::surgery::{Manner, Operation, Writing, not_recorded, records, whole};
use crate::resource::{Address, Pattern};
use crate::state;

/// Remove resources from the state; hosts are not changed, and mainstay stops managing them
///
/// The next plan adopts resources that cluster.yaml still declares. A removed state entry also loses what was there
/// before mainstay, so destroy cannot restore it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mainstay state rm w2 --dry-run
  mainstay state rm w2                                   # the machine is gone for good
  mainstay state rm 'cp1/host/sysctl[net.ipv4.ip_forward]' '*/keepalived'")]
pub(super) struct Args {
    /// Addresses, prefixes or globs
    #[arg(required = true, value_name = "PAT")]
    patterns: Vec<String>,
    #[command(flatten)]
    writing: Writing,
}

pub(super) fn run(args: &Args, target: &Target, ui: Ui) -> Result<Exit, CliError> {
    let manner = Manner::take(target, "rm", args.writing, false, ui)?;
    let (found, before) = whole(target)?;
    let mut gone: BTreeSet<Address> = BTreeSet::new();
    for text in &args.patterns {
        let pattern = Pattern::new(text.clone());
        let mut matching = before.resources.keys().filter(|address| pattern.matches(address)).peekable();
        if matching.peek().is_none() {
            return Err(not_recorded(text, &before));
        }
        gone.extend(matching.cloned());
    }
    let mut wanted = before.clone();
    let bereft = state::forget(&mut wanted, &gone);
    let mut needed: BTreeMap<Address, Vec<Address>> = BTreeMap::new();
    for (stays, one) in bereft {
        needed.entry(stays).or_default().push(one);
    }
    let warnings = needed.iter().map(|(stays, needed)| match &needed[..] {
        [one] => format!("{stays} stays in the state and depends on {one}"),
        all => format!("{stays} stays in the state and depends on {} and {} more", all[0], all.len() - 1),
    });
    let warnings = warnings.collect();
    let verb = match gone.len() {
        _ if args.writing.dry_run => "would be removed from the state",
        1 => "is removed from the state",
        _ => "are removed from the state",
    };
    Operation {
        name: "rm",
        target,
        found,
        wanted,
        headline: format!("{}: {} {verb}; the hosts are not changed", before.cluster, records(gone.len())),
        moved: Vec::new(),
        warnings,
    }
    .carry_out(manner, ui)
}
