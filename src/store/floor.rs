//! The floor under `reconbanker bench match`: the least that any program must do to match a movement durably, by hand.
//!
//! No names are weighed, no reasons, events or ids are written: a movement is inserted, the open orders of its amount
//! are looked up in a partial index, a match is inserted, the order is closed, an outbox row is inserted. The same
//! driver and the same durability as the real store, on tables of its own. Nothing but the bench uses it.

use std::path::Path;

use sqlx::SqlitePool;

use super::{Store, StoreError};

/// Orders per transaction while loading.
const LOAD_CHUNK: usize = 10_000;

/// Tables of orders and movements in a file of their own.
pub struct Floor {
    writer: SqlitePool,
}

/// An order to load, or a movement to match: the amount in minor units, and the payer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FloorRow {
    pub amount: i64,
    pub name: String,
}

const TABLES: &str = "
    CREATE TABLE movements (id INTEGER PRIMARY KEY, account INTEGER NOT NULL, currency TEXT NOT NULL,
        amount INTEGER NOT NULL, name TEXT NOT NULL, booked_on TEXT NOT NULL) STRICT;
    CREATE TABLE orders (id INTEGER PRIMARY KEY, account INTEGER NOT NULL, currency TEXT NOT NULL,
        amount INTEGER NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL) STRICT;
    CREATE INDEX orders_open ON orders (account, currency, amount) WHERE status = 'open';
    CREATE TABLE matches (movement_id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL UNIQUE) STRICT;
    CREATE TABLE outbox (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL, body TEXT NOT NULL,
        status TEXT NOT NULL) STRICT;";

impl Floor {
    /// Opens a file that does not exist yet, as the real store opens its own.
    pub async fn create(file: &Path) -> Result<Self, StoreError> {
        let (writer, readers) = Store::open_sqlite(file).await?;
        readers.close().await;
        sqlx::raw_sql(TABLES).execute(&writer).await?;
        Ok(Self { writer })
    }

    /// Adds open orders.
    pub async fn add_orders(&self, orders: impl Iterator<Item = FloorRow> + Send) -> Result<(), StoreError> {
        const SQL: &str =
            "INSERT INTO orders (account, currency, amount, name, status) VALUES (1, 'UYU', $1, $2, 'open')";
        let mut orders = orders.peekable();
        while orders.peek().is_some() {
            let mut tx = self.writer.begin_with("BEGIN IMMEDIATE").await?;
            for order in orders.by_ref().take(LOAD_CHUNK) {
                sqlx::query(SQL).bind(order.amount).bind(order.name).execute(&mut *tx).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }

    /// Stores movements and matches each with the oldest open order of its amount and name, in one durable commit;
    /// how many were matched.
    pub async fn match_all(&self, movements: &[FloorRow]) -> Result<usize, StoreError> {
        const MOVEMENT: &str = "INSERT INTO movements (account, currency, amount, name, booked_on)
            VALUES (1, 'UYU', $1, $2, '2026-01-01')";
        const ORDERS: &str = "SELECT id, name FROM orders
            WHERE account = 1 AND currency = 'UYU' AND amount = $1 AND status = 'open' ORDER BY id";
        const MATCH: &str = "INSERT INTO matches (movement_id, order_id) VALUES ($1, $2)";
        const CLOSE: &str = "UPDATE orders SET status = 'matched' WHERE id = $1";
        const OUTBOX: &str = "INSERT INTO outbox (order_id, body, status) VALUES ($1, $2, 'pending')";
        let mut matched = 0;
        let mut tx = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        for movement in movements {
            let stored = sqlx::query(MOVEMENT).bind(movement.amount).bind(&movement.name).execute(&mut *tx).await?;
            let orders: Vec<(i64, String)> = sqlx::query_as(ORDERS).bind(movement.amount).fetch_all(&mut *tx).await?;
            let Some((order, name)) = orders.into_iter().find(|(_, name)| *name == movement.name) else { continue };
            sqlx::query(MATCH).bind(stored.last_insert_rowid()).bind(order).execute(&mut *tx).await?;
            sqlx::query(CLOSE).bind(order).execute(&mut *tx).await?;
            let body = format!(
                r#"{{"external_id":"BENCH-{order}","status":"matched","amount":{},"currency":"UYU","name":"{name}"}}"#,
                movement.amount
            );
            sqlx::query(OUTBOX).bind(order).bind(body).execute(&mut *tx).await?;
            matched += 1;
        }
        tx.commit().await?;
        Ok(matched)
    }

    pub async fn close(self) {
        self.writer.close().await;
    }
}
