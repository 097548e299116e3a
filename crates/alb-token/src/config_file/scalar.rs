//! What a YAML scalar means to those who hand the configuration on to the filter.
//!
//! kubectl reads YAML 1.1 (sigs.k8s.io/yaml): an unquoted `yes`, `on` or `n` is a boolean, `010` is 8,
//! and `1_000` a number. A reader of YAML 1.2 sees strings there and would find such a configuration
//! good that the filter then refuses. Envoy's own reader takes the same words for booleans.
//! Dates stay strings, as kubectl leaves them.

use super::value::Value;

/// The value of an unquoted scalar. `None` for what JSON can't say: `.inf`, `.nan`.
pub(super) fn resolve(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Value::Null),
        ".nan" | ".NaN" | ".NAN" => return None,
        _ if TRUE.contains(&text) => return Some(Value::Bool(true)),
        _ if FALSE.contains(&text) => return Some(Value::Bool(false)),
        _ if matches!(
            text.trim_start_matches(['+', '-']),
            ".inf" | ".Inf" | ".INF"
        ) =>
        {
            return None;
        }
        _ => {}
    }
    Some(number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number))
}

const TRUE: [&str; 11] = [
    "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON",
];
const FALSE: [&str; 11] = [
    "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF",
];

/// The number in JSON's form, where the text is one.
fn number(text: &str) -> Option<String> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return None;
    }
    let plain = text.replace('_', "");
    let (is_negative, digits) = match plain.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    match integer(digits) {
        Some(0) => Some("0".to_owned()),
        Some(integer) if is_negative => Some(format!("-{integer}")),
        Some(integer) => Some(integer.to_string()),
        None if is_float(digits) => float(&plain),
        None => None,
    }
}

/// Digits without a sign: decimal, `0x`, `0b`, `0o`, or octal after a `0`.
fn integer(digits: &str) -> Option<u64> {
    let in_base = |digits: &str, base| {
        // `from_str_radix` takes a sign, which stands before the prefix only.
        let starts_well = digits.starts_with(|c: char| c.is_ascii_alphanumeric());
        starts_well
            .then(|| u64::from_str_radix(digits, base).ok())
            .flatten()
    };
    match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => in_base(&digits[2..], 16),
        [b'0', b'b' | b'B', ..] => in_base(&digits[2..], 2),
        [b'0', b'o' | b'O', ..] => in_base(&digits[2..], 8),
        [b'0', _, ..] => in_base(&digits[1..], 8),
        _ => in_base(digits, 10),
    }
}

/// `1.5`, `.5`, `1.`, `1e3`: digits with at most one dot, at least one digit, and maybe an exponent.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_exponent = |text: &str| {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        !digits.is_empty() && all_digits(digits)
    };
    !(whole.is_empty() && fraction.is_empty())
        && all_digits(whole)
        && all_digits(fraction)
        && exponent.is_none_or(is_exponent)
}

fn float(text: &str) -> Option<String> {
    let number = serde_json::Number::from_f64(text.parse().ok()?)?;
    Some(number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_what_kubectl_makes_of_them() {
        let number = |text: &str| Some(Value::Number(text.into()));
        let string = |text: &str| Some(Value::String(text.into()));
        let cases = [
            ("", Some(Value::Null)),
            ("~", Some(Value::Null)),
            ("yes", Some(Value::Bool(true))),
            ("On", Some(Value::Bool(true))),
            ("y", Some(Value::Bool(true))),
            ("NO", Some(Value::Bool(false))),
            ("off", Some(Value::Bool(false))),
            ("yEs", string("yEs")),
            ("1024", number("1024")),
            ("1024.0", number("1024.0")),
            ("+7", number("7")),
            ("-7", number("-7")),
            ("-0", number("0")),
            ("010", number("8")),
            ("08", number("8.0")),
            ("0x1F", number("31")),
            ("0b11", number("3")),
            ("0o17", number("15")),
            ("1_000", number("1000")),
            ("1e3", number("1000.0")),
            (".5", number("0.5")),
            ("1.", number("1.0")),
            ("18446744073709551615", number("18446744073709551615")),
            ("99999999999999999999999", number("1e+23")),
            ("1.2.3", string("1.2.3")),
            ("1e", string("1e")),
            ("0x", string("0x")),
            ("0x-1", string("0x-1")),
            ("1h", string("1h")),
            ("--1", string("--1")),
            (".", string(".")),
            ("-", string("-")),
            ("e3", string("e3")),
            ("2024-01-01", string("2024-01-01")),
            (
                "3n4b5urk1ft4fl3mg5e62d9ado",
                string("3n4b5urk1ft4fl3mg5e62d9ado"),
            ),
            ("1e400", string("1e400")),
            (".inf", None),
            ("-.INF", None),
            (".NaN", None),
        ];
        for (text, expected) in cases {
            assert_eq!(resolve(text), expected, "{text:?}");
        }
    }
}
