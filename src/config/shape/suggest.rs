//! The nearest known word.

/// The known word that was probably meant, if one is near.
pub(in crate::config) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = plain(word);
    let score = |candidate: &str| strsim::damerau_levenshtein(&plain, &self::plain(candidate));
    let (distance, best) = known.into_iter().map(|k| (score(k), k)).min()?;
    let allowed = (plain.chars().count().max(best.chars().count()) / 3).max(1);
    (word.len() <= 64 && distance <= allowed).then_some(best)
}

/// Ignores case, hyphens and underscores.
fn plain(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let known = ["podSubnet", "serviceSubnet", "roles", "certSANs"];
        assert_eq!(nearest("pod_subnet", known), Some("podSubnet"));
        assert_eq!(nearest("role", known), Some("roles"));
        assert_eq!(nearest("certsans", known), Some("certSANs"));
        assert_eq!(nearest("flavour", known), None);
        assert_eq!(nearest(&"r".repeat(100_000), known), None);
    }
}
