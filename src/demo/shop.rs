//! A customer's shop: lists its pending orders, receives and verifies webhooks, misbehaves on demand.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use futures_util::StreamExt;
use futures_util::stream;
use serde_json::json;

use self::wire::OrderJson;
use super::html;
use super::world::Shared;
use crate::domain::account::AuthType;
use crate::domain::money::{Amount, Currency};
use crate::domain::time::Instant;

pub(super) mod pages;
mod verify;
pub(super) mod wire;

/// The token that the shop asks for once it asks for one.
pub const SHOP_TOKEN: &str = "shop-token";
/// Size of the answer under [`Behaviour::HugeBody`]: more than any reader should accept.
const HUGE_BODY_BYTES: usize = 16 << 20;
const MOVED_PATH: &str = "/webhook/moved";

/// An order that awaits payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub external_id: String,
    pub amount: Amount,
    pub currency: Currency,
    /// The payer's name as the shop knows it; may be empty.
    pub name: String,
}

/// How the shop answers a poll.
#[derive(Debug, Clone, Default)]
pub enum Behaviour {
    /// An array of orders.
    #[default]
    Normal,
    /// An object with the array under `data`.
    DataObject,
    /// Nothing but this status.
    Status(u16),
    /// A web page with status 200.
    NotJson,
    /// No answer until the world ends.
    Hang,
    /// 16 MiB of valid JSON.
    HugeBody,
    /// Half of the bytes that the length header announces; then the connection closes.
    WrongLength,
    /// This text, as JSON with status 200.
    RawBody(String),
}

/// How the shop answers a webhook. It records every one first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReceiverBehaviour {
    /// 200 when the signature is good, else 400.
    #[default]
    Ok,
    /// This status, whatever the signature.
    Status(u16),
    /// No answer until the world ends.
    Hang,
    /// 307 to another path of the shop, which records too what arrives there.
    Redirect,
}

/// A webhook as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    /// Header `webhook-id`; empty when it was missing.
    pub webhook_id: String,
    pub at: Instant,
    /// What the verification said; the error is its reason.
    pub verified: Result<(), String>,
    pub authorization: Option<String>,
    /// The body as JSON; null when it was none. Exact amounts stand in `raw`.
    pub body: serde_json::Value,
    /// The body's text.
    pub raw: String,
}

/// A poll as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollSeen {
    pub method: String,
    pub accept: Option<String>,
    pub authorization: Option<String>,
    /// Empty for GET.
    pub body: String,
}

/// The shop behind its endpoints. Nothing is kept beyond the process.
#[derive(Default)]
pub(super) struct Shop {
    orders: Vec<Order>,
    pub behaviour: Behaviour,
    pub receiver: ReceiverBehaviour,
    /// `None` while polls need no `Authorization`.
    pub token: Option<String>,
    /// `whsec_…`; `None` while no webhook can be verified.
    pub webhook_secret: Option<String>,
    pub received: Vec<Received>,
    /// Operational notifications, which the shop takes apart from results.
    pub notices: Vec<Received>,
    pub polls: Vec<PollSeen>,
}

impl Shop {
    pub fn orders(&self) -> &[Order] {
        &self.orders
    }

    /// Adds an order, or changes the one with the same id where it stands.
    pub fn add_order(&mut self, order: Order) {
        match self.orders.iter_mut().find(|known| known.external_id == order.external_id) {
            Some(known) => *known = order,
            None => self.orders.push(order),
        }
    }

    /// Removes an order; false when there was none.
    pub fn remove_order(&mut self, external_id: &str) -> bool {
        let before = self.orders.len();
        self.orders.retain(|order| order.external_id != external_id);
        self.orders.len() < before
    }

    fn admits(&self, authorization: Option<&str>) -> bool {
        let Some(token) = &self.token else { return true };
        AuthType::ALL.iter().any(|kind| authorization == Some(format!("{} {token}", kind.scheme()).as_str()))
    }
}

/// The shop's site.
pub(super) fn router(world: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(overview))
        .route("/pending-orders", get(pending_orders).post(pending_orders))
        .route("/webhook", post(webhook))
        .route(MOVED_PATH, post(moved_webhook))
        .route("/notices", post(notice))
        .route(html::STYLE_PATH, get(html::style))
        .with_state(world)
}

async fn overview(State(world): State<Arc<Shared>>) -> Response {
    let page = {
        let state = world.state();
        pages::overview(state.shop.orders(), &state.shop.received)
    };
    html::answer(StatusCode::OK, page)
}

async fn pending_orders(State(world): State<Arc<Shared>>, method: Method, headers: HeaderMap, body: Bytes) -> Response {
    let seen = PollSeen {
        method: method.to_string(),
        accept: text(&headers, header::ACCEPT.as_str()),
        authorization: text(&headers, header::AUTHORIZATION.as_str()),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let (admitted, behaviour, orders) = {
        let mut state = world.state();
        let admitted = state.shop.admits(seen.authorization.as_deref());
        state.shop.polls.push(seen);
        (admitted, state.shop.behaviour.clone(), state.shop.orders.clone())
    };
    if !admitted {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "error": "unauthorized" }))).into_response();
    }
    let listed: Vec<OrderJson<'_>> = orders.iter().map(OrderJson::from).collect();
    match behaviour {
        Behaviour::Normal => Json(listed).into_response(),
        Behaviour::DataObject => Json(wire::object("data", &listed)).into_response(),
        Behaviour::Status(code) => (status(code), Json(json!({ "error": "as asked" }))).into_response(),
        Behaviour::NotJson => html::answer(StatusCode::OK, html::page("Tienda", "<h1>Ingrese a la tienda</h1>")),
        Behaviour::Hang => hang(&world).await,
        Behaviour::HugeBody => as_json(Body::from(huge_array())),
        Behaviour::WrongLength => {
            let text = serde_json::to_vec(&listed).expect("orders are plain data");
            cut_short(&text)
        }
        Behaviour::RawBody(text) => as_json(Body::from(text)),
    }
}

async fn webhook(State(world): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    // Before the arrival is announced: whoever waits for it may change the behaviour for the next one.
    let behaviour = world.state().shop.receiver;
    let verified = record(&world, &headers, &body);
    match behaviour {
        ReceiverBehaviour::Ok => verdict(verified),
        ReceiverBehaviour::Status(code) => status(code).into_response(),
        ReceiverBehaviour::Hang => hang(&world).await,
        ReceiverBehaviour::Redirect => Redirect::temporary(MOVED_PATH).into_response(),
    }
}

async fn moved_webhook(State(world): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    verdict(record(&world, &headers, &body))
}

async fn notice(State(world): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let notice = judged(&world, &headers, &body);
    let verified = notice.verified.clone();
    world.state().shop.notices.push(notice);
    verdict(verified)
}

/// Verifies a webhook, writes it down and wakes who waits for it.
fn record(world: &Shared, headers: &HeaderMap, body: &[u8]) -> Result<(), String> {
    let received = judged(world, headers, body);
    let verified = received.verified.clone();
    world.state().shop.received.push(received);
    world.arrivals.notify_waiters();
    verified
}

/// What arrived, with what the verification says of it.
fn judged(world: &Shared, headers: &HeaderMap, body: &[u8]) -> Received {
    let secret = world.state().shop.webhook_secret.clone();
    let at = world.clock.now();
    // Outside the lock: what a stranger sends must not be able to poison it.
    let verified = verify::verify(secret.as_deref(), headers, body, at);
    Received {
        webhook_id: text(headers, standardwebhooks::HEADER_WEBHOOK_ID).unwrap_or_default(),
        at,
        verified,
        authorization: text(headers, header::AUTHORIZATION.as_str()),
        body: serde_json::from_slice(body).unwrap_or_default(),
        raw: String::from_utf8_lossy(body).into_owned(),
    }
}

fn verdict(verified: Result<(), String>) -> Response {
    match verified {
        Ok(()) => Json(json!({ "ok": true })).into_response(),
        Err(problem) => (StatusCode::BAD_REQUEST, Json(json!({ "error": problem }))).into_response(),
    }
}

async fn hang(world: &Shared) -> Response {
    world.stop.cancelled().await;
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn as_json(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// An array that is valid to its last byte, and far too long.
fn huge_array() -> Vec<u8> {
    let mut text = vec![b' '; HUGE_BODY_BYTES];
    text[0] = b'[';
    text[HUGE_BODY_BYTES - 1] = b']';
    text
}

/// Announces the whole text and sends its first half. A stream has no known length, so the server believes the header.
fn cut_short(text: &[u8]) -> Response {
    let half = Bytes::copy_from_slice(&text[..text.len() / 2]);
    let first = stream::once(async { Ok::<_, Infallible>(half) });
    // The server sends what it has when the stream pauses; at an early end it would throw it away.
    let pause = stream::once(async {
        tokio::task::yield_now().await;
        Ok(Bytes::new())
    });
    let body = Body::from_stream(first.chain(pause));
    let headers =
        [(header::CONTENT_TYPE, "application/json".to_owned()), (header::CONTENT_LENGTH, text.len().to_string())];
    (headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    fn order(external_id: &str, amount: &str) -> Order {
        Order {
            external_id: external_id.to_owned(),
            amount: amount.parse().expect("amount"),
            currency: "UYU".parse().expect("currency"),
            name: "Ana \"Nita\" Sosa".to_owned(),
        }
    }

    async fn poll(world: &Arc<Shared>, authorization: &str) -> (u16, String) {
        let request = Request::get("/pending-orders")
            .header(header::AUTHORIZATION, authorization)
            .body(Body::empty())
            .expect("request");
        let answer = router(Arc::clone(world)).oneshot(request).await.expect("answer");
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 32 << 20).await.expect("body");
        (status, String::from_utf8(body.to_vec()).expect("text"))
    }

    fn world() -> Arc<Shared> {
        Shared::for_test("2026-05-13T15:00:00Z".parse().expect("instant"))
    }

    #[tokio::test]
    async fn orders_are_listed_with_their_exact_amounts() {
        let world = world();
        world.state().shop.add_order(order("A-1", "0.1"));
        world.state().shop.add_order(order("A-2", "12345678901234567.89"));
        world.state().shop.add_order(order("A-1", "1500"));
        let first = r#"{"external_id":"A-1","amount":1500.00,"currency":"UYU","name":"Ana \"Nita\" Sosa"}"#;
        let (_, listed) = poll(&world, "").await;
        assert!(listed.starts_with(&format!("[{first},")), "{listed}");
        assert!(listed.contains(r#""amount":12345678901234567.89"#));

        assert!(world.state().shop.remove_order("A-2"));
        assert!(!world.state().shop.remove_order("A-2"));
        world.state().shop.behaviour = Behaviour::DataObject;
        assert_eq!(poll(&world, "").await, (200, format!(r#"{{"data":[{first}]}}"#)));
    }

    #[tokio::test]
    async fn a_token_that_is_asked_for_may_come_in_either_spelling() {
        let world = world();
        world.state().shop.token = Some(SHOP_TOKEN.to_owned());
        let mut check = Vec::new();
        for authorization in ["Bearer shop-token", "Api-Key shop-token", "Bearer other", "shop-token", ""] {
            check.push(poll(&world, authorization).await.0);
        }
        assert_eq!(check, [200, 200, 401, 401, 401]);
        assert_eq!(world.state().shop.polls.len(), 5);
        assert_eq!(world.state().shop.polls[0].authorization.as_deref(), Some("Bearer shop-token"));
    }

    #[tokio::test]
    async fn the_shop_misbehaves_as_asked() {
        let world = world();
        let check = async |behaviour: Behaviour, status: u16, start: &str| {
            world.state().shop.behaviour = behaviour;
            let (answered, body) = poll(&world, "").await;
            assert_eq!(answered, status, "{start}");
            assert!(body.starts_with(start), "{start}");
            body.len()
        };
        check(Behaviour::Status(503), 503, "{\"error\"").await;
        check(Behaviour::NotJson, 200, "<!doctype html>").await;
        assert_eq!(check(Behaviour::RawBody("[1".to_owned()), 200, "[1").await, 2);
        assert_eq!(check(Behaviour::HugeBody, 200, "[ ").await, HUGE_BODY_BYTES);
    }
}
