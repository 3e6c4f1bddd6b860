//! Rows that store tests start from.

use chrono::{DateTime, NaiveDate};
use reconbanker::domain::account::Role;
use reconbanker::domain::expected_payment::PolledOrder;
use reconbanker::domain::ids::{
    AccountId, BankId, BankLoginId, ExpectedPaymentId, IdSource, MovementId, OrgId, RunId, SystemIds, UserId,
};
use reconbanker::domain::movement::{BookingStatus, CreditDebit, Identity, ScrapedMovement};
use reconbanker::domain::run::{RunKind, Trigger};
use reconbanker::domain::time::Instant;
use reconbanker::store::accounts::NewAccount;
use reconbanker::store::bank_logins::NewBankLogin;
use reconbanker::store::banks::Bank;
use reconbanker::store::movements::Ingest;
use reconbanker::store::orgs::NewUser;
use reconbanker::store::{Location, Store};
use sqlx::{PgPool, SqlitePool};
use uuid::Uuid;

use super::{Backend, Database, MORNING};

/// A store with one organisation, one bank, one login, one account and one waiting run.
pub struct Seed {
    pub store: Store,
    pub org: OrgId,
    pub login: BankLoginId,
    pub account: AccountId,
    pub run: RunId,
    pub now: Instant,
    database: Database,
}

pub fn id() -> Uuid {
    SystemIds.next()
}

pub fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

impl Seed {
    pub async fn new(backend: Backend) -> Self {
        let database = Database::create(backend).await;
        let store = database.store().await;
        let now = DateTime::parse_from_rfc3339(MORNING).expect("an instant").to_utc();
        let mut seed = Self {
            store,
            org: OrgId(id()),
            login: BankLoginId(id()),
            account: AccountId(id()),
            run: RunId(id()),
            now,
            database,
        };
        let bank = BankId(id());
        let mut tx = seed.store.write().await.expect("a transaction");
        let row = Bank {
            id: bank,
            code: "demo".into(),
            name: "Demo".into(),
            login_url: None,
            status: "active".into(),
            time_zone: "America/Montevideo".into(),
        };
        tx.upsert_bank(&row).await.expect("a bank");
        tx.commit().await.expect("a commit");
        (seed.org, seed.account, seed.login, seed.run) = seed.tenant(bank, "owner@shop.example").await;
        seed
    }

    /// Another organisation at the same bank.
    pub async fn other_tenant(&self) -> (OrgId, AccountId) {
        let bank = self.store.read().await.expect("a transaction").banks().await.expect("banks")[0].id;
        let (org, account, _, _) = self.tenant(bank, "other@shop.example").await;
        (org, account)
    }

    async fn tenant(&self, bank: BankId, email: &str) -> (OrgId, AccountId, BankLoginId, RunId) {
        let (org, account, login, run) = (OrgId(id()), AccountId(id()), BankLoginId(id()), RunId(id()));
        let mut tx = self.store.write().await.expect("a transaction");
        tx.insert_org(org, "Shop", self.now).await.expect("an organisation");
        let user = NewUser { org_id: org, id: UserId(id()), email, name: None, password_hash: "x", role: Role::Admin };
        assert!(tx.insert_user(&user, self.now).await.expect("a user"));
        let new = NewBankLogin {
            org_id: org,
            id: login,
            bank_id: bank,
            username_hash: b"hash",
            username_sealed: b"user",
            password_sealed: b"password",
        };
        tx.insert_bank_login(&new, self.now).await.expect("a login");
        let new = NewAccount {
            org_id: org,
            id: account,
            bank_id: bank,
            name: "Operating account",
            enrolled_on: day("2026-11-20"),
            signing_secret_sealed: b"secret",
        };
        tx.insert_account(&new, self.now).await.expect("an account");
        tx.set_account_login(org, account, login).await.expect("a link");
        tx.request_run(org, account, RunKind::Scrape, Trigger::Manual, run, self.now).await.expect("a run");
        tx.commit().await.expect("a commit");
        (org, account, login, run)
    }

    pub fn ingest(&self) -> Ingest {
        Ingest { org: self.org, account: self.account, run: self.run, enrolled_on: day("2026-11-20"), now: self.now }
    }

    /// Adds an order; its id.
    pub async fn order(&self, external_id: &str, amount: &str) -> ExpectedPaymentId {
        let order = PolledOrder {
            external_id: external_id.to_owned(),
            amount: amount.parse().expect("an amount"),
            currency: "UYU".parse().expect("a currency"),
            name: "Juan Pérez".to_owned(),
        };
        let id = ExpectedPaymentId(id());
        let mut tx = self.store.write().await.expect("a transaction");
        assert!(tx.insert_order(self.org, self.account, self.run, id, &order, self.now).await.expect("an order"));
        tx.commit().await.expect("a commit");
        id
    }

    /// Adds a movement; its id.
    pub async fn movement(&self, movement: &ScrapedMovement) -> MovementId {
        let id = MovementId(id());
        let mut tx = self.store.write().await.expect("a transaction");
        assert!(tx.insert_movement(&self.ingest(), id, movement).await.expect("a movement"));
        tx.commit().await.expect("a commit");
        id
    }

    /// One value that no question of the store gives.
    pub async fn bytes(&self, sql: &'static str) -> Vec<u8> {
        let value = match self.database.location() {
            Location::Sqlite(file) => {
                let pool = SqlitePool::connect(&format!("sqlite://{}", file.display())).await.expect("the file opens");
                sqlx::query_scalar(sql).fetch_one(&pool).await
            }
            Location::Postgres(url) => {
                let pool = PgPool::connect(&url).await.expect("the server answers");
                sqlx::query_scalar(sql).fetch_one(&pool).await
            }
        };
        value.expect("one row")
    }

    /// One change that no function of the store makes.
    pub async fn execute(&self, sql: &'static str) {
        match self.database.location() {
            Location::Sqlite(file) => {
                let pool = SqlitePool::connect(&format!("sqlite://{}", file.display())).await.expect("the file opens");
                sqlx::raw_sql(sql).execute(&pool).await.expect("the statement is right");
            }
            Location::Postgres(url) => {
                let pool = PgPool::connect(&url).await.expect("the server answers");
                sqlx::raw_sql(sql).execute(&pool).await.expect("the statement is right");
            }
        }
    }

    pub async fn finish(self) {
        self.store.close().await;
        self.database.remove().await;
    }
}

/// A booked credit of a day, told apart by its fingerprint.
pub fn credit(fingerprint: &str, amount: &str, booked_on: &str) -> ScrapedMovement {
    ScrapedMovement {
        bank_account: "0011234567".to_owned(),
        booked_on: Some(day(booked_on)),
        value_on: None,
        received_at: format!("{booked_on}T03:00:00Z").parse().expect("an instant"),
        amount: amount.parse().expect("an amount"),
        direction: CreditDebit::Credit,
        currency: "UYU".parse().expect("a currency"),
        status: BookingStatus::Booked,
        description: "TRANSFERENCIA DE JUAN PEREZ".to_owned(),
        counterparty_name: Some("JUAN PEREZ".to_owned()),
        bank_reference: None,
        balance_after: Some("-12.50".to_owned()),
        identity: Identity { fingerprint: fingerprint.to_owned(), ordinal: 0 },
        raw: "{}".to_owned(),
    }
}
