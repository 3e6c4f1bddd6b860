//! Facts that the database has.

use std::sync::Arc;
use std::time::{Duration, Instant as Stopwatch};

use chrono::TimeDelta;
use futures_util::future::{BoxFuture, join_all};
use secrecy::ExposeSecret;
use tokio::time::timeout;
use url::Url;

use super::{LIMIT, Lost, blocking, host, lost};
use crate::app;
use crate::config::Settings;
use crate::doctor::Finding;
use crate::doctor::database::{self, Reached, Soundness};
use crate::doctor::machine::{self, Clocks};
use crate::doctor::storage::{self, Belonging, Daemon};
use crate::doctor::work::{self, Waiting};
use crate::domain::run::RunKind;
use crate::domain::time::{Clock, Instant, SystemClock, apart};
use crate::store::inspect::Schema;
use crate::store::jobs::Queue;
use crate::store::{Location, Store, StoreError};

/// In the order in which they are told.
pub(super) const NAMES: [&str; 11] = [
    "database",
    "schema",
    "database_integrity",
    "keys",
    "clock",
    "time_zones",
    "queue",
    "deliveries",
    "polls",
    "scrapes",
    "blocked_accounts",
];

/// Most rows of one kind that are read; a few of them are told.
const ROWS_MAX: u16 = 500;
/// What was given up longer ago is nobody's news.
const LATELY: TimeDelta = TimeDelta::days(7);
/// A question that hangs keeps its connection; it ends with the process.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

pub(super) async fn findings(settings: Arc<Settings>, daemon: Daemon) -> Vec<Finding> {
    let (reached, open) = reach(&settings).await;
    let tables = open.as_ref().filter(|(_, schema)| *schema != Schema::Missing).map(|(store, _)| store);
    let mut findings = vec![database::database(&reached)];
    let mut looks: Vec<BoxFuture<'_, Finding>> =
        vec![Box::pin(keys(&settings, tables)), Box::pin(clock(tables)), Box::pin(time_zones(&settings, tables))];
    if let Some((store, schema)) = &open {
        findings.push(database::schema(*schema));
        looks.push(Box::pin(integrity(store)));
    }
    if let Some(store) = tables {
        looks.push(Box::pin(queue(store, daemon, SystemClock.now())));
        looks.push(Box::pin(deliveries(store, SystemClock.now())));
        looks.push(Box::pin(runs(store, RunKind::Poll)));
        looks.push(Box::pin(runs(store, RunKind::Scrape)));
        looks.push(Box::pin(blocked_accounts(store)));
    }
    findings.extend(join_all(looks).await);
    for name in NAMES {
        if !findings.iter().any(|finding| finding.name == name) {
            findings.push(database::not_asked(name, &reached));
        }
    }
    findings.sort_by_key(|finding| NAMES.iter().position(|name| *name == finding.name));
    if let Some((store, _)) = open {
        // Nothing is lost when it takes too long.
        let _ = timeout(CLOSE_LIMIT, store.close()).await;
    }
    findings
}

/// Connects, reads for the first time, and measures.
async fn reach(settings: &Settings) -> (Reached, Option<(Store, Schema)>) {
    let location = app::location(settings);
    if let Location::Sqlite(file) = &location
        && matches!(file.try_exists(), Ok(false))
    {
        return (Reached::NotMade { file: file.display().to_string() }, None);
    }
    let opened = Box::pin(async {
        let store = Store::connect_to_look(&location).await?;
        // It reads, and so finds out what a bare connection to a file does not.
        let schema = store.schema().await?;
        let started = Stopwatch::now();
        store.ping().await?;
        Ok::<_, StoreError>((store, schema, started.elapsed()))
    });
    match answer(opened).await {
        Ok((store, schema, round_trip)) => {
            (Reached::Answers { engine: store.engine(), round_trip }, Some((store, schema)))
        }
        Err(reason) => {
            let (place, remedy) = match &settings.database.url {
                Some(url) => (
                    format!("the PostgreSQL on {}", host_of(url.expose_secret())),
                    "start the server; check database.url, the network between and the server's pg_hba.conf",
                ),
                None => (
                    location.to_string(),
                    "check disk_writable and who owns the file; when it is damaged, restore the last backup",
                ),
            };
            (Reached::Silent { place, reason, remedy }, None)
        }
    }
}

/// The host alone: the URL may hold a password.
fn host_of(url: &str) -> String {
    let host = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.filter(|host| !host.is_empty()).unwrap_or_else(|| "the host in database.url".to_owned())
}

/// The answer to a question, or why there is none.
async fn answer<T>(question: impl Future<Output = Result<T, StoreError>>) -> Result<T, String> {
    match timeout(LIMIT, question).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(with_causes(&error)),
        Err(_elapsed) => Err(format!("no answer within {} s", LIMIT.as_secs())),
    }
}

/// An error with its causes on one line; some repeat theirs.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

async fn integrity(store: &Store) -> Finding {
    let question = Box::pin(async { store.read().await?.damage().await });
    let soundness = match timeout(LIMIT, question).await {
        Ok(Ok(Some(damage))) => Soundness::Looked(damage),
        Ok(Ok(None)) => Soundness::NotOurs,
        // A file that is damaged badly enough is no answer but an error.
        Ok(Err(error @ (StoreError::Database(_) | StoreError::Disk(_)))) => {
            Soundness::Looked(vec![with_causes(&error)])
        }
        Ok(Err(error)) => return database::failed("database_integrity", &with_causes(&error)),
        Err(_elapsed) => Soundness::Unfinished,
    };
    database::database_integrity(&soundness)
}

async fn keys(settings: &Arc<Settings>, store: Option<&Store>) -> Finding {
    let shared = Arc::clone(settings);
    let keys = match blocking(LIMIT, move || host::keys(&shared)).await {
        Ok(keys) => keys,
        Err(why) => return lost_one("keys", why),
    };
    let stored = match store {
        Some(store) => answer(async { store.read().await?.key_check().await }).await.ok(),
        None => None,
    };
    let belonging = match stored {
        None => Belonging::Unknown,
        Some(None) => Belonging::Fresh,
        Some(Some(stored)) if keys.check.is_some_and(|check| check[..] == stored[..]) => Belonging::Same,
        Some(Some(_)) => Belonging::Other,
    };
    storage::keys(&keys.dir, keys.mode, &keys.loaded, belonging)
}

fn lost_one(name: &'static str, why: Lost) -> Finding {
    let mut findings = lost(LIMIT, &[name], why);
    findings.pop().expect("one for each name")
}

async fn clock(store: Option<&Store>) -> Finding {
    let (mut newest_event, mut server_apart) = (None, None);
    if let Some(store) = store {
        newest_event = answer(async { store.read().await?.newest_event_at().await }).await.ok().flatten();
        let before = SystemClock.now();
        let theirs = answer(async { store.read().await?.server_clock().await }).await.ok().flatten();
        server_apart = theirs.map(|theirs| apart(before, theirs, SystemClock.now()));
    }
    let on_disk = blocking(LIMIT, || (host::program_built(), host::is_synchronised())).await;
    let (program_built, is_synchronised) = on_disk.unwrap_or((None, false));
    let now = SystemClock.now();
    machine::clock(&Clocks { now, program_built, newest_event, server_apart, is_synchronised })
}

async fn time_zones(settings: &Arc<Settings>, store: Option<&Store>) -> Finding {
    let shared = Arc::clone(settings);
    let mut zones = blocking(LIMIT, move || host::recipe_zones(&shared)).await.unwrap_or_default();
    if let Some(store) = store {
        // Those of banks whose recipes are gone count too: their accounts' days are still counted.
        let banks = answer(async { store.read().await?.banks().await }).await.unwrap_or_default();
        zones.extend(banks.into_iter().map(|bank| (bank.code, bank.time_zone)));
    }
    machine::time_zones(&zones)
}

async fn queue(store: &Store, daemon: Daemon, now: Instant) -> Finding {
    let question = async {
        let mut tx = store.read().await?;
        let dead = tx.dead_jobs().await?;
        let mut oldest_due = None;
        for queue in Queue::ALL {
            let next = tx.next_job_at(*queue).await?;
            oldest_due = [oldest_due, next].into_iter().flatten().min();
        }
        Ok::<_, StoreError>(Waiting { dead, oldest_due })
    };
    match answer(question).await {
        Ok(waiting) => work::queue(&waiting, daemon, now),
        Err(reason) => database::failed("queue", &reason),
    }
}

async fn deliveries(store: &Store, now: Instant) -> Finding {
    let question = async {
        let mut tx = store.read().await?;
        let failing = tx.failing_deliveries(ROWS_MAX.into()).await?;
        let dead = tx.dead_deliveries_since(now - LATELY).await?;
        Ok::<_, StoreError>((failing, dead))
    };
    match answer(question).await {
        Ok((failing, dead)) => work::deliveries(&failing, ROWS_MAX.into(), dead, LATELY),
        Err(reason) => database::failed("deliveries", &reason),
    }
}

async fn runs(store: &Store, kind: RunKind) -> Finding {
    match answer(async { store.read().await?.failed_last_runs(kind, ROWS_MAX.into()).await }).await {
        Ok(failed) => work::runs(kind, &failed, ROWS_MAX.into()),
        Err(reason) => {
            let name = match kind {
                RunKind::Poll => "polls",
                RunKind::Scrape => "scrapes",
            };
            database::failed(name, &reason)
        }
    }
}

async fn blocked_accounts(store: &Store) -> Finding {
    match answer(async { store.read().await?.blocked_accounts(ROWS_MAX.into()).await }).await {
        Ok(blocked) => work::blocked_accounts(&blocked, ROWS_MAX.into()),
        Err(reason) => database::failed("blocked_accounts", &reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_by_its_host_alone() {
        let check = |url: &str, expected: &str| assert_eq!(host_of(url), expected);
        check("postgres://ana:s3cret@db.example:5432/bank", "db.example");
        check("postgres:///bank?host=/run/postgresql", "the host in database.url");
        check("no url with s3cret", "the host in database.url");
    }

    #[test]
    fn a_cause_that_was_said_is_not_repeated() {
        let error = StoreError::Connect(std::io::Error::other("refused").into());
        let text = with_causes(&error);
        assert!(text.starts_with("could not connect to the database: "), "{text}");
        assert_eq!(text.matches("refused").count(), 1, "{text}");
    }
}
