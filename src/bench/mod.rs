//! What `reconbanker bench` runs: measurements on real parts, printed, never asserted.

pub mod deliver;
pub mod idle;
pub mod matching;
pub mod poll;

mod endpoint;
mod enrol;
mod floor;
mod place;
mod report;
mod shop;
mod stats;

pub use place::Place;
