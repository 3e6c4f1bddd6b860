//! Reconbanker: bank reconciliation for businesses paid by bank transfer.
//!
//! ```text
//! bank page ──▶ scrape ──▶ Movement ─────────┐
//!                                            ├─▶ matching ─▶ decision ─▶ event ─▶ deliver ─▶ customer
//! customer endpoint ──▶ poll ─▶ ExpectedPayment ┘      (one transaction)     (outbox)
//! ```
//!
//! The modules are listed in the order in which a payment meets them. `ARCHITECTURE.md` has the
//! rules of who may use whom; a test reads the `use` lines and enforces them.

pub mod domain;

pub mod scrape;

pub mod poll;

pub mod matching;

pub mod deliver;

pub mod disk;
pub mod metrics;
pub mod outbound;
pub mod vault;

pub mod store;

pub mod session;

pub mod jobs;

pub mod http;

pub mod app;
pub mod backup;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod telemetry;

pub mod bench;
pub mod demo;

mod tomlx;
