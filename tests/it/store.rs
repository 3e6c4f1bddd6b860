//! What the store promises, on both databases.

mod accounts;
mod decisions;
mod jobs;
mod ledger;
