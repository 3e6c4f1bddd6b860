//! A customer's endpoint → the payments the customer expects.
//!
//! [`client`] fetches the answer, [`decode`] reads it. What the ledger makes of it, new, known and
//! vanished orders, is decided where the store is known.

pub mod client;
pub mod decode;
