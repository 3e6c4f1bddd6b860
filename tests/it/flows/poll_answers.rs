//! Everything an endpoint may answer, and what each answer does to the orders.

use std::fmt::Write;
use std::io::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use reconbanker::domain::case::CaseStatus;
use reconbanker::domain::expected_payment::KnownOrder;
use reconbanker::domain::ids::ExpectedPaymentId;
use reconbanker::poll::decode::decode;
use reconbanker::poll::presence::{Answer, Patience, PresencePolicy, Step, decide};
use serde_json::{Value, json};

use crate::support::{Backend, Endpoint, Reply, TestApp, each_backend, http, id};

const POLICY: PresencePolicy = PresencePolicy {
    usual: Patience { polls: 2, time: TimeDelta::minutes(10) },
    doubtful: Patience { polls: 6, time: TimeDelta::minutes(60) },
};

fn now() -> DateTime<Utc> {
    "2026-11-20T13:00:00Z".parse().expect("an instant")
}

/// An order of 5 pesos.
fn known(external_id: &str, status: CaseStatus, absent_polls: i64) -> KnownOrder {
    KnownOrder {
        id: ExpectedPaymentId(id()),
        external_id: external_id.to_owned(),
        status,
        amount: "5".parse().expect("an amount"),
        currency: "UYU".parse().expect("a currency"),
        absent_polls,
        absent_since: (absent_polls > 0).then(|| now() - TimeDelta::minutes(10)),
        change_reported: false,
    }
}

/// An open order that one more poll without it may cancel, one that was paid, and one that was cancelled.
fn ledger() -> Vec<KnownOrder> {
    vec![
        known("OPEN", CaseStatus::Pending, 1),
        known("PAID", CaseStatus::Matched, 0),
        known("GONE", CaseStatus::Cancelled, 2),
    ]
}

/// The consequences in signs: `+` registered, `=` seen, `?` absent, `-` cancelled, `^` reopened, `~` changed,
/// `.` stays, `!` the position of an item that is skipped. Or why the answer is none: then nothing follows.
fn consequences(body: &[u8]) -> Result<String, String> {
    let decoded = decode(body).map_err(|error| error.to_string())?;
    let ledger = ledger();
    let mut signs = Vec::new();
    for step in decide(&ledger, Answer::List(&decoded), &POLICY, now()) {
        signs.push(match step {
            Step::Register(order) => format!("+{}", order.external_id),
            Step::Seen(known) => format!("={}", known.external_id),
            Step::Absent(known, _) => format!("?{}", known.external_id),
            Step::Cancel(known, _) => format!("-{}", known.external_id),
            Step::Reopen(known) => format!("^{}", known.external_id),
            Step::Changed(known, _) => format!("~{}", known.external_id),
            Step::Stays(known) => format!(".{}", known.external_id),
        });
    }
    signs.extend(decoded.skipped.iter().map(|skipped| format!("!{}", skipped.index)));
    Ok(signs.join(" "))
}

fn check(body: impl AsRef<[u8]>, expected: &str) {
    let body = body.as_ref();
    assert_eq!(consequences(body).as_deref(), Ok(expected), "{:.200}", String::from_utf8_lossy(body));
}

fn is_none(body: impl AsRef<[u8]>, reason: &str) {
    let body = body.as_ref();
    let error = consequences(body).expect_err("no answer");
    assert!(error.starts_with(reason), "{error}: {:.200}", String::from_utf8_lossy(body));
}

/// An item whose fields are given as they stand in the answer.
fn item(external_id: &str, amount: &str, currency: &str, name: &str) -> String {
    format!(r#"{{"external_id":{external_id},"amount":{amount},"currency":{currency},"name":{name}}}"#)
}

/// A good item of 5 pesos.
fn good(external_id: &str) -> String {
    item(&format!("\"{external_id}\""), "5", "\"UYU\"", "\"Ana\"")
}

fn list(items: &[&str]) -> String {
    format!("[{}]", items.join(","))
}

#[test]
fn what_is_no_list_changes_nothing() {
    let open = good("OPEN");
    for empty in ["", " \r\n\t", "\u{feff}"] {
        is_none(empty, "the answer is empty");
    }
    for page in ["<!doctype html><h1>Sign in</h1>", "\n  <html>", "<?xml version=\"1.0\"?><orders/>"] {
        is_none(page, "the answer is a web page");
    }
    let broken = [
        "Not found".to_owned(),
        "[".to_owned(),
        format!("[{open}"),
        format!("[{open},"),
        format!("[{open},]"),
        format!("[{}", &open[..open.len() - 1]),
        format!("[{open}] [{open}]"),
        format!("[{open}] trailing"),
        format!("{{\"data\":[{open}"),
        "[{'external_id':'OPEN'}]".to_owned(),
        "[NaN]".to_owned(),
        list(&[&open, &item("\"NEW\"", "NaN", "\"UYU\"", "\"Ana\"")]),
        list(&[&open, &item("\"NEW\"", "Infinity", "\"UYU\"", "\"Ana\"")]),
        list(&[&open, &item("\"NEW\"", "05", "\"UYU\"", "\"Ana\"")]),
        list(&[&open, &item("\"NEW\"", ".5", "\"UYU\"", "\"Ana\"")]),
        list(&[&open, &item("\"NEW\"", "0x5", "\"UYU\"", "\"Ana\"")]),
        "[".repeat(100_000),
    ];
    for body in broken {
        is_none(body, "the answer is not JSON");
    }
    is_none(b"[\"\xff\"]", "the answer is not JSON");
    let no_list = [
        "null",
        "true",
        "42",
        "\"[]\"",
        "{}",
        r#"{"data":null}"#,
        r#"{"data":{}}"#,
        r#"{"data":"[]"}"#,
        r#"{"orders":[]}"#,
        r#"{"error":"maintenance"}"#,
    ];
    for body in no_list {
        is_none(body, "the answer is JSON but no list");
    }
    is_none(format!("[{}1]", "1,".repeat(50_000)), "the answer lists 50001 payments, more than 50000");
}

#[test]
fn a_list_is_taken_at_its_word_and_an_empty_one_is_not() {
    let (open, new) = (good("OPEN"), good("NEW"));
    check("[]", "?OPEN");
    check(" [ ] ", "?OPEN");
    check(r#"{"data":[]}"#, "?OPEN");
    check(list(&[&open]), "=OPEN");
    check(format!("{{\"page\":1,\"data\":[{open}],\"total\":1}}"), "=OPEN");
    check(format!("\u{feff}[{open}]"), "=OPEN");
    check(list(&[&open, &new]), "=OPEN +NEW");
    // The second good poll, ten minutes after the first.
    check(list(&[&new]), "-OPEN +NEW");
    check(list(&[&good("open")]), "-OPEN +open");
    check(list(&[&good("PAID")]), "-OPEN .PAID");
    check(list(&[&open, &good("GONE")]), "=OPEN ^GONE");
    check(list(&[&open, &good("PAID"), &good("GONE")]), "=OPEN .PAID ^GONE");
    let with_extras = open.replacen('{', r#"{"customer":{"id":1},"tags":[null],"#, 1);
    check(list(&[&with_extras]), "=OPEN");
}

#[test]
fn an_id_that_is_listed_twice_counts_once_or_not_at_all() {
    let (open, new) = (good("OPEN"), good("NEW"));
    let (other_open, other_new) = (open.replace(":5,", ":6,"), new.replace(":5,", ":6,"));
    check(list(&[&open, &open]), "=OPEN");
    check(list(&[&open, &new, &new]), "=OPEN +NEW");
    check(list(&[&open, &other_open]), "=OPEN !0 !1");
    check(list(&[&open, &new, &other_new]), "=OPEN !1 !2");
    check(list(&[&open, &good("GONE"), &good("GONE").replace("Ana", "Eva")]), "=OPEN .GONE !1 !2");
}

#[test]
fn a_known_order_stays_as_it_was_first_listed() {
    let open = |amount: &str, currency: &str, name: &str| list(&[&item("\"OPEN\"", amount, currency, name)]);
    for same in ["5", "5.0", "5.00", "\"5\"", "\" 5.00 \"", "5e0", "50e-1"] {
        check(open(same, "\"UYU\"", "\"Ana\""), "=OPEN");
    }
    check(open("5", "\" uyu \"", "\"Eva\""), "=OPEN");
    check(open("6", "\"UYU\"", "\"Ana\""), "=OPEN ~OPEN");
    check(open("5", "\"USD\"", "\"Ana\""), "=OPEN ~OPEN");
    check(list(&[&good("OPEN"), &good("PAID").replace(":5,", ":6,")]), "=OPEN .PAID ~PAID");
    check(list(&[&good("OPEN"), &good("GONE").replace(":5,", ":6,")]), "=OPEN ^GONE ~GONE");
    // An item that is wrong is listed all the same.
    for wrong in ["-5", "0", "null", "\"five\"", "5.0000000000000000001"] {
        check(open(wrong, "\"UYU\"", "\"Ana\""), "=OPEN !0");
    }
    check(r#"[{"external_id":"OPEN"}]"#, "=OPEN !0");
    check(list(&[&good("OPEN"), &good("GONE").replace(":5,", ":0,")]), "=OPEN .GONE !1");
}

#[test]
fn an_amount_is_exact_and_positive_or_its_item_is_skipped() {
    let with = |amount: &str| list(&[&good("OPEN"), &item("\"NEW\"", amount, "\"UYU\"", "\"Ana\"")]);
    for fine in [
        "1500",
        "1500.00",
        "1e3",
        "1E+3",
        "\"1500.50\"",
        "0.000000000000000001",
        "99999999999999999999",
        "1e19",
        "9007199254740993",
    ] {
        check(with(fine), "=OPEN +NEW");
    }
    for wrong in [
        "0",
        "0.00",
        "-0",
        "-5",
        "\"-5\"",
        "0.0000000000000000001",
        "100000000000000000000",
        "1e20",
        "1e400",
        "1e-400",
        "\"1,500.00\"",
        "\"1.500,00\"",
        "\"$5\"",
        "\"\"",
        "\"NaN\"",
        "\"Infinity\"",
        "null",
        "true",
        "[5]",
        "{\"value\":5}",
    ] {
        check(with(wrong), "=OPEN !1");
    }
}

#[test]
fn currency_and_name_are_required_texts() {
    let with = |currency: &str, name: &str| list(&[&good("OPEN"), &item("\"NEW\"", "5", currency, name)]);
    // A code that no bank uses is a code: its order waits for a movement that never comes.
    for fine in ["\"uyu\"", "\" USD \"", "\"ZZZ\""] {
        check(with(fine, "\"Ana\""), "=OPEN +NEW");
    }
    let no_codes =
        ["\"$\"", "\"U$S\"", "\"\"", "\"PESOS\"", "\"USDT\"", "\"U2S\"", "\"PESOS URUGUAYOS\"", "858", "null"];
    for wrong in no_codes {
        check(with(wrong, "\"Ana\""), "=OPEN !1");
    }
    for fine in ["\"Ñandú & Cía. S.A.\"", "\"\\u0041na\\tPaz\"", "\"株式会社\""] {
        check(with("\"UYU\"", fine), "=OPEN +NEW");
    }
    let long = format!("\"{}\"", "x".repeat(301));
    for wrong in ["\"\"", "\"  \"", "7", "null", "[\"Ana\"]", "\"\\ud800\"", long.as_str()] {
        check(with("\"UYU\"", wrong), "=OPEN !1");
    }
    check(list(&[&good("OPEN"), r#"{"external_id":"NEW","amount":5}"#]), "=OPEN !1");
}

#[test]
fn an_id_that_cannot_be_read_may_be_any_so_nothing_is_absent() {
    let new = good("NEW");
    for unreadable in [
        "{}",
        "7",
        "null",
        "\"OPEN\"",
        "[]",
        r#"{"id":"OPEN"}"#,
        r#"{"external_id":null}"#,
        r#"{"external_id":""}"#,
        r#"{"external_id":1.5}"#,
        r#"{"external_id":true}"#,
        r#"{"external_id":["OPEN"]}"#,
        r#"{"external_id":"A","external_id":"B"}"#,
    ] {
        check(list(&[&new, unreadable]), "+NEW !1");
    }
    check(format!("[[{}]]", good("OPEN")), "!0");
    // An id that can be read and not be kept is somebody else's.
    check(list(&[&good("OPEN"), &good("A\\u0000")]), "=OPEN !1");
    check(list(&[&good("OPEN"), &good(&"x".repeat(201))]), "=OPEN !1");
    check(list(&[&good("OPEN"), &item("42", "5", "\"UYU\"", "\"Ana\"")]), "=OPEN +42");
}

#[test]
fn one_bad_item_of_a_thousand_hides_no_other() {
    let mut items = vec![good("OPEN")];
    items.extend((1..1_000).map(|index| good(&format!("N{index}"))));
    items[500] = items[500].replace(":5,", ":-5,");
    let mut expected = "=OPEN".to_owned();
    for index in (1..1_000).filter(|index| *index != 500) {
        write!(expected, " +N{index}").expect("a text takes everything");
    }
    let items: Vec<_> = items.iter().map(String::as_str).collect();
    check(list(&items), &format!("{expected} !500"));
}

/// 64 MiB of spaces after a bracket, in a few hundred kilobytes of gzip.
///
/// Written by hand, as fixed Huffman codes: a length of 258 at a distance of one is 13 bits.
fn gzip_bomb() -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let (mut byte, mut filled) = (0_u8, 0);
    let mut put = |bit: bool| {
        byte |= u8::from(bit) << filled;
        filled += 1;
        if filled == 8 {
            bytes.push(byte);
            (byte, filled) = (0, 0);
        }
    };
    let codes = ["110", "10001011", "01010000"].into_iter().chain(std::iter::repeat_n("1100010100000", 64 << 12));
    for code in codes.chain(["0000000", "0000000"]) {
        for bit in code.bytes() {
            put(bit == b'1');
        }
    }
    bytes
}

/// A body in one chunk, without the last one that would end it.
fn chunked(body: &[u8]) -> Vec<u8> {
    let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n".to_vec();
    write!(bytes, "{:x}\r\n", body.len()).expect("memory takes everything");
    bytes.extend_from_slice(body);
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// Replies that are no answer, each with what the poll's detail says of it.
fn useless_replies(elsewhere: &str) -> Vec<(Reply, String)> {
    let close = |bytes: Vec<u8>, detail: &str| (Reply::Close(bytes), detail.to_owned());
    let mut replies = Vec::new();
    for status in [
        "201 Created",
        "204 No Content",
        "206 Partial Content",
        "304 Not Modified",
        "400 Bad Request",
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "405 Method Not Allowed",
        "415 Unsupported Media Type",
        "429 Too Many Requests",
        "500 Internal Server Error",
        "502 Bad Gateway",
        "503 Service Unavailable",
    ] {
        let detail = format!("the endpoint answered with status {} instead of 200", &status[..3]);
        let body: &[u8] = if matches!(&status[..3], "204" | "304") { b"" } else { b"[]" };
        replies.push(close(http(status, &[], body), &detail));
    }
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        replies.push(close(http(status, &[("Location", elsewhere)], b""), "redirects are not followed"));
    }
    let huge = format!("[{}]", " ".repeat(9 << 20)).into_bytes();
    let gzip = [("Content-Encoding", "gzip")];
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: close\r\n\r\n[]";
    replies.extend([
        close(http("200 OK", &[], b""), "the answer is empty"),
        close(http("200 OK", &[], b"<h1>Sign in</h1>"), "the answer is a web page"),
        close(http("200 OK", &[], b"{\"orders\":[]}"), "the answer is JSON but no list"),
        close(http("200 OK", &[], &huge), "the answer is larger than 8 MiB"),
        close(chunked(&huge), "the answer is larger than 8 MiB"),
        close(http("200 OK", &gzip, &gzip_bomb()), "the answer is larger than 8 MiB"),
        close(http("200 OK", &gzip, b"[]"), "the answer ended early"),
        close(short.into(), "the answer ended early"),
        close(chunked(b"[]"), "the answer ended early"),
        close(b"ORDERS 1.0\r\n\r\n[]".to_vec(), "the call to 127.0.0.1"),
        close(Vec::new(), "the call to 127.0.0.1"),
        (Reply::Hold(Vec::new()), "did not answer within 5 s".to_owned()),
        (Reply::Hold(short.into()), "the answer ended early (not complete after 5 s)".to_owned()),
    ]);
    replies
}

each_backend! {
    /// Whatever goes wrong on the way is a named outcome; no order is counted as absent, and the next
    /// good answer finds everything as it was.
    async fn nothing_that_goes_wrong_on_the_way_touches_an_order(backend: Backend) {
        let mut test = TestApp::start_set(backend, None, &[("poll.timeout", "5s")]).await;
        let (endpoint, elsewhere) = (Endpoint::start().await, Endpoint::start().await);
        let orders = list(&[&good("ORDER-1"), &good("ORDER-2")]);
        endpoint.answer(Reply::Close(http("200 OK", &[], orders.as_bytes())));
        let account = test.enrol_without_bank(&json!({ "pending_orders_endpoint": endpoint.url() })).await;
        test.settle().await;
        let before = test.orders(account).await;
        assert_eq!(before.len(), 2);
        let fails_with = async |detail: &str| {
            let poll = test.next_poll(account).await;
            assert_eq!(poll["outcome"], "endpoint_failed", "{detail}: {poll}");
            assert!(poll["detail"].as_str().is_some_and(|said| said.contains(detail)), "{detail}: {poll}");
            assert_eq!((&poll["listed"], &poll["cancelled"]), (&Value::Null, &json!(0)));
            assert_eq!(test.orders(account).await, before, "{detail}");
        };
        for (reply, detail) in useless_replies(&elsewhere.url()) {
            endpoint.answer(reply);
            fails_with(&detail).await;
        }
        assert!(elsewhere.requests().is_empty(), "a redirect was followed");

        let unlabelled = format!("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n{orders}");
        let ended = [chunked(orders.as_bytes()), b"0\r\n\r\n".to_vec()].concat();
        for fine in [unlabelled.into_bytes(), ended, http("200 OK", &[], orders.as_bytes())] {
            endpoint.answer(Reply::Close(fine));
            let poll = test.next_poll(account).await;
            assert_eq!((&poll["outcome"], &poll["listed"]), (&json!("ok"), &json!(2)), "{poll}");
            assert_eq!(test.orders(account).await, before);
        }
        endpoint.stop().await;
        fails_with("could not connect to 127.0.0.1").await;
        test.finish().await;
    }
}
