//! One payment's way through everything, on both databases, with a real browser where a bank is read.

mod deleted;
mod delivery;
mod expiry;
mod happy;
mod kill;
mod leaks;
mod looks;
mod nodes;
mod notices;
mod otp;
mod poll_answers;
mod polling;
mod presence;
mod refused;
mod restart;
mod schedule;
mod settings;
mod shared_login;
mod shutdown;
mod technical;
