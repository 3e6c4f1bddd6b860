//! What the store promises, on both databases.

mod accounts;
mod assistance;
mod backup;
mod decisions;
mod deletion;
mod gauges;
mod inspect;
mod jobs;
mod ledger;
mod orders;
mod results;
