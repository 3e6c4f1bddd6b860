//! Bodies of an account's settings.

use super::Bodies;

const CONFIG: &str = "/accounts/<account>/config";

pub(super) const ALL: &[Bodies] = &[
    invalid(REQUIRED),
    invalid(URLS),
    invalid(ADDRESSES),
    invalid(WORDS),
    invalid(NUMBERS_AND_FLAGS),
    invalid(OBJECTS),
    invalid(SECRETS),
    put("not_an_object", &[("null", "the body must be a JSON object"), ("[{<ok>}]", "the body must be a JSON object")]),
    put("malformed_json", &[("{\"webhook_url\": }", "the body is not valid JSON: expected value at line 1 column 17")]),
    Bodies {
        method: "PUT",
        path: CONFIG,
        status: 413,
        code: "body_too_large",
        cases: &[(r#"{<ok>, "polling_body": {"a": "<x1048576>"}}"#, "the body is larger than 1048576 bytes")],
    },
];

type Cases = &'static [(&'static str, &'static str)];

const fn put(code: &'static str, cases: Cases) -> Bodies {
    Bodies { method: "PUT", path: CONFIG, status: 400, code, cases }
}

const fn invalid(cases: Cases) -> Bodies {
    put("invalid_request", cases)
}

const REQUIRED: Cases = &[
    ("", "webhook_url is required"),
    ("{}", "webhook_url is required"),
    (r#"{"webhook_url": null, "pending_orders_endpoint": "https://shop.example/orders"}"#, "webhook_url is required"),
    (r#"{"webhook_url": "", "pending_orders_endpoint": "https://shop.example/orders"}"#, "webhook_url is required"),
    (r#"{"webhook_url": "  ", "pending_orders_endpoint": "https://shop.example/orders"}"#, "webhook_url is required"),
    (
        r#"{"webhookUrl": "https://shop.example/hook", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url is required",
    ),
    (
        r#"{"webhook_url": "https://shop.example/hook"}"#,
        "pending_orders_endpoint is required when operation mode is reconcile",
    ),
    (
        r#"{"webhook_url": "https://shop.example/hook", "pending_orders_endpoint": null}"#,
        "pending_orders_endpoint is required when operation mode is reconcile",
    ),
    (
        r#"{"webhook_url": "https://shop.example/hook", "pending_orders_endpoint": ""}"#,
        "pending_orders_endpoint is required when operation mode is reconcile",
    ),
    (r#"{<ok>, "webhook_url": "https://shop.example/other"}"#, "duplicate field `webhook_url`"),
];

const URLS: Cases = &[
    (
        r#"{"webhook_url": "not a url", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: it is not a complete URL (relative URL without a base); write it like https://shop.example/orders",
    ),
    (
        r#"{"webhook_url": "/hook", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: it is not a complete URL (relative URL without a base); write it like https://shop.example/orders",
    ),
    (
        r#"{"webhook_url": "shop.example/hook", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: it is not a complete URL (relative URL without a base); write it like https://shop.example/orders",
    ),
    (
        r#"{"webhook_url": "https://", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: it is not a complete URL (empty host); write it like https://shop.example/orders",
    ),
    (
        r#"{"webhook_url": "https://shop.example:99999/", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: it is not a complete URL (invalid port number); write it like https://shop.example/orders",
    ),
    (
        r#"{"webhook_url": "ftp://shop.example/hook", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: it starts with \"ftp:\"; only https:// and http:// are called",
    ),
    (
        r#"{"webhook_url": "file:///etc/passwd", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: it starts with \"file:\"; only https:// and http:// are called",
    ),
    (
        r#"{"webhook_url": "mailto:ops@shop.example", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: it starts with \"mailto:\"; only https:// and http:// are called",
    ),
    (
        r#"{"webhook_url": "javascript:alert(1)", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: it starts with \"javascript:\"; only https:// and http:// are called",
    ),
    (
        r#"{"webhook_url": "http://user:secret@shop.example/hook", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: it contains a user name or a password; leave them out and save a token instead",
    ),
    (
        r#"{"webhook_url": "https://token@shop.example/hook", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: it contains a user name or a password; leave them out and save a token instead",
    ),
    (
        r#"{"webhook_url": "https://shop.example/<x2000>", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: it is longer than 2000 characters",
    ),
    (r#"{"webhook_url": 5}"#, "webhook_url must be text"),
    (r#"{"webhook_url": ["https://shop.example/hook"]}"#, "webhook_url must be text"),
    (
        r#"{"webhook_url": "https://shop.example/hook", "pending_orders_endpoint": "shop.example"}"#,
        "pending_orders_endpoint: it is not a complete URL (relative URL without a base); write it like https://shop.example/orders",
    ),
    (
        r#"{"webhook_url": "https://shop.example/hook", "pending_orders_endpoint": "gopher://shop.example/"}"#,
        "pending_orders_endpoint: it starts with \"gopher:\"; only https:// and http:// are called",
    ),
    (
        r#"{"webhook_url": "https://shop.example/hook", "pending_orders_endpoint": "https://user:secret@shop.example/orders"}"#,
        "pending_orders_endpoint: it contains a user name or a password; leave them out and save a token instead",
    ),
    (
        r#"{"webhook_url": "https://shop.example/hook", "pending_orders_endpoint": true}"#,
        "pending_orders_endpoint must be text",
    ),
    (
        r#"{<ok>, "notification_endpoint_url": "notices"}"#,
        "notification_endpoint_url: it is not a complete URL (relative URL without a base); write it like https://shop.example/orders",
    ),
    (
        r#"{<ok>, "notification_endpoint_url": "ws://shop.example/"}"#,
        "notification_endpoint_url: it starts with \"ws:\"; only https:// and http:// are called",
    ),
    (r#"{<ok>, "notification_endpoint_url": {}}"#, "notification_endpoint_url must be text"),
];

/// The tests permit 127.0.0.0/8 and nothing else that is not public.
const ADDRESSES: Cases = &[
    (
        r#"{"webhook_url": "http://10.0.0.1/hook", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: 10.0.0.1 is a private address, which this server does not call; its operator can permit it in `outbound.allow`",
    ),
    (
        r#"{"webhook_url": "http://172.16.0.1/", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: 172.16.0.1 is a private address, which this server does not call; its operator can permit it in `outbound.allow`",
    ),
    (
        r#"{"webhook_url": "http://192.168.1.1:8080/", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: 192.168.1.1 is a private address, which this server does not call; its operator can permit it in `outbound.allow`",
    ),
    (
        r#"{"webhook_url": "http://169.254.169.254/latest/meta-data", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: 169.254.169.254 is a link-local address, which this server does not call; its operator can permit it in `outbound.allow`",
    ),
    (
        r#"{"webhook_url": "http://0.0.0.0/", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: 0.0.0.0 is the unspecified address, which this server does not call; its operator can permit it in `outbound.allow`",
    ),
    (
        r#"{"webhook_url": "http://100.64.0.1/", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: 100.64.0.1 is a carrier's shared address, which this server does not call; its operator can permit it in `outbound.allow`",
    ),
    (
        r#"{"webhook_url": "http://192.0.2.1/", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: 192.0.2.1 is a documentation address, which this server does not call; its operator can permit it in `outbound.allow`",
    ),
    (
        r#"{"webhook_url": "http://224.0.0.1/", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: 224.0.0.1 is a multicast address, which this server does not call; its operator can permit it in `outbound.allow`",
    ),
    (
        r#"{"webhook_url": "http://255.255.255.255/", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: 255.255.255.255 is the broadcast address, which this server does not call; its operator can permit it in `outbound.allow`",
    ),
    (
        r#"{"webhook_url": "http://0x0a000001/", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: 10.0.0.1 is a private address, which this server does not call; its operator can permit it in `outbound.allow`",
    ),
    (
        r#"{"webhook_url": "http://167772161/", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: 10.0.0.1 is a private address, which this server does not call; its operator can permit it in `outbound.allow`",
    ),
    (
        r#"{"webhook_url": "http://10.1/", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: 10.0.0.1 is a private address, which this server does not call; its operator can permit it in `outbound.allow`",
    ),
    (
        r#"{"webhook_url": "http://[::1]/", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: ::1 is a loopback address, which this server does not call; its operator can permit it in `outbound.allow`",
    ),
    (
        r#"{"webhook_url": "http://[fe80::1]/", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: fe80::1 is a link-local address, which this server does not call; its operator can permit it in `outbound.allow`",
    ),
    (
        r#"{"webhook_url": "http://[fd00::1]/", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: fd00::1 is a private address, which this server does not call; its operator can permit it in `outbound.allow`",
    ),
    (
        r#"{"webhook_url": "http://[::ffff:10.0.0.1]/", "pending_orders_endpoint": "https://shop.example/orders"}"#,
        "webhook_url: ::ffff:10.0.0.1 is a private address, which this server does not call; its operator can permit it in `outbound.allow`",
    ),
    (
        r#"{"webhook_url": "https://shop.example/hook", "pending_orders_endpoint": "http://10.0.0.1/orders"}"#,
        "pending_orders_endpoint: 10.0.0.1 is a private address, which this server does not call; its operator can permit it in `outbound.allow`",
    ),
    (
        r#"{<ok>, "notification_endpoint_url": "http://10.0.0.1/notices"}"#,
        "notification_endpoint_url: 10.0.0.1 is a private address, which this server does not call; its operator can permit it in `outbound.allow`",
    ),
];

const WORDS: Cases = &[
    (r#"{<ok>, "polling_method": "get"}"#, "polling_method must be one of \"GET\", \"POST\""),
    (r#"{<ok>, "polling_method": "PUT"}"#, "polling_method must be one of \"GET\", \"POST\""),
    (r#"{<ok>, "polling_method": ""}"#, "polling_method must be one of \"GET\", \"POST\""),
    (r#"{<ok>, "polling_method": 1}"#, "polling_method must be text"),
    (r#"{<ok>, "auth_type": "Bearer"}"#, "auth_type must be one of \"bearer\", \"api_key\""),
    (r#"{<ok>, "auth_type": "basic"}"#, "auth_type must be one of \"bearer\", \"api_key\""),
    (r#"{<ok>, "auth_type": ""}"#, "auth_type must be one of \"bearer\", \"api_key\""),
    (r#"{<ok>, "auth_type": 1}"#, "auth_type must be text"),
    (r#"{<ok>, "webhook_auth_type": "api-key"}"#, "webhook_auth_type must be one of \"bearer\", \"api_key\""),
    (r#"{<ok>, "webhook_auth_type": 1}"#, "webhook_auth_type must be text"),
    (r#"{<ok>, "notification_auth_type": "none"}"#, "notification_auth_type must be one of \"bearer\", \"api_key\""),
    (r#"{<ok>, "notification_auth_type": 1}"#, "notification_auth_type must be text"),
    (r#"{<ok>, "session_type": "one_shot"}"#, "session_type must be one of \"one-shot\", \"persistent\""),
    (r#"{<ok>, "session_type": "forever"}"#, "session_type must be one of \"one-shot\", \"persistent\""),
    (r#"{<ok>, "session_type": 1}"#, "session_type must be text"),
    (r#"{<ok>, "login_mode": "manual"}"#, "login_mode must be one of \"simple\", \"assisted\""),
    (r#"{<ok>, "login_mode": "Simple"}"#, "login_mode must be one of \"simple\", \"assisted\""),
    (r#"{<ok>, "login_mode": 1}"#, "login_mode must be text"),
    (
        r#"{<ok>, "notification_events": ["sunrise"]}"#,
        "notification_events must be one of \"assistance_required\", \"login_failed\", \"scrape_failed\"",
    ),
    (
        r#"{<ok>, "notification_events": ["login_failed", "LOGIN_FAILED"]}"#,
        "notification_events must be one of \"assistance_required\", \"login_failed\", \"scrape_failed\"",
    ),
    (
        r#"{<ok>, "notification_events": ["login.failed"]}"#,
        "notification_events must be one of \"assistance_required\", \"login_failed\", \"scrape_failed\"",
    ),
    (
        r#"{<ok>, "notification_events": [""]}"#,
        "notification_events must be one of \"assistance_required\", \"login_failed\", \"scrape_failed\"",
    ),
    (r#"{<ok>, "notification_events": "login_failed"}"#, "notification_events must be a list"),
    (r#"{<ok>, "notification_events": {}}"#, "notification_events must be a list"),
    (r#"{<ok>, "notification_events": ["login_failed", 5]}"#, "notification_events[1] must be text"),
    (r#"{<ok>, "notification_events": [null]}"#, "notification_events[0] must be text"),
];

const NUMBERS_AND_FLAGS: Cases = &[
    (r#"{<ok>, "retry_limit": -1}"#, "retry_limit must be between 0 and 100"),
    (r#"{<ok>, "retry_limit": 101}"#, "retry_limit must be between 0 and 100"),
    (r#"{<ok>, "retry_limit": -9223372036854775808}"#, "retry_limit must be between 0 and 100"),
    (r#"{<ok>, "retry_limit": 9223372036854775807}"#, "retry_limit must be between 0 and 100"),
    (r#"{<ok>, "retry_limit": 9223372036854775808}"#, "retry_limit is out of range"),
    (r#"{<ok>, "retry_limit": 1.5}"#, "retry_limit must be a whole number"),
    (r#"{<ok>, "retry_limit": 3.0}"#, "retry_limit must be a whole number"),
    (r#"{<ok>, "retry_limit": "3"}"#, "retry_limit must be a whole number"),
    (r#"{<ok>, "retry_limit": true}"#, "retry_limit must be a whole number"),
    (r#"{<ok>, "retry_limit": []}"#, "retry_limit must be a whole number"),
    (r#"{<ok>, "retry_limit": {}}"#, "retry_limit must be a whole number"),
    (r#"{<ok>, "notify_on_expired": "true"}"#, "notify_on_expired must be true or false"),
    (r#"{<ok>, "notify_on_expired": 1}"#, "notify_on_expired must be true or false"),
    (r#"{<ok>, "notify_on_expired": []}"#, "notify_on_expired must be true or false"),
    (r#"{<ok>, "silent_ingestion": "true"}"#, "silent_ingestion must be true or false"),
    (r#"{<ok>, "silent_ingestion": 1}"#, "silent_ingestion must be true or false"),
    (r#"{<ok>, "silent_ingestion": []}"#, "silent_ingestion must be true or false"),
];

const OBJECTS: Cases = &[
    (r#"{<ok>, "polling_method": "POST", "polling_body": 5}"#, "polling_body must be a JSON object"),
    (r#"{<ok>, "polling_method": "POST", "polling_body": true}"#, "polling_body must be a JSON object"),
    (r#"{<ok>, "polling_method": "POST", "polling_body": [1]}"#, "polling_body must be a JSON object"),
    (r#"{<ok>, "polling_method": "POST", "polling_body": "5"}"#, "polling_body must be a JSON object"),
    (r#"{<ok>, "polling_method": "POST", "polling_body": "[]"}"#, "polling_body must be a JSON object"),
    (r#"{<ok>, "polling_method": "POST", "polling_body": "{"}"#, "polling_body must be valid JSON (or empty)"),
    (
        r#"{<ok>, "polling_method": "POST", "polling_body": "tenant=acme"}"#,
        "polling_body must be valid JSON (or empty)",
    ),
    (
        r#"{<ok>, "polling_method": "POST", "polling_body": {"a": 1, "b": {}, "a": 1}}"#,
        "polling_body has the key \"a\" twice",
    ),
    (r#"{<ok>, "webhook_extra_fields": 5}"#, "webhook_extra_fields must be a JSON object"),
    (r#"{<ok>, "webhook_extra_fields": true}"#, "webhook_extra_fields must be a JSON object"),
    (r#"{<ok>, "webhook_extra_fields": [1]}"#, "webhook_extra_fields must be a JSON object"),
    (r#"{<ok>, "webhook_extra_fields": "5"}"#, "webhook_extra_fields must be a JSON object"),
    (r#"{<ok>, "webhook_extra_fields": "[]"}"#, "webhook_extra_fields must be a JSON object"),
    (r#"{<ok>, "webhook_extra_fields": "{"}"#, "webhook_extra_fields must be valid JSON (or empty)"),
    (r#"{<ok>, "webhook_extra_fields": "tenant=acme"}"#, "webhook_extra_fields must be valid JSON (or empty)"),
    (
        r#"{<ok>, "webhook_extra_fields": {"external_id": null}}"#,
        "webhook_extra_fields cannot override reserved keys: external_id",
    ),
    (
        r#"{<ok>, "webhook_extra_fields": {"status": null}}"#,
        "webhook_extra_fields cannot override reserved keys: status",
    ),
    (
        r#"{<ok>, "webhook_extra_fields": {"amount": null}}"#,
        "webhook_extra_fields cannot override reserved keys: amount",
    ),
    (
        r#"{<ok>, "webhook_extra_fields": {"currency": null}}"#,
        "webhook_extra_fields cannot override reserved keys: currency",
    ),
    (r#"{<ok>, "webhook_extra_fields": {"name": null}}"#, "webhook_extra_fields cannot override reserved keys: name"),
    (r#"{<ok>, "webhook_extra_fields": {"id": null}}"#, "webhook_extra_fields cannot override reserved keys: id"),
    (
        r#"{<ok>, "webhook_extra_fields": {"received_at": null}}"#,
        "webhook_extra_fields cannot override reserved keys: received_at",
    ),
    (
        r#"{<ok>, "webhook_extra_fields": {"received_at": 1, "tenant": "acme", "amount": 1}}"#,
        "webhook_extra_fields cannot override reserved keys: amount, received_at",
    ),
    (r#"{<ok>, "webhook_extra_fields": "{\"id\": 1}"}"#, "webhook_extra_fields cannot override reserved keys: id"),
    (r#"{<ok>, "webhook_extra_fields": {"\u0069d": 1}}"#, "webhook_extra_fields cannot override reserved keys: id"),
    (r#"{<ok>, "webhook_extra_fields": {"a": 1, "a": 1}}"#, "webhook_extra_fields has the key \"a\" twice"),
];

const SECRETS: Cases = &[
    (r#"{<ok>, "auth_token": "two words"}"#, "auth_token may hold visible ASCII characters only"),
    (r#"{<ok>, "auth_token": "contraseña"}"#, "auth_token may hold visible ASCII characters only"),
    (r#"{<ok>, "auth_token": "a\r\nX-Admin: 1"}"#, "auth_token may hold visible ASCII characters only"),
    (r#"{<ok>, "auth_token": "<x4097>"}"#, "auth_token must have at most 4096 bytes"),
    (r#"{<ok>, "auth_token": 5}"#, "auth_token must be text"),
    (r#"{<ok>, "webhook_auth_token": "two words"}"#, "webhook_auth_token may hold visible ASCII characters only"),
    (r#"{<ok>, "webhook_auth_token": "contraseña"}"#, "webhook_auth_token may hold visible ASCII characters only"),
    (r#"{<ok>, "webhook_auth_token": "a\r\nX-Admin: 1"}"#, "webhook_auth_token may hold visible ASCII characters only"),
    (r#"{<ok>, "webhook_auth_token": "<x4097>"}"#, "webhook_auth_token must have at most 4096 bytes"),
    (r#"{<ok>, "webhook_auth_token": 5}"#, "webhook_auth_token must be text"),
    (
        r#"{<ok>, "notification_auth_token": "two words"}"#,
        "notification_auth_token may hold visible ASCII characters only",
    ),
    (
        r#"{<ok>, "notification_auth_token": "contraseña"}"#,
        "notification_auth_token may hold visible ASCII characters only",
    ),
    (
        r#"{<ok>, "notification_auth_token": "a\r\nX-Admin: 1"}"#,
        "notification_auth_token may hold visible ASCII characters only",
    ),
    (r#"{<ok>, "notification_auth_token": "<x4097>"}"#, "notification_auth_token must have at most 4096 bytes"),
    (r#"{<ok>, "notification_auth_token": 5}"#, "notification_auth_token must be text"),
    (r#"{<ok>, "bank_username": "<x4097>"}"#, "bank_username must have at most 4096 bytes"),
    (r#"{<ok>, "bank_username": "ana", "bank_password": "<x4097>"}"#, "bank_password must have at most 4096 bytes"),
    (r#"{<ok>, "bank_username": 48765432}"#, "bank_username must be text"),
    (r#"{<ok>, "bank_password": 1234}"#, "bank_password must be text"),
    (r#"{<ok>, "bank_username": "ana"}"#, "bank_password is required with a new bank_username"),
    (r#"{<ok>, "bank_username": "ana", "bank_password": ""}"#, "bank_password is required with a new bank_username"),
    (r#"{<ok>, "bank_password": "clave"}"#, "bank_username is required with bank_password"),
    (r#"{<ok>, "bank_username": " ", "bank_password": "clave"}"#, "bank_username is required with bank_password"),
];
