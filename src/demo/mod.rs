//! A small outside world on loopback: a bank with web pages, a customer's shop, a page to steer both.
//!
//! The demo shows Reconbanker against it and the integration tests run against it, so that both
//! meet the same bank. It knows the words of the domain and nothing else of the daemon: what
//! crosses the border is HTTP, as with a real bank and a real customer.

pub mod world;

pub mod bank;
pub mod control;
pub mod shop;

pub mod client;
pub mod command;
pub mod kill;
pub mod scenario;
pub mod stage;

mod html;
