//! `check-config`: every problem of a configuration, by its path.

use std::process::ExitCode;

use serde::Serialize;

use crate::arguments::{CheckConfigArguments, OutputFormat};
use crate::config_file::{ConfigFile, Finding, Severity};
use crate::failure::Failure;
use crate::input;
use crate::pretty_json;
use crate::terminal::{Page, Tone};

#[derive(Serialize)]
struct Report {
    ok: bool,
    /// The objects that were checked; none for a pluginConfig alone.
    objects: Vec<String>,
    findings: Vec<Finding>,
}

pub(crate) fn check_config(arguments: &CheckConfigArguments) -> Result<ExitCode, Failure> {
    let text = input::text("FILE", &arguments.file)?;
    let report = Report::of(&ConfigFile::parse(&text, &arguments.root_namespace));
    match arguments.output.format {
        OutputFormat::Text => report.text().print()?,
        OutputFormat::Json => pretty_json::page(&report)?.print()?,
    }
    Ok(if report.ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Report {
    fn of(file: &ConfigFile) -> Self {
        let findings = file.findings();
        Self {
            ok: !findings.iter().any(|f| f.severity == Severity::Problem),
            objects: file.plugins.iter().filter_map(|p| p.name.clone()).collect(),
            findings,
        }
    }

    /// A line for each finding, and one that says that there is no problem.
    fn text(&self) -> Page {
        let mut page = Page::new();
        for finding in &self.findings {
            let place = finding.place();
            let message = (Tone::Plain, finding.message.as_str());
            match finding.severity {
                Severity::Problem => page.words(&[(Tone::Bad, &place), message]),
                Severity::Warning => {
                    page.words(&[(Tone::Caution, "warning: "), (Tone::Title, &place), message]);
                }
            }
        }
        if self.ok {
            let names = self.objects.join(", ");
            let (of, names) = if names.is_empty() {
                ("", "")
            } else {
                (": ", names.as_str())
            };
            page.words(&[(Tone::Good, "ok"), (Tone::Plain, of), (Tone::Plain, names)]);
        }
        page
    }
}
