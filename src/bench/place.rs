//! Where is measured: the daemon's parts on a database of their own, removed afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};

use crate::app::{self, Background, Parts};
use crate::config::Settings;
use crate::domain::ids::{IdSource, SystemIds};
use crate::jobs::Deps;
use crate::store::scratch::ScratchSchema;

/// What the command line says.
pub struct Place {
    /// The folder in which another one is made and removed; `None` is the system's for temporary files.
    pub dir: Option<PathBuf>,
    /// A PostgreSQL in which a schema is made and removed; `None` measures SQLite.
    pub database_url: Option<SecretString>,
}

/// A folder that goes when this value goes.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub fn make(parent: Option<&Path>) -> anyhow::Result<Self> {
        let parent = parent.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let dir = parent.join(format!("reconbanker-bench-{}", SystemIds.next().simple()));
        fs::create_dir_all(&dir)
            .with_context(|| format!("could not make {}; choose another place with --dir", dir.display()))?;
        Ok(Self(dir))
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to the system, whose temporary folder it is.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A daemon that was built and does nothing by itself.
pub(super) struct Scratch {
    pub deps: Arc<Deps>,
    schema: Option<ScratchSchema>,
    /// Of the data directory.
    _lock: fs::File,
}

impl Scratch {
    /// Builds one in an empty folder, with the loopback network permitted to customers' URLs.
    pub async fn build(
        settings: &Settings,
        data_dir: PathBuf,
        database: Option<&SecretString>,
    ) -> anyhow::Result<Self> {
        let schema = match database {
            Some(url) => Some(
                ScratchSchema::create(url.expose_secret(), SystemIds.next())
                    .await
                    .context("check --database-url, and that its user may make a schema")?,
            ),
            None => None,
        };
        let mut settings = settings.clone();
        settings.data_dir = data_dir;
        settings.database.url = schema.as_ref().map(|schema| SecretString::from(schema.url()));
        settings.outbound.allow.push("127.0.0.0/8".parse().expect("a network"));
        let parts = Parts { background: Background::None, ..Parts::real()? };
        match app::build(&settings, &parts).await {
            Ok((deps, _, lock)) => Ok(Self { deps, schema, _lock: lock }),
            Err(error) => {
                if let Some(schema) = schema {
                    schema.remove().await?;
                }
                Err(error)
            }
        }
    }

    /// Closes the database, and removes the schema where there is one. The folder is its owner's business.
    pub async fn remove(self) -> anyhow::Result<()> {
        self.deps.store.close().await;
        if let Some(schema) = self.schema {
            schema.remove().await?;
        }
        Ok(())
    }
}
