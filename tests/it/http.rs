//! The API as a client meets it.

mod bad_input;
mod shapes;
