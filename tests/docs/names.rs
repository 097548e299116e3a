//! Names in the documents: of reasons, fields and metrics.

use std::collections::BTreeSet;

use alb_authn::reason::Reason;
use alb_authn::report::{Counter, Gauge, KEY_FETCH_MS};

use crate::schema::fields;
use crate::{CONFIGURATION, GROUPS, OPERATIONS, REJECTIONS};

const DOCUMENTS: [(&str, &str); 4] = [
    ("configuration.md", CONFIGURATION),
    ("groups.md", GROUPS),
    ("operations.md", OPERATIONS),
    ("rejections.md", REJECTIONS),
];

#[test]
fn a_name_in_code_that_looks_like_a_reason_or_field_is_one() {
    let fields = fields();
    let known: BTreeSet<&str> = fields
        .keys()
        .flat_map(|path| path.split(['.', '[']))
        .chain(Reason::all().map(|reason| reason.name()))
        .collect();
    for (document, text) in DOCUMENTS {
        for name in text.split('`').skip(1).step_by(2) {
            // `publicKeys.maxWait`: a path whose every step must be a field.
            let root = name.split(['.', '[']).next().unwrap();
            if fields.contains_key(root)
                && name
                    .chars()
                    .all(|c| c.is_alphanumeric() || ".[]".contains(c))
            {
                let steps = name.split(['.', '[', ']']).filter(|step| !step.is_empty());
                let unknown: Vec<&str> = steps.filter(|step| !known.contains(step)).collect();
                assert!(unknown.is_empty(), "{document}: `{name}`");
            }
        }
    }
}

#[test]
fn the_metrics_that_the_documents_name_exist() {
    let metrics: BTreeSet<String> = Counter::all()
        .into_iter()
        .map(Counter::name)
        .chain(Gauge::ALL.into_iter().map(|gauge| gauge.name().to_owned()))
        .chain(
            [
                KEY_FETCH_MS,
                "alb_authn.requests.<reason>",
                "alb_authn.observed.<reason>",
            ]
            .map(str::to_owned),
        )
        // Not metrics, but the names in Envoy's filter state.
        .chain(["alb_authn.reason", "alb_authn.user"].map(str::to_owned))
        .collect();
    let mut found = 0_usize;
    for (document, text) in DOCUMENTS {
        for (start, _) in text.match_indices("alb_authn.") {
            let rest = text.split_at(start).1;
            let is_of_a_name = |c: char| c.is_ascii_lowercase() || "._<>".contains(c);
            let name = rest
                .split(|c| !is_of_a_name(c))
                .next()
                .unwrap()
                .trim_end_matches('.');
            assert!(metrics.contains(name), "{document}: {name}");
            found = found.saturating_add(1);
        }
    }
    assert!(found > 5, "{found}");
}
