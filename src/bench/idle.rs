//! The daemon at rest: how soon it answers after its start, and how much memory it then keeps.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use super::enrol;
use super::place::{Folder, Scratch};
use super::stats::micros;
use crate::config::Settings;

const ACCOUNTS: u32 = 10;
const READY_GOAL_MS: i64 = 300;
const MEMORY_GOAL_KIB: i64 = 40 * 1024;
/// Pause between two questions whether it is ready.
const ASK_EVERY: Duration = Duration::from_millis(1);
const READY_WITHIN: Duration = Duration::from_secs(30);

pub struct Request {
    /// How long the daemon rests before its memory is read.
    pub seconds: u32,
    pub dir: Option<PathBuf>,
    pub json: bool,
}

pub async fn run(settings: &Settings, request: &Request) -> anyhow::Result<()> {
    let folder = Folder::make(request.dir.as_deref())?;
    let data_dir = folder.join("daemon");
    prepare(settings, &data_dir).await?;
    let address = free_address().await?;
    let started = Instant::now();
    let mut daemon = start(&data_dir, address)?;
    let ready_us = ready(&mut daemon, address, started).await?;
    tokio::time::sleep(Duration::from_secs(u64::from(request.seconds))).await;
    ensure!(daemon.try_wait()?.is_none(), "the daemon ended by itself");
    let memory_kib = memory_kib(&daemon)?;
    daemon.kill().await?;
    print(ready_us, memory_kib, request)
}

/// A data directory with accounts for which nothing is due.
async fn prepare(settings: &Settings, data_dir: &Path) -> anyhow::Result<()> {
    let scratch = Scratch::build(settings, data_dir.to_owned(), None).await?;
    let org = enrol::organisation(&scratch.deps).await?;
    for _ in 0..ACCOUNTS {
        enrol::account(&scratch.deps, org, None).await?;
    }
    scratch.remove().await
}

/// An address that nobody listens on now.
async fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("no port is free on loopback")?;
    Ok(listener.local_addr()?)
}

/// Without our environment, which may name another database.
fn start(data_dir: &Path, address: SocketAddr) -> anyhow::Result<Child> {
    let program = std::env::current_exe().context("could not find the path of this program")?;
    let daemon = Command::new(program)
        .env_clear()
        .arg("serve")
        .arg("--data-dir")
        .arg(data_dir)
        .arg("--listen")
        .arg(address.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    Ok(daemon)
}

/// How long after the start it said that it is ready, in microseconds.
async fn ready(daemon: &mut Child, address: SocketAddr, started: Instant) -> anyhow::Result<i64> {
    while started.elapsed() < READY_WITHIN {
        if let Some(status) = daemon.try_wait()? {
            bail!("the daemon ended at once with {status}; run `reconbanker serve` to see why");
        }
        if is_ready(address).await.unwrap_or(false) {
            return Ok(micros(started.elapsed()));
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
    bail!("the daemon was not ready within {} s", READY_WITHIN.as_secs());
}

async fn is_ready(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.1 200"))
}

/// Resident memory as the kernel counts it.
fn memory_kib(daemon: &Child) -> anyhow::Result<i64> {
    let id = daemon.id().context("the daemon ended by itself")?;
    let path = format!("/proc/{id}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("could not read {path}; this needs Linux"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the kernel names no VmRSS")?;
    let number = line.trim().trim_end_matches("kB").trim();
    number.parse().with_context(|| format!("\"{number}\" is no number of kB"))
}

fn print(ready_us: i64, memory_kib: i64, request: &Request) -> anyhow::Result<()> {
    let is_soon = ready_us <= READY_GOAL_MS * 1_000;
    let is_small = memory_kib <= MEMORY_GOAL_KIB;
    let mut out = io::stdout();
    if request.json {
        let summary = json!({
            "bench": "idle", "accounts": ACCOUNTS, "seconds": request.seconds, "ready_us": ready_us,
            "rss_kib": memory_kib,
            "goals": [
                { "goal": "ready_us", "limit": READY_GOAL_MS * 1_000, "met": is_soon },
                { "goal": "rss_kib", "limit": MEMORY_GOAL_KIB, "met": is_small },
            ],
        });
        writeln!(out, "{summary}")?;
        return Ok(());
    }
    let verdict = |is_met: bool| if is_met { "met" } else { "MISSED" };
    let ready_ms = ready_us / 1_000;
    writeln!(out, "{ACCOUNTS} accounts enrolled, SQLite")?;
    writeln!(out, "start → ready            {ready_ms:>6} ms    (goal: {READY_GOAL_MS}): {}", verdict(is_soon))?;
    let (seconds, small) = (request.seconds, verdict(is_small));
    writeln!(out, "memory after {seconds:>4} s      {memory_kib:>6} KiB   (goal: {MEMORY_GOAL_KIB}): {small}")?;
    Ok(())
}
