//! Any bytes as a header map of Envoy's.

use alb_authn::wire::{header_bytes, header_pairs};

/// # Panics
/// Where a rule is broken.
pub fn run(data: &[u8]) {
    let Some(pairs) = header_pairs(data) else {
        return;
    };
    let mut texts = 0;
    for (name, value) in &pairs {
        texts += name.len() + value.len() + 2;
    }
    if data.is_empty() {
        assert!(pairs.is_empty());
        return;
    }
    assert!(
        4 + pairs.len() * 8 + texts <= data.len(),
        "no byte is read twice"
    );
    let utf8: Option<Vec<(&str, String)>> = pairs
        .iter()
        .map(|(name, value)| {
            let value = std::str::from_utf8(value).ok()?;
            Some((std::str::from_utf8(name).ok()?, value.to_owned()))
        })
        .collect();
    if let Some(headers) = utf8 {
        assert_eq!(header_pairs(&header_bytes(&headers)), Some(pairs));
    }
}
