//! Checking a backup, and putting it back where there is no database yet.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::Serialize;

use super::manifest::{Engine, Manifest, SCRAPERS};
use super::scratch::{Scratch, place};
use super::{archive, postgres};
use crate::app;
use crate::config::{FILE_NAME, Settings};
use crate::domain::hex;
use crate::domain::time::Instant;
use crate::store::backup::{Rows, SealedValue, Server, newest_schema};
use crate::store::{Location, Store};
use crate::vault::{KeyRing, Place, Vault};

/// What a check found out.
#[derive(Debug, Serialize)]
pub struct Report {
    pub file: String,
    pub bytes: u64,
    pub created_at: Instant,
    /// Of the program that made it.
    pub program_version: String,
    pub engine: Engine,
    pub schema_version: i64,
    /// The schema that the next start brings it to, where that is another.
    pub upgrades_to: Option<i64>,
    pub keys: Keys,
    /// Why the keys here do not do.
    pub key_problems: Vec<String>,
    pub secrets_opened: usize,
    /// `None` where the data were not put into a database.
    pub rows: Option<Rows>,
    /// Of PostgreSQL, what its own program finds in a dump that was not put back.
    pub tables_in_dump: Option<usize>,
    /// What a person should know, one sentence each.
    pub notes: Vec<String>,
}

/// What the keys in the data directory are to a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Keys {
    Right,
    /// There are none.
    Absent,
    /// They belong to another database, cannot be used, or do not open everything.
    Wrong,
    /// The database was never started, so none belong to it.
    NeverMade,
}

/// What was put back.
#[derive(Debug)]
pub struct Restored {
    pub report: Report,
    /// Where the data are now.
    pub database: String,
    /// Files and folders of the data directory that came back.
    pub placed: Vec<String>,
    /// Those that were there and stayed as they are.
    pub kept: Vec<String>,
}

/// Where a database is to be put.
enum Target {
    File(PathBuf),
    Server { url: String, server: Server, schema: String },
}

/// What a database holds, and what the keys do not open of it.
struct Contents {
    rows: Rows,
    secrets_opened: usize,
    key_problems: Vec<String>,
}

/// Unpacks a backup beside the data and proves what can be proved; keeps nothing and changes nothing.
pub async fn check(settings: &Settings, file: &Path) -> anyhow::Result<Report> {
    // Where the data are, there is room for them; on a machine without, the temporary directory has to do.
    let scratch = Scratch::new(&settings.data_dir).or_else(|_| Scratch::new(&std::env::temp_dir()))?;
    verify(file, &scratch.folder("check")?, &settings.data_dir)
        .await
        .with_context(|| format!("the backup {} cannot be used", file.display()))
}

/// The same, in an empty folder.
pub(super) async fn verify(file: &Path, into: &Path, data_dir: &Path) -> anyhow::Result<Report> {
    let bytes = fs::metadata(file).map(|metadata| metadata.len()).unwrap_or_default();
    let manifest = archive::unpack(file, into)?;
    refuse_newer(&manifest, manifest.schema_version)?;
    let (keys, vault, key_problems) = keys_for(&manifest, &data_dir.join("keys"));
    let mut report = Report {
        file: file.display().to_string(),
        bytes,
        created_at: manifest.created_at,
        program_version: manifest.program_version.clone(),
        engine: manifest.engine,
        schema_version: manifest.schema_version,
        upgrades_to: Some(newest_schema()).filter(|newest| *newest > manifest.schema_version),
        keys,
        key_problems,
        secrets_opened: 0,
        rows: None,
        tables_in_dump: None,
        notes: Vec::new(),
    };
    report.note(data_dir);
    let database = into.join(manifest.engine.file_name());
    match manifest.engine {
        Engine::Sqlite => {
            let store = Store::connect(&Location::Sqlite(database), 1).await.context("its database does not open")?;
            let contents = inspect(&store, &manifest, vault.as_ref()).await;
            store.close().await;
            report.add(contents?);
        }
        Engine::Postgres => {
            let tables = postgres::list(&database).await.context("its postgres.dump cannot be read")?;
            report.tables_in_dump = Some(tables);
        }
    }
    Ok(report)
}

/// Puts a backup back: into a data directory without a database, or an empty schema of PostgreSQL.
pub async fn restore(settings: &Settings, file: &Path) -> anyhow::Result<Restored> {
    let data_dir = &settings.data_dir;
    app::make_data_dir(data_dir)?;
    let _lock = app::lock_data_dir(data_dir)?;
    let target = target(settings).await?;
    let mut report = check(settings, file).await?;
    report.refuse_wrong_keys()?;

    let scratch = Scratch::new(data_dir)?;
    let folder = scratch.folder("restore")?;
    let manifest = archive::unpack(file, &folder)?;
    refuse_other_engine(&manifest, &target)?;
    let (mut placed, mut kept) = (Vec::new(), Vec::new());
    for name in [SCRAPERS, FILE_NAME] {
        let from = folder.join(name);
        if !from.exists() {
            continue;
        }
        match place(&from, &data_dir.join(name)) {
            Ok(()) => placed.push(name.to_owned()),
            Err(error) if is_taken(&error) => kept.push(name.to_owned()),
            Err(error) => return Err(error).with_context(|| format!("could not put {name} back")),
        }
    }
    // The database last: without it, a start or another try finds everything as it was.
    let from = folder.join(manifest.engine.file_name());
    let database = match &target {
        Target::File(path) => {
            place(&from, path).with_context(|| format!("could not put {} back", path.display()))?;
            path.display().to_string()
        }
        Target::Server { url, server, schema } => {
            postgres::restore(url, server, schema, &from).await?;
            let contents = inspect_server(settings, &manifest).await;
            report.add(contents.context("the data are in the database now, but they are not as they should be")?);
            format!("the schema {schema} of the database in database.url")
        }
    };
    Ok(Restored { report, database, placed, kept })
}

impl Report {
    /// Keys that are there and do not fit are an error: the daemon would not start with them.
    pub fn refuse_wrong_keys(&self) -> anyhow::Result<()> {
        ensure!(self.keys != Keys::Wrong, "{}", self.key_problems.join("; "));
        Ok(())
    }

    fn note(&mut self, data_dir: &Path) {
        if let Some(newest) = self.upgrades_to {
            self.notes.push(format!("its schema is {}; this program upgrades it to {newest}", self.schema_version));
        }
        if self.keys == Keys::Absent {
            self.notes.push(format!(
                "there are no keys in {}, so no secret was opened. Keys are in no backup: put the folder back from its \
                 own copy before the start",
                data_dir.join("keys").display()
            ));
        }
    }

    fn add(&mut self, contents: Contents) {
        let Contents { rows, secrets_opened, key_problems } = contents;
        self.rows = Some(rows);
        self.tables_in_dump = None;
        self.secrets_opened = secrets_opened;
        if !key_problems.is_empty() {
            self.keys = Keys::Wrong;
            self.key_problems.extend(key_problems);
        }
    }
}

fn refuse_newer(manifest: &Manifest, schema: i64) -> anyhow::Result<()> {
    let newest = newest_schema();
    ensure!(
        schema <= newest,
        "it has schema {schema} and this program knows schemas up to {newest}; use the release that made it, {}, or a \
         newer one",
        manifest.program_version
    );
    Ok(())
}

/// What the keys in a folder are to a backup, and why they do not do. Makes none.
fn keys_for(manifest: &Manifest, dir: &Path) -> (Keys, Option<Vault>, Vec<String>) {
    let Some(expected) = &manifest.key_check else { return (Keys::NeverMade, None, Vec::new()) };
    let vault = match KeyRing::load_existing(dir) {
        Ok(Some(ring)) => Vault::new(&ring),
        Ok(None) => return (Keys::Absent, None, Vec::new()),
        Err(error) => return (Keys::Wrong, None, vec![error.to_string()]),
    };
    if hex(&app::key_check(&vault)) == *expected {
        return (Keys::Right, Some(vault), Vec::new());
    }
    let problem = format!(
        "the keys in {} are not the ones that this backup's database was made with; put the right folder there from \
         its safe copy",
        dir.display()
    );
    (Keys::Wrong, None, vec![problem])
}

/// Asks a database everything that it can prove of itself, and upgrades it on the way.
async fn inspect(store: &Store, manifest: &Manifest, vault: Option<&Vault>) -> anyhow::Result<Contents> {
    let schema = store.schema_version().await.context("its database cannot be read")?;
    let schema = schema.context("its database has no tables of ours; use another backup")?;
    refuse_newer(manifest, schema)?;
    let said = manifest.schema_version;
    ensure!(schema == said, "its database has schema {schema} and its manifest says {said}; use another backup");
    let broken = store.check_integrity().await.context("its database cannot be read; use another backup")?;
    ensure!(broken.is_empty(), "its database is broken: {}; use another backup", broken.join("; "));
    store.migrate().await.context("its database cannot be upgraded")?;

    let mut tx = store.read().await?;
    let key_check = tx.key_check().await?.map(|bytes| hex(&bytes));
    ensure!(key_check == manifest.key_check, "its database and its manifest name different keys; use another backup");
    if let Some(org) = tx.orgs_with_gaps().await?.first() {
        bail!("the log of the organisation {org} has gaps in its database; use another backup");
    }
    let rows = tx.rows().await?;
    let sealed = if vault.is_some() { tx.sealed_values().await? } else { Vec::new() };
    drop(tx);
    let (secrets_opened, key_problems) = vault.map(|vault| open_all(vault, &sealed)).unwrap_or_default();
    Ok(Contents { rows, secrets_opened, key_problems })
}

/// How many secrets open, and what is wrong with the others, each thing once.
fn open_all(vault: &Vault, values: &[SealedValue]) -> (usize, Vec<String>) {
    let (mut opened, mut problems) = (0, BTreeSet::new());
    for value in values {
        let place = Place { table: value.table, column: value.column, row: value.row, org: value.org };
        match vault.open(&place, &value.sealed) {
            Ok(_) => opened += 1,
            Err(error) => {
                problems.insert(error.to_string());
            }
        }
    }
    (opened, problems.into_iter().collect())
}

/// The same questions to the server that was just filled.
async fn inspect_server(settings: &Settings, manifest: &Manifest) -> anyhow::Result<Contents> {
    let (_, vault, _) = keys_for(manifest, &settings.data_dir.join("keys"));
    let store = app::connect_store(settings).await?;
    let contents = inspect(&store, manifest, vault.as_ref()).await;
    store.close().await;
    contents
}

/// Where the settings want the database; an error where there is one.
async fn target(settings: &Settings) -> anyhow::Result<Target> {
    match app::location(settings) {
        Location::Sqlite(file) => {
            // What a database left beside itself would be taken for a part of the new one.
            for suffix in ["", "-wal", "-shm", "-journal"] {
                let path = PathBuf::from(format!("{}{suffix}", file.display()));
                ensure!(
                    fs::symlink_metadata(&path).is_err(),
                    "{} exists already, and a backup is put back only where there is no database; choose another \
                     --data-dir, or move that file away",
                    path.display()
                );
            }
            Ok(Target::File(file))
        }
        Location::Postgres(url) => {
            let store = app::connect_store(settings).await?;
            let found = server_and_tables(&store).await;
            store.close().await;
            let (server, tables) = found?;
            let schema = server.schema.clone().context(
                "the schema that database.url names does not exist; make it first: CREATE SCHEMA, or CREATE DATABASE",
            )?;
            ensure!(
                tables.is_empty(),
                "the schema {schema} in the database of database.url has {} tables already, and a backup is put back \
                 only into an empty one; make another database and name it there",
                tables.len()
            );
            Ok(Target::Server { url, server, schema })
        }
    }
}

async fn server_and_tables(store: &Store) -> anyhow::Result<(Server, Vec<String>)> {
    let server = store.server().await?.context("the database is not PostgreSQL")?;
    Ok((server, store.tables().await?))
}

fn refuse_other_engine(manifest: &Manifest, target: &Target) -> anyhow::Result<()> {
    match (manifest.engine, target) {
        (Engine::Sqlite, Target::File(_)) => Ok(()),
        (Engine::Sqlite, Target::Server { .. }) => {
            bail!("the backup holds a SQLite database and database.url names PostgreSQL; leave database.url empty")
        }
        (Engine::Postgres, Target::File(_)) => {
            bail!("the backup holds data of PostgreSQL; name an empty database with database.url")
        }
        (Engine::Postgres, Target::Server { schema, .. }) => {
            let wanted = manifest.namespace.as_deref().unwrap_or_default();
            // The names stand in the dump, before each table.
            ensure!(
                schema == wanted,
                "the backup holds the schema {wanted} and database.url leads to {schema}; in an empty database, make \
                 the schema {wanted} and name it: database.url = \"postgres://…?options=-c%20search_path%3D{wanted}\""
            );
            Ok(())
        }
    }
}

/// Whether a name was taken; a folder with something in it says so in its own words.
fn is_taken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty)
}
