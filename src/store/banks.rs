//! The catalogue of banks; the recipes fill it at every start.

use super::{StoreError, Tx, on_backend};
use crate::domain::ids::BankId;

/// Status of a bank that exists in the demo world only, where none runs.
pub const SIMULATED: &str = "simulated";

#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Bank {
    pub id: BankId,
    /// The recipe's id.
    pub code: String,
    pub name: String,
    pub login_url: Option<String>,
    /// `active` when accounts can be enrolled, else the recipe's own word (`unverified`, `simulated`).
    pub status: String,
    /// IANA name; bank days are counted in it.
    pub time_zone: String,
}

impl Tx {
    /// Writes what the recipe says; an existing bank keeps its id.
    pub async fn upsert_bank(&mut self, bank: &Bank) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO banks (id, code, name, login_url, status, time_zone)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (code) DO UPDATE SET name = excluded.name, login_url = excluded.login_url,
                status = excluded.status, time_zone = excluded.time_zone";
        on_backend!(self, conn => sqlx::query(SQL)
            .bind(bank.id).bind(&bank.code).bind(&bank.name).bind(&bank.login_url).bind(&bank.status)
            .bind(&bank.time_zone).execute(conn).await.map(|_| ())?);
        Ok(())
    }

    /// All banks by name.
    pub async fn banks(&mut self) -> Result<Vec<Bank>, StoreError> {
        const SQL: &str = "SELECT id, code, name, login_url, status, time_zone FROM banks ORDER BY name, code";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).fetch_all(conn).await?))
    }

    pub async fn bank(&mut self, id: BankId) -> Result<Option<Bank>, StoreError> {
        const SQL: &str = "SELECT id, code, name, login_url, status, time_zone FROM banks WHERE id = $1";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(id).fetch_optional(conn).await?))
    }
}
