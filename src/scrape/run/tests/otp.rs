//! Runs that a bank asks for a one-time code.

use std::time::Duration;

use super::*;
use crate::domain::assistance::{Charset, CodeShape, Medium};

const STEP: &str = r#"expect = ["home", "bad_login", "otp_form"]
[[flow.login]]
when = "otp_form"
call = "enter_otp"

[[flow.enter_otp]]
[flow.enter_otp.otp]
into = "code_boxes"
length = 6
charset = "digits"
medium = "sms"
masked = { css = ".telefono" }
ttl = "90s"
submit = "confirm"
accepted = ["home"]
rejected = ["wrong_code"]
expired = ["old_code"]
resend = "send_again"
max_attempts = 2
max_resends = 1
"#;

const STATES: &str = r#"[[state]]
name = "otp_form"
visible = "code_boxes"

[[state]]
name = "wrong_code"
text = "código incorrecto"

[[state]]
name = "old_code"
text = "código vencido"

[[state]]
name = "login_form"
"#;

const ELEMENTS: &str = r#"[el]
code_boxes = { any = ["css=input.digito", "css=#codigo"], many = true }
confirm = ["role=button[name~=Confirmar]"]
send_again = ["text=Reenviar código"]
"#;

const FIELD: &str = "<input id=codigo name=codigo>";

fn recipe() -> String {
    let edits = [
        ("expect = [\"home\", \"bad_login\"]\n", STEP),
        ("[[state]]\nname = \"login_form\"\n", STATES),
        ("[el]\n", ELEMENTS),
    ];
    edits.iter().fold(RECIPE.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the recipe has no {from:?}");
        text.replacen(from, to, 1)
    })
}

fn page(fields: &str, message: &str) -> String {
    format!(
        "<title>Código</title><p class=aviso>{message}</p><p class=telefono>*** *** 123</p><form>{fields}\
         <button type=submit>Confirmar</button></form><a href='#'>Reenviar código</a>"
    )
}

/// The bank of the other tests, with a code between the password and the accounts: 123456, never 111111, which is old.
fn asking_bank(fields: &str) -> Script {
    let mut script = bank();
    for (path, message) in [
        ("/codigo", "Ingrese el código"),
        ("/codigo?error=1", "Código incorrecto"),
        ("/codigo?error=2", "Código vencido"),
        ("/codigo?enviado=1", "Enviamos otro código"),
    ] {
        script.pages.insert(path.to_owned(), page(fields, message));
    }
    let on = |text: &str, to: &str| Click::new("/codigo", text, leads_to(to));
    let mut clicks = vec![
        Click::new("/login", "Ingresar", leads_to("/codigo")).after(&["12345678", "demo"]),
        on("Confirmar", "/inicio").after(&["123456"]),
        on("Confirmar", "/inicio").after(&["1", "2", "3", "4", "5", "6"]),
        on("Confirmar", "/codigo?error=2").after(&["111111"]),
        on("Confirmar", "/codigo?error=1"),
        on("Reenviar", "/codigo?enviado=1"),
    ];
    clicks.append(&mut script.clicks);
    script.clicks = clicks;
    script
}

async fn run_with_codes(script: Script, codes: &[&'static str]) -> Ran {
    let budget = Budget { codes: Mutex::new(codes.iter().copied().collect()), ..Budget::default() };
    run_with(script, request(&recipe(), "demo"), budget).await
}

fn attempts(ran: &Ran) -> Vec<u32> {
    ran.challenges.iter().map(|challenge| challenge.attempt).collect()
}

#[tokio::test]
async fn a_code_is_asked_for_and_typed_once() {
    let ran = run_with_codes(asking_bank(FIELD), &["123456"]).await;
    ran.ends(Outcome::Ok, &[]);
    assert!(ran.report.challenged && ran.report.logged_in);
    let challenge = Challenge {
        shape: CodeShape { length: 6, charset: Charset::Digits },
        medium: Medium::Sms,
        masked_destination: Some("*** *** 123".to_owned()),
        ttl: Some(Duration::from_secs(90)),
        attempt: 1,
    };
    assert_eq!(
        (ran.challenges.as_slice(), ran.verdicts.as_slice()),
        ([challenge].as_slice(), [Verdict::Accepted].as_slice())
    );
    assert_eq!((ran.submissions, ran.clicks("Confirmar"), ran.clicks("Reenviar código")), (1, 1, 0));
}

#[tokio::test]
async fn a_bank_that_asks_for_nothing_is_not_challenged() {
    let ran = run_with(bank(), request(&recipe(), "demo"), Budget::default()).await;
    ran.ends(Outcome::Ok, &[]);
    assert!(!ran.report.challenged && ran.challenges.is_empty());
}

#[tokio::test]
async fn boxes_take_a_digit_each() {
    let ran = run_with_codes(asking_bank(&"<input class=digito>".repeat(6)), &["123456"]).await;
    ran.ends(Outcome::Ok, &[]);
    assert!(!ran.typed("123456"));
    let ran = run_with_codes(asking_bank(&"<input class=digito>".repeat(4)), &["123456"]).await;
    ran.ends(Outcome::LayoutChanged, &["enter_otp[0] otp", "`code_boxes` is 4 fields"]);
}

#[tokio::test]
async fn a_wrong_code_is_followed_by_another_but_never_by_itself() {
    let ran = run_with_codes(asking_bank(FIELD), &["999999", "123456"]).await;
    ran.ends(Outcome::Ok, &[]);
    assert_eq!(
        (attempts(&ran), ran.verdicts.as_slice()),
        (vec![1, 2], [Verdict::Rejected, Verdict::Accepted].as_slice())
    );
    assert_eq!(ran.clicks("Confirmar"), 2);
    assert_eq!(ran.acts.iter().filter(|act| matches!(act, Act::Typed { text, .. } if text == "999999")).count(), 1);
}

#[tokio::test]
async fn the_tries_of_a_login_end_before_the_banks() {
    let ran = run_with_codes(asking_bank(FIELD), &["999999", "888888", "123456"]).await;
    ran.ends(Outcome::OtpExhausted, &["refused 2 codes"]);
    assert_eq!((attempts(&ran), ran.clicks("Confirmar")), (vec![1, 2], 2));
    assert!(ran.report.challenged && !ran.report.logged_in);
}

#[tokio::test]
async fn a_code_that_came_too_late_is_sent_anew_once() {
    let ran = run_with_codes(asking_bank(FIELD), &["111111", "123456"]).await;
    ran.ends(Outcome::Ok, &[]);
    assert_eq!(
        (attempts(&ran), ran.verdicts.as_slice()),
        (vec![1, 2], [Verdict::Expired, Verdict::Accepted].as_slice())
    );
    assert_eq!(ran.clicks("Reenviar código"), 1);

    let ran = run_with_codes(asking_bank(FIELD), &["111111", "111111", "123456"]).await;
    ran.ends(Outcome::OtpExpired, &["too late"]);
    assert_eq!((attempts(&ran), ran.clicks("Reenviar código")), (vec![1, 2], 1));
}

#[tokio::test]
async fn without_a_code_nothing_is_typed_sent_or_clicked() {
    let ran = run_with_codes(asking_bank(FIELD), &[]).await;
    ran.ends(Outcome::HumanTimeout, &["enter_otp[0] otp", "nobody answered"]);
    assert_eq!((ran.clicks("Confirmar"), ran.clicks("Reenviar código"), ran.verdicts.len()), (0, 0, 0));

    let ran = run_with_codes(asking_bank(FIELD), &["12345"]).await;
    ran.ends(Outcome::Internal, &["is not 6 digits"]);
    assert!(!ran.typed("12345"));
}

#[tokio::test]
async fn a_code_is_typed_into_login_origins_only() {
    let mut script = asking_bank(FIELD);
    script.pages.insert("https://datos.bank.example/codigo".to_owned(), page(FIELD, "Ingrese el código"));
    script.clicks.insert(0, Click::new("/login", "Ingresar", leads_to("https://datos.bank.example/codigo")));
    let ran = run_with_codes(script, &["123456"]).await;
    ran.ends(Outcome::SecretMisplaced, &["code_boxes", "nothing was typed"]);
    assert!(!ran.typed("123456"));
}

#[tokio::test]
async fn a_code_may_be_confirmed_with_words_that_move_money_elsewhere() {
    let mut script = asking_bank(FIELD);
    let worded = page(FIELD, "Ingrese el código").replace("Confirmar</button>", "Confirmar operación</button>");
    script.pages.insert("/codigo".to_owned(), worded);
    run_with_codes(script, &["123456"]).await.ends(Outcome::Ok, &[]);
}
