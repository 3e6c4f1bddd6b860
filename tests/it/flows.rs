//! One payment's way through everything, on both databases, with a real browser where a bank is read.

mod deleted;
mod delivery;
mod happy;
mod leaks;
mod notices;
mod polling;
mod refused;
mod settings;
mod shutdown;
