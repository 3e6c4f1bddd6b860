//! The two folders of migrations, embedded in the binary.

use sqlx::migrate::Migrator;

pub(super) fn sqlite() -> Migrator {
    sqlx::migrate!("migrations/sqlite")
}

pub(super) fn postgres() -> Migrator {
    sqlx::migrate!("migrations/postgres")
}
