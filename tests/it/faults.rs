//! Disk, database, shop and receiver fail for a while: it is said clearly, nothing is lost, and work goes on by itself.

mod database;
mod disk;
mod others;
mod systemd;
