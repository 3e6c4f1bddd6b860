//! An event → a signed request to the customer.
//!
//! [`payload`] writes the body once, when the decision falls; [`sign`] signs it anew at each
//! attempt; [`send`] makes one attempt; [`retry`] says when the next one is due.

pub mod payload;
pub mod retry;
pub mod send;
pub mod sign;
