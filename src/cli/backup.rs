//! What `backup` and `restore` say.

use std::path::Path;

use anyhow::Context;

use super::Form;
use super::commands::print;
use crate::backup::{self, Keys, Made, Report, Request, Restored};
use crate::config::Settings;
use crate::domain::time::{Clock, SystemClock};

pub(super) async fn make(settings: &Settings, request: &Request, form: Form) -> anyhow::Result<()> {
    let made = backup::make(settings, request, SystemClock.now()).await?;
    match form {
        Form::Json => print(&serde_json::to_string(&made).context("could not print the answer")?),
        Form::Text => tell_made(&made),
    }
}

fn tell_made(made: &Made) -> anyhow::Result<()> {
    print(&format!("backup   {}", made.file))?;
    let (size, took) = (size(made.bytes), seconds(made.took_ms));
    print(&format!("size     {size}, made in {took}, read back and checked"))?;
    for name in &made.removed {
        print(&format!("removed  {name}"))?;
    }
    for note in &made.notes {
        print(&format!("note: {note}"))?;
    }
    print(&format!(
        "The keys are not in it: they are in {}. Copy that folder once, to a place where backups are not.",
        made.keys_dir
    ))
}

pub(super) async fn check(settings: &Settings, file: &Path, form: Form) -> anyhow::Result<()> {
    let report = backup::check(settings, file).await?;
    match form {
        Form::Json => print(&serde_json::to_string(&report).context("could not print the answer")?)?,
        Form::Text => tell_report(&report)?,
    }
    report.refuse_wrong_keys()?;
    if form == Form::Text {
        print("the backup is good")?;
    }
    Ok(())
}

fn tell_report(report: &Report) -> anyhow::Result<()> {
    let (engine, made) = (report.engine.label(), report.created_at);
    print(&format!("backup   {} of {made}, {}", report.file, size(report.bytes)))?;
    print(&format!("made by  reconbanker {}, {engine}, schema {}", report.program_version, report.schema_version))?;
    if let Some(rows) = &report.rows {
        print(&format!(
            "rows     {} accounts, {} movements, {} expected payments, {} events, {} webhooks ({} of them pending)",
            rows.accounts,
            rows.movements,
            rows.expected_payments,
            rows.events,
            rows.deliveries,
            rows.pending_deliveries
        ))?;
    }
    if let Some(tables) = report.tables_in_dump {
        print(&format!(
            "dump     {tables} tables; read, not put back: only a restore into an empty database proves more"
        ))?;
    }
    let keys = match report.keys {
        Keys::Right => format!("the right ones are here; {} secrets opened", report.secrets_opened),
        Keys::Absent => "none are here".to_owned(),
        Keys::Wrong => "WRONG".to_owned(),
        Keys::NeverMade => "none belong to it; the database was never started".to_owned(),
    };
    print(&format!("keys     {keys}"))?;
    for note in &report.notes {
        print(&format!("note: {note}"))?;
    }
    Ok(())
}

pub(super) async fn restore(settings: &Settings, file: &Path) -> anyhow::Result<()> {
    let Restored { report, database, placed, kept } = backup::restore(settings, file).await?;
    tell_report(&report)?;
    print(&format!("database {database}"))?;
    let data_dir = settings.data_dir.display();
    for name in &placed {
        print(&format!("restored {name}"))?;
    }
    for name in &kept {
        print(&format!("kept     {name} as it is in {data_dir}: a backup overwrites nothing"))?;
    }
    report.refuse_wrong_keys().context("the data are back, but the keys do not fit")?;
    for sentence in next_steps(settings, &report, &placed) {
        print(&sentence)?;
    }
    Ok(())
}

/// What a person has to know and to do before the start.
fn next_steps(settings: &Settings, report: &Report, placed: &[String]) -> Vec<String> {
    let mut steps = Vec::new();
    if settings.database.url.is_some() && placed.iter().any(|name| name == crate::config::FILE_NAME) {
        steps.push(format!(
            "The restored {} is of the machine that was backed up: see that its database.url names the new database.",
            crate::config::FILE_NAME
        ));
    }
    let pending = report.rows.as_ref().map_or(0, |rows| rows.pending_deliveries);
    steps.push(format!(
        "{pending} webhooks were pending: they are sent again under the same webhook-id. What was decided after the \
         backup is read and decided again, under new ones."
    ));
    steps.push("Start the daemon only when the one that was backed up is stopped for good.".to_owned());
    let keys = settings.data_dir.join("keys");
    steps.push(match report.keys {
        Keys::Right | Keys::Wrong => format!("The keys in {} are the ones of this database.", keys.display()),
        Keys::Absent => format!(
            "Now copy the folder of the keys to {} (mode 700, its files 600): without them the daemon does not start.",
            keys.display()
        ),
        Keys::NeverMade => "The first start makes the keys.".to_owned(),
    });
    steps
}

/// Bytes in the unit that leaves few digits, with one decimal.
fn size(bytes: u64) -> String {
    for (unit, name) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
        if bytes >= unit {
            return format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit);
        }
    }
    format!("{bytes} B")
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_short() {
        for (bytes, expected) in [(1_023, "1023 B"), (1_536, "1.5 KiB"), (3 << 20, "3.0 MiB"), (19 << 29, "9.5 GiB")] {
            assert_eq!(size(bytes), expected);
        }
        for (ms, expected) in [(0, "0.0 s"), (999, "0.9 s"), (12_340, "12.3 s")] {
            assert_eq!(seconds(ms), expected);
        }
    }
}
