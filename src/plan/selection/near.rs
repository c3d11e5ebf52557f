//! Suggestions for unknown names.

use std::collections::BTreeSet;

use crate::resource::{Address, Pattern};

/// Most suggestions for one name.
const MOST: usize = 3;

/// Known addresses that resemble an unknown name, the nearest first.
pub fn near<'a>(name: &str, known: impl IntoIterator<Item = &'a Address>) -> Vec<String> {
    patterns(&Pattern::new(name), &known.into_iter().collect())
}

/// Patterns like this one that match something: the first part that nothing has, put right.
pub(super) fn patterns(pattern: &Pattern, all: &BTreeSet<&Address>) -> Vec<String> {
    let parts: Vec<&str> = pattern.as_str().splitn(3, '/').collect();
    let mut fitting: Vec<[String; 3]> = all.iter().map(|address| parts_of(address)).collect();
    for (number, part) in parts.iter().enumerate() {
        let (covered, others): (Vec<_>, Vec<_>) =
            fitting.into_iter().partition(|address| pattern.covers(number, &address[number]));
        if covered.is_empty() {
            let known: BTreeSet<&str> = others.iter().map(|address| address[number].as_str()).collect();
            let right = nearest(part, known);
            return right.into_iter().map(|right| [&parts[..number], &[right]].concat().join("/")).collect();
        }
        fitting = covered;
    }
    Vec::new()
}

/// Addresses like this text.
pub(super) fn addresses(text: &str, all: &BTreeSet<&Address>) -> Vec<String> {
    let begun = Pattern::new(text);
    let below: Vec<String> = all.iter().filter(|it| begun.matches(it)).take(MOST).map(ToString::to_string).collect();
    if !below.is_empty() {
        return below;
    }
    let known: Vec<String> = all.iter().map(ToString::to_string).collect();
    nearest(text, known.iter().map(String::as_str)).into_iter().map(str::to_owned).collect()
}

fn parts_of(address: &Address) -> [String; 3] {
    [address.host().to_string(), address.component().to_owned(), address.short().to_owned()]
}

fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let near = |candidate: &&str| word.chars().count().max(candidate.chars().count()) * 2 / 5;
    let scored = known.into_iter().map(|it| (strsim::damerau_levenshtein(word, it), it));
    let mut scored: Vec<(usize, &str)> = scored.filter(|(distance, it)| *distance <= near(it).max(1)).collect();
    scored.sort_unstable();
    scored.into_iter().take(MOST).map(|(_, it)| it).collect()
}
