//! No secret in any output.

/// Looks for each secret in a text that somebody may read; `place` says which one.
pub(crate) fn no_secret<'a>(
    place: &str,
    text: &[u8],
    mut secrets: impl Iterator<Item = &'a String>,
) -> Result<(), String> {
    // Texts are nearly always UTF-8, and searching those is fast.
    let text = String::from_utf8_lossy(text);
    match secrets.find(|secret| text.contains(secret.as_str())) {
        None => Ok(()),
        Some(secret) => {
            let at = text.find(secret.as_str()).unwrap_or_default();
            let start = text.char_indices().map(|(i, _)| i).take_while(|i| *i <= at.saturating_sub(60)).last();
            let around: String = text[start.unwrap_or_default()..].chars().take(120).collect();
            Err(format!("no secret in any output: {place} tells `{secret}`: ..{around}.."))
        }
    }
}
