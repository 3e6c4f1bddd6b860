//! The API as a client meets it.

mod bad_input;
mod conciliation;
mod resend;
mod runs;
mod shapes;
