//! What goes out: the two kinds of webhook, as a receiver meets them.

use serde_json::{Value, json};
use utoipa::openapi::path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{
    Components, Content, HttpMethod, KnownFormat, Object, ObjectBuilder, OneOfBuilder, PathItem, Paths, PathsBuilder,
    Ref, RefOr, Required, Response, ResponsesBuilder, Schema, SchemaFormat, Type,
};

use crate::deliver::payload::ReconcileStatus;
use crate::domain::account::NotificationEvent;

const RECONCILE: &str = "ReconcileWebhook";
const PASSTHROUGH: &str = "PassthroughWebhook";
const NOTIFICATION: &str = "NotificationWebhook";

/// Adds the schemas of the bodies.
pub(super) fn add_schemas(components: &mut Components) {
    for (name, schema) in [(RECONCILE, reconcile()), (PASSTHROUGH, passthrough()), (NOTIFICATION, notification())] {
        components.schemas.insert(name.to_owned(), schema.into());
    }
}

/// The webhooks, by name.
pub(super) fn paths() -> Paths {
    let one_of_both =
        OneOfBuilder::new().item(Ref::from_schema_name(RECONCILE)).item(Ref::from_schema_name(PASSTHROUGH));
    let result = operation(
        "receiveResult",
        "Tells the result: what became of an order, or a payment that came in.",
        "Sent to `webhook_url`. In reconcile mode for each order that is matched or ambiguous, and for expired ones \
         where `notify_on_expired` is set; in passthrough for each booked credit. The fields of `webhook_extra_fields` \
         stand beside the documented ones.",
        one_of_both.into(),
    );
    let notification = operation(
        "receiveNotification",
        "Tells that a login waits for a code, or that a login or a scrape failed.",
        "Sent to `notification_endpoint_url`, for the kinds in `notification_events`.",
        Ref::from_schema_name(NOTIFICATION).into(),
    );
    PathsBuilder::new()
        .path("result", PathItem::new(HttpMethod::Post, result))
        .path("notification", PathItem::new(HttpMethod::Post, notification))
        .build()
}

fn operation(id: &str, summary: &str, when: &str, body: RefOr<Schema>) -> Operation {
    let description = format!(
        "{when}\n\nSigned as Standard Webhooks say, with the secret of `GET /accounts/{{accountId}}/webhook-secret`. \
         The token of the settings, where there is one, comes in `Authorization`, as `Bearer` or `Api-Key`. A delivery \
         may come more than once, always with the same `webhook-id` and the same bytes."
    );
    let body = RequestBodyBuilder::new()
        .content("application/json", Content::new(Some(body)))
        .required(Some(Required::True))
        .build();
    let responses = ResponsesBuilder::new()
        .response("2XX", Response::new("Delivered. The answer's body is not read; it has 15 seconds to come"))
        .response("410", Response::new("Wanted no more: this delivery is given up"))
        .response(
            "default",
            Response::new(
                "Tried again: twelve attempts in all, over 75 hours. Redirects are not followed. With 429 and 503, \
                 `Retry-After` is honoured up to a day",
            ),
        )
        .build();
    OperationBuilder::new()
        .tag("Webhooks")
        .operation_id(Some(id))
        .summary(Some(summary))
        .description(Some(description))
        .parameters(Some(headers()))
        .request_body(Some(body))
        .responses(responses)
        .build()
}

fn headers() -> [Parameter; 4] {
    let header = |name: &str, kind: Type, description: &str, example: Value| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(Required::True)
            .description(Some(description))
            .schema(Some(Object::with_type(kind)))
            .example(Some(example))
            .build()
    };
    [
        header(
            "webhook-id",
            Type::String,
            "The same at every attempt and when it is sent again by hand, so that a repetition can be told.",
            json!("019e20d6-2288-7b52-8c1e-5d2f6a9b3c47"),
        ),
        header(
            "webhook-timestamp",
            Type::Integer,
            "When this attempt was made, in seconds since 1970.",
            json!(1_778_667_365),
        ),
        header(
            "webhook-signature",
            Type::String,
            "`v1,` and the HMAC-SHA256 of id, timestamp and body, joined by points, in base64.",
            json!("v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="),
        ),
        header(
            "X-Reconbanker-Account",
            Type::String,
            "The account's name, percent-encoded where it is not ASCII.",
            json!("Operating account"),
        ),
    ]
}

fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description))
}

fn id(description: &str) -> ObjectBuilder {
    text(description).format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
}

fn instant(description: &str) -> ObjectBuilder {
    text(description).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
}

fn amount() -> ObjectBuilder {
    let description = "A JSON number with at least the currency's minor digits, never rounded.";
    ObjectBuilder::new().schema_type(Type::Number).description(Some(description))
}

/// An object that always has all these fields.
fn object<const N: usize>(description: &str, fields: [(&str, RefOr<Schema>); N]) -> ObjectBuilder {
    let start = ObjectBuilder::new().schema_type(Type::Object).description(Some(description));
    fields.into_iter().fold(start, |object, (name, schema)| object.property(name, schema).required(name))
}

fn reconcile() -> ObjectBuilder {
    let words = ReconcileStatus::ALL.iter().map(|status| status.word());
    object(
        "What became of an order. Amount, currency and name are the order's.",
        [
            ("external_id", text("The order's id, as the customer's endpoint listed it.").into()),
            ("status", text("What was concluded.").enum_values(Some(words)).into()),
            ("amount", amount().into()),
            ("currency", text("ISO 4217.").into()),
            ("name", text("The payer, as the customer named it.").into()),
        ],
    )
}

fn passthrough() -> ObjectBuilder {
    let name = text("The sender; `null` where the bank names nobody.")
        .schema_type(SchemaType::Array(vec![Type::String, Type::Null]));
    object(
        "A payment that came in.",
        [
            ("id", id("The movement's id.").into()),
            ("amount", amount().into()),
            ("currency", text("ISO 4217.").into()),
            ("name", name.into()),
            ("received_at", instant("The bank's time, UTC.").into()),
        ],
    )
}

fn notification() -> ObjectBuilder {
    let words = NotificationEvent::ALL.iter().map(|event| event.word());
    let failure = object(
        "Of `login_failed` and `scrape_failed`.",
        [
            ("category", text("The outcome of the run, as a word.").into()),
            ("reason", text("The same in a sentence.").into()),
        ],
    );
    let attempts = ObjectBuilder::new().schema_type(Type::Integer).description(Some("Codes that were tried before."));
    let code = object(
        "Of `assistance_required`.",
        [
            ("request_id", id("The id in `GET /accounts/{accountId}/otp`.").into()),
            ("descriptor", Ref::from_schema_name("DescriptorBody").into()),
            ("attempts", attempts.into()),
            ("expires_at", instant("When the login gives up.").into()),
        ],
    );
    object(
        "What happened while an account's bank was read.",
        [
            ("account_id", id("The account.").into()),
            ("type", text("What happened.").enum_values(Some(words)).into()),
            (
                "status",
                text("A second name of the same.")
                    .enum_values(Some(["assistance.requested", "login.failed", "scrape.failed"]))
                    .into(),
            ),
            ("data", OneOfBuilder::new().item(failure).item(code).into()),
            ("occurred_at", instant("When it happened.").into()),
        ],
    )
}
