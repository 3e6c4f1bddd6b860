//! How single values are read and printed: bounds, durations, addresses, secrets.
//!
//! Bounds stand beside the field that has them, as `within::<_, _, MIN, MAX>`, and are told in the message.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use ipnet::IpNet;
use regex::Regex;
use secrecy::{ExposeSecret, SecretString};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};
use tracing_subscriber::EnvFilter;
use url::Url;

/// Reads a whole number between two bounds, both included.
pub(super) fn within<'de, D, T, const MIN: u64, const MAX: u64>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    // Read signed, so that -1 hears about the bounds and not about the type.
    let number = i64::deserialize(deserializer)?;
    u64::try_from(number)
        .ok()
        .filter(|number| (MIN..=MAX).contains(number))
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| D::Error::custom(format_args!("must be between {MIN} and {MAX}, but is {number}")))
}

/// Reads a duration such as `"20m"` between two bounds in seconds, both included.
pub(super) fn period<'de, D, const MIN_S: u64, const MAX_S: u64>(deserializer: D) -> Result<Duration, D::Error>
where
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    let period = humantime::parse_duration(&text).map_err(|error| {
        D::Error::custom(format_args!("`{text}` is not a duration such as \"30s\" or \"20m\": {error}"))
    })?;
    let (min, max) = (Duration::from_secs(MIN_S), Duration::from_secs(MAX_S));
    if (min..=max).contains(&period) {
        return Ok(period);
    }
    let [min, max] = [min, max].map(humantime::format_duration);
    Err(D::Error::custom(format_args!("must be between {min} and {max}, but is {text}")))
}

pub(super) fn print_period<S: Serializer>(period: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_duration(*period))
}

/// Reads an address with its port. Names are refused: which address they mean changes under our feet.
pub(super) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        D::Error::custom(format_args!("`{text}` is not an address and a port such as 127.0.0.1:3000 or [::1]:3000"))
    })
}

/// Reads networks; an address alone is the network of that one address.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let refuse =
        |text: &String| D::Error::custom(format_args!("`{text}` is not a network such as 10.0.0.0/8 or fd00::/8"));
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| network(text).ok_or_else(|| refuse(text))).collect()
}

fn network(text: &str) -> Option<IpNet> {
    let alone = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse::<IpNet>().ok().map(|network| network.trunc()).or_else(alone)
}

/// Reads a path; `""` is none.
pub(super) fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let path = PathBuf::deserialize(deserializer)?;
    Ok(Some(path).filter(|path| !path.as_os_str().is_empty()))
}

#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
pub(super) fn print_path<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.as_deref().unwrap_or("".as_ref()).display())
}

/// Reads the directives of a log filter.
pub(super) fn filter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match EnvFilter::try_new(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(D::Error::custom(format_args!("`{text}` is not a log filter such as \"info\": {error}"))),
    }
}

/// Reads the URL of a database server; `""` is none. The message does not repeat the text, which may hold a password.
pub(super) fn postgres_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    match Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "postgres" | "postgresql") => Ok(Some(text.into())),
        Ok(url) => Err(D::Error::custom(format_args!(
            "`{}` is not a database we know: leave it empty for SQLite, or use postgres://user:password@host:5432/name",
            url.scheme()
        ))),
        Err(error) => Err(D::Error::custom(format_args!(
            "not a URL such as postgres://user:password@host:5432/name ({error}); special characters in a password are \
             percent-encoded"
        ))),
    }
}

#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
pub(super) fn print_masked<S: Serializer>(url: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&url.as_ref().map(|url| Masked(url.expose_secret().to_owned())).unwrap_or_default())
}

/// A text whose URLs print without their passwords.
///
/// It would rather mask too much: everything from the first colon after `://` to the last `@` of the line, and what
/// follows `password=`.
#[derive(Default)]
pub(super) struct Masked(pub String);

impl fmt::Display for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        static PASSWORD: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r#"(://[^\s"':@/]*:).*@|(password=)[^&\s"']*"#).expect("the pattern is a constant")
        });
        let masked = PASSWORD.replace_all(&self.0, |found: &regex::Captures<'_>| match (found.get(1), found.get(2)) {
            (Some(user), _) => format!("{}***@", user.as_str()),
            (_, Some(name)) => format!("{}***", name.as_str()),
            (None, None) => "***".to_owned(),
        });
        f.write_str(&masked)
    }
}
