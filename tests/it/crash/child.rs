//! The process in which the day is lived: it is this test binary, told by a variable what to do.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use reconbanker::app::{self, Background, Parts};
use reconbanker::domain::checkpoint::{Checkpoints, Crossing, Side};
use reconbanker::domain::ids::SystemIds;
use reconbanker::domain::time::{Clock, ManualClock};
use reconbanker::jobs::queue::run_due;
use reconbanker::jobs::schedule;
use reconbanker::scrape::Engine;
use reconbanker::scrape::scripted::ScriptedEngine;
use rustix::process::{Signal, getpid, kill_process};
use serde_json::{Value, json};

use super::bank::{Bank, script};
use super::day::steps;
use super::stage::{morning, settings};

/// The variable that says what to do; without it nobody asked for a process.
pub const VARIABLE: &str = "CRASH_DAY_TASK";

/// Where a process ends itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    pub crossing: Crossing,
    pub side: Side,
    /// Counted from 1.
    pub number: usize,
}

/// What a process has to do: live the day from a step on.
pub struct Task {
    pub data_dir: PathBuf,
    pub database_url: Option<String>,
    pub portal_port: u16,
    /// Where the world is told of each step.
    pub world: SocketAddr,
    pub from: usize,
    pub stop: Option<Stop>,
    /// Where a process that lived to the end writes what it crossed.
    pub counts: PathBuf,
    pub submissions: PathBuf,
}

impl Task {
    pub fn to_json(&self) -> Value {
        let stop =
            self.stop.map(|stop| json!([stop.crossing == Crossing::Commit, stop.side == Side::Before, stop.number]));
        json!({
            "data_dir": self.data_dir, "database_url": self.database_url, "portal_port": self.portal_port,
            "world": self.world, "from": self.from, "stop": stop, "counts": self.counts,
            "submissions": self.submissions,
        })
    }

    /// The task of this process, if it was given one.
    pub fn given() -> Option<Self> {
        let text = std::env::vars().find_map(|(name, value)| (name == VARIABLE).then_some(value))?;
        let task: Value = serde_json::from_str(&text).expect("a task");
        let path = |name: &str| PathBuf::from(task[name].as_str().expect("a path"));
        let number = |value: &Value| usize::try_from(value.as_u64().expect("a number")).expect("a small number");
        let stop = task["stop"].as_array().map(|stop| Stop {
            crossing: if stop[0] == json!(true) { Crossing::Commit } else { Crossing::Call },
            side: if stop[1] == json!(true) { Side::Before } else { Side::After },
            number: number(&stop[2]),
        });
        Some(Self {
            data_dir: path("data_dir"),
            database_url: task["database_url"].as_str().map(str::to_owned),
            portal_port: u16::try_from(number(&task["portal_port"])).expect("a port"),
            world: task["world"].as_str().expect("an address").parse().expect("an address"),
            from: number(&task["from"]),
            stop,
            counts: path("counts"),
            submissions: path("submissions"),
        })
    }

    /// Lives the day.
    pub async fn run(self) {
        let fuse = Arc::new(Fuse { passed: Mutex::default(), stop: self.stop });
        let checkpoints = Arc::clone(&fuse) as Arc<dyn Checkpoints>;
        let steps = steps();
        let clock = Arc::new(ManualClock::at(morning() + steps[self.from].at));
        let bank = Arc::new(Bank {
            engine: ScriptedEngine::new(script(self.portal_port, &[])),
            checkpoints: Arc::clone(&checkpoints),
            submissions: self.submissions.clone(),
        });
        let parts = Parts {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            ids: Arc::new(SystemIds),
            engine: Some(Arc::clone(&bank) as Arc<dyn Engine>),
            portal_port: Some(self.portal_port),
            guard_program: PathBuf::from(env!("CARGO_BIN_EXE_reconbanker")),
            background: Background::None,
            checkpoints: Some(checkpoints),
            matcher: reconbanker::matching::decide,
        };
        let settings = settings(&self.data_dir, self.database_url.clone());
        let app = app::start(&settings, parts).await.expect("the daemon starts");
        for (number, step) in steps.iter().enumerate().skip(self.from) {
            self.announce(number);
            bank.engine.replace(script(self.portal_port, step.booked));
            clock.advance(morning() + step.at - clock.now());
            schedule::tick(&app.deps).await.expect("the schedule ticks");
            run_due(&app.deps).await.expect("jobs run");
        }
        app.stop().await;
        let counts = json!([fuse.passed(Crossing::Commit), fuse.passed(Crossing::Call)]);
        std::fs::write(&self.counts, counts.to_string()).expect("a file");
    }

    /// Tells the world which step begins, and waits until it is ready.
    fn announce(&self, step: usize) {
        let mut stream = TcpStream::connect(self.world).expect("the world listens");
        writeln!(stream, "{step}").expect("a line");
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).expect("an answer");
    }
}

/// Counts what is crossed, each side for itself because calls lie within calls, and ends the process where it was told
/// to.
struct Fuse {
    passed: Mutex<Vec<(Crossing, Side)>>,
    stop: Option<Stop>,
}

impl Fuse {
    /// How often a crossing was made whole.
    fn passed(&self, crossing: Crossing) -> usize {
        let passed = self.passed.lock().expect("no holder of this lock can panic");
        passed.iter().filter(|one| **one == (crossing, Side::After)).count()
    }
}

impl Checkpoints for Fuse {
    fn pass(&self, crossing: Crossing, side: Side) {
        let mut passed = self.passed.lock().expect("no holder of this lock can panic");
        passed.push((crossing, side));
        let number = passed.iter().filter(|one| **one == (crossing, side)).count();
        if self.stop == Some(Stop { crossing, side, number }) {
            kill_process(getpid(), Signal::KILL).expect("a process may end itself");
        }
    }
}
