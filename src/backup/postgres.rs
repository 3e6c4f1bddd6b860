//! PostgreSQL's own programs: `pg_dump` writes its data into a file, `pg_restore` puts them back.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use anyhow::{Context, bail, ensure};
use tokio::process::Command;
use url::Url;

use crate::store::backup::Server;

/// Where Debian keeps each release's programs; what it has on the PATH chooses one of them by rules of its own.
const DEBIAN: &str = "/usr/lib/postgresql";
/// How much of what a program complained of is quoted.
const EXCERPT_CHARS: usize = 600;

const DUMP: &str = "pg_dump";
const RESTORE: &str = "pg_restore";

/// A program of PostgreSQL, with the release that it belongs to.
#[derive(Debug, PartialEq, Eq)]
struct Program {
    path: PathBuf,
    major: i64,
}

/// Writes everything in a schema into a file.
pub(super) async fn dump(url: &str, server: &Server, schema: &str, file: &Path) -> anyhow::Result<()> {
    let program = find(DUMP, Some(server.major)).await?;
    // A pattern, which only quotes make a name.
    let schema = format!("--schema=\"{}\"", schema.replace('"', "\"\""));
    let mut command = command(&program, url)?;
    command.args(["--format=custom", "--no-owner", "--no-password", schema.as_str(), "--file"]).arg(file);
    run(DUMP, command).await?;
    Ok(())
}

/// How many tables' data a dump has; fails where it cannot be read.
pub(super) async fn list(file: &Path) -> anyhow::Result<usize> {
    let mut command = Command::new(find(RESTORE, None).await?.path);
    command.arg("--list").arg(file);
    let output = run(RESTORE, command).await?;
    let count = tables_listed(&String::from_utf8_lossy(&output.stdout));
    ensure!(count > 0, "the dump has no tables; use another backup");
    Ok(count)
}

/// Puts a dump of a schema into the schema of that name, all or nothing. Owners and grants are the target's business.
pub(super) async fn restore(url: &str, server: &Server, schema: &str, file: &Path) -> anyhow::Result<()> {
    let program = find(RESTORE, Some(server.major)).await?;
    let schema = format!("--schema={schema}");
    let mut command = command(&program, url)?;
    command.args(["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", "--no-password"]);
    // The empty name says that a database is meant, the environment which.
    command.args([schema.as_str(), "--dbname="]).arg(file);
    run(RESTORE, command).await?;
    Ok(())
}

/// The program, told by its environment where the database is: arguments can be read by everyone on the machine.
fn command(program: &Program, url: &str) -> anyhow::Result<Command> {
    let url = Url::parse(url).ok().context("database.url is not a URL")?;
    let mut command = Command::new(&program.path);
    // Both would win over what the URL says.
    command.env_remove("PGSERVICE").env_remove("PGHOSTADDR").envs(environment(&url));
    Ok(command)
}

async fn run(name: &str, mut command: Command) -> anyhow::Result<Output> {
    let output = command.env("LC_ALL", "C").stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.with_context(|| format!("could not run {name}"))?;
    if !output.status.success() {
        let said: String = String::from_utf8_lossy(&output.stderr).trim().chars().take(EXCERPT_CHARS).collect();
        bail!("{name} failed: {said}");
    }
    Ok(output)
}

/// The program that fits a server of a release, or any one to read files with.
async fn find(name: &'static str, server: Option<i64>) -> anyhow::Result<Program> {
    let mut found = Vec::new();
    for path in places(name) {
        let mut command = Command::new(&path);
        command.arg("--version");
        let Ok(output) = run(name, command).await else { continue };
        if let Some(major) = major_release(&String::from_utf8_lossy(&output.stdout)) {
            found.push(Program { path, major });
        }
    }
    choose(name, found, server)
}

fn places(name: &str) -> Vec<PathBuf> {
    let releases = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let mut places: Vec<PathBuf> = releases.map(|release| release.path().join("bin").join(name)).collect();
    // PATH belongs to the machine and is no setting of ours.
    let path = std::env::var_os("PATH").unwrap_or_default();
    places.extend(std::env::split_paths(&path).map(|directory| directory.join(name)));
    places.retain(|place| place.is_absolute() && place.is_file());
    places
}

/// A program cannot work with a newer server, and a much newer one writes what an older server does not know: the
/// oldest that is new enough. For files alone, the newest, which reads them all.
fn choose(name: &str, found: Vec<Program>, server: Option<i64>) -> anyhow::Result<Program> {
    let newest = found.iter().map(|program| program.major).max();
    let Some(newest) = newest else {
        bail!(
            "{name} is missing, which PostgreSQL's data need; install the package postgresql-client{}",
            server.map(|major| format!("-{major} (or newer)")).unwrap_or_default()
        );
    };
    let least = server.unwrap_or(newest);
    let fitting = found.into_iter().filter(|program| program.major >= least).min_by_key(|program| program.major);
    fitting.with_context(|| {
        format!(
            "the server is PostgreSQL {least} and the newest {name} here is of {newest}, which is too old for it; \
             install the package postgresql-client-{least}"
        )
    })
}

/// 15 of `pg_dump (PostgreSQL) 15.4 (Debian 15.4-1)`.
fn major_release(text: &str) -> Option<i64> {
    let (_, rest) = text.split_once("(PostgreSQL) ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Lines such as `3400; 0 16489 TABLE DATA public accounts owner`; comments begin with a semicolon.
fn tables_listed(text: &str) -> usize {
    text.lines().filter(|line| !line.starts_with(';') && line.contains(" TABLE DATA ")).count()
}

/// What the URL says, as variables that PostgreSQL's programs read; in the words that the daemon's own driver knows.
fn environment(url: &Url) -> BTreeMap<&'static str, String> {
    let mut variables = BTreeMap::new();
    let mut set = |name, value: String| {
        if !value.is_empty() {
            variables.insert(name, value);
        }
    };
    let host = url.host_str().unwrap_or_default();
    set("PGHOST", percent_decoded(host.trim_start_matches('[').trim_end_matches(']')));
    set("PGPORT", url.port().map(|port| port.to_string()).unwrap_or_default());
    set("PGUSER", percent_decoded(url.username()));
    set("PGPASSWORD", percent_decoded(url.password().unwrap_or_default()));
    set("PGDATABASE", percent_decoded(url.path().trim_start_matches('/')));
    let mut options = Vec::new();
    for (key, value) in url.query_pairs() {
        let value = value.into_owned();
        match &*key {
            "host" | "hostaddr" => set("PGHOST", value),
            "port" => set("PGPORT", value),
            "user" => set("PGUSER", value),
            "password" => set("PGPASSWORD", value),
            "dbname" => set("PGDATABASE", value),
            "application_name" => set("PGAPPNAME", value),
            "sslmode" | "ssl-mode" => set("PGSSLMODE", value),
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" => set("PGSSLROOTCERT", value),
            "sslcert" | "ssl-cert" => set("PGSSLCERT", value),
            "sslkey" | "ssl-key" => set("PGSSLKEY", value),
            "options" => options.push(value),
            other => {
                let name = other.strip_prefix("options[").and_then(|rest| rest.strip_suffix(']'));
                options.extend(name.map(|name| format!("-c {name}={}", escaped_option(&value))));
            }
        }
    }
    set("PGOPTIONS", options.join(" "));
    variables
}

/// A value inside `options`, where blanks part one option from the next.
fn escaped_option(value: &str) -> String {
    value.replace('\\', "\\\\").replace(' ', "\\ ")
}

/// Text in which `%41` stands for `A`; what is no such escape stays.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escape = text_of(tail.get(..2)).filter(|_| *first == b'%');
        if let Some(byte) = escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Two hexadecimal digits; a sign would be read as part of a number.
fn text_of(bytes: Option<&[u8]>) -> Option<&str> {
    let digits = bytes.filter(|bytes| bytes.iter().all(u8::is_ascii_hexdigit))?;
    std::str::from_utf8(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_becomes_environment_and_no_argument() {
        let check = |url: &str, expected: &[(&'static str, &str)]| {
            let found = environment(&Url::parse(url).expect("a URL"));
            let expected: BTreeMap<&'static str, String> =
                expected.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            assert_eq!(found, expected, "{url}");
        };
        check(
            "postgres://ana:p%40ss%2Fw%C3%B6rd@db.example:5433/books",
            &[
                ("PGDATABASE", "books"),
                ("PGHOST", "db.example"),
                ("PGPASSWORD", "p@ss/wörd"),
                ("PGPORT", "5433"),
                ("PGUSER", "ana"),
            ],
        );
        check("postgres://%2Fvar%2Frun%2Fpg/books", &[("PGDATABASE", "books"), ("PGHOST", "/var/run/pg")]);
        check("postgresql://[::1]/b", &[("PGDATABASE", "b"), ("PGHOST", "::1")]);
        check(
            "postgres:///b?host=/run/pg&user=ana&password=a%20b",
            &[("PGDATABASE", "b"), ("PGHOST", "/run/pg"), ("PGPASSWORD", "a b"), ("PGUSER", "ana")],
        );
        check(
            "postgres://h/b?options=-c%20search_path%3Dx&options[geqo]=o%20f&sslmode=verify-full&ssl-ca=/ca.pem",
            &[
                ("PGDATABASE", "b"),
                ("PGHOST", "h"),
                ("PGOPTIONS", "-c search_path=x -c geqo=o\\ f"),
                ("PGSSLMODE", "verify-full"),
                ("PGSSLROOTCERT", "/ca.pem"),
            ],
        );
        check("postgres://h?statement-cache-capacity=10", &[("PGHOST", "h")]);
    }

    #[test]
    fn only_whole_escapes_are_decoded() {
        for (text, expected) in [("a%41b", "aAb"), ("100%", "100%"), ("%4", "%4"), ("%zz%+1", "%zz%+1"), ("%25", "%")] {
            assert_eq!(percent_decoded(text), expected, "{text}");
        }
    }

    #[test]
    fn the_release_is_read_from_what_a_program_says() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(major_release(text), expected, "{text}");
        check("pg_dump (PostgreSQL) 15.4 (Debian 15.4-1.pgdg120+1)\n", Some(15));
        check("pg_restore (PostgreSQL) 18beta1", Some(18));
        check("pg_dump (PostgreSQL) 9.6.24", Some(9));
        check("pg_dump (PostgreSQL) devel", None);
        check("command not found", None);
    }

    #[test]
    fn the_oldest_program_that_is_new_enough_is_taken() {
        let here = |majors: &[i64]| -> Vec<Program> {
            majors.iter().map(|major| Program { path: PathBuf::from(format!("/{major}")), major: *major }).collect()
        };
        let check = |majors: &[i64], server: Option<i64>, expected: i64| {
            assert_eq!(choose(DUMP, here(majors), server).expect("one fits").major, expected, "{majors:?} {server:?}");
        };
        check(&[14, 17, 16], Some(15), 16);
        check(&[14, 15, 17], Some(15), 15);
        check(&[14, 17, 16], None, 17);
        let refused = |majors: &[i64], server: Option<i64>, expected: &str| {
            let error = choose(DUMP, here(majors), server).expect_err("none fits").to_string();
            assert_eq!(error, expected);
        };
        refused(
            &[14, 15],
            Some(16),
            "the server is PostgreSQL 16 and the newest pg_dump here is of 15, which is too old for it; install the \
             package postgresql-client-16",
        );
        refused(
            &[],
            Some(16),
            "pg_dump is missing, which PostgreSQL's data need; install the package postgresql-client-16 (or newer)",
        );
        refused(&[], None, "pg_dump is missing, which PostgreSQL's data need; install the package postgresql-client");
    }

    #[test]
    fn only_tables_with_data_are_counted() {
        let text = ";\n; 3 TABLE DATA in a comment\n215; 1259 16386 TABLE public orgs owner\n\
                    3400; 0 16386 TABLE DATA public orgs owner\n3401; 0 16387 TABLE DATA public users owner\n";
        assert_eq!(tables_listed(text), 2);
        assert_eq!(tables_listed(""), 0);
    }
}
