//! The whole journey while the daemon is killed again and again: the real binary, the real browser, both databases.

use std::process::{Command, Output};

use crate::support::{Backend, Database, each_backend};

/// Any would do; a fixed one lets a failure be played again.
const SEED: &str = "20261120";
/// How much of the demo's output a failure shows.
const LINES_SHOWN: usize = 60;

fn last_lines(output: &Output) -> String {
    let text = [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
}

each_backend! {
    /// Ten kills: the shop's view agrees with what happened, and no process outlives its daemon.
    async fn browser_ten_kills_lose_nothing_and_double_nothing(backend: Backend) {
        let database = Database::create(backend).await;
        let dir = tempfile::tempdir().expect("a directory");
        let mut command = Command::new(env!("CARGO_BIN_EXE_reconbanker"));
        command.arg("--data-dir").arg(dir.path().join("data")).env_remove("RECONBANKER_CONFIG");
        command.args(["demo", "--once", "--kill", "--kills", "10", "--seed", SEED]);
        if let Some(url) = database.url() {
            command.env("RECONBANKER_DATABASE__URL", url);
        }
        let output = command.output().expect("the binary starts");
        assert!(output.status.success(), "{}:\n{}", output.status, last_lines(&output));
        database.remove().await;
    }
}
