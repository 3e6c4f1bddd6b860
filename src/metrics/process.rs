//! What the kernel says of this process; `None` wherever it does not say it.

use std::fs;

/// The kernel counts time for programs in hundredths of a second, on every architecture we are built for.
const TICKS_PER_S: i64 = 100;
/// Words between the program's name and the start time in `/proc/self/stat`.
const WORDS_BEFORE_START: usize = 19;

/// Memory that is in RAM now, in bytes.
pub(super) fn resident_bytes() -> Option<i64> {
    resident_in(&fs::read_to_string("/proc/self/status").ok()?)
}

/// Files, sockets and pipes that are open.
pub(super) fn open_files() -> Option<i64> {
    let listed = i64::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()?;
    // The directory that was listed is one of them.
    Some(listed - 1)
}

/// When the process started, in seconds since 1970 (UTC).
pub(super) fn started_at_s() -> Option<i64> {
    started_in(&fs::read_to_string("/proc/self/stat").ok()?, &fs::read_to_string("/proc/stat").ok()?)
}

fn resident_in(status: &str) -> Option<i64> {
    let text = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = text.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// From the process's own line, which counts from the machine's start, and the machine's, which says when that was.
fn started_in(process: &str, machine: &str) -> Option<i64> {
    // The name stands in brackets and may hold anything, brackets too.
    let (_, words) = process.rsplit_once(')')?;
    let ticks: i64 = words.split_whitespace().nth(WORDS_BEFORE_START)?.parse().ok()?;
    let booted_at_s: i64 = machine.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    booted_at_s.checked_add(ticks / TICKS_PER_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_texts_are_read() {
        let status = "Name:\treconbanker\nVmPeak:\t  900000 kB\nVmRSS:\t   65536 kB\nThreads:\t4\n";
        assert_eq!(resident_in(status), Some(67_108_864));
        assert_eq!(resident_in("VmRSS:\t many kB\n"), None);
        assert_eq!(resident_in(""), None);

        let process = "4711 (a) (b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 12345 20 21\n";
        let machine = "cpu  1 2 3\nbtime 1700000000\nprocesses 5\n";
        assert_eq!(started_in(process, machine), Some(1_700_000_123));
        assert_eq!(started_in(process, "cpu  1 2 3\n"), None);
        assert_eq!(started_in("4711 (a) S 1", machine), None);
    }

    #[test]
    fn this_process_has_memory_open_files_and_a_start() {
        assert!(resident_bytes().is_some_and(|bytes| bytes > 1024 * 1024));
        assert!(open_files().is_some_and(|count| count >= 1));
        // Later than 2024, and the machine's start is no later than the process's.
        assert!(started_at_s().is_some_and(|at_s| at_s > 1_704_000_000));
    }
}
