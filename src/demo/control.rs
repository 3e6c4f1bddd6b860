//! The page and the small JSON API that steer the demo world by hand.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{delete, get, post};
use serde_json::json;

use self::input::{FieldError, Fields};
use self::page::{Draft, View};
use super::bank::ledger::NewBankMovement;
use super::html;
use super::shop::wire::{OrderJson, ReceivedJson};
use super::world::Shared;

mod input;
mod page;

/// The control page and its API.
pub(super) fn router(world: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(overview))
        .route("/form/movements", post(submit_movement))
        .route("/form/orders", post(submit_order))
        .route("/movements", get(movements).post(add_movement))
        .route("/orders", get(orders).post(add_order))
        .route("/orders/{external_id}", delete(remove_order))
        .route("/webhooks", get(webhooks))
        .route(html::STYLE_PATH, get(html::style))
        .with_state(world)
}

async fn overview(State(world): State<Arc<Shared>>) -> Response {
    html::answer(StatusCode::OK, render(&world, Draft::default(), Draft::default()))
}

async fn submit_movement(State(world): State<Arc<Shared>>, Form(typed): Form<Fields>) -> Response {
    let parsed = input::plain_amount(&typed).and_then(|fields| input::movement(&fields, world.today()));
    match parsed.and_then(|movement| enter(&world, movement)) {
        Ok(()) => Redirect::to("/").into_response(),
        Err(problem) => {
            let draft = Draft { typed: Some(&typed), problem: Some(&problem) };
            html::answer(StatusCode::BAD_REQUEST, render(&world, draft, Draft::default()))
        }
    }
}

async fn submit_order(State(world): State<Arc<Shared>>, Form(typed): Form<Fields>) -> Response {
    match input::plain_amount(&typed).and_then(|fields| input::order(&fields)) {
        Ok(order) => {
            world.state().shop.add_order(order);
            Redirect::to("/").into_response()
        }
        Err(problem) => {
            let draft = Draft { typed: Some(&typed), problem: Some(&problem) };
            html::answer(StatusCode::BAD_REQUEST, render(&world, Draft::default(), draft))
        }
    }
}

async fn movements(State(world): State<Arc<Shared>>) -> Response {
    Json(world.state().bank.ledger.movements()).into_response()
}

async fn add_movement(State(world): State<Arc<Shared>>, body: Bytes) -> Response {
    let parsed = input::from_json(&body).and_then(|fields| input::movement(&fields, world.today()));
    let entered = parsed.and_then(|movement| enter(&world, movement.clone()).map(|()| movement));
    match entered {
        Ok(movement) => (StatusCode::CREATED, Json(movement)).into_response(),
        Err(problem) => refuse(&problem),
    }
}

async fn orders(State(world): State<Arc<Shared>>) -> Response {
    let state = world.state();
    let listed: Vec<OrderJson<'_>> = state.shop.orders().iter().map(OrderJson::from).collect();
    Json(listed).into_response()
}

async fn add_order(State(world): State<Arc<Shared>>, body: Bytes) -> Response {
    match input::from_json(&body).and_then(|fields| input::order(&fields)) {
        Ok(order) => {
            let answer = (StatusCode::CREATED, Json(OrderJson::from(&order))).into_response();
            world.state().shop.add_order(order);
            answer
        }
        Err(problem) => refuse(&problem),
    }
}

async fn remove_order(State(world): State<Arc<Shared>>, Path(external_id): Path<String>) -> Response {
    if world.state().shop.remove_order(&external_id) {
        return StatusCode::NO_CONTENT.into_response();
    }
    let problem = format!("external_id: the shop has no order \"{external_id}\"");
    (StatusCode::NOT_FOUND, Json(json!({ "error": problem }))).into_response()
}

async fn webhooks(State(world): State<Arc<Shared>>) -> Response {
    let state = world.state();
    let listed: Vec<ReceivedJson<'_>> = state.shop.received.iter().map(ReceivedJson::from).collect();
    Json(listed).into_response()
}

fn enter(world: &Shared, movement: NewBankMovement) -> Result<(), FieldError> {
    world.state().bank.ledger.add(movement).map_err(FieldError::from)
}

fn refuse(problem: &FieldError) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": problem.to_string() }))).into_response()
}

fn render(world: &Shared, movement: Draft<'_>, order: Draft<'_>) -> String {
    let state = world.state();
    page::render(&View {
        bank: &world.sites.bank,
        shop: &world.sites.shop,
        ledger: &state.bank.ledger,
        orders: state.shop.orders(),
        received: &state.shop.received,
        movement,
        order,
    })
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, header};
    use tower::ServiceExt;

    use super::*;

    async fn call(world: &Arc<Shared>, method: &str, path: &str, body: &str) -> (u16, String) {
        let form = path.starts_with("/form/");
        let content = if form { "application/x-www-form-urlencoded" } else { "application/json" };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, content)
            .body(Body::from(body.to_owned()))
            .expect("request");
        let answer = router(Arc::clone(world)).oneshot(request).await.expect("answer");
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.expect("body");
        (status, String::from_utf8(body.to_vec()).expect("text"))
    }

    fn world() -> Arc<Shared> {
        Shared::for_test("2026-05-13T15:00:00Z".parse().expect("instant"))
    }

    #[tokio::test]
    async fn what_the_api_takes_it_lists() {
        let world = world();
        let (status, entered) = call(&world, "POST", "/movements", r#"{"name":"Ana Sosa","amount":1500.50}"#).await;
        assert_eq!(status, 201);
        let expected = r#"{"bank_account":"001-123456/7","booked_on":"2026-05-13","concept":"TRANSFERENCIA DE ANA SOSA","credit":"1500.50","debit":null,"status":"booked","reference":null}"#;
        assert_eq!(entered, expected);
        assert!(call(&world, "GET", "/movements", "").await.1.contains(expected));

        let order = r#"{"external_id":"A/1","amount":1500.50,"currency":"UYU","name":"Ana Sosa"}"#;
        assert_eq!(call(&world, "POST", "/orders", order).await, (201, order.to_owned()));
        assert_eq!(call(&world, "GET", "/orders", "").await, (200, format!("[{order}]")));
        assert_eq!(call(&world, "DELETE", "/orders/A%2F1", "").await.0, 204);
        assert_eq!(call(&world, "DELETE", "/orders/A%2F1", "").await.0, 404);
        assert_eq!(call(&world, "GET", "/webhooks", "").await, (200, "[]".to_owned()));
    }

    #[tokio::test]
    async fn a_refusal_names_the_field() {
        let world = world();
        let check = async |path: &str, body: &str, expected: &str| {
            let (status, answer) = call(&world, "POST", path, body).await;
            assert_eq!((status, answer), (400, format!(r#"{{"error":"{expected}"}}"#)));
        };
        check("/movements", r#"{"name":"Ana","amount":"x"}"#, r#"amount: \"x\" is not a decimal number"#).await;
        check("/orders", r#"{"external_id":"1","amount":5}"#, "name: is missing").await;
    }

    #[tokio::test]
    async fn the_form_keeps_what_was_typed_and_says_what_is_wrong() {
        let world = world();
        let typed = "name=Ana+%22Nita%22&amount=1.500&bank_account=001-123456%2F8";
        let (status, page) = call(&world, "POST", "/form/movements", typed).await;
        assert_eq!(status, 400);
        assert!(page.contains(r#"name="name" value="Ana &quot;Nita&quot;""#));
        assert!(page.contains(r#"name="amount" inputmode="decimal" value="1.500""#));
        assert!(page.contains(r#"<option value="001-123456/8" selected>"#));
        assert!(page.contains("amount: &quot;1.500&quot; could be 1500 or 1,5"));

        let typed = "name=Ana&amount=1.500%2C00&bank_account=001-123456%2F8";
        assert_eq!(call(&world, "POST", "/form/movements", typed).await.0, 303);
        let (_, page) = call(&world, "GET", "/", "").await;
        assert!(
            page.contains("<td>001-123456/8</td><td>13/05/2026</td><td>TRANSFERENCIA DE ANA</td><td>1.500,00</td>")
        );
    }
}
