//! Settings: read once at the start, typed, and wrong all at once.
//!
//! Four layers, the later one wins: `config/default.toml` (which is part of the program and documents every key), a
//! settings file, the environment, the command line. Loading is pure: the text of the file and the variables are
//! handed in, so that every message can be tested. See `layers` for how one value is judged.

mod layers;
mod values;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use layers::Layers;

/// The first layer: every key with its default, unit and meaning.
pub const DEFAULTS: &str = include_str!("../config/default.toml");

/// Name of the settings file that is looked for in the data directory.
pub const FILE_NAME: &str = "reconbanker.toml";

/// Everything an operator can set. What each key means, with unit and range, is beside it in `config/default.toml`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Never empty once loaded: the default depends on the user and is filled in last.
    pub data_dir: PathBuf,
    pub server: ServerSettings,
    pub database: DatabaseSettings,
    pub browser: BrowserSettings,
    pub schedule: ScheduleSettings,
    pub poll: PollSettings,
    pub outbound: OutboundSettings,
    pub delivery: DeliverySettings,
    pub jobs: JobsSettings,
    pub log: LogSettings,
    pub demo: DemoSettings,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSettings {
    #[serde(deserialize_with = "values::address")]
    pub listen: SocketAddr,
    #[serde(deserialize_with = "values::within::<_, _, 1_024, 67_108_864>")]
    pub body_max_bytes: usize,
    pub registration: Registration,
    #[serde(deserialize_with = "values::within::<_, _, 1, 1_000>")]
    pub login_attempts_per_minute: u32,
    #[serde(deserialize_with = "values::within::<_, _, 1, 1_000_000>")]
    pub requests_per_minute: u32,
    #[serde(deserialize_with = "values::networks")]
    pub trusted_proxies: Vec<IpNet>,
    #[serde(deserialize_with = "values::networks")]
    pub metrics_allow: Vec<IpNet>,
}

/// Who may register an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// One organisation, while there is none.
    First,
    /// Anyone who reaches the server.
    Open,
    /// Nobody.
    Closed,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    /// A `postgres://` URL; `None` is the file in the data directory.
    #[serde(deserialize_with = "values::postgres_url", serialize_with = "values::print_masked")]
    pub url: Option<SecretString>,
    #[serde(deserialize_with = "values::within::<_, _, 1, 200>")]
    pub max_connections: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrowserSettings {
    /// `None`: looked for in the usual places.
    #[serde(deserialize_with = "values::path", serialize_with = "values::print_path")]
    pub driver: Option<PathBuf>,
    /// `None`: looked for in the usual places.
    #[serde(deserialize_with = "values::path", serialize_with = "values::print_path")]
    pub browser: Option<PathBuf>,
    #[serde(deserialize_with = "values::within::<_, _, 1, 64>")]
    pub max_sessions: usize,
    pub allow_root: bool,
    #[serde(deserialize_with = "values::period::<_, 1, 600>", serialize_with = "values::print_period")]
    pub command_timeout: Duration,
    // A run ends after eight minutes; the login before and the reading after need some of them.
    #[serde(deserialize_with = "values::period::<_, 30, 420>", serialize_with = "values::print_period")]
    pub code_wait: Duration,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSettings {
    #[serde(deserialize_with = "values::period::<_, 60, 604_800>", serialize_with = "values::print_period")]
    pub scrape_every: Duration,
    #[serde(deserialize_with = "values::period::<_, 0, 3_600>", serialize_with = "values::print_period")]
    pub scrape_jitter: Duration,
    #[serde(deserialize_with = "values::period::<_, 1, 86_400>", serialize_with = "values::print_period")]
    pub poll_every: Duration,
    #[serde(deserialize_with = "values::within::<_, _, 0, 60>")]
    pub overlap_days: u32,
    #[serde(deserialize_with = "values::within::<_, _, 0, 365>")]
    pub first_read_days: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PollSettings {
    #[serde(deserialize_with = "values::period::<_, 1, 60>", serialize_with = "values::print_period")]
    pub timeout: Duration,
    #[serde(deserialize_with = "values::within::<_, _, 1, 100>")]
    pub cancel_after_polls: u32,
    #[serde(deserialize_with = "values::period::<_, 0, 604_800>", serialize_with = "values::print_period")]
    pub cancel_after: Duration,
    #[serde(deserialize_with = "values::within::<_, _, 1, 100>")]
    pub doubt_after_polls: u32,
    #[serde(deserialize_with = "values::period::<_, 0, 604_800>", serialize_with = "values::print_period")]
    pub doubt_after: Duration,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboundSettings {
    #[serde(deserialize_with = "values::networks")]
    pub allow: Vec<IpNet>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliverySettings {
    #[serde(deserialize_with = "values::within::<_, _, 1, 256>")]
    pub concurrency: usize,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobsSettings {
    #[serde(deserialize_with = "values::within::<_, _, 1, 64>")]
    pub workers: usize,
    #[serde(deserialize_with = "values::period::<_, 1, 3_600>", serialize_with = "values::print_period")]
    pub sweep_every: Duration,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    pub format: LogFormat,
    /// Directives of `tracing_subscriber::EnvFilter`, known to parse.
    #[serde(deserialize_with = "values::filter")]
    pub filter: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

/// Ports of the demo world; 0 takes any free one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemoSettings {
    pub bank_port: u16,
    pub shop_port: u16,
    pub control_port: u16,
}

/// What settings are made from. [`Sources::gather`] reads it from the process; tests write it down.
///
/// Not `Debug`: the variables hold secrets.
#[derive(Default)]
pub struct Sources {
    /// The settings file: its name for messages, and its text.
    pub file: Option<(PathBuf, String)>,
    /// Environment variables; those that are not ours are passed over.
    pub env: Vec<(String, String)>,
    /// `section.key` and value from the command line, in the order given.
    pub overrides: Vec<(String, String)>,
    /// Whether the process is root, which decides the default data directory.
    pub is_root: bool,
}

impl Sources {
    /// Reads the environment and the settings file: `config` when it is given, which must then exist, else
    /// `reconbanker.toml` in the data directory when there is one.
    pub fn gather(config: Option<PathBuf>, overrides: Vec<(String, String)>) -> Result<Self, ConfigErrors> {
        let env = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .filter(|(name, _)| name.starts_with(layers::PREFIX) || name == "HOME" || name == "XDG_DATA_HOME")
            .collect();
        let mut sources = Self { file: None, env, overrides, is_root: rustix::process::geteuid().is_root() };
        let must_exist = config.is_some();
        let path = config.unwrap_or_else(|| sources.data_dir().join(FILE_NAME));
        match std::fs::read_to_string(&path) {
            Ok(text) => sources.file = Some((path, text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => {}
            Err(error) => {
                let problem = format!("could not read the settings file {}: {error}", path.display());
                return Err(ConfigErrors { problems: vec![problem] });
            }
        }
        Ok(sources)
    }

    /// Whether any of the sources sets `section.key`; a value that is refused does not count.
    pub fn sets(&self, name: &str) -> bool {
        let (_, origins, _) = Layers::over(self.file.as_ref(), &self.env, &self.overrides).finish();
        origins.contains_key(name)
    }

    /// The data directory as far as it is known before the settings file is read.
    fn data_dir(&self) -> PathBuf {
        let named = |pairs: &[(String, String)], wanted: &str| {
            pairs.iter().rev().find(|(name, value)| name == wanted && !value.is_empty()).map(|(_, value)| value.clone())
        };
        named(&self.overrides, "data_dir")
            .or_else(|| named(&self.env, "RECONBANKER_DATA_DIR"))
            .map_or_else(|| self.default_data_dir(), PathBuf::from)
    }

    /// Where data is kept when nobody says: `/var/lib/reconbanker` for root and for users without a home, else
    /// `$XDG_DATA_HOME/reconbanker` or `~/.local/share/reconbanker`.
    pub fn default_data_dir(&self) -> PathBuf {
        // The XDG specification has relative paths ignored.
        let directory = |wanted: &str| {
            let (_, value) = self.env.iter().find(|(name, _)| name == wanted)?;
            Some(Path::new(value)).filter(|path| path.is_absolute())
        };
        let own = directory("XDG_DATA_HOME")
            .map(|data| data.join("reconbanker"))
            .or_else(|| directory("HOME").map(|home| home.join(".local/share/reconbanker")));
        own.filter(|_| !self.is_root).unwrap_or_else(|| PathBuf::from("/var/lib/reconbanker"))
    }
}

impl Settings {
    /// Lays the sources over the defaults and checks the whole. The error has every problem, each with its place:
    /// file and line, variable, or flag.
    pub fn load(sources: Sources) -> Result<Self, ConfigErrors> {
        let default_data_dir = sources.default_data_dir();
        let Sources { file, env, overrides, .. } = sources;
        let (mut settings, origins, mut problems) = Layers::over(file.as_ref(), &env, &overrides).finish();
        // A contradiction with a value that was left out as wrong would be a false alarm.
        if problems.is_empty() {
            problems = settings.contradictions(&origins);
        }
        if !problems.is_empty() {
            return Err(ConfigErrors { problems });
        }
        if settings.data_dir.as_os_str().is_empty() {
            settings.data_dir = default_data_dir;
        }
        Ok(settings)
    }

    /// Settings that are right alone and wrong together. `origins` says where each value was set, by `section.key`.
    fn contradictions(&self, origins: &BTreeMap<String, String>) -> Vec<String> {
        let mut problems = Vec::new();
        // Told at the place of the first of the two that somebody set: one of them was, the defaults agree.
        let mut refuse = |names: [&str; 2], message: &str| {
            let place = names.iter().find_map(|name| origins.get(*name)).map_or("default.toml", String::as_str);
            problems.push(format!("{place}: {message}"));
        };
        if self.schedule.scrape_jitter >= self.schedule.scrape_every {
            refuse(
                ["schedule.scrape_jitter", "schedule.scrape_every"],
                "`schedule.scrape_jitter` must be less than `schedule.scrape_every`",
            );
        }
        // What looks like a mistake must not cancel sooner than what does not.
        if self.poll.doubt_after_polls < self.poll.cancel_after_polls {
            refuse(
                ["poll.doubt_after_polls", "poll.cancel_after_polls"],
                "`poll.doubt_after_polls` must not be less than `poll.cancel_after_polls`",
            );
        }
        if self.poll.doubt_after < self.poll.cancel_after {
            refuse(
                ["poll.doubt_after", "poll.cancel_after"],
                "`poll.doubt_after` must not be less than `poll.cancel_after`",
            );
        }
        let DemoSettings { bank_port, shop_port, control_port } = self.demo;
        let ports = [("demo.bank_port", bank_port), ("demo.shop_port", shop_port), ("demo.control_port", control_port)];
        for (index, (name, port)) in ports.iter().enumerate() {
            if let Some((other, _)) = ports[..index].iter().find(|(_, used)| used == port && *port != 0) {
                refuse([*name, *other], &format!("`{name}` and `{other}` are the same port, {port}"));
            }
        }
        problems
    }

    /// What an operator should hear at the start although it is permitted; one sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let listen = self.server.listen;
        if self.server.registration == Registration::Open && !listen.ip().is_loopback() {
            warnings.push(format!(
                "anyone who reaches {listen} may register: set server.registration to \"first\" or \"closed\""
            ));
        }
        if self.browser.allow_root {
            warnings
                .push("browser.allow_root is on: as root the browser reads real banks without its sandbox".to_owned());
        }
        if !self.outbound.allow.is_empty() {
            let networks: Vec<_> = self.outbound.allow.iter().map(ToString::to_string).collect();
            warnings.push(format!("outbound.allow lets customers' URLs reach {}", networks.join(", ")));
        }
        warnings
    }

    /// The settings in force as a settings file, with the database's password masked.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("settings are tables of texts, numbers and lists")
    }
}

/// Everything that is wrong with the settings, each problem with its place and the remedy.
#[derive(Debug, thiserror::Error)]
pub struct ConfigErrors {
    problems: Vec<String>,
}

impl ConfigErrors {
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => f.write_str("the settings have a problem:")?,
            count => write!(f, "the settings have {count} problems:")?,
        }
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {}", problem.replace('\n', "\n  ")))
    }
}
