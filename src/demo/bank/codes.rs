//! One-time codes by SMS: what the bank sends, what is typed, and the page between the password and the accounts.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::TimeDelta;
use serde::Deserialize;

use super::{EXPIRED_PATH, LOCKED, pages, token, welcome};
use crate::demo::html;
use crate::demo::world::Shared;
use crate::domain::time::Instant;

/// How long a code is good, at the start.
const LIFETIME: TimeDelta = TimeDelta::seconds(180);
/// So many wrong codes in a row lock a user name.
const WRONG_CODES_MAX: u32 = 3;
/// The first code that a user name is sent.
const FIRST_CODE: usize = 123_456;
/// Added for each further one.
const NEXT_CODE: usize = 111_111;

pub(super) const PATH: &str = "/codigo";
pub(super) const RESEND_PATH: &str = "/codigo/reenviar";

/// How the page takes a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CodeForm {
    Field,
    /// A box for each digit.
    Boxes,
}

/// Every phone that was sent a code.
pub(in crate::demo) struct Codes {
    /// How long a code is good.
    pub lifetime: TimeDelta,
    phones: HashMap<String, Phone>,
}

#[derive(Default)]
struct Phone {
    /// The last code and when it was sent; `None` before the first and after the right one was typed.
    code: Option<(String, Instant)>,
    sent: usize,
    typed: usize,
    wrong_in_a_row: u32,
}

/// What a typed code is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    Right,
    Wrong,
    Late,
    Locked,
}

impl Default for Codes {
    fn default() -> Self {
        Self { lifetime: LIFETIME, phones: HashMap::new() }
    }
}

impl Codes {
    /// Sends a code; the one before is good no more.
    pub(super) fn send(&mut self, document: &str, now: Instant) {
        let phone = self.phones.entry(document.to_owned()).or_default();
        let code = (FIRST_CODE + phone.sent * NEXT_CODE) % 1_000_000;
        phone.sent += 1;
        phone.code = Some((format!("{code:06}"), now));
    }

    pub(super) fn check(&mut self, document: &str, typed: &str, now: Instant) -> Check {
        let phone = self.phones.entry(document.to_owned()).or_default();
        phone.typed += 1;
        match &phone.code {
            Some((_, sent_at)) if now - *sent_at > self.lifetime => Check::Late,
            Some((code, _)) if code == typed => {
                phone.code = None;
                phone.wrong_in_a_row = 0;
                Check::Right
            }
            Some(_) | None => {
                phone.wrong_in_a_row += 1;
                if phone.wrong_in_a_row < WRONG_CODES_MAX { Check::Wrong } else { Check::Locked }
            }
        }
    }

    /// What the phone shows; empty where there is no code to type.
    pub fn current(&self, document: &str) -> String {
        let code = self.phones.get(document).and_then(|phone| phone.code.as_ref());
        code.map(|(code, _)| code.clone()).unwrap_or_default()
    }

    /// Codes sent to a user name so far.
    pub fn sent(&self, document: &str) -> usize {
        self.phones.get(document).map_or(0, |phone| phone.sent)
    }

    /// Codes typed for a user name so far, right or wrong.
    pub fn typed(&self, document: &str) -> usize {
        self.phones.get(document).map_or(0, |phone| phone.typed)
    }
}

/// One field, or the boxes: whatever the page has.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct CodeTyped {
    codigo: String,
    d1: String,
    d2: String,
    d3: String,
    d4: String,
    d5: String,
    d6: String,
}

impl CodeTyped {
    fn text(&self) -> String {
        [&self.codigo, &self.d1, &self.d2, &self.d3, &self.d4, &self.d5, &self.d6].map(|part| part.trim()).concat()
    }
}

pub(super) async fn page(State(world): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let form = token(&headers).and_then(|token| world.state().bank.code_form(token));
    match form {
        Some(form) => html::answer(StatusCode::OK, pages::code(form, None)),
        None => Redirect::to(EXPIRED_PATH).into_response(),
    }
}

pub(super) async fn enter(
    State(world): State<Arc<Shared>>,
    headers: HeaderMap,
    Form(typed): Form<CodeTyped>,
) -> Response {
    let now = world.clock.now();
    let entered = token(&headers).and_then(|token| world.state().bank.enter_code(token, &typed.text(), now));
    let again = |form, problem| html::answer(StatusCode::OK, pages::code(form, Some(problem)));
    match entered {
        None => Redirect::to(EXPIRED_PATH).into_response(),
        Some((_, Check::Right, session)) => welcome(&session),
        Some((form, Check::Wrong, _)) => again(form, "Código incorrecto"),
        Some((form, Check::Late, _)) => again(form, "Código vencido"),
        Some((_, Check::Locked, _)) => html::answer(StatusCode::OK, pages::login(Some(LOCKED))),
    }
}

pub(super) async fn resend(State(world): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let now = world.clock.now();
    let sent = token(&headers).is_some_and(|token| world.state().bank.resend_code(token, now));
    Redirect::to(if sent { PATH } else { EXPIRED_PATH }).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Instant {
        let start: Instant = "2026-05-13T15:00:00Z".parse().expect("an instant");
        start + TimeDelta::seconds(seconds)
    }

    #[test]
    fn a_code_is_good_once_and_for_three_minutes() {
        let mut codes = Codes::default();
        assert_eq!((codes.current("ana").as_str(), codes.sent("ana")), ("", 0));
        codes.send("ana", at(0));
        assert_eq!(codes.current("ana"), "123456");
        assert_eq!(codes.check("ana", "123456", at(180)), Check::Right);
        assert_eq!(codes.check("ana", "123456", at(180)), Check::Wrong);

        codes.send("ana", at(200));
        assert_eq!(codes.current("ana"), "234567");
        assert_eq!(codes.check("ana", "123456", at(200)), Check::Wrong);
        assert_eq!(codes.check("ana", "234567", at(381)), Check::Late);
        codes.send("ana", at(390));
        assert_eq!(codes.check("ana", "345678", at(391)), Check::Right);
        assert_eq!((codes.sent("ana"), codes.typed("ana"), codes.typed("eva")), (3, 5, 0));
    }

    #[test]
    fn three_wrong_codes_in_a_row_lock() {
        let mut codes = Codes::default();
        codes.send("ana", at(0));
        for expected in [Check::Wrong, Check::Wrong, Check::Locked] {
            assert_eq!(codes.check("ana", "000000", at(1)), expected);
        }
    }
}
