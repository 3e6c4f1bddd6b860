//! What `reconbanker bench` runs: measurements on real parts, printed, never asserted.

pub mod deliver;
