//! The words of the field: pure values, no IO, no `async`, no ambient clock.
//!
//! Everything else in the crate speaks in these types. Rules that hold for a value whatever
//! surrounds it (an amount is exact, a bank day has a zone, a blocked login types nothing) live here.

pub mod ids;
pub mod json;
pub mod money;
pub mod time;

pub mod account;
pub mod api_key;
pub mod assistance;
pub mod case;
pub mod checkpoint;
pub mod event;
pub mod expected_payment;
pub mod movement;
pub mod run;

/// Lower-case hexadecimal digits, two a byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}
