use axum::body::Body;
use axum::http::Request;
use tower::ServiceExt;

use super::*;

fn noon() -> Instant {
    "2026-05-13T15:00:00Z".parse().expect("instant")
}

fn bank() -> Bank {
    Bank::new(NaiveDate::from_ymd_opt(2026, 5, 13).expect("day"))
}

fn enter(bank: &mut Bank, document: &str) -> String {
    match bank.log_in(document, PASSWORD, noon()) {
        Login::Welcome(token) => token,
        other => panic!("{document} was not let in: {other:?}"),
    }
}

#[test]
fn the_user_name_decides_the_answer() {
    let check = |document: &str, password: &str, expected: Login| {
        assert_eq!(bank().log_in(document, password, noon()), expected, "{document}");
    };
    check("clave-mala", PASSWORD, Login::Wrong);
    check("bloqueado", PASSWORD, Login::Locked);
    check("mantenimiento", PASSWORD, Login::Maintenance);
    check("cambia-clave", PASSWORD, Login::ChangePassword);
    check("cambia-clave", "otra", Login::Wrong);
    check("demo", "Demo", Login::Wrong);
    check("", PASSWORD, Login::Wrong);
    for document in ["demo", "41234567", "pagina-rota", "lento", "expira"] {
        enter(&mut bank(), document);
    }
}

#[test]
fn three_wrong_passwords_in_a_row_lock_a_name_and_only_that_name() {
    let mut bank = bank();
    assert_eq!(bank.log_in("demo", "1", noon()), Login::Wrong);
    assert_eq!(bank.log_in("demo", "2", noon()), Login::Wrong);
    enter(&mut bank, "demo");
    assert_eq!(bank.log_in("demo", "3", noon()), Login::Wrong);
    assert_eq!(bank.log_in("demo", "4", noon()), Login::Wrong);
    assert_eq!(bank.log_in("demo", "5", noon()), Login::Locked);
    assert_eq!(bank.log_in("demo", PASSWORD, noon()), Login::Locked);
    enter(&mut bank, "4123");
    assert_eq!((bank.submissions("demo"), bank.submissions("4123"), bank.submissions("otro")), (7, 1, 0));
}

#[test]
fn a_session_ends_ten_minutes_after_its_last_use() {
    let mut bank = bank();
    let token = enter(&mut bank, "demo");
    let at = |minutes: i64| noon() + TimeDelta::minutes(minutes);
    assert_eq!(bank.visit(&token, at(10)), Some(Customer::Usual));
    assert_eq!(bank.visit(&token, at(20)), Some(Customer::Usual));
    assert_eq!(bank.visit(&token, at(31)), None);
    assert_eq!(bank.visit(&token, at(31)), None);
}

#[test]
fn the_session_of_expira_shows_one_page() {
    let mut bank = bank();
    let token = enter(&mut bank, "expira");
    assert_eq!(bank.visit(&token, noon()), Some(Customer::Expires));
    assert_eq!(bank.visit(&token, noon()), None);
}

#[tokio::test]
async fn a_visitor_logs_in_reads_a_statement_and_leaves() {
    let site = router(Shared::for_test(noon()));
    let call = async |method: &str, path: &str, cookie: &str, form: &str| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::COOKIE, format!("otra=1; {cookie}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))
            .expect("request");
        let (head, body) = site.clone().oneshot(request).await.expect("answer").into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.expect("body");
        (head.status.as_u16(), head.headers, String::from_utf8(body.to_vec()).expect("text"))
    };
    let text = |headers: &HeaderMap, name: &str| headers[name].to_str().expect("text").to_owned();

    let (status, headers, _) = call("GET", "/inicio", "", "").await;
    assert_eq!((status, text(&headers, "location").as_str()), (303, "/sesion-expirada"));
    let (status, headers, page) = call("POST", "/login", "", "documento=demo&clave=mala").await;
    assert_eq!(status, 200);
    assert!(page.contains(r#"<div class="mensaje-error" role="alert">Usuario o contraseña incorrectos</div>"#));
    assert!(text(&headers, "content-security-policy").contains("default-src 'none'"));

    let (status, headers, _) = call("POST", "/login", "", "documento=demo&clave=demo").await;
    assert_eq!((status, text(&headers, "location").as_str()), (303, "/inicio"));
    let cookie = text(&headers, "set-cookie");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"));
    let session = cookie.split(';').next().expect("pair");
    assert!(call("GET", "/inicio", session, "").await.2.contains("001-123456/7"));
    let path = "/cuentas/0011234567/movimientos?desde=05%2F05%2F2026&hasta=13%2F05%2F2026&pagina=2";
    assert!(call("GET", path, session, "").await.2.contains("Saldo anterior"));
    assert_eq!(call("GET", "/cuentas/999/movimientos", session, "").await.0, 404);

    assert_eq!(call("GET", "/salir", session, "").await.0, 303);
    assert_eq!(call("GET", "/inicio", session, "").await.0, 303);
}

#[test]
fn a_code_opens_what_the_password_alone_does_not() {
    let mut bank = bank();
    let Login::AskCode(token) = bank.log_in("pide-codigo", PASSWORD, noon()) else { panic!("no code is asked") };
    assert_eq!(bank.visit(&token, noon()), None);
    let field = |check, session: &str| Some((CodeForm::Field, check, session.to_owned()));
    assert_eq!(bank.enter_code(&token, "000000", noon()), field(Check::Wrong, ""));
    assert!(bank.resend_code(&token, noon()));
    assert_eq!(bank.enter_code(&token, "123456", noon()), field(Check::Wrong, ""));
    let (_, check, session) = bank.enter_code(&token, "234567", noon()).expect("a login that waits");
    assert_eq!(check, Check::Right);
    assert!(bank.visit(&session, noon()).is_some());
    assert_eq!(bank.enter_code(&token, "234567", noon()), None);
    assert!(!bank.resend_code(&token, noon()));
}

#[test]
fn three_wrong_codes_lock_the_user() {
    let mut bank = bank();
    let Login::AskCode(token) = bank.log_in("pide-codigo-cajas", PASSWORD, noon()) else { panic!("no code is asked") };
    for expected in [Check::Wrong, Check::Wrong, Check::Locked] {
        let entered = bank.enter_code(&token, "000000", noon());
        assert_eq!(entered, Some((CodeForm::Boxes, expected, String::new())));
    }
    assert_eq!(bank.log_in("pide-codigo-cajas", PASSWORD, noon()), Login::Locked);
}
