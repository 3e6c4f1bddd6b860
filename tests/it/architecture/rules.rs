//! The rules themselves.

/// One invariant and its reason. Files are named from `src`, without `.rs`; a name covers the folder of that name
/// too, and `*` covers what begins so.
pub(super) enum Rule {
    /// Of our modules, these files use their own and the ones listed. Where two rules cover a file, the longer name
    /// wins.
    Uses { files: &'static str, modules: &'static [&'static str], why: &'static str },
    /// Of other packages, these files use only the ones listed.
    Packages { files: &'static str, packages: &'static [&'static str], why: &'static str },
    /// The word stands only in these files.
    Only { word: &'static str, files: &'static [&'static str], why: &'static str },
    /// The word stands nowhere in these files.
    Never { word: &'static str, files: &'static str, why: &'static str },
    /// No file is longer.
    Lines { max: usize, why: &'static str },
}
use Rule::{Lines, Never, Only, Packages, Uses};

const STAGE: &str = "a stage takes values and gives values: it sees neither the database nor what starts it";
const TOOL: &str = "a tool knows nothing of the trade that uses it";
const JOINS: &[&str] = &[
    "config", "deliver", "disk", "domain", "jobs", "matching", "metrics", "outbound", "poll", "scrape", "session",
    "store", "vault",
];

pub(super) const RULES: &[Rule] = &[
    Uses { files: "domain", modules: &[], why: "the words of the field stand on nothing of ours" },
    Uses { files: "matching", modules: &["domain"], why: "a decision is a function of movements and orders" },
    Uses { files: "scrape", modules: &["domain", "tomlx"], why: STAGE },
    Uses { files: "poll", modules: &["domain", "outbound"], why: STAGE },
    Uses { files: "deliver", modules: &["domain", "outbound"], why: STAGE },
    Uses { files: "disk", modules: &[], why: TOOL },
    Uses { files: "outbound", modules: &["domain"], why: TOOL },
    Uses { files: "vault", modules: &["domain"], why: TOOL },
    Uses { files: "metrics", modules: &["domain"], why: TOOL },
    Uses { files: "tomlx", modules: &[], why: TOOL },
    Uses { files: "config", modules: &["tomlx"], why: "settings are values that the composition hands out" },
    Uses { files: "telemetry", modules: &["config"], why: TOOL },
    Uses { files: "store", modules: &["domain"], why: "the store never sees a stage" },
    Uses {
        files: "session",
        modules: &["domain"],
        why: "a request for a code is a value that a login and a person share",
    },
    Uses { files: "jobs", modules: JOINS, why: "jobs join stages and store; only the composition is above them" },
    Uses { files: "http", modules: JOINS, why: "handlers join stages and store; only the composition is above them" },
    Uses {
        files: "doctor",
        modules: &["config", "disk", "domain", "store", "vault"],
        why: "a judgement takes facts: it asks nobody",
    },
    Uses {
        files: "doctor/gather",
        modules: &["app", "config", "disk", "domain", "scrape", "store", "vault"],
        why: "gathering looks at what the composition would build, and starts none of it",
    },
    Uses {
        files: "backup",
        modules: &["app", "config", "domain", "store", "vault"],
        why: "a backup is made of what lies still, beside the daemon and not in it",
    },
    Uses { files: "demo", modules: &["domain"], why: "the demo world is the outside: it reaches us over the network" },
    Uses { files: "demo/scenario*", modules: &["app", "config", "domain"], why: "a scenario starts the daemon" },
    Uses { files: "demo/stage", modules: &["app", "config", "domain"], why: "the stage holds daemon and demo world" },
    Uses { files: "demo/command", modules: &["app", "config", "domain"], why: "the command starts the daemon" },
    Uses {
        files: "demo/kill",
        modules: &["app", "config", "domain", "outbound"],
        why: "it prepares the daemon's directory and settings, then starts it as a process and calls it",
    },
    Uses { files: "demo/kill/plan", modules: &["domain"], why: "a plan is a function of its seed" },
    Uses { files: "demo/kill/checker", modules: &["domain"], why: "a verdict is a function of what both sides show" },
    Packages {
        files: "domain",
        packages: &["chrono", "chrono_tz", "serde", "serde_json", "sha2", "thiserror", "uuid"],
        why: "the words of the field outlive every framework",
    },
    Never { word: "async", files: "domain", why: "values do not wait" },
    Never { word: "async", files: "matching", why: "a decision computes, with no transaction and no network open" },
    Only { word: "sqlx", files: &["store"], why: "all SQL is in one place, where both databases are tested" },
    Only { word: "apalis", files: &["jobs/queue"], why: "the executor can be replaced in one file" },
    Only {
        word: "cron",
        files: &["jobs/cadence/expression"],
        why: "what it does with weekdays and daylight saving is kept in one file",
    },
    Never { word: "async", files: "jobs/cadence", why: "the next reading is a function of an instant and a schedule" },
    Only {
        word: "fantoccini",
        files: &["scrape/webdriver", "scrape/driver"],
        why: "everything else speaks to the `Browser` trait",
    },
    Only { word: "axum", files: &["app", "demo", "http"], why: "requests end where the handlers are" },
    Only {
        word: "reqwest",
        files: &["cli", "deliver", "demo", "outbound", "poll"],
        why: "calls go out through the guard that checks the address",
    },
    Only { word: "prometheus_client", files: &["metrics"], why: "what is measured speaks the field's words" },
    Only { word: "sd_notify", files: &["app/systemd"], why: "who started the daemon is the composition's business" },
    Only { word: "tar", files: &["backup/archive"], why: "what may be in a backup is judged in one file" },
    Only { word: "standardwebhooks", files: &["demo"], why: "our signatures are our own; that package verifies them" },
    Lines { max: 450, why: "a file answers one question" },
];
