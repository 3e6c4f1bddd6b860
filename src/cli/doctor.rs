//! `reconbanker doctor`: what was found, as text or JSON, and the exit code.

use std::io::{self, Write};

use anyhow::{Context, bail};

use super::Form;
use crate::config::Settings;
use crate::doctor::{self, Report, State};

pub(super) async fn run(settings: &Settings, form: Form) -> anyhow::Result<()> {
    tell(&doctor::examine(settings).await, form)
}

/// What is told when the settings cannot be loaded: that, in the same form as everything else.
pub(super) fn without_settings(problem: &anyhow::Error, form: Form) -> anyhow::Result<()> {
    tell(&Report::without_settings(&format!("{problem:#}")), form)
}

/// Prints the report; an error when there is a fault, so that the exit code is 1.
fn tell(report: &Report, form: Form) -> anyhow::Result<()> {
    let text = match form {
        Form::Text => report.to_string(),
        Form::Json => report.to_json().to_string(),
    };
    writeln!(io::stdout(), "{text}").context("could not write to standard output")?;
    match report.count(State::Fault) {
        0 => Ok(()),
        1 => bail!("doctor found a fault"),
        faults => bail!("doctor found {faults} faults"),
    }
}
