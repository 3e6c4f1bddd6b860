//! The command line: one subcommand per thing an operator does.

mod backup;
mod commands;
mod doctor;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::RangedI64ValueParser;
use clap::{Args, Parser, Subcommand};

use crate::config::{Settings, Sources};
use crate::demo::kill::KILLS_MAX;
use crate::demo::scenario::Scenario;

/// Bank reconciliation for businesses paid by bank transfer.
#[derive(Debug, Parser)]
#[command(name = "reconbanker", version, about, max_term_width = 100, after_help = EXAMPLE)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLE: &str = "\
Example:
  reconbanker demo --once        see one payment travel from the bank to the shop
  reconbanker serve              run the daemon; makes its data directory and keys by itself";

const DOCTOR_HELP: &str = "\
Exit code: 0 when there is no fault, also with warnings; 1 with at least one fault.

Example:
  reconbanker doctor --json";

/// Where settings come from. Each later one wins: built-in defaults, file, environment
/// (`RECONBANKER_SECTION__KEY`), these flags.
#[derive(Debug, Args)]
struct Global {
    /// Settings file; without it, reconbanker.toml in the data directory where there is one
    #[arg(long, global = true, env = "RECONBANKER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the database, the keys and the browsers' profiles are kept
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Sets one setting, such as `schedule.scrape_every=30m`; may be repeated
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = assignment)]
    assignments: Vec<(String, String)>,
    /// The chromedriver to use
    #[arg(long, global = true, value_name = "PATH")]
    driver: Option<PathBuf>,
    /// The browser to use: chromium-headless-shell or chromium
    #[arg(long, global = true, value_name = "PATH")]
    browser: Option<PathBuf>,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as section.key=value")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon
    #[command(after_help = "Example:\n  reconbanker serve --listen 127.0.0.1:3000 --data-dir ./data")]
    Serve {
        /// Address and port of the API
        #[arg(long, value_name = "ADDRESS:PORT")]
        listen: Option<String>,
    },
    /// Show the whole journey with a demo bank and a demo shop
    #[command(after_help = "Example:\n  reconbanker demo --once --scenario all")]
    Demo {
        /// End after the scenario: exit code 0 when it ended as it should, 1 with the reason when not
        #[arg(long)]
        once: bool,
        /// plain, order-first, payment-first, wrong-password, receiver-down, otp, passthrough, vanished-order,
        /// two-equal-orders, or all
        #[arg(long, default_value = "order-first", value_parser = scenarios)]
        scenario: Scenarios,
        /// Kill the daemon again and again while payments travel, then look for what is lost or doubled
        #[arg(long, requires = "once", conflicts_with = "scenario")]
        kill: bool,
        /// How often it is killed
        #[arg(long, requires = "kill", default_value_t = 20, value_name = "COUNT", value_parser = kill_count())]
        kills: u32,
        /// What decides when it is killed and what happens meanwhile; drawn and printed without it
        #[arg(long, requires = "kill", value_name = "NUMBER")]
        seed: Option<u64>,
    },
    /// Manage the people who sign in
    #[command(subcommand, after_help = "Example:\n  reconbanker user add --admin ana@example.com < password.txt")]
    User(UserCommand),
    /// Bring the database's schema up to date, then end
    #[command(after_help = "Example:\n  reconbanker migrate --data-dir ./data")]
    Migrate,
    /// Say what is wrong with this installation, and what to do about it
    ///
    /// Looks at settings, disk, keys, database, machine, browser and work in progress; beside a running daemon or
    /// without one. Changes nothing.
    #[command(after_help = DOCTOR_HELP)]
    Doctor {
        /// Print one JSON object: whether there is no fault, and each check with its state, detail and remedy
        #[arg(long)]
        json: bool,
    },
    /// Write everything but the keys into one file; the daemon goes on working
    #[command(after_help = "Example:\n  reconbanker backup --keep 14")]
    Backup {
        /// A new file, or a folder that is there; without it, backups/ in the data directory
        #[arg(long, value_name = "FILE_OR_DIR")]
        to: Option<PathBuf>,
        /// Keep so many backups in the folder and remove older ones, once the new one is checked
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
        keep: Option<u32>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Put a backup back where there is no database yet, or only check it
    #[command(after_help = "Example:\n  reconbanker restore --check reconbanker-20261201T003246Z.tar")]
    Restore {
        /// What `reconbanker backup` made
        file: PathBuf,
        /// Unpack it to the side and prove that it is whole, upgrades and opens with the keys here; change nothing
        #[arg(long)]
        check: bool,
        /// Print one JSON object
        #[arg(long, requires = "check")]
        json: bool,
    },
    /// Look at the settings
    #[command(subcommand, after_help = "Example:\n  reconbanker config check --config ./reconbanker.toml")]
    Config(ConfigCommand),
    /// Print the API's description (OpenAPI 3.1)
    #[command(after_help = "Example:\n  reconbanker openapi > openapi.json")]
    Openapi,
    /// Work on bank recipes
    #[command(subcommand, after_help = "Example:\n  reconbanker scraper test demo-tabla")]
    Scraper(ScraperCommand),
    /// Look at customers' lists of expected payments
    #[command(
        subcommand,
        after_help = "Example:\n  reconbanker orders poll --dry 01991c2e-7b3a-7c11-9a55-3f0c5e6f7a01"
    )]
    Orders(OrdersCommand),
    /// Look at decisions
    #[command(subcommand, after_help = "Example:\n  reconbanker match explain 01991c2e-7b3a-7c11-9a55-3f0c5e6f7a01")]
    Match(MatchCommand),
    /// Measure
    #[command(subcommand, after_help = "Example:\n  reconbanker bench deliver --json")]
    Bench(BenchCommand),
    /// Lead a browser driver's process group and end it when the daemon is gone
    #[command(hide = true)]
    Guard {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<OsString>,
    },
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Add a person; the password is read from standard input
    #[command(after_help = "Example:\n  reconbanker user add --admin ana@example.com < password.txt")]
    Add {
        email: String,
        /// May administer; the first person always does
        #[arg(long)]
        admin: bool,
        #[arg(long)]
        name: Option<String>,
        /// Organisation to join; needed only where there are several
        #[arg(long, value_name = "ID")]
        org: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Say whether the settings are right, and every problem when not
    #[command(after_help = "Example:\n  reconbanker config check --config ./reconbanker.toml")]
    Check,
    /// Print the settings in force, secrets masked
    #[command(after_help = "Example:\n  reconbanker config print > reconbanker.toml")]
    Print,
}

#[derive(Debug, Subcommand)]
enum ScraperCommand {
    /// Run a recipe over its saved pages and compare
    #[command(after_help = "Example:\n  reconbanker scraper test demo-tabla --dir ./scrapers")]
    Test {
        bank: String,
        /// Folder that holds the recipes' folders
        #[arg(long, default_value = "scrapers", value_name = "DIR")]
        dir: PathBuf,
        /// Write what comes out as what is expected; read the difference before you commit it
        #[arg(long)]
        update: bool,
    },
}

#[derive(Debug, Subcommand)]
enum OrdersCommand {
    /// Ask an account's endpoint, and say what a poll now would do
    #[command(after_help = "Example:\n  reconbanker orders poll --dry 01991c2e-7b3a-7c11-9a55-3f0c5e6f7a01")]
    Poll {
        /// Id of an account
        account: String,
        /// Change nothing; works while the daemon runs
        #[arg(long)]
        dry: bool,
    },
}

#[derive(Debug, Subcommand)]
enum MatchCommand {
    /// Say of a case which movements were weighed, and which test decided
    #[command(after_help = "Example:\n  reconbanker match explain 01991c2e-7b3a-7c11-9a55-3f0c5e6f7a01")]
    Explain {
        /// Id of a case (an expected payment)
        id: String,
    },
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// From a payment's commit to its webhook, one at a time
    #[command(after_help = "Example:\n  reconbanker bench deliver --count 100 --json")]
    Deliver {
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        count: u32,
        /// Print one JSON object, times in microseconds
        #[arg(long)]
        json: bool,
    },
    /// One movement's match among few and among many open orders, beside the floor of raw SQLite statements
    #[command(after_help = "Example:\n  reconbanker bench match --open 100,1000000 --pairs 5")]
    Match {
        /// Open orders; sizes take turns, and the last is compared with the first
        #[arg(long, value_delimiter = ',', default_values_t = [100_u32, 1_000_000], value_name = "COUNT,COUNT",
            value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
        open: Vec<u32>,
        /// Rounds that count, after a warm-up
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
        pairs: u32,
        /// Movements of a round that arrive one at a time
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        movements: u32,
        #[command(flatten)]
        place: BenchPlace,
        /// Print one JSON object, times in microseconds
        #[arg(long)]
        json: bool,
    },
    /// A poll of a long list: for the first time, unchanged, and answered with 304
    #[command(after_help = "Example:\n  reconbanker bench poll --orders 10000")]
    Poll {
        #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=50_000))]
        orders: u32,
        /// Rounds that count, after a warm-up
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
        pairs: u32,
        #[command(flatten)]
        place: BenchPlace,
        /// Print one JSON object, times in microseconds
        #[arg(long)]
        json: bool,
    },
    /// How soon a daemon with ten accounts is ready, and its memory at rest
    #[command(after_help = "Example:\n  reconbanker bench idle --seconds 30")]
    Idle {
        /// How long it rests before its memory is read
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=3_600))]
        seconds: u32,
        /// Where its data is put and removed; the system's temporary folder when not given
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// Where a measurement keeps its data while it runs.
#[derive(Debug, Args)]
struct BenchPlace {
    /// A folder on the disk to measure; the system's temporary folder when not given
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Measure in a schema of its own in this PostgreSQL, without a floor
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

/// What `--kills` takes.
fn kill_count() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=i64::from(KILLS_MAX))
}

/// A `--scenario` argument: one name, or all of them.
#[derive(Debug, Clone)]
struct Scenarios(Vec<Scenario>);

fn scenarios(text: &str) -> Result<Scenarios, String> {
    if text == "all" {
        return Ok(Scenarios(Scenario::ALL.to_vec()));
    }
    let names: Vec<_> = Scenario::ALL.iter().map(|scenario| scenario.word()).collect();
    Scenario::from_word(text)
        .map(|scenario| Scenarios(vec![scenario]))
        .ok_or_else(|| format!("there are: {}, all", names.join(", ")))
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // The guard is not a daemon: no settings, no runtime, nothing that could keep it alive.
    if let Command::Guard { command } = &cli.command {
        return match crate::scrape::guard::run(command) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("guard: {error}")),
        };
    }
    match execute(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("{error:#}")),
    }
}

fn fail(message: &str) -> ExitCode {
    // Nowhere left to report that standard error is closed.
    let _ = writeln!(io::stderr(), "reconbanker: {message}");
    ExitCode::FAILURE
}

fn execute(cli: Cli) -> anyhow::Result<()> {
    let settings = match (settings(&cli), &cli.command) {
        (Ok(settings), _) => settings,
        (Err(problem), Command::Doctor { json }) => return doctor::without_settings(&problem, form(*json)),
        (Err(problem), _) => return Err(problem),
    };
    crate::telemetry::init(&settings.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(commands::run(cli.command, settings));
    // Nothing is left to be done; a call that hangs in a dead disk or name server must not keep the process.
    runtime.shutdown_background();
    result
}

fn form(is_json: bool) -> Form {
    if is_json { Form::Json } else { Form::Text }
}

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Json,
}

/// The settings in force. Commands that speak to a person log warnings only, unless told otherwise.
fn settings(cli: &Cli) -> anyhow::Result<Settings> {
    let mut overrides = Vec::new();
    let chatty = matches!(cli.command, Command::Serve { .. });
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    for (key, value) in [
        ("data_dir", path(&cli.global.data_dir)),
        ("browser.driver", path(&cli.global.driver)),
        ("browser.browser", path(&cli.global.browser)),
    ] {
        overrides.extend(value.map(|value| (key.to_owned(), value)));
    }
    if let Command::Serve { listen: Some(listen) } = &cli.command {
        overrides.push(("server.listen".to_owned(), listen.clone()));
    }
    overrides.extend(cli.global.assignments.iter().cloned());
    let sources = Sources::gather(cli.global.config.clone(), overrides)?;
    let log_is_set = sources.sets("log.filter");
    let mut settings = Settings::load(sources)?;
    if !chatty && !log_is_set {
        "warn".clone_into(&mut settings.log.filter);
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        fn visit(command: &clap::Command, path: &str) {
            for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
                let path = format!("{path} {}", sub.get_name());
                let help = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains("Example:"), "`{path} --help` has no example");
                visit(sub, &path);
            }
        }
        visit(&Cli::command(), "reconbanker");
    }
}
