//! `inspect`: what a token says, unverified.

use std::process::ExitCode;

use alb_authn::time::UnixTime;
use alb_fixtures::mint::unix_now;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::arguments::{InspectArguments, OutputFormat};
use crate::failure::Failure;
use crate::input;
use crate::inspect::{Inspection, Kind};
use crate::pretty_json::{self, pretty};
use crate::terminal::{Page, Tone};

pub(crate) fn inspect(arguments: &InspectArguments) -> Result<ExitCode, Failure> {
    let token = input::token(arguments.common.token.as_deref())?;
    let now = arguments
        .at
        .unwrap_or_else(|| UnixTime::from_secs(unix_now()));
    let inspection = Inspection::of(&token, now);
    match arguments.common.output.format {
        OutputFormat::Text => text(&inspection).print()?,
        OutputFormat::Json => pretty_json::page(&Report::of(&inspection))?.print()?,
    }
    Ok(if inspection.is_decoded() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn text(inspection: &Inspection) -> Page {
    let mut page = Page::new();
    page.words(&[
        (Tone::Caution, "UNVERIFIED"),
        (
            Tone::Plain,
            ": anybody can write all of this. `alb-token verify` judges a token.",
        ),
    ]);
    page.line(match inspection.kind {
        Kind::User => "A user's token, which a load balancer signs (x-amzn-oidc-data).",
        Kind::Access => {
            "An identity provider's token, as a load balancer passes it on (x-amzn-oidc-accesstoken)."
        }
    });
    put_part(&mut page, "Protected header", inspection.header.as_deref());
    put_part(&mut page, "Claims", inspection.claims.as_deref());
    if !inspection.times.is_empty() {
        put_title(&mut page, "Times");
        for time in &inspection.times {
            let date = time.date.as_deref().unwrap_or("a date beyond the calendar");
            page.line(&format!("{}: {date} ({})", time.name, time.distance));
        }
    }
    put_title(
        &mut page,
        "What the filter would refuse, whatever its configuration",
    );
    if inspection.faults.is_empty() {
        page.line("Nothing in the token's form. The signature was not checked.");
    }
    for fault in &inspection.faults {
        page.words(&[
            (Tone::Bad, fault.reason),
            (Tone::Plain, ": "),
            (Tone::Plain, &fault.message),
        ]);
    }
    put_title(
        &mut page,
        match inspection.kind {
            Kind::User => {
                "A pluginConfig that would trust its signer, if that load balancer is yours"
            }
            Kind::Access => "A pluginConfig that would read it, if that issuer is yours",
        },
    );
    match inspection.trust.yaml() {
        Ok(yaml) => page.lines(&yaml),
        Err(why) => page.line(&format!("None: {why}.")),
    }
    page
}

fn put_title(page: &mut Page, title: &str) {
    page.line("");
    page.words(&[(Tone::Title, title), (Tone::Plain, ":")]);
}

fn put_part(page: &mut Page, name: &str, json: Option<&str>) {
    put_title(page, &format!("{name}, UNVERIFIED"));
    match json.and_then(pretty) {
        Some(json) => page.lines(&json),
        None => page.line("(can't be decoded)"),
    }
}

#[derive(Serialize)]
struct Report<'a> {
    verified: bool,
    /// `user_token` or `access_token`.
    kind: &'static str,
    header: Option<Box<RawValue>>,
    claims: Option<Box<RawValue>>,
    times: Vec<Time<'a>>,
    faults: Vec<Fault<'a>>,
    /// What would trust the signer; `null` where nothing would.
    configuration: Option<Value>,
    /// What that configuration would still refuse and what would write groups to a header, or why there is none.
    hints: Vec<&'a str>,
}

#[derive(Serialize)]
struct Time<'a> {
    name: &'a str,
    unix: i64,
    date: Option<&'a str>,
    distance: &'a str,
}

#[derive(Serialize)]
struct Fault<'a> {
    reason: &'static str,
    message: &'a str,
}

impl<'a> Report<'a> {
    fn of(inspection: &'a Inspection) -> Self {
        let raw = |json: &Option<String>| RawValue::from_string(json.clone()?).ok();
        let times = inspection.times.iter().map(|time| Time {
            name: &time.name,
            unix: time.unix_seconds,
            date: time.date.as_deref(),
            distance: &time.distance,
        });
        let faults = inspection.faults.iter().map(|fault| Fault {
            reason: fault.reason,
            message: &fault.message,
        });
        Self {
            verified: false,
            kind: match inspection.kind {
                Kind::User => "user_token",
                Kind::Access => "access_token",
            },
            header: raw(&inspection.header),
            claims: raw(&inspection.claims),
            times: times.collect(),
            faults: faults.collect(),
            configuration: inspection.trust.json(),
            hints: inspection.trust.hints(),
        }
    }
}
