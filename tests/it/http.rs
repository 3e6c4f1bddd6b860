//! The API as a client meets it.

mod api_keys;
mod bad_input;
mod conciliation;
mod limits;
mod metrics;
mod movements;
mod options;
mod requests;
mod resend;
mod runs;
mod schemes;
mod shapes;
