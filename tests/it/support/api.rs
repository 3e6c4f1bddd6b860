//! A client of the API that shows what came back when a status is not the expected one.

use reconbanker::domain::ids::AccountId;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

pub const PASSWORD: &str = "correct horse battery";

pub struct Api {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

/// Status, headers and body of an answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
    /// The body as it came, with every digit.
    pub text: String,
    request: String,
}

impl Answer {
    /// A header's text; empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body, when the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{} answered {}", self.request, self.body);
        self.body
    }

    /// The error's sentence, when the status is this one; the error's form is checked beside.
    #[track_caller]
    pub fn error(self, status: u16) -> String {
        let body = self.expect(status);
        assert!(body["code"].is_string(), "an error without a code: {body}");
        body["error"].as_str().expect("an error is a sentence").to_owned()
    }
}

impl Api {
    pub fn new(base: String) -> Self {
        reconbanker::outbound::install_tls_provider();
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { http, base, token: None }
    }

    /// The same server, another person (or nobody yet).
    pub fn stranger(&self) -> Self {
        Self::new(self.base.clone())
    }

    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    pub async fn sign_up(&mut self, email: &str) {
        let who = json!({ "email": email, "password": PASSWORD });
        self.post("/auth/register", who).await.expect(201);
        self.sign_in(email).await;
    }

    pub async fn sign_in(&mut self, email: &str) {
        let who = json!({ "email": email, "password": PASSWORD });
        let answer = self.post("/auth/login", who).await.expect(200);
        self.token = Some(answer["token"].as_str().expect("a token").to_owned());
    }

    pub async fn create_account(&self, name: &str) -> AccountId {
        let banks = self.get("/banks").await.expect(200);
        let bank =
            banks.as_array().expect("a list").iter().find(|bank| bank["code"] == "demo-tabla").expect("the demo bank");
        let account = self.post("/accounts", json!({ "bankId": bank["id"], "name": name })).await.expect(201);
        account["id"].as_str().expect("an id").parse().expect("a UUID")
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, |request| request).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, |request| request.json(&body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, |request| request.json(&body)).await
    }

    pub async fn delete(&self, path: &str, body: Value) -> Answer {
        self.send(Method::DELETE, path, |request| request.json(&body)).await
    }

    /// Sends whatever the test builds.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        build: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Answer {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = build(request).send().await.expect("the API answers");
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.expect("a body");
        let body = serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.clone()));
        Answer { status, headers, body, text, request: format!("{method} {path}") }
    }
}
