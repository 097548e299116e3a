//! A Prometheus that scrapes one Envoy.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::{env, thread};

use serde_json::{Value, json};
use wasm_tests::{Folder, eventually};

use crate::files::rules;

/// One series of an answer.
#[derive(Debug)]
pub struct Sample {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value now.
    pub value: f64,
}

/// A running Prometheus; it ends when it is dropped.
pub struct Prometheus {
    child: Child,
    folder: Folder,
    url: String,
}

impl Prometheus {
    /// Starts one that scrapes `envoy` each second as the job `envoy`, and once more as `older-envoy`, where the
    /// filter's metrics have the prefix that Envoy gave them before it knew custom namespaces.
    pub fn start(envoy: SocketAddr) -> Self {
        let folder = Folder::new();
        let rules = folder.write("rules.json", &rules().to_string());
        let job = |name: &str, relabelling: Value| {
            json!({
                "job_name": name,
                "metrics_path": "/stats/prometheus",
                "static_configs": [{"targets": [envoy.to_string()]}],
                "metric_relabel_configs": relabelling,
            })
        };
        let older = json!([{
            "source_labels": ["__name__"],
            "regex": "(alb_authn_.+)",
            "target_label": "__name__",
            "replacement": "envoy_wasmcustom_$1",
        }]);
        let config = json!({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [rules],
            "scrape_configs": [job("envoy", json!([])), job("older-envoy", older)],
        });
        let config = folder.write("prometheus.json", &config.to_string());
        let log = File::create(folder.file("log")).expect("a writable folder");
        let mut child = Command::new(program("prometheus"))
            .arg("--config.file")
            .arg(config)
            .arg("--storage.tsdb.path")
            .arg(folder.file("data"))
            .args(["--web.listen-address", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("Prometheus starts; `make test-dashboards` installs it");
        let url = eventually("Prometheus listens", || {
            let log = folder.read("log");
            let exited = child.try_wait().expect("a child process");
            assert!(exited.is_none(), "Prometheus ended:\n{log}");
            let (_, rest) = log.split_once("msg=\"Listening on\" address=")?;
            let address = rest.split_once('\n')?.0.trim();
            Some(format!("http://{address}"))
        });
        Self { child, folder, url }
    }

    /// What a query answers now.
    #[track_caller]
    pub fn query(&self, expr: &str) -> Vec<Sample> {
        let answer = promtool(&["query", "instant", "-o", "json", &self.url, expr]);
        let answer = answer.unwrap_or_else(|message| panic!("{expr}:\n{message}"));
        let samples: Value = serde_json::from_str(&answer).expect("promtool answers in JSON");
        let sample = |sample: &Value| {
            let value = sample["value"][1].as_str()?.parse().ok()?;
            let labels = serde_json::from_value(sample["metric"].clone()).ok()?;
            Some(Sample { labels, value })
        };
        let samples = samples.as_array().expect("a vector");
        samples
            .iter()
            .map(|s| sample(s).expect("a sample"))
            .collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let log = self.folder.read("log");
            eprintln!("Prometheus's log:\n{log}");
        }
    }
}

/// What promtool prints; `Err` where it fails.
pub fn promtool(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program("promtool")).args(arguments).output();
    let output = output.expect("promtool starts; `make test-dashboards` installs it");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stdout) + &text(&output.stderr))
    }
}

fn program(name: &str) -> PathBuf {
    env::var_os("PROMETHEUS_DIR")
        .map_or_else(|| name.into(), |folder| PathBuf::from(folder).join(name))
}
