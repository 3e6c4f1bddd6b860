use chrono::{LocalResult, NaiveDateTime, Weekday};
use proptest::prelude::*;
use serde_json::json;

use super::*;

const ZONES: [&str; 3] = ["America/Montevideo", "America/Santiago", "Europe/Madrid"];
/// The largest draw.
const LAST: Uuid = Uuid::from_u128(0xffff);
/// What a clock in Montevideo shows on a Friday morning.
const FRIDAY: &str = "2026-11-20T10:00:00";

fn zone(name: &str) -> BankZone {
    BankZone::parse(name).expect("a zone")
}

fn instant(text: &str) -> Instant {
    text.parse().expect("an instant")
}

fn civil(text: &str) -> NaiveDateTime {
    text.parse().expect("a civil time")
}

fn minutes(count: u64) -> Duration {
    Duration::from_mins(count)
}

fn hours(days: &[Weekday], from: &str, to: &str) -> BankHours {
    let time = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").expect("a time of day");
    BankHours::new(days.iter().copied().collect(), time(from), time(to)).expect("some days")
}

fn every(count: u64, hours: Option<BankHours>) -> Schedule {
    Schedule { cadence: Cadence::Every(minutes(count)), jitter: Duration::ZERO, hours }
}

fn at_slots(expression: &str, hours: Option<BankHours>) -> Schedule {
    let expression = Expression::parse(expression).expect("an expression");
    Schedule { cadence: Cadence::Cron(Box::new(expression)), jitter: Duration::ZERO, hours }
}

/// The readings that follow an instant, in UTC.
fn readings(schedule: &Schedule, zone_name: &str, after: &str, count: usize) -> Vec<String> {
    let readings = schedule.upcoming(instant(after), zone(zone_name), count);
    readings.iter().map(|at| at.format("%m-%d %H:%M").to_string()).collect()
}

/// What is wrong with an expression on that Friday.
fn complaint(expression: &str) -> String {
    let parsed = Expression::parse(expression).and_then(|parsed| parsed.shortest_distance(civil(FRIDAY)).map(|_| ()));
    parsed.expect_err(expression).to_string()
}

#[test]
fn an_expression_means_what_it_means_to_unix() {
    let check = |expression: &str, expected: &[&str]| {
        let schedule = at_slots(expression, None);
        let after = "2026-11-20T13:00:00Z";
        assert_eq!(readings(&schedule, "America/Montevideo", after, expected.len()), expected, "{expression}");
    };
    check("*/30 8-18 * * 1-5", &["11-20 13:30", "11-20 14:00", "11-20 14:30"]);
    check("30 18 * * 1-5", &["11-20 21:30", "11-23 21:30", "11-24 21:30"]);
    for sunday in ["0 12 * * 0", "0 12 * * 7", "0 12 * * sun", "0 12 * * SUN", "0 12 * * 7-7"] {
        check(sunday, &["11-22 15:00", "11-29 15:00"]);
    }
    check("0 12 * * 1", &["11-23 15:00", "11-30 15:00"]);
    check("0 12 * * 6", &["11-21 15:00", "11-28 15:00"]);
    for weekend in ["0 12 * * 5-7", "0 12 * * fri-sun", "0 12 * * 5,6,0"] {
        check(weekend, &["11-20 15:00", "11-21 15:00", "11-22 15:00", "11-27 15:00"]);
    }
    check("0 12 * * 1-5/2", &["11-20 15:00", "11-23 15:00", "11-25 15:00"]);
    check("0 12 * * */2", &["11-21 15:00", "11-22 15:00", "11-24 15:00"]);
    check("15,45 9,20 * * *", &["11-20 23:15", "11-20 23:45", "11-21 12:15"]);
    check("0 0 1 jan *", &["01-01 03:00", "01-01 03:00"]);
    check("0 0 31 * *", &["12-31 03:00", "01-31 03:00", "03-31 03:00"]);
    check("0  0\t29 2 *", &["02-29 03:00"]);
}

/// Daylight saving, both ways, in the two zones that have it.
#[test]
fn a_skipped_slot_is_made_up_for_once_and_a_repeated_one_counts_once() {
    let check = |zone: &str, expression: &str, after: &str, expected: &[&str]| {
        let schedule = at_slots(expression, None);
        assert_eq!(readings(&schedule, zone, after, expected.len()), expected, "{zone} {expression}");
    };
    // 02:00 to 03:00 is skipped on 29 March.
    let madrid = "Europe/Madrid";
    check(madrid, "30 2 * * *", "2026-03-28T00:00:00Z", &["03-28 01:30", "03-29 01:00", "03-30 00:30"]);
    check(madrid, "0,30 2 * * *", "2026-03-28T12:00:00Z", &["03-29 01:00", "03-30 00:00", "03-30 00:30"]);
    check(madrid, "30 1-3 * * *", "2026-03-29T00:00:00Z", &["03-29 00:30", "03-29 01:00", "03-29 01:30"]);
    check(madrid, "*/20 * * * *", "2026-03-29T00:30:00Z", &["03-29 00:40", "03-29 01:00", "03-29 01:20"]);
    check(madrid, "30 * * * *", "2026-03-29T00:00:00Z", &["03-29 00:30", "03-29 01:30", "03-29 02:30"]);
    // 02:00 to 03:00 comes twice on 25 October.
    check(madrid, "30 2 * * *", "2026-10-24T12:00:00Z", &["10-25 00:30", "10-26 01:30"]);
    check(madrid, "30 2 * * *", "2026-10-25T01:10:00Z", &["10-26 01:30"]);
    check(madrid, "*/10 1-2 * * *", "2026-10-25T00:45:00Z", &["10-25 00:50", "10-26 00:00"]);
    check(madrid, "*/30 * * * *", "2026-10-25T00:30:00Z", &["10-25 01:00", "10-25 01:30", "10-25 02:00"]);
    check(madrid, "30 * * * *", "2026-10-25T00:00:00Z", &["10-25 00:30", "10-25 01:30", "10-25 02:30"]);
    // 00:00 to 01:00 is skipped on 6 September.
    let santiago = "America/Santiago";
    check(santiago, "0 0 * * *", "2026-09-05T12:00:00Z", &["09-06 04:00", "09-07 03:00"]);
    check(santiago, "30 0 * * *", "2026-09-05T12:00:00Z", &["09-06 04:00", "09-07 03:30"]);
    check(santiago, "*/30 * * * *", "2026-09-06T03:00:00Z", &["09-06 03:30", "09-06 04:00", "09-06 04:30"]);
    // 23:00 to 24:00 comes twice on 3 April.
    check(santiago, "30 23 * * *", "2027-04-03T12:00:00Z", &["04-04 02:30", "04-05 03:30"]);
    check(santiago, "0 0 * * *", "2027-04-03T12:00:00Z", &["04-04 04:00", "04-05 04:00"]);
    check(santiago, "*/30 * * * *", "2027-04-04T02:30:00Z", &["04-04 03:00", "04-04 03:30", "04-04 04:00"]);
}

/// Through all four nights.
#[test]
fn an_expression_for_every_hour_keeps_its_distance() {
    for zone_name in ZONES {
        for evening in ["2026-03-28", "2026-09-05", "2026-10-24", "2027-04-03"] {
            let evening = instant(&format!("{evening}T20:00:00Z"));
            for (expression, distance) in [("*/5 * * * *", 5), ("*/20 * * * *", 20), ("30 * * * *", 60)] {
                let readings = at_slots(expression, None).upcoming(evening, zone(zone_name), 120);
                for pair in readings.windows(2) {
                    let (at, next) = (pair[0], pair[1]);
                    assert_eq!(next - at, TimeDelta::minutes(distance), "{zone_name} {expression} after {at}");
                }
            }
        }
    }
}

#[test]
fn what_is_wrong_with_an_expression_is_told_with_the_remedy() {
    let check = |expression: &str, expected: &str| assert_eq!(complaint(expression), expected, "{expression}");
    let fields =
        |count: usize| format!("must have five fields (minute, hour, day of month, month, weekday), but has {count}");
    check("", &fields(0));
    check("@daily", &fields(1));
    check("0 */5 * * * *", &fields(6));
    check(&"0 ".repeat(101), "must have at most 200 characters");
    check("60 * * * *", "has the minute 60, which is not between 0 and 59");
    check("0 24 * * *", "has the hour 24, which is not between 0 and 23");
    check("0 0 0 * *", "has the day of month 0, which is not between 1 and 31");
    check("0 0 * 13 *", "has the month 13, which is not between 1 and 12");
    check("0 0 * * 8", "has the weekday 8, which is not between 0 and 7");
    check("0 99999999999 * * *", "has the hour 99999999999, which is not between 0 and 23");
    let unreadable = |field: &str, text: &str| {
        format!("has the {field} `{text}`: write *, a number, a range (8-18), a list (0,30) or a step (*/15)")
    };
    for minute in ["x", "*/0", "5/15", "*/x", "1-", "-1", "1,,2", "0.5", "+5", "?", "*/-1", "mon"] {
        check(&format!("{minute} 0 * * *"), &unreadable("minute", minute));
    }
    check("0 0 L * *", &unreadable("day of month", "L"));
    check("0 0 * enero *", &unreadable("month", "enero"));
    check("0 0 * * mon#2", &unreadable("weekday", "mon#2"));
    check("0 18-8 * * *", "has the hour 18-8, which runs backwards: write it as two ranges with a comma");
    check("0 0 * * 5-2", "has the weekday 5-2, which runs backwards: write it as two ranges with a comma");
    let two_kinds =
        "sets day of month and weekday, and cron programs disagree on what that means: write * for one of them";
    check("0 0 1 * 1", two_kinds);
    check("0 0 */2 * mon-fri", two_kinds);
    check("0 0 30 2 *", "never comes up: no month that it names has such a day");
    check("0 0 31 4,6,9,11 *", "never comes up: no month that it names has such a day");
    check("* * * * *", "comes up at 10:01 and again at 10:02: leave at least 5 minutes between");
    check("*/4 12 * * *", "comes up at 12:00 and again at 12:04: leave at least 5 minutes between");
    check("0,58 0,23 * * *", "comes up at 23:58 and again at 00:00: leave at least 5 minutes between");
}

#[test]
fn the_shortest_time_between_two_slots_is_known() {
    let check = |expression: &str, expected_minutes: u64| {
        let shortest = Expression::parse(expression).expect("an expression").shortest_distance(civil(FRIDAY));
        assert_eq!(shortest, Ok(minutes(expected_minutes)), "{expression}");
    };
    check("*/5 * * * *", 5);
    check("*/30 8-18 * * 1-5", 30);
    check("0,25 8 * * *", 25);
    check("0 9 * * 1", 7 * 24 * 60);
}

#[test]
fn outside_the_hours_a_reading_waits_until_the_bank_opens() {
    use Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};

    let montevideo = |schedule: &Schedule, after: &str, expected: &str| {
        assert_eq!(readings(schedule, "America/Montevideo", after, 1), [expected], "after {after}");
    };
    let workdays = every(20, Some(hours(&[Mon, Tue, Wed, Thu, Fri], "07:00", "22:00")));
    montevideo(&workdays, "2026-11-20T13:00:00Z", "11-20 13:20");
    montevideo(&workdays, "2026-11-21T00:30:00Z", "11-21 00:50");
    montevideo(&workdays, "2026-11-21T00:40:00Z", "11-23 10:00");
    montevideo(&workdays, "2026-11-22T15:00:00Z", "11-23 10:00");
    montevideo(&workdays, "2026-11-23T09:39:00Z", "11-23 10:00");
    montevideo(&workdays, "2026-11-23T09:41:00Z", "11-23 10:01");

    let night = every(20, Some(hours(&[Fri], "22:00", "06:00")));
    montevideo(&night, "2026-11-20T13:00:00Z", "11-21 01:00");
    montevideo(&night, "2026-11-21T08:00:00Z", "11-21 08:20");
    montevideo(&night, "2026-11-21T08:50:00Z", "11-28 01:00");

    let sunday = every(20, Some(hours(&[Sun], "00:00", "00:00")));
    montevideo(&sunday, "2026-11-20T13:00:00Z", "11-22 03:00");
    montevideo(&sunday, "2026-11-23T02:30:00Z", "11-23 02:50");
    montevideo(&sunday, "2026-11-23T02:50:00Z", "11-29 03:00");

    let all = [Mon, Tue, Wed, Thu, Fri, Sat, Sun];
    let slots = at_slots("*/30 * * * *", Some(hours(&all, "07:00", "22:00")));
    let merged = ["11-21 00:30", "11-21 10:00", "11-21 10:30"];
    assert_eq!(readings(&slots, "America/Montevideo", "2026-11-21T00:00:00Z", 3), merged, "a night is one slot");
    let early = at_slots("0 3 * * *", Some(hours(&all, "07:00", "22:00")));
    montevideo(&early, "2026-11-20T13:00:00Z", "11-21 10:00");

    // Midnight to one is skipped in Santiago: hours that begin in it begin later, hours within it are left out.
    let santiago = |schedule: &Schedule, expected: &str| {
        assert_eq!(readings(schedule, "America/Santiago", "2026-09-06T03:00:00Z", 1), [expected]);
    };
    santiago(&every(20, Some(hours(&all, "00:30", "01:30"))), "09-06 04:00");
    santiago(&every(20, Some(hours(&all, "00:10", "00:40"))), "09-07 03:10");
}

#[test]
fn jitter_moves_a_reading_but_not_out_of_the_hours() {
    let zone = zone("America/Montevideo");
    let schedule = Schedule { jitter: minutes(2), ..every(20, Some(hours(&[Weekday::Fri], "07:00", "22:00"))) };
    let check = |after: &str, draw: u128, expected: &str| {
        let next = schedule.next_after(instant(after), zone, Uuid::from_u128(draw));
        assert_eq!(next, instant(expected), "after {after}");
    };
    check("2026-11-20T13:00:00Z", 0, "2026-11-20T13:20:00Z");
    check("2026-11-20T13:00:00Z", 0x4000, "2026-11-20T13:20:30Z");
    check("2026-11-20T13:00:00Z", 0xffff, "2026-11-20T13:21:59.998168Z");
    // One minute is left before the bank closes.
    check("2026-11-21T00:39:00Z", 0x8000, "2026-11-21T00:59:30Z");
    check("2026-11-21T00:39:00Z", 0xffff, "2026-11-21T00:59:59.999084Z");
    // And from the opening on there is all of it.
    check("2026-11-21T00:40:00Z", 0x8000, "2026-11-27T10:01:00Z");
}

#[test]
fn what_was_missed_is_made_up_for_soon_and_what_someone_waits_for_at_once() {
    let zone = zone("America/Montevideo");
    let schedule = Schedule { jitter: minutes(2), ..every(20, Some(hours(&[Weekday::Fri], "07:00", "22:00"))) };
    let (open, closed) = (instant("2026-11-20T13:00:00Z"), instant("2026-11-20T09:00:00Z"));
    let draw = Uuid::from_u128(0x4000);
    assert!(schedule.is_open(open, zone) && !schedule.is_open(closed, zone));
    assert_eq!(schedule.made_up_at(open, zone, draw), instant("2026-11-20T13:00:30Z"));
    assert_eq!(schedule.made_up_at(closed, zone, draw), instant("2026-11-20T10:00:30Z"));
    assert_eq!(schedule.soonest(open, zone, draw), open);
    assert_eq!(schedule.soonest(closed, zone, draw), instant("2026-11-20T10:00:30Z"));
}

#[test]
fn a_schedule_reads_back_as_it_was_written() {
    let check = |sent: serde_json::Value, expected: serde_json::Value| {
        let schedule = Schedule::accept(&sent, minutes(2), civil(FRIDAY)).expect("a schedule");
        let text = json!(schedule.to_text());
        assert_eq!(text, expected);
        assert_eq!(Schedule::read(&text, Duration::ZERO), Ok(schedule));
    };
    check(
        json!({ "scrape": { "every": "90min" } }),
        json!({ "scrape": { "every": "1h 30m", "jitter": "2m" }, "hours": null }),
    );
    check(
        json!({ "scrape": { "every": "1m" }, "hours": null }),
        json!({ "scrape": { "every": "1m", "jitter": "30s" }, "hours": null }),
    );
    check(
        json!({
            "scrape": { "cron": "*/30  8-18 * * 1-5", "every": null, "jitter": "0s" },
            "hours": { "days": ["sun", "mon", "mon"], "from": "22:00", "to": "06:30" },
        }),
        json!({
            "scrape": { "cron": "*/30 8-18 * * 1-5", "jitter": "0s" },
            "hours": { "days": ["mon", "sun"], "from": "22:00", "to": "06:30" },
        }),
    );
}

/// Whether the clock on the wall says that the bank is open.
fn shows_open(hours: BankHours, civil: NaiveDateTime) -> bool {
    let (day, time) = (civil.weekday(), civil.time());
    if hours.from < hours.to {
        return hours.days.contains(day) && hours.from <= time && time < hours.to;
    }
    (hours.days.contains(day) && hours.from <= time) || (hours.days.contains(day.pred()) && time < hours.to)
}

prop_compose! {
    fn any_hours()(days in 1_u8..128, from in 0_u32..1_440, to in 0_u32..1_440) -> BankHours {
        let week = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
        let days = week.into_iter().enumerate().filter(|(bit, _)| (days >> bit) & 1 == 1).map(|(_, day)| day).collect();
        let time = |minutes: u32| NaiveTime::from_hms_opt(minutes / 60, minutes % 60, 0).expect("a time of day");
        BankHours::new(days, time(from), time(to)).expect("some days")
    }
}

prop_compose! {
    /// From 2026 to 2029, to the microsecond.
    fn any_instant()(micros in 0_i64..4 * 365 * 86_400 * 1_000_000) -> Instant {
        instant("2026-01-01T00:00:00Z") + TimeDelta::microseconds(micros)
    }
}

proptest! {
    #[test]
    fn the_next_reading_is_later_and_within_the_hours(
        after in any_instant(),
        zone_name in prop::sample::select(ZONES.to_vec()),
        period_s in 60_u64..604_800,
        jitter_s in 0_u64..3_600,
        hours in prop::option::of(any_hours()),
        draw in any::<u128>(),
    ) {
        let (zone, draw) = (zone(zone_name), Uuid::from_u128(draw));
        let (period, jitter) = (Duration::from_secs(period_s), Duration::from_secs(jitter_s.min(period_s - 1)));
        let schedule = Schedule { cadence: Cadence::Every(period), jitter, hours };
        let next = schedule.next_after(after, zone, draw);
        let (slot, latest) = (after + delta(period), after + delta(period + jitter));
        prop_assert!(next > after && next >= slot, "{next} after {after}");
        prop_assert!(schedule.is_open(next, zone));
        if schedule.is_open(slot, zone) {
            prop_assert!(next <= latest, "{next} is later than {latest}");
        }
        if let Some(hours) = hours {
            let civil = zone.civil_of(next);
            let comes_twice = matches!(zone.instants_of(civil), LocalResult::Ambiguous(..));
            prop_assert!(shows_open(hours, civil) || comes_twice, "{civil} with {hours:?}");
        }
    }

    #[test]
    fn slots_come_in_order_and_within_the_hours(
        after in any_instant(),
        zone_name in prop::sample::select(ZONES.to_vec()),
        hours in prop::option::of(any_hours()),
        expression in prop::sample::select(vec!["*/5 * * * *", "7,37 * * * *", "*/10 1-3 * * *", "0 0,12 * * 1-5"]),
    ) {
        let zone = zone(zone_name);
        let schedule = Schedule { jitter: minutes(4), ..at_slots(expression, hours) };
        let mut at = after;
        for _ in 0..20 {
            let next = schedule.next_after(at, zone, LAST);
            prop_assert!(next > at, "{next} after {at}");
            prop_assert!(schedule.is_open(next, zone), "{next} with {hours:?}");
            at = next;
        }
    }

    #[test]
    fn no_text_panics(text in "[-0-9*/,a-z ]{0,30}") {
        let _ = Expression::parse(&text).map(|expression| expression.shortest_distance(civil(FRIDAY)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Also on the days on which the clocks are moved.
    #[test]
    fn a_daily_slot_comes_once_on_each_day(
        zone_name in prop::sample::select(ZONES.to_vec()),
        hour in 0_u32..24,
        minute in 0_u32..60,
    ) {
        let zone = zone(zone_name);
        let schedule = at_slots(&format!("{minute} {hour} * * *"), None);
        let first = NaiveDate::from_ymd_opt(2026, 1, 1).expect("a day");
        let readings = schedule.upcoming(zone.start_of(first) - TimeDelta::seconds(1), zone, 400);
        let days: Vec<_> = readings.iter().map(|at| zone.day_of(*at)).collect();
        prop_assert_eq!(days, first.iter_days().take(400).collect::<Vec<_>>());
    }
}
