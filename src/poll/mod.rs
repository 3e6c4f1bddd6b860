//! A customer's endpoint → the payments the customer expects.
//!
//! [`client`] fetches the answer, [`decode`] reads it, [`presence`] decides what it means for the orders
//! that are known: new, seen, vanished, back.

pub mod client;
pub mod decode;
pub mod presence;
