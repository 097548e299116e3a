//! What the documents say that the filter costs, against the last runs of `make bench` and `make bench-alternatives`.

use serde_json::Value;

const README: &str = include_str!("../../README.md");
const BENCHMARKS: &str = include_str!("../../docs/benchmarks.json");
const COMPARISON: &str = include_str!("../../docs/compare.md");
const ALTERNATIVES: &str = include_str!("../../docs/alternatives.json");
const MIB: f64 = 1_048_576.0;

#[test]
fn the_readme_gives_the_figures_of_the_last_benchmark() {
    let run: Value = serde_json::from_str(BENCHMARKS).unwrap();
    let number = |pointer: &str| {
        let value = run.pointer(pointer).and_then(Value::as_f64);
        value.unwrap_or_else(|| panic!("no {pointer}"))
    };
    // A microsecond for each of 1,000 requests a second is a thousandth of a core.
    let cores = |case: &str| number(&format!("/cases/{case}/added_min")) / 1_000.0;
    let memory = |workers: u8, filter: &str| number(&format!("/memory/{workers}/{filter}"));
    let first = (memory(1, "ours") - memory(1, "none")) / MIB;
    let both = (memory(2, "ours") - memory(2, "none")) / MIB;
    let cold = number("/cold_key_ms/cold") - number("/cold_key_ms/endpoint");

    let text = README.split_whitespace().collect::<Vec<_>>().join(" ");
    for sentence in [
        format!("the filter costs {:.2} of a CPU core", cores("ours, new")),
        format!("`jwt_authn` costs {:.2}.", cores("jwt_authn, new")),
        format!("A repeated token costs {:.3}.", cores("ours, repeated")),
        format!("{first:.0} MiB of memory with one worker"),
        format!("{:.1} MiB for each further one", both - first),
        format!("waits for the fetch and {cold:.0} ms more"),
    ] {
        assert!(text.contains(&sentence), "not in README.md: {sentence}");
    }
}

#[test]
fn the_comparison_gives_the_figures_of_the_last_benchmark() {
    let run: Value = serde_json::from_str(ALTERNATIVES).unwrap();
    let added = |case: &str| {
        let figure = run.pointer(&format!("/cases/{case}/added_min"));
        let figure = figure.and_then(Value::as_f64);
        figure.unwrap_or_else(|| panic!("no {case}"))
    };
    let text = COMPARISON.split_whitespace().collect::<Vec<_>>().join(" ");
    for service in ["oauth2-proxy", "aws-jwt-verify", "PyJWT"] {
        let times =
            |kind: &str| added(&format!("{service}, {kind}")) / added(&format!("ours, {kind}"));
        let row = format!(
            "| {service} | {:.1} × | {:.0} × |",
            times("new"),
            times("repeated")
        );
        assert!(text.contains(&row), "not in docs/compare.md: {row}");
    }
}
