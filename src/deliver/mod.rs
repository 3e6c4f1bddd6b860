//! An event → a signed request to the customer.
//!
//! [`payload`] and [`notice`] write the body once, when the decision falls; [`sign`] signs it anew
//! at each attempt; [`send`] makes one attempt; [`retry`] says when the next one is due.

pub mod notice;
pub mod payload;
pub mod retry;
pub mod send;
pub mod sign;
