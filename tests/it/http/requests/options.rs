//! Bodies of an account's options.

use super::Bodies;

const OPTIONS: &str = "/accounts/<account>/options";

type Cases = &'static [(&'static str, &'static str)];

pub(super) const ALL: &[Bodies] = &[
    invalid(WHOLE),
    invalid(SCRAPE),
    invalid(INTERVALS),
    invalid(EXPRESSIONS),
    invalid(HOURS),
    put("not_an_object", &[("null", "the body must be a JSON object"), ("[null]", "the body must be a JSON object")]),
    put("malformed_json", &[("{\"schedule\": }", "the body is not valid JSON: expected value at line 1 column 14")]),
];

const fn put(code: &'static str, cases: Cases) -> Bodies {
    Bodies { method: "PUT", path: OPTIONS, status: 400, code, cases }
}

const fn invalid(cases: Cases) -> Bodies {
    put("invalid_request", cases)
}

const REQUIRED: &str = "schedule is required; null is the deployment's schedule";

const WHOLE: Cases = &[
    ("{}", REQUIRED),
    (r#"{"schedul": null}"#, "schedul: unknown field `schedul`, expected `schedule`"),
    (
        r#"{"schedule": null, "session_type": "one-shot"}"#,
        "session_type: unknown field `session_type`, expected `schedule`",
    ),
    (r#"{"schedule": null, "schedule": null}"#, "duplicate field `schedule`"),
    (r#"{"schedule": "20m"}"#, "schedule: invalid type: string, expected an object"),
    (r#"{"schedule": []}"#, "schedule: invalid type: sequence, expected an object"),
    (r#"{"schedule": true}"#, "schedule: invalid type: boolean, expected an object"),
    (r#"{"schedule": {}}"#, "schedule.scrape is required, such as {\"every\": \"20m\"}"),
    (r#"{"schedule": {"scrape": null}}"#, "schedule.scrape is required, such as {\"every\": \"20m\"}"),
    (
        r#"{"schedule": {"scrape": {"every": "20m"}, "poll": {}}}"#,
        "schedule.poll is unknown: schedule has scrape, hours",
    ),
];

const EITHER: &str = "schedule.scrape must hold either every, such as \"20m\", or cron, such as \"*/30 8-18 * * 1-5\"";

const SCRAPE: Cases = &[
    (r#"{"schedule": {"scrape": {}}}"#, EITHER),
    (r#"{"schedule": {"scrape": {"jitter": "1m"}}}"#, EITHER),
    (r#"{"schedule": {"scrape": {"every": "20m", "cron": "0 9 * * *"}}}"#, EITHER),
    (r#"{"schedule": {"scrape": {"every": null, "cron": null}}}"#, EITHER),
    (r#"{"schedule": {"scrape": "20m"}}"#, "schedule.scrape: invalid type: string, expected an object"),
    (
        r#"{"schedule": {"scrape": {"evry": "20m"}}}"#,
        "schedule.scrape.evry is unknown: schedule.scrape has every, cron, jitter",
    ),
    (r#"{"schedule": {"scrape": {"every": 20}}}"#, "schedule.scrape.every: invalid type: integer, expected a string"),
    (r#"{"schedule": {"scrape": {"cron": ["0"]}}}"#, "schedule.scrape.cron: invalid type: sequence, expected a string"),
];

const EVERY: &str = "schedule.scrape.every must be a duration such as \"90s\", \"20m\" or \"2h\"";
const EVERY_RANGE: &str = "schedule.scrape.every must be between 1m and 7days";

const INTERVALS: Cases = &[
    (r#"{"schedule": {"scrape": {"every": ""}}}"#, EVERY),
    (r#"{"schedule": {"scrape": {"every": "20"}}}"#, EVERY),
    (r#"{"schedule": {"scrape": {"every": "often"}}}"#, EVERY),
    (r#"{"schedule": {"scrape": {"every": "-20m"}}}"#, EVERY),
    (r#"{"schedule": {"scrape": {"every": "59s"}}}"#, EVERY_RANGE),
    (r#"{"schedule": {"scrape": {"every": "0s"}}}"#, EVERY_RANGE),
    (r#"{"schedule": {"scrape": {"every": "7days 1s"}}}"#, EVERY_RANGE),
    (r#"{"schedule": {"scrape": {"every": "9years"}}}"#, EVERY_RANGE),
    (
        r#"{"schedule": {"scrape": {"every": "20m", "jitter": "some"}}}"#,
        "schedule.scrape.jitter must be a duration such as \"90s\", \"20m\" or \"2h\"",
    ),
    (
        r#"{"schedule": {"scrape": {"every": "3h", "jitter": "61m"}}}"#,
        "schedule.scrape.jitter must be between 0s and 1h",
    ),
    (
        r#"{"schedule": {"scrape": {"every": "20m", "jitter": "20m"}}}"#,
        "schedule.scrape.jitter must be less than 20m, the shortest time between two readings",
    ),
    (
        r#"{"schedule": {"scrape": {"cron": "0,10 9 * * *", "jitter": "15m"}}}"#,
        "schedule.scrape.jitter must be less than 10m, the shortest time between two readings",
    ),
    (
        r#"{"schedule": {"scrape": {"every": "20m", "jitter": 2}}}"#,
        "schedule.scrape.jitter: invalid type: integer, expected a string",
    ),
];

/// It is ten in the morning in Montevideo.
const EXPRESSIONS: Cases = &[
    (
        r#"{"schedule": {"scrape": {"cron": ""}}}"#,
        "schedule.scrape.cron must have five fields (minute, hour, day of month, month, weekday), but has 0",
    ),
    (
        r#"{"schedule": {"scrape": {"cron": "0 */30 8-18 * * 1-5"}}}"#,
        "schedule.scrape.cron must have five fields (minute, hour, day of month, month, weekday), but has 6",
    ),
    (
        r#"{"schedule": {"scrape": {"cron": "0 9 * * 8"}}}"#,
        "schedule.scrape.cron has the weekday 8, which is not between 0 and 7",
    ),
    (
        r#"{"schedule": {"scrape": {"cron": "0 9 * * lunes"}}}"#,
        "schedule.scrape.cron has the weekday `lunes`: write *, a number, a range (8-18), a list (0,30) or a step (*/15)",
    ),
    (
        r#"{"schedule": {"scrape": {"cron": "0 18-8 * * *"}}}"#,
        "schedule.scrape.cron has the hour 18-8, which runs backwards: write it as two ranges with a comma",
    ),
    (
        r#"{"schedule": {"scrape": {"cron": "0 9 1 * 1"}}}"#,
        "schedule.scrape.cron sets day of month and weekday, and cron programs disagree on what that means: write * for \
         one of them",
    ),
    (
        r#"{"schedule": {"scrape": {"cron": "0 9 30 2 *"}}}"#,
        "schedule.scrape.cron never comes up: no month that it names has such a day",
    ),
    (
        r#"{"schedule": {"scrape": {"cron": "* * * * *"}}}"#,
        "schedule.scrape.cron comes up at 10:01 and again at 10:02: leave at least 5 minutes between",
    ),
    (
        r#"{"schedule": {"scrape": {"cron": "0,58 0,23 * * *"}}}"#,
        "schedule.scrape.cron comes up at 23:58 and again at 00:00: leave at least 5 minutes between",
    ),
    (r#"{"schedule": {"scrape": {"cron": "<x201>"}}}"#, "schedule.scrape.cron must have at most 200 characters"),
];

const DAYS: &str = "schedule.hours.days must name at least one of mon, tue, wed, thu, fri, sat, sun";
const FROM: &str = "schedule.hours.from must be a time of day between 00:00 and 23:59, such as 07:00";
const TO: &str = "schedule.hours.to must be a time of day between 00:00 and 23:59, such as 07:00";

const HOURS: Cases = &[
    (
        r#"{"schedule": {"scrape": {"every": "20m"}, "hours": "07:00-22:00"}}"#,
        "schedule.hours: invalid type: string, expected an object",
    ),
    (r#"{"schedule": {"scrape": {"every": "20m"}, "hours": {}}}"#, DAYS),
    (r#"{"schedule": {"scrape": {"every": "20m"}, "hours": {"from": "07:00", "to": "22:00"}}}"#, DAYS),
    (r#"{"schedule": {"scrape": {"every": "20m"}, "hours": {"days": [], "from": "07:00", "to": "22:00"}}}"#, DAYS),
    (
        r#"{"schedule": {"scrape": {"every": "20m"}, "hours": {"days": "mon", "from": "07:00", "to": "22:00"}}}"#,
        "schedule.hours.days: invalid type: string, expected a list of days",
    ),
    (
        r#"{"schedule": {"scrape": {"every": "20m"}, "hours": {"days": ["mon", "lunes"], "from": "07:00", "to": "22:00"}}}"#,
        "schedule.hours.days[1] must be one of mon, tue, wed, thu, fri, sat, sun",
    ),
    (
        r#"{"schedule": {"scrape": {"every": "20m"}, "hours": {"days": [1], "from": "07:00", "to": "22:00"}}}"#,
        "schedule.hours.days[0]: invalid type: integer, expected a string",
    ),
    (r#"{"schedule": {"scrape": {"every": "20m"}, "hours": {"days": ["mon"], "to": "22:00"}}}"#, FROM),
    (r#"{"schedule": {"scrape": {"every": "20m"}, "hours": {"days": ["mon"], "from": "7:00", "to": "22:00"}}}"#, FROM),
    (r#"{"schedule": {"scrape": {"every": "20m"}, "hours": {"days": ["mon"], "from": "07:00"}}}"#, TO),
    (r#"{"schedule": {"scrape": {"every": "20m"}, "hours": {"days": ["mon"], "from": "07:00", "to": "24:00"}}}"#, TO),
    (r#"{"schedule": {"scrape": {"every": "20m"}, "hours": {"days": ["mon"], "from": "07:00", "to": "10 pm"}}}"#, TO),
    (
        r#"{"schedule": {"scrape": {"every": "20m"}, "hours": {"days": ["mon"], "from": 7, "to": "22:00"}}}"#,
        "schedule.hours.from: invalid type: integer, expected a string",
    ),
    (
        r#"{"schedule": {"scrape": {"every": "20m"}, "hours": {"days": ["mon"], "from": "07:00", "to": "22:00", "tz": "UTC"}}}"#,
        "schedule.hours.tz is unknown: schedule.hours has days, from, to",
    ),
];
