//! Organisations and the people in them.

use super::{Inner, StoreError, Tx, on_backend};
use crate::domain::account::{OperationMode, Role};
use crate::domain::ids::{OrgId, UserId};
use crate::domain::time::Instant;

/// A person who signs in, with the organisation's operation mode beside.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct User {
    pub org_id: OrgId,
    pub id: UserId,
    pub email: String,
    pub name: Option<String>,
    pub password_hash: String,
    pub role: Role,
    /// `None` until someone chooses; the daemon then behaves as in `reconcile` where an endpoint is set.
    pub operation_mode: Option<OperationMode>,
}

/// What registering writes.
#[derive(Debug)]
pub struct NewUser<'a> {
    pub org_id: OrgId,
    pub id: UserId,
    /// Lower-cased by the caller: one person, one address.
    pub email: &'a str,
    pub name: Option<&'a str>,
    pub password_hash: &'a str,
    pub role: Role,
}

macro_rules! select_user {
    ($condition:literal) => {
        concat!(
            "SELECT u.org_id, u.id, u.email, u.name, u.password_hash, u.role, o.operation_mode
             FROM users u JOIN orgs o ON o.id = u.org_id WHERE ",
            $condition
        )
    };
}

impl Tx {
    /// Whether `key_check` is the one that this database was made with; the first caller sets it.
    pub async fn keys_belong(&mut self, key_check: &[u8], now: Instant) -> Result<bool, StoreError> {
        const INSERT: &str = "INSERT INTO installation (name, key_check, created_at) VALUES ('this', $1, $2)
            ON CONFLICT (name) DO NOTHING";
        const SELECT: &str = "SELECT key_check FROM installation WHERE name = 'this'";
        on_backend!(self, conn => sqlx::query(INSERT).bind(key_check).bind(now).execute(conn).await.map(|_| ())?);
        let (stored,): (Vec<u8>,) = on_backend!(self, conn => sqlx::query_as(SELECT).fetch_one(conn).await?);
        Ok(stored == key_check)
    }

    pub async fn insert_org(&mut self, id: OrgId, name: &str, now: Instant) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO orgs (id, name, created_at) VALUES ($1, $2, $3)";
        on_backend!(self, conn => sqlx::query(SQL).bind(id).bind(name).bind(now).execute(conn).await.map(|_| ())?);
        Ok(())
    }

    /// Adds a person; `false` when the address is taken, by whichever organisation.
    pub async fn insert_user(&mut self, user: &NewUser<'_>, now: Instant) -> Result<bool, StoreError> {
        const SQL: &str = "INSERT INTO users (org_id, id, email, name, password_hash, role, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (email) DO NOTHING";
        let rows = on_backend!(self, conn => sqlx::query(SQL)
            .bind(user.org_id).bind(user.id).bind(user.email).bind(user.name).bind(user.password_hash)
            .bind(user.role).bind(now).execute(conn).await?.rows_affected());
        Ok(rows == 1)
    }

    /// Every organisation, oldest first: for the operator at the command line only.
    pub async fn org_ids(&mut self) -> Result<Vec<OrgId>, StoreError> {
        const SQL: &str = "SELECT id FROM orgs ORDER BY created_at, id";
        let rows: Vec<(OrgId,)> = on_backend!(self, conn => sqlx::query_as(SQL).fetch_all(conn).await?);
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// Lets nobody else register until this transaction ends; SQLite has one writer anyhow.
    pub async fn lock_users(&mut self) -> Result<(), StoreError> {
        if let Inner::Postgres(tx) = &mut self.inner {
            sqlx::query("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE").execute(&mut **tx).await?;
        }
        Ok(())
    }

    /// Whether anybody has registered yet.
    pub async fn has_users(&mut self) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM users";
        let (count,): (i64,) = on_backend!(self, conn => sqlx::query_as(SQL).fetch_one(conn).await?);
        Ok(count > 0)
    }

    pub async fn user_by_email(&mut self, email: &str) -> Result<Option<User>, StoreError> {
        const SQL: &str = select_user!("u.email = $1");
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(email).fetch_optional(conn).await?))
    }

    pub async fn user(&mut self, org: OrgId, id: UserId) -> Result<Option<User>, StoreError> {
        const SQL: &str = select_user!("u.org_id = $1 AND u.id = $2");
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(id).fetch_optional(conn).await?))
    }

    /// `None` until someone chose.
    pub async fn operation_mode(&mut self, org: OrgId) -> Result<Option<OperationMode>, StoreError> {
        const SQL: &str = "SELECT operation_mode FROM orgs WHERE id = $1";
        let (mode,): (Option<OperationMode>,) =
            on_backend!(self, conn => sqlx::query_as(SQL).bind(org).fetch_one(conn).await?);
        Ok(mode)
    }

    pub async fn set_operation_mode(&mut self, org: OrgId, mode: OperationMode) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE orgs SET operation_mode = $2 WHERE id = $1";
        on_backend!(self, conn => sqlx::query(SQL).bind(org).bind(mode).execute(conn).await.map(|_| ())?);
        Ok(())
    }
}
