use super::*;

#[track_caller]
fn expect(check: &Check, ok: bool, detail: &str) {
    assert_eq!((check.ok, check.detail.as_str()), (ok, detail), "{}", check.name);
}

fn late<T>() -> Seen<T> {
    Seen::Late { limit_ms: 1_000 }
}

fn failed<T>() -> Seen<T> {
    Seen::Failed("connection refused".to_owned())
}

#[test]
fn a_database_that_does_not_answer_is_not_ready() {
    let judged = |seen: &Seen<()>| database("PostgreSQL", seen);
    expect(&judged(&Seen::Found(())), true, "PostgreSQL answers");
    expect(&judged(&failed()), false, "PostgreSQL: connection refused");
    expect(&judged(&late()), false, "PostgreSQL does not answer within 1000 ms");
}

#[test]
fn a_failed_write_is_not_ready_until_one_succeeds() {
    expect(&writes("SQLite", None), true, "no write has failed since the last that succeeded");
    let expected = "SQLite: the disk is full. Nothing is recorded now; it is tried again every few seconds";
    expect(&writes("SQLite", Some("the disk is full")), false, expected);
}

#[test]
fn a_disk_needs_room_and_must_be_writable() {
    let space = |free_mib: u64, is_read_only: bool| {
        Seen::Found(Ok(Space { free_bytes: free_mib * MIB, total_bytes: 1_000 * MIB, is_read_only }))
    };
    let judged = |seen: &Seen<Result<Space, String>>| disk(Path::new("/data"), seen, 100 * MIB);
    expect(&judged(&space(100, false)), true, "100 MiB free of 1000 MiB under /data");
    let full = "the disk is nearly full: 99 MiB free of 1000 MiB under /data; free space, at least 100 MiB";
    expect(&judged(&space(99, false)), false, full);
    let read_only = "the disk under /data is mounted read-only; check it, then mount it writable again";
    expect(&judged(&space(500, true)), false, read_only);
    expect(&judged(&space(0, true)), false, read_only);
    expect(&judged(&Seen::Found(Err("gone".to_owned()))), false, "/data: gone; check the disk and its mount");
    expect(&judged(&late()), false, "the disk under /data does not answer within 1000 ms; find out what hangs");
}

#[test]
fn slow_commits_are_told_and_stay_ready() {
    let judged = |times_ms: &[u64]| commits(&times_ms.iter().copied().map(Duration::from_millis).collect());
    expect(&judged(&[]), true, "nothing was written yet");
    expect(&judged(&[5, 1, 3]), true, "the last took 3 ms, the median of 3 is 3 ms");
    expect(&judged(&[5_000, 1, 3, 999]), true, "the last took 999 ms, the median of 4 is 999 ms");
    let advice = "move the database to a faster disk, or find what keeps this one busy";
    let check = |times_ms: &[u64], took: &str| expect(&judged(times_ms), true, &format!("slow: {took}; {advice}"));
    check(&[1, 2, 1_000], "the last took 1000 ms, the median of 3 is 2 ms");
    check(&[1_500, 1_200, 3], "the last took 3 ms, the median of 3 is 1200 ms");
}

#[test]
fn a_loop_that_is_stuck_is_not_ready() {
    expect(&jobs(0, &[]), true, "no work is done by this process itself");
    expect(&jobs(5, &[]), true, "5 loops take jobs and keep the schedule");
    let silent = |name: &'static str, seconds: u64| Silent { name, since: Duration::from_secs(seconds) };
    let stuck = [silent("deliver", 61), silent("schedule", 300)];
    let expected = "stuck: deliver for 61 s, schedule for 300 s; restart the daemon, and report what its log says";
    expect(&jobs(5, &stuck), false, expected);
    assert!(!stopping().ok);
}

#[test]
fn what_others_do_is_counted_and_stays_ready() {
    let judged = |seen: &Seen<usize>| (deliveries(seen, 500), polls(seen, 500));
    let (delivered, polled) = judged(&Seen::Found(0));
    expect(&delivered, true, "no webhook waits after a failed try");
    expect(&polled, true, "the last poll of every account ended well");
    let (delivered, polled) = judged(&Seen::Found(499));
    expect(&delivered, true, "499 webhooks wait for another try: their receivers do not take them");
    expect(&polled, true, "the last poll failed for 499 accounts: their endpoints do not answer well");
    let (delivered, polled) = judged(&Seen::Found(500));
    expect(&delivered, true, "at least 500 webhooks wait for another try: their receivers do not take them");
    expect(&polled, true, "the last poll failed for at least 500 accounts: their endpoints do not answer well");
    for seen in [failed(), late()] {
        let (delivered, polled) = judged(&seen);
        expect(&delivered, true, "not known while the database does not answer");
        expect(&polled, true, "not known while the database does not answer");
    }
}

#[test]
fn recipes_and_browser_are_told_and_stay_ready() {
    expect(&recipes(0), true, "all recipes load");
    expect(&recipes(2), true, "2 recipe(s) do not load; the log names them at every start");
    expect(&browser(&Seen::Found(None)), true, "browser and driver are there");
    expect(&browser(&Seen::Found(Some("no browser found".to_owned()))), true, "banks cannot be read: no browser found");
    expect(&browser(&late()), true, "not known while the disk does not answer");
}
