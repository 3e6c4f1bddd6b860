//! What follows from what was seen: one line for each thing. Asks nobody.
//!
//! A thing is not ok when work cannot be done because of it. What others do, and what concerns one bank, is told and
//! changes nothing: no load balancer can help it.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use super::Check;
use crate::disk::Space;
use crate::jobs::pulse::Silent;

/// A commit that takes longer than this makes everything slow: work consists of them.
const COMMIT_SLOW: Duration = Duration::from_secs(1);

const MIB: u64 = 1 << 20;

/// What came of looking at something within a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen<T> {
    Found(T),
    /// In words.
    Failed(String),
    Late {
        limit_ms: u128,
    },
}

impl<T> Seen<T> {
    /// The same for a part of what was found.
    pub fn map<U>(&self, part: impl FnOnce(&T) -> U) -> Seen<U> {
        match self {
            Self::Found(found) => Seen::Found(part(found)),
            Self::Failed(error) => Seen::Failed(error.clone()),
            Self::Late { limit_ms } => Seen::Late { limit_ms: *limit_ms },
        }
    }
}

fn ready(name: &'static str, detail: String) -> Check {
    Check { name, ok: true, detail }
}

fn not_ready(name: &'static str, detail: String) -> Check {
    Check { name, ok: false, detail }
}

pub(super) fn stopping() -> Check {
    not_ready("jobs", "stopping: no new work is begun, and what is under way is ended".to_owned())
}

pub(super) fn database(engine: &str, ping: &Seen<()>) -> Check {
    const NAME: &str = "database";
    match ping {
        Seen::Found(()) => ready(NAME, format!("{engine} answers")),
        Seen::Failed(error) => not_ready(NAME, format!("{engine}: {error}")),
        Seen::Late { limit_ms } => not_ready(NAME, format!("{engine} does not answer within {limit_ms} ms")),
    }
}

/// `failure` is why the last write failed.
pub(super) fn writes(engine: &str, failure: Option<&str>) -> Check {
    const NAME: &str = "writes";
    match failure {
        None => ready(NAME, "no write has failed since the last that succeeded".to_owned()),
        Some(error) => {
            not_ready(NAME, format!("{engine}: {error}. Nothing is recorded now; it is tried again every few seconds"))
        }
    }
}

pub(super) fn disk(place: &Path, space: &Seen<Result<Space, String>>, room_min_bytes: u64) -> Check {
    const NAME: &str = "disk";
    let shown = place.display();
    let space = match space {
        Seen::Found(Ok(space)) => space,
        Seen::Found(Err(error)) | Seen::Failed(error) => {
            return not_ready(NAME, format!("{shown}: {error}; check the disk and its mount"));
        }
        Seen::Late { limit_ms } => {
            let detail = format!("the disk under {shown} does not answer within {limit_ms} ms; find out what hangs");
            return not_ready(NAME, detail);
        }
    };
    let room = format!("{} MiB free of {} MiB under {shown}", space.free_bytes / MIB, space.total_bytes / MIB);
    if space.is_read_only {
        let detail = format!("the disk under {shown} is mounted read-only; check it, then mount it writable again");
        not_ready(NAME, detail)
    } else if space.free_bytes < room_min_bytes {
        let detail = format!("the disk is nearly full: {room}; free space, at least {} MiB", room_min_bytes / MIB);
        not_ready(NAME, detail)
    } else {
        ready(NAME, room)
    }
}

/// `times` are those of the last commits, oldest first. A slow disk does its work, late.
pub(super) fn commits(times: &VecDeque<Duration>) -> Check {
    const NAME: &str = "commits";
    let mut sorted: Vec<Duration> = times.iter().copied().collect();
    sorted.sort_unstable();
    let (Some(last), Some(median)) = (times.back(), sorted.get(sorted.len() / 2)) else {
        return ready(NAME, "nothing was written yet".to_owned());
    };
    let (last_ms, median_ms, count) = (last.as_millis(), median.as_millis(), sorted.len());
    let took = format!("the last took {last_ms} ms, the median of {count} is {median_ms} ms");
    if *last < COMMIT_SLOW && *median < COMMIT_SLOW {
        return ready(NAME, took);
    }
    ready(NAME, format!("slow: {took}; move the database to a faster disk, or find what keeps this one busy"))
}

/// `expected` is how many loops work in this process, `silent` are those that are stuck.
pub(super) fn jobs(expected: usize, silent: &[Silent]) -> Check {
    const NAME: &str = "jobs";
    if expected == 0 {
        return ready(NAME, "no work is done by this process itself".to_owned());
    }
    if silent.is_empty() {
        return ready(NAME, format!("{expected} loops take jobs and keep the schedule"));
    }
    let stuck: Vec<String> =
        silent.iter().map(|silent| format!("{} for {} s", silent.name, silent.since.as_secs())).collect();
    not_ready(NAME, format!("stuck: {}; restart the daemon, and report what its log says", stuck.join(", ")))
}

/// How many webhooks wait after a failed try; `limit` is how many were counted at most.
pub(super) fn deliveries(failing: &Seen<usize>, limit: usize) -> Check {
    let told = |count: String| format!("{count} webhooks wait for another try: their receivers do not take them");
    told_only("deliveries", failing, limit, "no webhook waits after a failed try", told)
}

/// How many accounts have an endpoint whose last poll failed; `limit` is how many were counted at most.
pub(super) fn polls(failing: &Seen<usize>, limit: usize) -> Check {
    let told = |count: String| format!("the last poll failed for {count} accounts: their endpoints do not answer well");
    told_only("polls", failing, limit, "the last poll of every account ended well", told)
}

/// What is told and changes nothing: others have to mend it.
fn told_only(
    name: &'static str,
    failing: &Seen<usize>,
    limit: usize,
    none: &str,
    some: impl FnOnce(String) -> String,
) -> Check {
    let detail = match failing {
        Seen::Found(0) => none.to_owned(),
        Seen::Found(count) if *count >= limit => some(format!("at least {count}")),
        Seen::Found(count) => some(count.to_string()),
        Seen::Failed(_) | Seen::Late { .. } => "not known while the database does not answer".to_owned(),
    };
    ready(name, detail)
}

/// A broken recipe takes only its own bank down.
pub(super) fn recipes(broken: usize) -> Check {
    let detail = match broken {
        0 => "all recipes load".to_owned(),
        count => format!("{count} recipe(s) do not load; the log names them at every start"),
    };
    ready("recipes", detail)
}

/// `problem` is what stands in the way of reading banks.
pub(super) fn browser(problem: &Seen<Option<String>>) -> Check {
    let detail = match problem {
        Seen::Found(None) => "browser and driver are there".to_owned(),
        Seen::Found(Some(problem)) => format!("banks cannot be read: {problem}"),
        Seen::Failed(_) | Seen::Late { .. } => "not known while the disk does not answer".to_owned(),
    };
    ready("browser", detail)
}

#[cfg(test)]
mod tests;
