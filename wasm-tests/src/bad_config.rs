//! Configurations that Envoy must refuse, and tables of them.

use std::sync::Mutex;
use std::thread;

use serde_json::{Value, json};

use crate::alb::entry;
use crate::scenario::Scenario;

/// How many Envoys start at a time.
const AT_A_TIME: usize = 3;

/// Where the fault is put (a JSON pointer), what is put there, and the path that the log names. A
/// path that ends in `:` is the field itself, another one may go on below it.
pub type BadField = (&'static str, Value, &'static str);

/// Fails unless Envoy refuses each field, alone in an otherwise good configuration.
pub fn assert_fields_refused(fields: Vec<BadField>) {
    let texts = fields
        .into_iter()
        .map(|(pointer, value, path)| (with(pointer, value), path));
    check(
        texts
            .map(|(config, path)| (config.to_string(), path))
            .collect(),
    );
}

/// Fails unless Envoy refuses an otherwise good configuration without the member at each pointer.
pub fn assert_members_required(members: &[(&str, &'static str)]) {
    let texts = members
        .iter()
        .map(|(pointer, path)| (without(pointer).to_string(), *path));
    check(texts.collect());
}

/// Fails unless Envoy refuses `text` with one line that names `path`.
pub fn assert_config_refused(text: Option<&str>, path: &str) {
    let shown = text.unwrap_or("no configuration");
    let lines = Scenario::new().config_text(text).refused();
    let errors = ["error ", "critical "];
    let errors: Vec<_> = lines
        .iter()
        .filter(|line| errors.iter().any(|level| line.starts_with(level)))
        .collect();
    assert_eq!(errors.len(), 1, "{shown}: {lines:#?}");
    let named = errors[0].contains(&format!(": {path}"));
    assert!(named, "{path} is not named: {} for {shown}", errors[0]);
}

fn base() -> Value {
    json!({
        "loadBalancers": [entry()],
        "outputClaimToHeaders": [{"header": "kubeflow-userid", "claim": "email"}],
        "stripHeaders": ["x-a"],
        "requiredClaims": [{"claim": "a", "anyOf": ["b"]}],
        "allowMissingToken": [{"path": "/healthz"}],
        "logout": {"path": "/logout", "location": "https://a.example.com/"},
        "publicKeys": {},
        "tokenCache": {},
    })
}

/// The base configuration with `value` at `pointer`, a member that may be new.
fn with(pointer: &str, value: Value) -> Value {
    let mut config = base();
    let (parent, member) = pointer.rsplit_once('/').expect("a pointer");
    let parent = config.pointer_mut(parent).expect("a known parent");
    match member.parse::<usize>() {
        Ok(index) => parent[index] = value,
        Err(_) => parent[member] = value,
    }
    config
}

fn without(pointer: &str) -> Value {
    let mut config = base();
    let (parent, member) = pointer.rsplit_once('/').expect("a pointer");
    let parent = config.pointer_mut(parent).and_then(Value::as_object_mut);
    let removed = parent.and_then(|parent| parent.remove(member));
    removed.unwrap_or_else(|| panic!("{pointer} is not there"));
    config
}

/// Works the cases off, a few at a time; every failure is shown.
fn check(cases: Vec<(String, &'static str)>) {
    let cases = Mutex::new(cases);
    let next = || cases.lock().expect("no poison").pop();
    let work = || {
        let mut failed = 0;
        while let Some((text, path)) = next() {
            let judged = std::panic::catch_unwind(|| assert_config_refused(Some(&text), path));
            failed += usize::from(judged.is_err());
        }
        failed
    };
    let failed: usize = thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(work)).collect();
        let results = workers.into_iter().map(|worker| worker.join());
        results.map(|failed| failed.expect("a worker")).sum()
    });
    assert_eq!(
        failed, 0,
        "configurations that were not refused as they must be"
    );
}
