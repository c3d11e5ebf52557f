//! Plain scalars to values: the core schema of YAML 1.2, in which `no`, `off` and `1:30` are text.

use super::Scalar;
use serde_json::Number;

/// The type of a plain (unquoted) scalar.
pub(super) fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" => return Scalar::Bool(true),
        "false" | "False" | "FALSE" => return Scalar::Bool(false),
        _ => {}
    }
    match number(text) {
        Some(number) => Scalar::Number(number, text.to_owned()),
        None => Scalar::Text(text.to_owned()),
    }
}

fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.len() > 64 || !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).ok().map(Number::from);
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return u64::from_str_radix(octal, 8).ok().map(Number::from);
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        let text = text.strip_prefix('+').unwrap_or(text);
        if let Ok(value) = text.parse::<i64>() {
            return Some(value.into());
        }
        if let Ok(value) = text.parse::<u64>() {
            return Some(value.into());
        }
    }
    let float = digits.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b))
        && digits.bytes().any(|b| b.is_ascii_digit());
    if float { text.parse().ok().and_then(Number::from_f64) } else { None }
}

#[cfg(test)]
mod tests {
    use super::{Scalar, resolve};

    #[test]
    fn plain_scalars_follow_yaml_1_2() {
        for text in ["no", "off", "y", "1:30", "1.31.4", "10.0.0.1", "0x", "-", ".", "1_000", ".inf"] {
            assert!(matches!(resolve(text), Scalar::Text(_)), "{text}");
        }
        for text in ["0", "-7", "+7", "0x1F", "0o17", "1.31", "1e3", ".5", "99999999999999999999"] {
            assert!(matches!(resolve(text), Scalar::Number(..)), "{text}");
        }
        assert!(matches!(resolve("~"), Scalar::Null));
        assert!(matches!(resolve("True"), Scalar::Bool(true)));
    }
}
