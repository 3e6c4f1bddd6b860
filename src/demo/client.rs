//! The demo's own customer: enrols an account over the real API, as any program would.

use anyhow::{Context, bail};
use serde_json::{Value, json};

/// A signed-in client of the API.
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Client {
    pub fn new(base: String) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(std::time::Duration::from_secs(30)).build()?;
        Ok(Self { http, base, token: None })
    }

    /// Sends a request and expects a success; anything else becomes an error with the API's own words.
    pub async fn call(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let (status, answer) = self.try_call(method.clone(), path, body).await?;
        if !(200..300).contains(&status) {
            bail!("{method} {path} answered {status}: {answer}");
        }
        Ok(answer)
    }

    /// Sends a request and returns status and body, whatever they are.
    pub async fn try_call(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<(u16, Value)> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.with_context(|| format!("{method} {path} got no answer"))?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await?;
        let value = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes)? };
        Ok((status, value))
    }

    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(reqwest::Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.call(reqwest::Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.call(reqwest::Method::PUT, path, Some(body)).await
    }

    /// Posts with an API key instead of the token, as a machine does.
    pub async fn post_with_key(&self, key: &str, path: &str, body: Value) -> anyhow::Result<Value> {
        let request = self.http.post(format!("{}{path}", self.base)).header("x-api-key", key).json(&body);
        let response = request.send().await.with_context(|| format!("POST {path} got no answer"))?;
        let status = response.status();
        let answer: Value = serde_json::from_slice(&response.bytes().await?)?;
        if !status.is_success() {
            bail!("POST {path} answered {status}: {answer}");
        }
        Ok(answer)
    }

    /// Registers and signs in.
    pub async fn sign_up(&mut self, email: &str, password: &str) -> anyhow::Result<()> {
        let who = json!({ "email": email, "password": password, "name": "Demo" });
        self.post("/auth/register", who.clone()).await?;
        let answer = self.post("/auth/login", who).await?;
        self.token = Some(text(&answer, "token")?);
        Ok(())
    }

    /// Enrols an account at a bank of the catalogue; returns its id.
    pub async fn enrol(&self, bank_code: &str, name: &str) -> anyhow::Result<String> {
        let banks = self.get("/banks").await?;
        let bank = banks
            .as_array()
            .and_then(|banks| banks.iter().find(|bank| bank["code"] == bank_code))
            .with_context(|| format!("the catalogue has no bank \"{bank_code}\""))?;
        let account = self.post("/accounts", json!({ "bankId": bank["id"], "name": name })).await?;
        text(&account, "id")
    }
}

/// A text field of an answer.
pub fn text(value: &Value, field: &str) -> anyhow::Result<String> {
    value[field].as_str().map(str::to_owned).with_context(|| format!("the answer has no \"{field}\": {value}"))
}
