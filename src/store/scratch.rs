//! A schema of its own in somebody's PostgreSQL, for measurements: made, used and dropped.

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use super::StoreError;

/// A schema that nothing else uses. It stays in the server until it is removed.
pub struct ScratchSchema {
    server: String,
    name: String,
}

impl ScratchSchema {
    /// Makes one in the database that the URL names.
    pub async fn create(server: &str, id: Uuid) -> Result<Self, StoreError> {
        let schema = Self { server: server.to_owned(), name: format!("bench_{}", id.simple()) };
        schema.execute(format!("CREATE SCHEMA {}", schema.name)).await?;
        Ok(schema)
    }

    /// The server's URL, with this schema as the one in which names are looked for.
    #[must_use]
    pub fn url(&self) -> String {
        let separator = if self.server.contains('?') { '&' } else { '?' };
        format!("{}{separator}options=-c%20search_path%3D{}", self.server, self.name)
    }

    pub async fn remove(self) -> Result<(), StoreError> {
        self.execute(format!("DROP SCHEMA {} CASCADE", self.name)).await
    }

    /// Runs a statement whose only variable part is our own name, which is letters and digits.
    async fn execute(&self, sql: String) -> Result<(), StoreError> {
        let mut connection = PgConnection::connect(&self.server).await.map_err(StoreError::from_connect)?;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
        connection.close().await?;
        Ok(())
    }
}
