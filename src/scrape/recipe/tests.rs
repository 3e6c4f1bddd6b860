use super::*;

const DEMO: &str = include_str!("../../../scrapers/demo-tabla/recipe.toml");

/// The demo bank's recipe with some texts replaced.
pub(in crate::scrape) fn demo(edits: &[(&str, &str)]) -> Result<Recipe, RecipeError> {
    let mut text = DEMO.to_owned();
    for (from, to) in edits {
        assert!(text.contains(from), "the recipe has no {from:?}");
        text = text.replacen(from, to, 1);
    }
    let lib = |name: &str| match name {
        "_lib/es-money" => Some(include_str!("../../../scrapers/_lib/es-money.toml").to_owned()),
        "_lib/waf" => Some(include_str!("../../../scrapers/_lib/waf.toml").to_owned()),
        _ => None,
    };
    Recipe::parse("demo.toml", &text, &lib)
}

/// The line in which a text of the recipe stands.
fn line_of(text: &str) -> usize {
    DEMO[..DEMO.find(text).expect(text)].matches('\n').count() + 1
}

#[test]
fn the_demo_recipe_is_what_its_text_says() {
    let recipe = demo(&[]).expect("the recipe is sound");
    assert_eq!(recipe.zone(), BankZone::parse("America/Montevideo").expect("a zone"));
    assert_eq!(recipe.limits.step, Duration::from_secs(20));
    assert_eq!(recipe.flows["login"].len(), 7);
    let Action::Click { element, submits_credentials } = &recipe.flows["login"][4].action else {
        panic!("{:?}", recipe.flows["login"][4]);
    };
    assert_eq!((element.as_str(), *submits_credentials), ("enter", true));
    assert_eq!(recipe.element("enter").map(|element| element.candidates.len()), Some(2));
    assert_eq!(recipe.state("expired").map(|state| (state.watch, state.fails)), {
        Some((Watch::Always, Some(Outcome::SessionExpired)))
    });
    assert!(recipe.state("firewall").is_some(), "states of includes are merged");
    assert_eq!(recipe.hash().len(), 64);
    assert_ne!(recipe.hash(), demo(&[("Banco Demo", "Banco")]).expect("the recipe is sound").hash());
}

#[test]
fn what_is_wrong_is_said_with_its_line_and_a_remedy() {
    let check = |from: &str, to: &str, line: usize, expected: &str| {
        let error = demo(&[(from, to)]).expect_err(expected).to_string();
        assert!(error.contains(expected), "expected {expected:?} in {error}");
        assert!(error.contains(&format!("demo.toml:{line}:")), "expected line {line} in {error}");
    };
    let submits = "submits_credentials = true";
    check(submits, "submit_credentials = true", line_of(submits), "did you mean `submits_credentials`?");
    check(
        "visible = \"password_box\"",
        "visible = \"pasword_box\"",
        line_of("[[state]]\nname = \"login_form\""),
        "state `login_form`: there is no element `pasword_box`; did you mean `password_box`?",
    );
    let goto = "goto = \"http://127.0.0.1:{{portal.port}}/login\"";
    check(
        goto,
        &format!("{goto}\nclick = \"enter\""),
        line_of("[[flow.login]]"),
        "login[0]: a step has exactly one of goto",
    );
    check(
        "expect = [\"home\", \"bad_login\"",
        "expect = [\"hame\", \"bad_login\"",
        line_of(submits) + 1,
        "login[5]: there is no state `hame`; did you mean `home`?",
    );
    check(goto, "goto = \"https://evil.example/\"", line_of("[[flow.login]]"), "is on no origin");
    let longer = "goto = \"http://127.0.0.1:{{portal.port}}.evil.example/\"";
    check(goto, longer, line_of("[[flow.login]]"), "is on no origin");
    let with = "with = \"{{input.password}}\"";
    check(with, "with = \"x{{input.password}}\"", line_of(with) - 2, "may only stand alone");
    check("America/Montevideo", "America/Montevido", line_of("timezone ="), "is not a time zone");
    check("\"_lib/waf\"", "\"_lib/wuf\"", line_of("include ="), "there is no file `_lib/wuf.toml`");
    check("patterns = [\"%d/%m/%Y\"]", "patterns = []", line_of("[meta]"), "declares no date pattern");
    check("\"%d/%m/%Y\"]", "\"%d/%m\"]", line_of("patterns ="), "must have one day, one month and one year");
    check("role=button[name~=Ingresar]", "role=tab", line_of("enter ="), "the role \"tab\" is not known");
}

#[test]
fn parts_must_fit_each_other() {
    let check = |from: &str, to: &str, expected: &str| {
        let error = demo(&[(from, to)]).expect_err(expected).to_string();
        assert!(error.contains(expected), "expected {expected:?} in {error}");
    };
    check("status = \"simulated\"", "status = \"verified\"", "must be https");
    check("login = [\"http://127.0.0.1:", "login = [\"http://10.0.0.1:", "on a loopback address");
    check("login = [\"http://127.0.0.1:{{portal.port}}\"]", "login = []", "origins.login: at least one");
    check("submits_credentials = true\n", "", "no click has `submits_credentials = true`");
    check("secret = true\n", "", "a password must have `secret = true`");
    check("config = \"bank_username\"", "config = \"user\"", "bank_username or bank_password");
    check("empty_when = \"no_rows\"\n", "", "movements.empty_when: name the state");
    check("exactly_one = true", "exactly_one = false", "`exactly_one` must be true");
    check("max = 40\n\n[movements.identity]", "[movements.identity]", "missing key `max`");
    check("click = \"leave\"", "call = \"logout\"", "flow `logout` calls itself: logout → logout");
    check("logout = \"logout\"", "logout = \"logoff\"", "session.logout: there is no flow `logoff`");
    check(
        "source = { table = \"accounts_page\" }",
        "source = { table = \"acounts_page\" }",
        "did you mean `accounts_page`?",
    );
    check("var = \"account.currency\"", "var = \"account.curency\"", "`account.curency` is not a field of the account");
    check("{{account.link}}", "{{account.lnk}}", "`account.lnk` is not declared");
    check("\"description\"]", "\"description\", \"balance_after\"]", "`balance_after` must be a field");
    check("[\"booked_on\", ", "[", "`booked_on` is always part of it");
    check("run = \"8m\"", "run = \"30m\"", "limits.run: at most 8m");
    check(
        "booked_on = { col = [\"Fecha\"], parse = \"date\" }",
        "booked_on = { col = [\"Fecha\"] }",
        "`parse` must be \"date\"",
    );
    check("pipe = [\"digits\"]", "pipe = [\"digts\"]", "did you mean `digits`?");
    check("max_attempts = 2", "max_attempts = 0", "enter_otp[0]: otp.max_attempts: at least 1");
    check("resend = \"otp_again\"\n", "", "otp.resend and otp.max_resends belong together");
    check("rejected = [\"otp_wrong\"]", "rejected = [\"otp_wrog\"]", "did you mean `otp_wrong`?");
    check("submit = \"otp_ok\"", "submit = \"otp_okay\"", "there is no element `otp_okay`");
    check("length = 6", "length = 33", "otp.length: 1 to 32");
    check("charset = \"digits\"", "charset = \"digts\"", "unknown variant `digts`");
    check("accepted = [\"home\"]", "acepted = [\"home\"]", "did you mean `accepted`?");
    check("kind = \"range\"", "kind = \"months\"", "unknown variant `months`");
    check("missing = \"css=table\"", "missing = \"css=[\"", "is not a CSS selector");
}

#[test]
fn flows_call_each_other_only_so_deep() {
    let chain = |length: usize| {
        let calls = (0..length).map(|i| format!("[[flow.f{i}]]\ncall = \"f{}\"\n", i + 1));
        let calls: String =
            calls.chain([format!("[[flow.f{length}]]\nclick = \"leave\"\n\n# ---- accounts\n")]).collect();
        demo(&[("# ---- accounts\n", &calls)])
    };
    assert!(chain(CALL_DEPTH_MAX).is_ok());
    assert!(chain(CALL_DEPTH_MAX + 1).expect_err("too deep").to_string().contains("more than 8 deep"));
}

#[test]
fn the_recipe_wins_over_its_includes() {
    let own = "[formats.money]\ndecimal = \".\"\ngroup = \"\"\n\n[formats.date]";
    let recipe = demo(&[("[formats.date]", own)]).expect("the recipe is sound");
    assert_eq!((recipe.formats.money.decimal, recipe.formats.money.group), ('.', None));
    let included = demo(&[]).expect("the recipe is sound").formats.money;
    assert_eq!((included.decimal, included.group, included.strip.len()), (',', Some('.'), 3));
}

#[test]
fn every_fault_is_reported_at_once() {
    let error =
        demo(&[("visible = \"password_box\"", "visible = \"gone\""), ("click = \"search\"", "click = \"vanished\"")])
            .expect_err("two names are unknown");
    assert_eq!(error.problems.len(), 2, "{error}");
}
