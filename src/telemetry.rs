//! What operators read: log lines on standard error, as text for people or as JSON for machines.
//!
//! One fact, one line: the message is a constant, what varies is a field. Fields have the same name everywhere:
//!
//! | field | what it holds |
//! | --- | --- |
//! | `run_id` | one reading of a bank |
//! | `org_id`, `account_id` | whom it is about |
//! | `job_id` | the job that does it |
//! | `delivery_id` | one webhook on its way to one endpoint |
//! | `outcome` | the stable word for how it ended |
//! | `took_ms` | how long it took |
//!
//! Never logged, at any level: passwords, one-time codes, tokens, signing secrets, session cookies, bank user names,
//! names of people and businesses, descriptions and amounts of movements, bodies of requests and answers, pages of
//! banks. Ids stand for all of these; who may see the thing itself looks it up by its id. Secrets are kept in
//! `SecretString`, whose `Debug` prints none of it, so that a careless `?value` stays harmless.

use std::io::{IsTerminal, stderr};

use tracing::Dispatch;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::{LogFormat, LogSettings};

#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("`log.filter` is not a list of levels such as \"info,reconbanker::scrape=debug\"")]
    Filter(#[from] ParseError),
    #[error("logging was already set up in this process")]
    AlreadySet(#[from] TryInitError),
}

/// Starts logging for the whole process; once.
pub fn init(settings: &LogSettings) -> Result<(), TelemetryError> {
    dispatch(settings, stderr)?.try_init()?;
    Ok(())
}

fn dispatch<W>(settings: &LogSettings, writer: W) -> Result<Dispatch, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(&settings.filter)?)
        .with_writer(writer)
        .with_ansi(stderr().is_terminal());
    Ok(match settings.format {
        LogFormat::Text => lines.into(),
        // The span list repeats what the current span already says.
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).into(),
    })
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::config::{Settings, Sources};

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no writer panics").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged about `settings` themselves, by a careless developer.
    fn log_of(format: LogFormat, settings: &Settings) -> String {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let log = LogSettings { format, filter: "info".to_owned() };
        let dispatch = dispatch(&log, move || writer.clone()).expect("`info` is a filter");
        tracing::dispatcher::with_default(&dispatch, || {
            let span = tracing::info_span!("reading", run_id = "run-1");
            let _inside = span.enter();
            tracing::info!(?settings, outcome = "success", "settings loaded");
            tracing::debug!("too fine to be wanted");
        });
        let bytes = buffer.0.lock().expect("no writer panics").clone();
        String::from_utf8(bytes).expect("log lines are UTF-8")
    }

    fn settings_with_a_password() -> Settings {
        let url = ("database.url".to_owned(), "postgres://bank:hunter2@localhost/money".to_owned());
        Settings::load(Sources { overrides: vec![url], ..Sources::default() }).expect("a good URL")
    }

    #[test]
    fn a_secret_is_not_logged_even_when_the_value_around_it_is() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let log = log_of(format, &settings_with_a_password());
            assert!(log.contains("settings loaded"), "{log}");
            assert!(!log.contains("hunter2"), "{log}");
        }
    }

    #[test]
    fn json_is_one_object_a_line_with_the_fields_at_the_top() {
        let log = log_of(LogFormat::Json, &settings_with_a_password());
        let line: serde_json::Value = serde_json::from_str(&log).expect("exactly one line of JSON");
        assert_eq!(line["message"], "settings loaded");
        assert_eq!(line["outcome"], "success");
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["span"]["run_id"], "run-1");
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_an_error() {
        let log = LogSettings { format: LogFormat::Text, filter: "reconbanker=loud".to_owned() };
        assert!(matches!(dispatch(&log, io::sink), Err(TelemetryError::Filter(_))));
    }
}
