use secrecy::ExposeSecret;
use toml::Table;

use super::*;

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn load(file: &str, env: &[(&str, &str)], overrides: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    let file = Some((PathBuf::from("reconbanker.toml"), file.to_owned()));
    Settings::load(Sources { file, env: pairs(env), overrides: pairs(overrides), is_root: false })
        .map_err(|errors| errors.problems().to_vec())
}

fn good(file: &str, env: &[(&str, &str)], overrides: &[(&str, &str)]) -> Settings {
    load(file, env, overrides).expect("these settings are good")
}

/// The only problem that the sources have.
fn problem(file: &str, env: &[(&str, &str)], overrides: &[(&str, &str)]) -> String {
    let mut problems = load(file, env, overrides).expect_err("these settings are wrong");
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.remove(0)
}

#[test]
fn the_defaults_cover_every_setting_and_print_as_they_were_read() {
    let mut settings = good("", &[], &[]);
    settings.data_dir = PathBuf::new();
    let read = DEFAULTS.parse::<Table>().expect("default.toml is TOML");
    assert_eq!(settings.to_toml().parse::<Table>().expect("settings print as TOML"), read);
}

#[test]
fn every_default_has_its_meaning_above_it() {
    let lines: Vec<&str> = DEFAULTS.lines().collect();
    for window in lines.windows(2).filter(|window| window[1].contains(" = ") && !window[1].starts_with('#')) {
        let is_explained = window[0].starts_with('#') || window[0].contains("_port = ");
        assert!(is_explained, "nothing is said above `{}`", window[1]);
    }
}

#[test]
fn the_example_for_postgres_is_good() {
    let settings = good(include_str!("../../config/postgres.example.toml"), &[], &[]);
    assert_eq!(settings.data_dir, Path::new("/var/lib/reconbanker"));
    assert_eq!(settings.schedule.scrape_every, Duration::from_mins(30));
    assert_eq!(settings.log.format, LogFormat::Json);
}

#[test]
fn a_later_layer_wins() {
    let file = "[server]\nlisten = \"127.0.0.1:1\"\n[jobs]\nworkers = 1\n[delivery]\nconcurrency = 3\n";
    let env = [("RECONBANKER_SERVER__LISTEN", "127.0.0.1:2"), ("RECONBANKER_JOBS__WORKERS", "2")];
    let overrides = [("server.listen", "127.0.0.1:3"), ("server.listen", "127.0.0.1:4")];
    let settings = good(file, &env, &overrides);
    assert_eq!(settings.server.listen, SocketAddr::from(([127, 0, 0, 1], 4)));
    assert_eq!(settings.jobs.workers, 2);
    assert_eq!(settings.delivery.concurrency, 3);
}

#[test]
fn it_is_known_whether_somebody_set_a_setting() {
    let file = Some((PathBuf::from("reconbanker.toml"), "[jobs]\nworkers = 1\nsweep_every = \"never\"\n".to_owned()));
    let env = pairs(&[("RECONBANKER_LOG__FILTER", "debug")]);
    let sources = Sources { file, env, overrides: pairs(&[("data_dir", "/srv")]), is_root: false };
    for (name, expected) in [
        ("jobs.workers", true),
        ("log.filter", true),
        ("data_dir", true),
        ("jobs.sweep_every", false),
        ("log.format", false),
    ] {
        assert_eq!(sources.sets(name), expected, "{name}");
    }
}

#[test]
fn bare_texts_become_the_kind_that_the_setting_has() {
    let env = [
        ("RECONBANKER_DATA_DIR", "/srv/bank"),
        ("RECONBANKER_BROWSER__ALLOW_ROOT", "true"),
        ("RECONBANKER_BROWSER__DRIVER", "/opt/chromedriver"),
        ("RECONBANKER_OUTBOUND__ALLOW", "10.1.2.3/8, 192.168.1.7"),
        ("RECONBANKER_SERVER__TRUSTED_PROXIES", "[\"::1/128\"]"),
        ("RECONBANKER_SERVER__METRICS_ALLOW", ""),
        ("RECONBANKER_SERVER__REGISTRATION", "closed"),
        ("RECONBANKER_SCHEDULE__POLL_EVERY", "90s"),
        ("PATH", "/bin"),
    ];
    let settings = good("", &env, &[]);
    assert_eq!(settings.data_dir, Path::new("/srv/bank"));
    assert!(settings.browser.allow_root);
    assert_eq!(settings.browser.driver.as_deref(), Some(Path::new("/opt/chromedriver")));
    assert_eq!(settings.browser.browser, None);
    let allowed: Vec<_> = settings.outbound.allow.iter().map(ToString::to_string).collect();
    assert_eq!(allowed, ["10.0.0.0/8", "192.168.1.7/32"]);
    assert_eq!(settings.server.trusted_proxies.len(), 1);
    assert!(settings.server.metrics_allow.is_empty(), "an empty text is an empty list");
    assert_eq!(settings.server.registration, Registration::Closed);
    assert_eq!(settings.schedule.poll_every, Duration::from_secs(90));
}

#[test]
fn a_name_that_does_not_exist_is_refused_with_the_one_that_was_meant() {
    let file = |text: &str, expected: &str| assert_eq!(problem(text, &[], &[]), expected);
    file(
        "[server]\nlisen = \"127.0.0.1:1\"\n",
        "reconbanker.toml:2:1: there is no setting `server.lisen`; did you mean `server.listen`?",
    );
    file(
        "# ports\n[sever]\nlisten = \"127.0.0.1:1\"\n",
        "reconbanker.toml:2:2: there is no setting `sever`; did you mean `server`?",
    );
    file(
        "[jobs]\nscrape_every = \"5m\"\n",
        "reconbanker.toml:2:1: there is no setting `jobs.scrape_every`; did you mean `schedule.scrape_every`?",
    );
    file("colour = 1\n", "reconbanker.toml:1:1: there is no setting `colour`");

    let variable = |name: &str, expected: &str| assert_eq!(problem("", &[(name, "1")], &[]), expected);
    variable(
        "RECONBANKER_DATADIR",
        "RECONBANKER_DATADIR: there is no setting `datadir`; did you mean `RECONBANKER_DATA_DIR`?",
    );
    variable(
        "RECONBANKER_DATABASE_URL",
        "RECONBANKER_DATABASE_URL: there is no setting `database_url`; did you mean `RECONBANKER_DATABASE__URL`?",
    );
    assert_eq!(
        problem("", &[], &[("server.isten", "1")]),
        "--set server.isten: there is no setting `server.isten`; did you mean `server.listen`?",
    );
}

#[test]
fn variables_with_our_prefix_that_others_set_are_passed_over() {
    let env = [
        ("RECONBANKER_CONFIG", "/etc/reconbanker.toml"),
        ("RECONBANKER_TEST_POSTGRES_URL", "postgres://localhost"),
        ("RECONBANKER_SERVICE_HOST", "10.0.0.1"),
        ("RECONBANKER_PORT", "tcp://10.0.0.1:3000"),
        ("RECONBANKER_PORT_3000_TCP_PORT", "3000"),
    ];
    good("", &env, &[]);
}

#[test]
fn a_wrong_value_is_told_with_its_place_and_what_would_be_right() {
    let check = |name: &str, value: &str, expected: &str| {
        let (section, key) = name.split_once('.').expect("a name with a section");
        let text = problem(&format!("[{section}]\n{key} = {value}\n"), &[], &[]);
        assert!(text.starts_with("reconbanker.toml:2:") && text.contains(expected), "{text}");
        let bare = value.trim_matches('"');
        let variable = format!("RECONBANKER_{}__{}", section.to_uppercase(), key.to_uppercase());
        let text = problem("", &[(variable.as_str(), bare)], &[]);
        assert!(text.starts_with(&format!("{variable}: ")) && text.contains(expected), "{text}");
        let text = problem("", &[], &[(name, bare)]);
        assert!(text.starts_with(&format!("--set {name}: ")) && text.contains(expected), "{text}");
    };
    check("server.listen", "\"localhost:3000\"", "not an address and a port such as 127.0.0.1:3000");
    check("server.registration", "\"frist\"", "expected one of `first`, `open`, `closed`");
    check("server.body_max_bytes", "12", "must be between 1024 and 67108864, but is 12");
    check("jobs.workers", "-1", "must be between 1 and 64, but is -1");
    check("jobs.workers", "\"many\"", "invalid type: string \"many\"");
    check("browser.allow_root", "\"yes\"", "expected a boolean");
    check("browser.command_timeout", "\"30\"", "`30` is not a duration such as \"30s\"");
    check("schedule.scrape_every", "\"5s\"", "must be between 1m and 7days, but is 5s");
    check("outbound.allow", "[\"10.0.0.0/33\"]", "`10.0.0.0/33` is not a network such as 10.0.0.0/8");
    check("server.metrics_allow", "[\"localhost\"]", "`localhost` is not a network such as 10.0.0.0/8");
    check("log.filter", "\"reconbanker=loud\"", "`reconbanker=loud` is not a log filter");
    check("database.url", "\"mysql://u:p@h/d\"", "`mysql` is not a database we know");
}

#[test]
fn every_problem_is_told_at_once_in_the_order_of_the_layers() {
    let file = "[jobs]\nworkers = 0\n[server]\nlisen = 1\nlisten = 3000\n";
    let problems = load(file, &[("RECONBANKER_LOG__FORMAT", "xml")], &[("demo.bank_port", "99999")]);
    let problems = problems.expect_err("all five are wrong");
    let places: Vec<_> = problems.iter().map(|problem| problem.split(": ").next().unwrap_or_default()).collect();
    let expected =
        ["reconbanker.toml:2:11", "reconbanker.toml:4:1", "reconbanker.toml:5:10", "RECONBANKER_LOG__FORMAT"];
    assert_eq!(places[..4], expected, "{problems:?}");
    assert_eq!(places[4..], ["--set demo.bank_port"]);

    let text = ConfigErrors { problems: vec!["a:1: no".to_owned(), "b: no\n    shown".to_owned()] }.to_string();
    assert_eq!(text, "the settings have 2 problems:\n  a:1: no\n  b: no\n      shown");
}

#[test]
fn a_file_that_is_not_toml_is_told_with_its_line() {
    let text = problem("[server]\nlisten = \n", &[], &[]);
    assert!(text.starts_with("reconbanker.toml:2:"), "{text}");
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let check = |file: &str, overrides: &[(&str, &str)], expected: &str| {
        assert_eq!(problem(file, &[], overrides), expected);
    };
    check(
        "[schedule]\nscrape_every = \"2m\"\n",
        &[("schedule.scrape_jitter", "3m")],
        "--set schedule.scrape_jitter: `schedule.scrape_jitter` must be less than `schedule.scrape_every`",
    );
    check(
        "[poll]\ncancel_after = \"2h\"\n",
        &[],
        "reconbanker.toml:2:1: `poll.doubt_after` must not be less than `poll.cancel_after`",
    );
    check(
        "",
        &[("poll.doubt_after_polls", "1")],
        "--set poll.doubt_after_polls: `poll.doubt_after_polls` must not be less than `poll.cancel_after_polls`",
    );
    check(
        "[demo]\nbank_port = 4000\nshop_port = 4000\n",
        &[],
        "reconbanker.toml:3:1: `demo.shop_port` and `demo.bank_port` are the same port, 4000",
    );
}

#[test]
fn the_password_of_the_database_is_never_printed() {
    let url = "postgres://bank:hunter2@db.internal:5432/money?sslmode=require&password=hunter3";
    let settings = good("", &[("RECONBANKER_DATABASE__URL", url)], &[]);
    assert_eq!(settings.database.url.as_ref().map(ExposeSecret::expose_secret), Some(url));
    let printed = settings.to_toml();
    let masked = "postgres://bank:***@db.internal:5432/money?sslmode=require&password=***";
    assert!(printed.contains(masked) && !printed.contains("hunter"), "{printed}");
    assert!(!format!("{settings:?}").contains("hunter"));

    for wrong in ["mysql://bank:hunter2@h/money", "postgres://bank:hunter2@[h/money"] {
        let text = problem(&format!("[database]\nurl = \"{wrong}\"\n"), &[], &[]);
        assert!(!text.contains("hunter"), "{text}");
        let text = problem("", &[("RECONBANKER_DATABASE__URL", wrong)], &[]);
        assert!(!text.contains("hunter"), "{text}");
    }
}

#[test]
fn data_goes_where_the_user_may_write() {
    let check = |is_root: bool, env: &[(&str, &str)], expected: &str| {
        let sources = Sources { env: pairs(env), is_root, ..Sources::default() };
        assert_eq!(sources.default_data_dir(), Path::new(expected));
        assert_eq!(Settings::load(sources).expect("defaults are good").data_dir, Path::new(expected));
    };
    check(false, &[("HOME", "/home/ana")], "/home/ana/.local/share/reconbanker");
    check(false, &[("HOME", "/home/ana"), ("XDG_DATA_HOME", "/data")], "/data/reconbanker");
    check(false, &[("HOME", "/home/ana"), ("XDG_DATA_HOME", "data")], "/home/ana/.local/share/reconbanker");
    check(false, &[], "/var/lib/reconbanker");
    check(true, &[("HOME", "/root")], "/var/lib/reconbanker");
}

#[test]
fn what_is_permitted_and_dangerous_is_a_warning() {
    let warnings = |overrides: &[(&str, &str)]| good("", &[], overrides).warnings();
    assert_eq!(warnings(&[("server.registration", "open")]), [""; 0]);
    assert_eq!(warnings(&[("server.listen", "0.0.0.0:80")]), [""; 0]);
    let open = warnings(&[("server.listen", "0.0.0.0:80"), ("server.registration", "open")]);
    assert!(open.len() == 1 && open[0].contains("server.registration"), "{open:?}");
    let allow = warnings(&[("outbound.allow", "127.0.0.0/8")]);
    assert_eq!(allow, ["outbound.allow lets customers' URLs reach 127.0.0.0/8"]);
}
