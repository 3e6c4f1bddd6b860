//! What the store promises, on both databases.

mod accounts;
mod assistance;
mod backup;
mod clock;
mod decisions;
mod deletion;
mod gauges;
mod health;
mod inspect;
mod jobs;
mod ledger;
mod options;
mod orders;
mod results;
mod touched;
