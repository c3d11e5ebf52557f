//! Passwords in files that others wrote, which no plan may show and no state may hold.

use crate::resource::Secret;

/// Words after which the rest of a line is a password: keepalived's, haproxy's, and those of registries.
const WORDS: [&str; 7] = ["auth_pass", "password", "insecure-password", "passwd", "secret", "token", "identitytoken"];

/// The text with every password masked; `None` when it has none.
pub(super) fn masked(text: &str) -> Option<String> {
    let mut found = false;
    let mut shown = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match password(line) {
            Some(at) => {
                found = true;
                shown.push_str(&line[..at]);
                shown.push_str(Secret::MASK);
                shown.push_str(if line.ends_with('\n') { "\n" } else { "" });
            }
            None => shown.push_str(line),
        }
    }
    found.then_some(shown)
}

/// Where in the line a password begins.
fn password(line: &str) -> Option<usize> {
    let mut before = "";
    let mut end = 0;
    for word in line.split_whitespace() {
        end += line[end..].find(word)? + word.len();
        let name = word.split(['=', ':']).next()?.trim_matches(['"', '\'']).to_ascii_lowercase();
        let said = WORDS.contains(&name.as_str()) || name == "auth" && (before == "stats" || assigns(&line[end..]));
        if said {
            // `password=x` is one word.
            let value = word.find(['=', ':']).map_or(end, |sign| end - word.len() + sign + 1);
            let rest = line[value..].trim_start_matches([' ', '\t', '=', ':']);
            if !rest.trim().is_empty() {
                return Some(line.len() - rest.len());
            }
        }
        before = word;
    }
    None
}

fn assigns(rest: &str) -> bool {
    rest.trim_start().starts_with('=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_password_word_is_masked() {
        let mask = Secret::MASK;
        for (line, expected) in [
            ("        auth_pass 42\n", format!("        auth_pass {mask}\n")),
            ("stats auth admin:x y", format!("stats auth {mask}")),
            ("  user u insecure-password p1 groups a\n", format!("  user u insecure-password {mask}\n")),
            ("  password = \"x\"\n", format!("  password = {mask}\n")),
            ("password=x\n", format!("password={mask}\n")),
            ("  \"password\": \"x\"\n", format!("  \"password\": {mask}\n")),
            ("  auth = \"eA==\"\n", format!("  auth = {mask}\n")),
        ] {
            let text = format!("first\n{line}");
            assert_eq!(masked(&text), Some(format!("first\n{expected}")), "{line}");
        }
    }

    #[test]
    fn other_lines_are_left_as_they_are() {
        for text in [
            "",
            "authentication {\n    auth_type PASS\n}\n",
            "password:\n",
            "auth {\n",
            "http-request auth\n",
            "tokens 3",
        ] {
            assert_eq!(masked(text), None, "{text}");
        }
    }
}
