//! One binary for every test that needs more than one module: real databases, real HTTP, a real browser.

mod support;

mod architecture;
mod backup;
mod contract;
mod migrations;
mod openapi;
mod receivers;
mod scrapers;
mod upgrade;

mod store;

mod http;

mod cli;
mod crash;
mod doctor;
mod faults;
mod flows;
