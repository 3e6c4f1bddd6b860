//! Every bad request with the exact answer it gets.
//!
//! The tables are in the folder of this name. In paths and bodies stand for: `<account>` our account, `<foreign>`
//! another tenant's, `<nil>` an id that nobody has, `<bank>` the demo bank's id, `<x201>` so many letters, `<ok>` two
//! settings that are right.

mod bodies;
mod options;
mod paths;
mod settings;

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Api, Backend, TestApp, each_backend};

const GOOD_SETTINGS: &str = concat!(
    r#""webhook_url": "https://shop.example/hook", "#,
    r#""pending_orders_endpoint": "https://shop.example/orders""#,
);

/// Bodies for one route that share status and code: what is sent as JSON, and the sentence that comes back.
struct Bodies {
    method: &'static str,
    path: &'static str,
    status: u16,
    code: &'static str,
    cases: &'static [(&'static str, &'static str)],
}

/// Requests that are wrong before any body is read.
struct Refusal {
    method: &'static str,
    status: u16,
    code: &'static str,
    error: &'static str,
    paths: &'static [&'static str],
}

/// A header that makes the request wrong; `None` leaves it out.
struct Header {
    name: &'static str,
    values: &'static [Option<&'static str>],
    status: u16,
    code: &'static str,
    error: &'static str,
    /// Method and path.
    routes: &'static [(&'static str, &'static str)],
}

/// One request of a table, ready to be sent.
struct Request {
    method: Method,
    path: String,
    header: Option<(&'static str, Option<&'static str>)>,
    body: Option<String>,
    status: u16,
    code: &'static str,
    error: &'static str,
}

fn all() -> Vec<Request> {
    let with_body = bodies::ALL.iter().chain(settings::ALL).chain(options::ALL).flat_map(|group| {
        group.cases.iter().map(move |&(body, error)| Request {
            method: method(group.method),
            path: group.path.to_owned(),
            header: None,
            body: Some(body.to_owned()),
            status: group.status,
            code: group.code,
            error,
        })
    });
    let by_path = paths::PATHS.iter().flat_map(|group| {
        group.paths.iter().map(move |&path| Request {
            method: method(group.method),
            path: path.to_owned(),
            header: None,
            body: (group.method == "PUT").then(|| "{}".to_owned()),
            status: group.status,
            code: group.code,
            error: group.error,
        })
    });
    let by_header = paths::HEADERS.iter().flat_map(|group| {
        let pairs = group.routes.iter().flat_map(move |route| group.values.iter().map(move |value| (route, value)));
        pairs.map(move |(&(name, path), &value)| Request {
            method: method(name),
            path: path.to_owned(),
            header: Some((group.name, value)),
            body: Some("{}".to_owned()),
            status: group.status,
            code: group.code,
            error: group.error,
        })
    });
    with_body.chain(by_path).chain(by_header).collect()
}

fn method(name: &str) -> Method {
    name.parse().expect("a method")
}

/// What the words in angle brackets mean in this run.
struct World {
    words: Vec<(&'static str, String)>,
}

impl World {
    fn fill(&self, text: &str) -> String {
        let text = self.words.iter().fold(text.to_owned(), |text, (word, meaning)| text.replace(word, meaning));
        let Some((head, tail)) = text.split_once("<x") else { return text };
        let (count, tail) = tail.split_once('>').expect("a closing bracket");
        format!("{head}{}{tail}", "x".repeat(count.parse().expect("a count")))
    }

    /// What is wrong with the answer, if anything.
    async fn problem(&self, api: &Api, request: Request) -> Option<String> {
        let (path, body) = (self.fill(&request.path), request.body.as_deref().map(|body| self.fill(body)));
        let shown = format!("{} {path} {}", request.method, body.as_deref().unwrap_or_default());
        let answer = api
            .send(request.method, &path, |mut builder| {
                let header = request.header.as_ref();
                if let Some(body) = body {
                    builder = builder.body(body);
                }
                if let Some((name, Some(value))) = header {
                    builder = builder.header(*name, *value);
                }
                if header.is_none_or(|(name, _)| *name != "content-type") {
                    builder = builder.header(CONTENT_TYPE, "application/json");
                }
                builder
            })
            .await;
        let mut body = answer.body;
        // Beside the sentence stand the same words by field, where the request names fields.
        let issues = body.as_object_mut().and_then(|body| body.remove("issues"));
        let names_the_sentence = issues.is_none_or(|issues| issues[0]["message"] == request.error);
        let expected = json!({ "error": request.error, "code": request.code });
        let is_right = answer.status == request.status && body == expected && names_the_sentence;
        let shown: String = shown.chars().take(200).collect();
        let header = request.header;
        (!is_right).then(|| {
            format!(
                "{shown} {header:?}\n  answered {} {body}\n  instead of {} {expected}",
                answer.status, request.status
            )
        })
    }
}

each_backend! {
    async fn every_bad_request_has_its_exact_answer_and_changes_nothing(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        test.api.sign_up("owner@shop.example").await;
        test.api.put("/me/operation-mode", json!({ "mode": "reconcile" })).await.expect(200);
        let account = test.api.create_account("Operating account").await;
        let mut other = test.api.stranger();
        other.sign_up("other@shop.example").await;
        let foreign = other.create_account("Their account").await;
        let banks = test.api.get("/banks").await.expect(200);
        let stranger = test.api.stranger();
        let world = World {
            words: vec![
                ("<account>", account.to_string()),
                ("<foreign>", foreign.to_string()),
                ("<nil>", Uuid::nil().to_string()),
                ("<bank>", banks[0]["id"].as_str().expect("an id").to_owned()),
                ("<ok>", GOOD_SETTINGS.to_owned()),
            ],
        };
        let accounts = test.api.get("/accounts").await.expect(200);

        let requests = all();
        let count = requests.len();
        assert!(count >= 150, "{count} requests");
        let mut problems = Vec::new();
        for request in requests {
            // A header that is wrong is the only one of its name.
            let signs_in = request.header.is_none_or(|(name, _)| name != "authorization");
            let api = if signs_in { &test.api } else { &stranger };
            problems.extend(world.problem(api, request).await);
        }
        assert!(problems.is_empty(), "{} of {count} answers are wrong:\n{}", problems.len(), problems.join("\n"));

        assert_eq!(test.api.get("/accounts").await.expect(200), accounts);
        assert_eq!(test.api.get(&format!("/accounts/{account}/config")).await.expect(200), Value::Null);
        assert_eq!(test.api.get("/me").await.expect(200)["operation_mode"], "reconcile");
        test.finish().await;
    }

    /// Bytes that are not UTF-8, and text that is JSON in no encoding a client should use.
    async fn bytes_that_are_not_text_are_refused_with_their_place(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        test.api.sign_up("owner@shop.example").await;
        let bodies: [(&[u8], &str); 4] = [
            (b"{\"name\": \"\xff\"}", "invalid unicode code point at line 1 column 11"),
            (b"\xef\xbb\xbf{}", "expected value at line 1 column 1"),
            (b"{\0\"\0", "key must be a string at line 1 column 2"),
            (b"\0", "expected value at line 1 column 1"),
        ];
        for (body, expected) in bodies {
            let answer = test
                .api
                .send(Method::POST, "/accounts", |request| {
                    request.header(CONTENT_TYPE, "application/json; charset=utf-8").body(body)
                })
                .await;
            assert_eq!(answer.error(400), format!("the body is not valid JSON: {expected}"));
        }
        test.finish().await;
    }
}
