//! What each subcommand does.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, bail};
use secrecy::SecretString;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{
    BenchCommand, BenchPlace, Command, ConfigCommand, MatchCommand, OrdersCommand, ScraperCommand, UserCommand, backup,
    doctor, form,
};
use crate::app::{self, Parts, systemd};
use crate::backup::Request;
use crate::bench;
use crate::config::Settings;
use crate::demo;
use crate::domain::account::Role;
use crate::domain::ids::{AccountId, ExpectedPaymentId, IdSource, OrgId, SystemIds};
use crate::domain::money;
use crate::domain::time::{Clock, SystemClock};
use crate::http::auth::{hash_password, password_problem};
use crate::http::users::{self, NewPerson, Registered};
use crate::jobs::{self, Rehearsal};
use crate::matching::Policy;
use crate::scrape::fixture;

pub(super) async fn run(command: Command, settings: Settings) -> anyhow::Result<()> {
    match command {
        Command::Serve { .. } => serve(&settings).await,
        Command::Demo { kill: true, kills, seed, .. } => {
            demo::kill::run(&settings, &demo::kill::Request { kills, seed }).await
        }
        Command::Demo { once, scenario, .. } => {
            demo::command::run(&settings, &demo::command::Request { scenarios: scenario.0, once }).await
        }
        Command::User(UserCommand::Add { email, admin, name, org }) => {
            add_user(&settings, &email, if admin { Role::Admin } else { Role::Member }, name.as_deref(), org).await
        }
        Command::Migrate => migrate(&settings).await,
        Command::Doctor { json } => doctor::run(&settings, form(json)).await,
        Command::Backup { to, keep, json } => backup::make(&settings, &Request { to, keep }, form(json)).await,
        Command::Restore { file, check: true, json } => backup::check(&settings, &file, form(json)).await,
        Command::Restore { file, check: false, .. } => backup::restore(&settings, &file).await,
        Command::Config(ConfigCommand::Check) => check_config(&settings),
        Command::Config(ConfigCommand::Print) => print(settings.to_toml().trim_end()),
        Command::Openapi => print(&crate::http::openapi_document().to_pretty_json()?),
        Command::Scraper(ScraperCommand::Test { bank, dir, update }) => test_recipe(&dir.join(bank), update),
        Command::Orders(OrdersCommand::Poll { account, dry: true }) => rehearse_poll(&settings, &account).await,
        Command::Orders(OrdersCommand::Poll { account, dry: false }) => {
            bail!("add --dry; a poll that counts is asked of the daemon: POST /conciliation/poll/{account}")
        }
        Command::Match(MatchCommand::Explain { id }) => explain(&settings, &id).await,
        Command::Bench(command) => measure(&settings, command).await,
        Command::Guard { .. } => bail!("the guard runs before the runtime starts"),
    }
}

async fn measure(settings: &Settings, command: BenchCommand) -> anyhow::Result<()> {
    let place = |place: BenchPlace| bench::Place { dir: place.dir, database_url: place.database_url.map(Into::into) };
    match command {
        BenchCommand::Deliver { count, json } => bench::deliver::run(settings, count, json).await,
        BenchCommand::Match { open, pairs, movements, place: at, json } => {
            let request = bench::matching::Request { open, pairs, movements, place: place(at), json };
            bench::matching::run(settings, &request).await
        }
        BenchCommand::Poll { orders, pairs, place: at, json } => {
            bench::poll::run(settings, &bench::poll::Request { orders, pairs, place: place(at), json }).await
        }
        BenchCommand::Idle { seconds, dir, json } => {
            bench::idle::run(settings, &bench::idle::Request { seconds, dir, json }).await
        }
    }
}

pub(super) fn print(text: &str) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{text}").context("could not write to standard output")
}

/// SIGTERM and Ctrl-C.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Runs until a signal, then stops in order; a second signal ends it at once.
async fn serve(settings: &Settings) -> anyhow::Result<()> {
    let mut signals = StopSignals::listen()?;
    systemd::starting();
    let parts = Parts::real()?;
    let app = tokio::select! {
        app = Box::pin(app::start(settings, parts)) => app?,
        () = signals.next() => return print("stopped before the start was complete"),
    };
    let clocks = app::clock_notice(&app.deps).await?;
    for notice in app.notices.iter().chain(&clocks) {
        print(&format!("note: {notice}"))?;
    }
    print(&format!("data directory  {}", settings.data_dir.display()))?;
    print(&format!("database        {}", app.deps.store.engine()))?;
    print(&format!("API             {0}   (explorer: {0}/docs)", app.url()))?;
    if !app.deps.store.read().await?.has_users().await? {
        print("nobody has registered yet: POST /auth/register, or `reconbanker user add --admin <email>`")?;
    }
    app.tell_systemd();
    signals.next().await;
    systemd::stopping();
    tokio::select! {
        () = app.stop() => Ok(()),
        () = signals.next() => bail!("ended at once by a second signal; the next start takes up what was under way"),
    }
}

async fn migrate(settings: &Settings) -> anyhow::Result<()> {
    app::make_data_dir(&settings.data_dir)?;
    let store = app::open_store(settings).await?;
    print(&format!("the schema of the {} database is up to date", store.engine()))?;
    store.close().await;
    Ok(())
}

fn check_config(settings: &Settings) -> anyhow::Result<()> {
    for warning in settings.warnings() {
        print(&format!("warning: {warning}"))?;
    }
    print("the settings are right")
}

fn test_recipe(dir: &Path, update: bool) -> anyhow::Result<()> {
    if !dir.join("recipe.toml").is_file() {
        bail!(
            "there is no {}; name a recipe's folder, and with --dir the folder that holds it",
            dir.join("recipe.toml").display()
        );
    }
    let mode = if update { fixture::Mode::Update } else { fixture::Mode::Check };
    let results = fixture::run(dir, mode)?;
    let mut failed = 0;
    for result in &results {
        let verdict = match (result.problems.is_empty(), result.updated) {
            (true, false) => "ok",
            (true, true) => "written",
            (false, _) => "FAILED",
        };
        print(&format!("{verdict:>7}  {}", result.name))?;
        for problem in &result.problems {
            print(&format!("         {}", problem.replace('\n', "\n         ")))?;
        }
        failed += usize::from(!result.problems.is_empty());
    }
    print(&format!("{} passed, {failed} failed", results.len() - failed))?;
    if failed > 0 {
        bail!("{failed} of {} cases of {} failed", results.len(), dir.display());
    }
    Ok(())
}

/// Adds a person. The first one of an empty database gets an organisation and administers it.
async fn add_user(
    settings: &Settings,
    email: &str,
    role: Role,
    name: Option<&str>,
    org: Option<String>,
) -> anyhow::Result<()> {
    let email = users::normal_email(email).with_context(|| format!("\"{email}\" is not an e-mail address"))?;
    let password = read_password()?;
    let password_hash =
        hash_password(password).await.map_err(|error| anyhow::anyhow!("could not hash the password: {error:?}"))?;
    app::make_data_dir(&settings.data_dir)?;
    let store = app::open_store(settings).await?;
    let org = org.map(|text| OrgId::from_str(&text).with_context(|| format!("\"{text}\" is not an id"))).transpose()?;
    let orgs = store.read().await?.org_ids().await?;
    let person = NewPerson { email: &email, name, password_hash: &password_hash };
    let (ids, now): (&dyn IdSource, _) = (&SystemIds, SystemClock.now());
    let done = match (org, orgs.as_slice()) {
        (None, []) => users::create_organisation(&store, ids, &person, false, None, now).await?,
        (None, [only]) => users::add_to_organisation(&store, ids, *only, &person, role, now).await?,
        (Some(org), known) if known.contains(&org) => {
            users::add_to_organisation(&store, ids, org, &person, role, now).await?
        }
        (Some(org), _) => bail!("there is no organisation {org}"),
        (None, several) => {
            let list: Vec<_> = several.iter().map(ToString::to_string).collect();
            bail!("there are several organisations, say which with --org: {}", list.join(", "))
        }
    };
    store.close().await;
    match done {
        Registered::Yes(_) => print(&format!("added {email}")),
        Registered::EmailTaken => bail!("{email} is taken already"),
        Registered::NotFirst => bail!("someone else registered meanwhile; try again"),
    }
}

/// One line from standard input; asked for when a person sits there.
fn read_password() -> anyhow::Result<SecretString> {
    if io::stdin().is_terminal() {
        write!(io::stderr(), "Password (it will be visible): ")?;
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("could not read the password from standard input")?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    if let Some(problem) = password_problem(&password) {
        bail!("{problem}; pass it on standard input: reconbanker user add <email> < password.txt");
    }
    Ok(password.into())
}

/// Reads what the daemon reads and asks what it would ask. Takes no lock: it writes nothing.
async fn rehearse_poll(settings: &Settings, account: &str) -> anyhow::Result<()> {
    let id = AccountId::from_str(account).with_context(|| format!("\"{account}\" is not the id of an account"))?;
    let store = app::open_store(settings).await?;
    let org = store.read().await?.find_account(id).await?;
    let org = org.with_context(|| format!("there is no account {id}"))?;
    app::refuse_missing_keys(&store, &settings.data_dir).await?;
    let (vault, _) = app::open_vault(&settings.data_dir)?;
    let (outbound, rules) = (app::outbound(settings)?, app::poll_rules(settings));
    match jobs::rehearse_poll(&store, &vault, &outbound, &rules, (org, id), SystemClock.now()).await? {
        Rehearsal::Steps(lines) => {
            for line in lines {
                print(&line)?;
            }
            print("nothing was changed")
        }
        Rehearsal::NotPolled(reason) => print(reason),
        Rehearsal::Unusable(reason) => bail!("a poll would fail and change nothing: {reason}"),
    }
}

async fn explain(settings: &Settings, id: &str) -> anyhow::Result<()> {
    let id = ExpectedPaymentId::from_str(id).with_context(|| format!("\"{id}\" is not the id of a case"))?;
    let store = app::open_store(settings).await?;
    let mut tx = store.read().await?;
    let found = tx.find_expected_payment(id).await?;
    let (org, order) = found.with_context(|| format!("there is no case {id}"))?;
    let case = tx.case(org, id).await?.with_context(|| format!("there is no case {id}"))?;
    let attempts = tx.attempts(org, id).await?;
    drop(tx);
    let amount = money::print(order.amount, &order.currency);
    print(&format!("case {id}: {}, order {} of {amount} {}", case.status, order.external_id, order.currency))?;
    for attempt in attempts {
        let reason = attempt.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        print(&format!("  attempt {} at {}: {}{reason}", attempt.number, attempt.created_at, attempt.result))?;
    }
    let weighed = jobs::explain_case(&store, &Policy::default(), org, &order).await?;
    if weighed.is_empty() {
        print("  the account has no movement of this amount")?;
    }
    for (movement, tests) in weighed {
        print(&format!("  movement {} received {}", movement.id, movement.received_at))?;
        for test in tests {
            let mark = if test.passed { "passed" } else { "FAILED" };
            print(&format!("    {mark}  {}: {}", test.name, test.detail))?;
        }
    }
    Ok(())
}
