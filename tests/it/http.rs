//! The API as a client meets it.

mod bad_input;
mod conciliation;
mod limits;
mod movements;
mod requests;
mod resend;
mod runs;
mod shapes;
