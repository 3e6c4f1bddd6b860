//! Backups: everything but the keys in one file, made while the daemon works, and put back where nothing is.
//!
//! A backup is made in a folder beside its place, read back and checked as `reconbanker restore --check` does, and only
//! then gets its name. Keys are never in one: together with the database they open every credential.

mod archive;
mod manifest;
mod postgres;
mod restore;
mod retention;
mod scratch;

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use chrono::SecondsFormat;
use serde::Serialize;
use serde_json::json;

pub use self::manifest::Engine;
pub use self::restore::{Keys, Report, Restored, check, restore};

use self::archive::Staged;
use self::manifest::{FILES_MAX, FORMAT, Manifest, SCRAPERS};
use self::scratch::{Scratch, place};
use crate::app;
use crate::config::{FILE_NAME, Settings};
use crate::domain::hex;
use crate::domain::time::Instant;
use crate::store::backup::{Server, newest_schema};
use crate::store::{Location, Store};

/// Where backups go when nobody says.
const FOLDER: &str = "backups";
/// In the data directory: when the last backup was made, and where it is.
const LAST: &str = "last-backup.json";
/// Deeper than anyone's recipes lie.
const DEPTH_MAX: usize = 8;

/// What is asked for.
#[derive(Debug, Default)]
pub struct Request {
    /// A new file, or a folder that is there; without it, a folder in the data directory.
    pub to: Option<PathBuf>,
    /// How many backups stay in the folder; without it, all.
    pub keep: Option<u32>,
}

/// What was made.
#[derive(Debug, Serialize)]
pub struct Made {
    pub file: String,
    pub bytes: u64,
    pub took_ms: u64,
    pub created_at: Instant,
    pub engine: Engine,
    pub schema_version: i64,
    /// The folder of the keys, which are not in the backup.
    pub keys_dir: String,
    /// Older backups that went, as `keep` says.
    pub removed: Vec<String>,
    /// What a person should know, one sentence each.
    pub notes: Vec<String>,
}

/// Where a backup is to be put.
#[derive(Debug)]
struct Target {
    folder: PathBuf,
    name: String,
}

/// What the database says of itself before it is copied.
struct Source {
    schema_version: i64,
    key_check: Option<String>,
    /// PostgreSQL only: the server, and the schema of our tables.
    server: Option<(Server, String)>,
}

/// Makes a backup. Takes no lock: the daemon goes on.
pub async fn make(settings: &Settings, request: &Request, now: Instant) -> anyhow::Result<Made> {
    let started = std::time::Instant::now();
    let location = app::location(settings);
    if let Location::Sqlite(file) = &location {
        ensure!(
            file.is_file(),
            "there is no database {}; say with --data-dir where the daemon keeps its data",
            file.display()
        );
    }
    app::make_data_dir(&settings.data_dir)?;
    let target = target(&settings.data_dir, request, now)?;
    let path = target.folder.join(&target.name);

    let scratch = Scratch::new(&target.folder)?;
    let draft = scratch.path().join("backup.tar");
    let manifest = write(settings, &location, &scratch, &draft, now)
        .await
        .with_context(|| format!("could not make the backup in {}; nothing of it was kept", target.folder.display()))?;
    let report = restore::verify(&draft, &scratch.folder("check")?, &settings.data_dir)
        .await
        .context("the new backup did not pass its check and was not kept")?;
    place(&draft, &path).with_context(|| format!("could not put the backup to {}", path.display()))?;
    drop(scratch);

    note_last(&settings.data_dir, &path, report.bytes, now)?;
    let removed = match request.keep {
        Some(keep) => remove_older(&target, keep)
            .with_context(|| format!("the backup {} is made, but older ones stay", path.display()))?,
        None => Vec::new(),
    };
    Ok(Made {
        file: path.display().to_string(),
        bytes: report.bytes,
        took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        created_at: now,
        engine: manifest.engine,
        schema_version: manifest.schema_version,
        keys_dir: settings.data_dir.join("keys").display().to_string(),
        removed,
        // Keys that do not fit are for a person to mend, and no reason to have no backup.
        notes: report.notes.into_iter().chain(report.key_problems).collect(),
    })
}

/// Copies everything and writes the archive; the copies are gone afterwards.
async fn write(
    settings: &Settings,
    location: &Location,
    scratch: &Scratch,
    draft: &Path,
    now: Instant,
) -> anyhow::Result<Manifest> {
    let copies = scratch.folder("copies")?;
    let store = app::connect_store(settings).await?;
    let copied = copy_database(&store, location, &copies).await;
    store.close().await;
    let (source, database) = copied?;
    let mut files = vec![database];
    files.extend(copy_settings(&settings.data_dir, &copies)?);
    copy_scrapers(&settings.data_dir.join(SCRAPERS), SCRAPERS, &copies, &mut files)?;
    let manifest = Manifest {
        format: FORMAT,
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        engine: engine(location),
        schema_version: source.schema_version,
        namespace: source.server.map(|(_, schema)| schema),
        created_at: now,
        key_check: source.key_check,
        files: files.iter().map(|staged| staged.entry.clone()).collect(),
    };
    archive::write(draft, &manifest, &files)?;
    fs::remove_dir_all(&copies).with_context(|| format!("could not remove {}", copies.display()))?;
    Ok(manifest)
}

fn engine(location: &Location) -> Engine {
    match location {
        Location::Sqlite(_) => Engine::Sqlite,
        Location::Postgres(_) => Engine::Postgres,
    }
}

async fn copy_database(store: &Store, location: &Location, copies: &Path) -> anyhow::Result<(Source, Staged)> {
    let source = source(store).await?;
    let name = engine(location).file_name();
    let copy = copies.join(name);
    match (location, &source.server) {
        (Location::Postgres(url), Some((server, schema))) => postgres::dump(url, server, schema, &copy).await?,
        (Location::Postgres(_) | Location::Sqlite(_), _) => {
            store.copy_to(&copy).await.context("could not copy the database; is there room for two more of it?")?;
        }
    }
    Ok((source, archive::measure(copy, name)?))
}

async fn source(store: &Store) -> anyhow::Result<Source> {
    let schema_version = store.schema_version().await?;
    let schema_version = schema_version.context("the database has no tables yet; `reconbanker serve` makes them")?;
    let newest = newest_schema();
    ensure!(
        schema_version <= newest,
        "the database has schema {schema_version} and this program knows schemas up to {newest}; use the program that \
         the daemon runs"
    );
    let mut tx = store.read().await?;
    let key_check = tx.key_check().await?.map(|bytes| hex(&bytes));
    drop(tx);
    let server = match store.server().await? {
        None => None,
        Some(server) => {
            let schema = server.schema.clone().context("the schema that database.url names does not exist")?;
            Some((server, schema))
        }
    };
    Ok(Source { schema_version, key_check, server })
}

fn copy_settings(data_dir: &Path, copies: &Path) -> anyhow::Result<Option<Staged>> {
    let file = data_dir.join(FILE_NAME);
    if !file.is_file() {
        return Ok(None);
    }
    Ok(Some(archive::stage(&file, FILE_NAME, copies)?))
}

/// Copies a folder of recipes with everything in it. `name` is its path in the backup.
fn copy_scrapers(folder: &Path, name: &str, copies: &Path, files: &mut Vec<Staged>) -> anyhow::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("could not read {}", folder.display())),
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.with_context(|| format!("could not read {}", folder.display()))?.path());
    }
    paths.sort();
    for path in paths {
        let shown = path.display();
        let last = path.file_name().and_then(OsStr::to_str);
        let name = format!("{name}/{}", last.with_context(|| format!("the name {shown} is not UTF-8; rename it"))?);
        if let Some(why) = manifest::name_problem(&name) {
            bail!("{shown} cannot be in a backup: {why}; rename it");
        }
        let metadata = fs::symlink_metadata(&path).with_context(|| format!("could not look at {shown}"))?;
        if metadata.is_dir() {
            ensure!(name.split('/').count() < DEPTH_MAX, "{shown} lies too deep for a backup; move it elsewhere");
            copy_scrapers(&path, &name, copies, files)?;
        } else {
            // A link would bring in what nobody thinks of, such as keys.
            ensure!(metadata.is_file(), "{shown} is a link or no plain file; put a copy of what it stands for there");
            ensure!(files.len() < FILES_MAX, "{SCRAPERS} has more than {FILES_MAX} files; keep recipes there only");
            files.push(archive::stage(&path, &name, copies)?);
        }
    }
    Ok(())
}

/// Where the backup goes: a name that is free, in a folder that is there.
fn target(data_dir: &Path, request: &Request, now: Instant) -> anyhow::Result<Target> {
    let own_name = retention::file_name(now);
    let (folder, name) = match &request.to {
        None => {
            let folder = data_dir.join(FOLDER);
            app::make_private_dir(&folder)?;
            (folder, own_name)
        }
        Some(folder) if folder.is_dir() => (folder.clone(), own_name),
        Some(file) => {
            let shown = file.display();
            ensure!(!shown.to_string().ends_with('/'), "there is no folder {shown}; make it first");
            ensure!(
                request.keep.is_none(),
                "--keep counts backups under their own names; give --to a folder that is there, not the file {shown}"
            );
            let name = file.file_name().and_then(OsStr::to_str);
            let name = name.with_context(|| format!("{shown} is no name of a file"))?;
            let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            ensure!(parent.is_dir(), "there is no folder {}; make it first", parent.display());
            (parent.to_owned(), name.to_owned())
        }
    };
    let folder = fs::canonicalize(&folder).with_context(|| format!("could not look at {}", folder.display()))?;
    let path = folder.join(&name);
    ensure!(
        fs::symlink_metadata(&path).is_err(),
        "{} exists already; name another file with --to, or try again in a second",
        path.display()
    );
    Ok(Target { folder, name })
}

fn note_last(data_dir: &Path, file: &Path, bytes: u64, now: Instant) -> anyhow::Result<()> {
    let note = json!({
        "at": now.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        "file": file.display().to_string(),
        "bytes": bytes,
    });
    let path = data_dir.join(LAST);
    scratch::replace(&path, format!("{note}\n").as_bytes())
        .with_context(|| format!("the backup {} is made, but {} cannot be written", file.display(), path.display()))
}

/// Removes all but the newest `keep` backups of the folder; their names.
fn remove_older(target: &Target, keep: u32) -> anyhow::Result<Vec<String>> {
    let folder = &target.folder;
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            names.extend(entry.file_name().into_string().ok());
        }
    }
    let expired = retention::expired(&names, &target.name, keep);
    for name in &expired {
        let path = folder.join(name);
        fs::remove_file(&path).with_context(|| format!("could not remove {}", path.display()))?;
    }
    Ok(expired)
}
