//! What the three sites share: the page frame, escaping, money and days as people here write them.

use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use chrono::NaiveDate;

use crate::domain::money::Amount;

/// Where every page finds its style sheet; a file of its own, so that the policy can forbid inline styles.
pub(super) const STYLE_PATH: &str = "/demo.css";

const STYLE: &str = "\
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; color: #1c2733; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
nav a { margin-right: 1rem; }
label { display: block; margin-top: .6rem; }
input, select { display: block; }
input, select, button { font: inherit; padding: .4rem; box-sizing: border-box; width: 100%; max-width: 24rem; }
button { display: block; margin-top: .8rem; width: auto; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #d5dce3; vertical-align: top; white-space: nowrap; }
td { font-variant-numeric: tabular-nums; }
pre, code { white-space: pre-wrap; overflow-wrap: anywhere; }
.mensaje-error { background: #fdecea; border-left: 4px solid #b3261e; padding: .5rem .8rem; margin: .8rem 0; }
.nota { color: #55616d; }
";

/// Nothing but the page itself, its style sheet and its own forms: no script, no frame, nothing from elsewhere.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Makes a text safe inside elements and quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            plain => safe.push(plain),
        }
    }
    safe
}

/// Frames a body (HTML) under a title (plain text).
pub(super) fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        r#"<!doctype html>
<html lang="es">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="{STYLE_PATH}">
</head>
<body>
{body}
</body>
</html>
"#
    )
}

/// The box in which all sites say what went wrong.
pub(super) fn alert(message: &str) -> String {
    format!(r#"<div class="mensaje-error" role="alert">{}</div>"#, escape(message))
}

/// Answers with a page that nobody may cache, frame or extend.
pub(super) fn answer(status: StatusCode, page: String) -> Response {
    let headers: [(HeaderName, &str); 3] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, Html(page)).into_response()
}

/// Serves the style sheet.
pub(super) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

/// Prints `12345.67` as `12.345,67`: two decimals, or more when the amount has more.
pub(super) fn money(amount: Amount) -> String {
    let decimal = amount.to_decimal(2);
    let (whole, fraction) = decimal.split_once('.').expect("two digits after the point are always printed");
    let mut grouped = String::with_capacity(decimal.len() + whole.len() / 3);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push('.');
        }
        grouped.push(digit);
    }
    format!("{grouped},{fraction}")
}

/// Prints a day as `dd/mm/aaaa`.
pub(super) fn day(day: NaiveDate) -> String {
    day.format("%d/%m/%Y").to_string()
}

/// Reads `dd/mm/aaaa`, and only that: two, two and four digits.
pub(super) fn parse_day(text: &str) -> Option<NaiveDate> {
    let parts: Vec<&str> = text.trim().split('/').collect();
    let &[day, month, year] = parts.as_slice() else { return None };
    let digits = |part: &str, width: usize| part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit());
    if !(digits(day, 2) && digits(month, 2) && digits(year, 4)) {
        return None;
    }
    NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_has_a_comma_before_the_cents_and_points_between_thousands() {
        let check = |amount: &str, expected: &str| {
            assert_eq!(money(amount.parse().expect("amount")), expected);
        };
        check("0", "0,00");
        check("7.5", "7,50");
        check("999", "999,00");
        check("1000", "1.000,00");
        check("12345.67", "12.345,67");
        check("100000", "100.000,00");
        check("1234567.8", "1.234.567,80");
        check("0.125", "0,125");
    }

    #[test]
    fn days_are_read_strictly() {
        let check = |text: &str, expected: Option<(i32, u32, u32)>| {
            let expected = expected.and_then(|(year, month, day)| NaiveDate::from_ymd_opt(year, month, day));
            assert_eq!(parse_day(text), expected, "{text}");
        };
        check("13/05/2026", Some((2026, 5, 13)));
        check(" 29/02/2028 ", Some((2028, 2, 29)));
        check("29/02/2026", None);
        check("1/5/2026", None);
        check("13/05/26", None);
        check("2026-05-13", None);
        check("+1/05/2026", None);
        check("13/05/2026/1", None);
        check("", None);
    }

    #[test]
    fn no_text_leaves_its_element_or_attribute() {
        assert_eq!(escape(r#"<b a="1">O'Neil & Cía"#), "&lt;b a=&quot;1&quot;&gt;O&#39;Neil &amp; Cía");
    }
}
