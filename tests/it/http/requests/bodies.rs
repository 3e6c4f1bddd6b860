//! Bodies of every route but the settings.

use super::Bodies;

const REGISTER: &str = "/auth/register";
const LOGIN: &str = "/auth/login";
const MODE: &str = "/me/operation-mode";
const ACCOUNTS: &str = "/accounts";

const BOTH_REQUIRED: &str = "email and password required";
const NOT_AN_ADDRESS: &str = "email is not an address";
const MODES: &str = "mode must be 'reconcile' or 'passthrough'";
const NEW_ACCOUNT: &str = "bankId and name are required";
const NOT_AN_OBJECT: &str = "the body must be a JSON object";
const TOO_LARGE: &str = "the body is larger than 1048576 bytes";

const fn post(path: &'static str, code: &'static str, cases: &'static [(&'static str, &'static str)]) -> Bodies {
    Bodies { method: "POST", path, status: 400, code, cases }
}

pub(super) const ALL: &[Bodies] = &[
    post(
        REGISTER,
        "invalid_request",
        &[
            ("", BOTH_REQUIRED),
            ("{}", BOTH_REQUIRED),
            (r#"{"email": "ana@shop.example"}"#, BOTH_REQUIRED),
            (r#"{"password": "long enough for anyone"}"#, BOTH_REQUIRED),
            (r#"{"email": null, "password": "long enough for anyone"}"#, BOTH_REQUIRED),
            (r#"{"email": "ana@shop.example", "password": null}"#, BOTH_REQUIRED),
            (r#"{"Email": "ana@shop.example", "Password": "long enough for anyone"}"#, BOTH_REQUIRED),
            (r#"{"email": 5, "password": "x"}"#, "email must be text"),
            (r#"{"email": -5}"#, "email must be text"),
            (r#"{"email": 0.5}"#, "email must be text"),
            (r#"{"email": true}"#, "email must be text"),
            (r#"{"email": ["ana@shop.example"]}"#, "email must be text"),
            (r#"{"email": {"$ne": ""}}"#, "email must be text"),
            (r#"{"password": 12}"#, "password must be text"),
            (r#"{"password": {}}"#, "password must be text"),
            (r#"{"name": 5}"#, "name must be text"),
            (r#"{"email": "a@b.example", "email": "c@d.example"}"#, "duplicate field `email`"),
            (
                r#"{"email": "a@b.example", "password": "long enough for anyone", "name": "<x201>"}"#,
                "name must have at most 200 characters",
            ),
            (
                r#"{"email": "a@b.example", "password": "long enough for anyone", "name": "A\u0000na"}"#,
                "name must not contain control characters",
            ),
        ],
    ),
    post(
        REGISTER,
        "invalid_email",
        &[
            (r#"{"email": "", "password": "long enough for anyone"}"#, NOT_AN_ADDRESS),
            (r#"{"email": "  ", "password": "long enough for anyone"}"#, NOT_AN_ADDRESS),
            (r#"{"email": "ana", "password": "long enough for anyone"}"#, NOT_AN_ADDRESS),
            (r#"{"email": "@shop.example", "password": "long enough for anyone"}"#, NOT_AN_ADDRESS),
            (r#"{"email": "ana@", "password": "long enough for anyone"}"#, NOT_AN_ADDRESS),
            (r#"{"email": "ana@@shop.example", "password": "long enough for anyone"}"#, NOT_AN_ADDRESS),
            (r#"{"email": "a@b@shop.example", "password": "long enough for anyone"}"#, NOT_AN_ADDRESS),
            (r#"{"email": "ana sosa@shop.example", "password": "long enough for anyone"}"#, NOT_AN_ADDRESS),
            (r#"{"email": "ana\u0000@shop.example", "password": "long enough for anyone"}"#, NOT_AN_ADDRESS),
            (r#"{"email": "<x250>@b.example", "password": "long enough for anyone"}"#, NOT_AN_ADDRESS),
        ],
    ),
    post(
        REGISTER,
        "weak_password",
        &[
            (r#"{"email": "a@b.example", "password": ""}"#, "password must have at least 12 characters"),
            (r#"{"email": "a@b.example", "password": "<x11>"}"#, "password must have at least 12 characters"),
            (r#"{"email": "a@b.example", "password": "ñññññññññññ"}"#, "password must have at least 12 characters"),
            (r#"{"email": "a@b.example", "password": "<x1025>"}"#, "password must have at most 1024 bytes"),
        ],
    ),
    Bodies {
        method: "POST",
        path: REGISTER,
        status: 409,
        code: "email_taken",
        cases: &[(r#"{"email": " OWNER@shop.example", "password": "long enough for anyone"}"#, "Email already exists")],
    },
    post(
        LOGIN,
        "invalid_request",
        &[
            ("", BOTH_REQUIRED),
            ("{}", BOTH_REQUIRED),
            (r#"{"email": "owner@shop.example"}"#, BOTH_REQUIRED),
            (r#"{"password": "correct horse battery"}"#, BOTH_REQUIRED),
            (r#"{"email": "owner@shop.example", "password": null}"#, BOTH_REQUIRED),
            (r#"{"email": ["owner@shop.example"]}"#, "email must be text"),
            (r#"{"password": false}"#, "password must be text"),
            (r#"{"password": "a", "password": "b"}"#, "duplicate field `password`"),
        ],
    ),
    Bodies {
        method: "POST",
        path: LOGIN,
        status: 401,
        code: "unauthorized",
        cases: &[
            (r#"{"email": "owner@shop.example", "password": "wrong horse battery"}"#, "Invalid credentials"),
            (r#"{"email": "nobody@shop.example", "password": "correct horse battery"}"#, "Invalid credentials"),
            (r#"{"email": "' OR 1=1 --", "password": ""}"#, "Invalid credentials"),
        ],
    },
    Bodies {
        method: "PUT",
        path: MODE,
        status: 400,
        code: "invalid_request",
        cases: &[
            ("", MODES),
            ("{}", MODES),
            (r#"{"mode": null}"#, MODES),
            (r#"{"mode": ""}"#, MODES),
            (r#"{"mode": "both"}"#, MODES),
            (r#"{"mode": "Passthrough"}"#, MODES),
            (r#"{"mode": "passthrough "}"#, MODES),
            (r#"{"mode": 7}"#, MODES),
            (r#"{"mode": true}"#, MODES),
            (r#"{"mode": ["passthrough"]}"#, MODES),
            (r#"{"mode": {"passthrough": true}}"#, MODES),
            (r#"{"operation_mode": "passthrough"}"#, MODES),
            (r#"{"mode": "passthrough", "mode": "passthrough"}"#, "duplicate field `mode`"),
        ],
    },
    post(
        ACCOUNTS,
        "invalid_request",
        &[
            ("", NEW_ACCOUNT),
            ("{}", NEW_ACCOUNT),
            (r#"{"bankId": "<bank>"}"#, NEW_ACCOUNT),
            (r#"{"name": "Operating account"}"#, NEW_ACCOUNT),
            (r#"{"bankId": null, "name": "Operating account"}"#, NEW_ACCOUNT),
            (r#"{"bankId": "<bank>", "name": null}"#, NEW_ACCOUNT),
            (r#"{"bankId": "<bank>", "name": ""}"#, NEW_ACCOUNT),
            (r#"{"bankId": "<bank>", "name": " \t\n"}"#, NEW_ACCOUNT),
            (r#"{"bank_id": "<bank>", "name": "Operating account"}"#, NEW_ACCOUNT),
            (r#"{"bankId": "<bank>", "name": "<x201>"}"#, "name must have at most 200 characters"),
            (r#"{"bankId": "<bank>", "name": "a\u0000b"}"#, "name must not contain control characters"),
            (r#"{"bankId": "<bank>", "name": "a\nb"}"#, "name must not contain control characters"),
            (r#"{"bankId": "", "name": "Operating account"}"#, "bankId must be an id of GET /banks"),
            (r#"{"bankId": "demo-tabla", "name": "Operating account"}"#, "bankId must be an id of GET /banks"),
            (r#"{"bankId": "<bank>0", "name": "Operating account"}"#, "bankId must be an id of GET /banks"),
            (r#"{"bankId": 5, "name": "x"}"#, "bankId must be text"),
            (r#"{"bankId": ["<bank>"], "name": "x"}"#, "bankId must be text"),
            (r#"{"bankId": "<bank>", "name": 5}"#, "name must be text"),
            (r#"{"bankId": "<bank>", "name": {}}"#, "name must be text"),
            (r#"{"bankId": "<bank>", "name": "a", "name": "b"}"#, "duplicate field `name`"),
            (r#"{"bankId": "<bank>", "bankId": "<bank>", "name": "b"}"#, "duplicate field `bankId`"),
        ],
    ),
    Bodies {
        method: "POST",
        path: ACCOUNTS,
        status: 404,
        code: "not_found",
        cases: &[(r#"{"bankId": "<nil>", "name": "Operating account"}"#, "Bank not found")],
    },
    post(
        ACCOUNTS,
        "malformed_json",
        &[
            (" ", "the body is not valid JSON: EOF while parsing a value at line 1 column 1"),
            ("{", "the body is not valid JSON: EOF while parsing an object at line 1 column 1"),
            ("nonsense", "the body is not valid JSON: expected ident at line 1 column 2"),
            ("bankId=5&name=x", "the body is not valid JSON: expected value at line 1 column 1"),
            (r#"{"name": "x""#, "the body is not valid JSON: EOF while parsing an object at line 1 column 12"),
            (r#"{"name": "x"#, "the body is not valid JSON: EOF while parsing a string at line 1 column 11"),
            (r#"{"name": "x",}"#, "the body is not valid JSON: trailing comma at line 1 column 14"),
            (r#"{"name" "x"}"#, "the body is not valid JSON: expected `:` at line 1 column 9"),
            ("{'name': 'x'}", "the body is not valid JSON: key must be a string at line 1 column 2"),
            (r#"{name: "x"}"#, "the body is not valid JSON: key must be a string at line 1 column 2"),
            (r#"{"name": "x"} trailing"#, "the body is not valid JSON: trailing characters at line 1 column 15"),
            (r#"{"name": "x"}{}"#, "the body is not valid JSON: trailing characters at line 1 column 14"),
            (
                "{\"name\": \"a\nb\"}",
                "the body is not valid JSON: control character (\\u0000-\\u001F) found while parsing a string at line 2 \
                 column 0",
            ),
        ],
    ),
    post(
        LOGIN,
        "malformed_json",
        &[(r#"{"email": 1e400}"#, "the body is not valid JSON: number out of range at line 1 column 15")],
    ),
    Bodies {
        method: "PUT",
        path: MODE,
        status: 400,
        code: "malformed_json",
        cases: &[(r#"{"mode": NaN}"#, "the body is not valid JSON: expected value at line 1 column 10")],
    },
    post(
        REGISTER,
        "not_an_object",
        &[
            (r#"["a@b.example", "long enough for anyone", "Ana"]"#, NOT_AN_OBJECT),
            ("null", NOT_AN_OBJECT),
            ("5", NOT_AN_OBJECT),
            (" true ", NOT_AN_OBJECT),
        ],
    ),
    post(LOGIN, "not_an_object", &[(r#"["owner@shop.example", "correct horse battery"]"#, NOT_AN_OBJECT)]),
    post(ACCOUNTS, "not_an_object", &[(r#"["<bank>", "Ours"]"#, NOT_AN_OBJECT), (r#""text""#, NOT_AN_OBJECT)]),
    Bodies {
        method: "PUT",
        path: MODE,
        status: 400,
        code: "not_an_object",
        cases: &[(r#"["passthrough"]"#, NOT_AN_OBJECT), (r#""passthrough""#, NOT_AN_OBJECT)],
    },
    Bodies {
        method: "POST",
        path: ACCOUNTS,
        status: 413,
        code: "body_too_large",
        cases: &[(r#"{"name": "<x1048576>"}"#, TOO_LARGE)],
    },
    Bodies {
        method: "POST",
        path: LOGIN,
        status: 413,
        code: "body_too_large",
        cases: &[(r#"{"email": "<x1048576>"}"#, TOO_LARGE)],
    },
];
