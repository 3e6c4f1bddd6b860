//! Paths, queries, methods and headers.

use super::{Header, Refusal};

const NO_ACCOUNT: &str = "Account not found";
const NO_PATH: &str = "there is nothing at this path; the API is described at /docs";
const LIMIT: &str = "limit must be a whole number from 1 to 500";
const OFFSET: &str = "offset must be a whole number, 0 or more";
const NO_CREDENTIALS: &str = "the account has no bank credentials; save them in its settings first";

const fn bad_query(error: &'static str, paths: &'static [&'static str]) -> Refusal {
    Refusal { method: "GET", status: 400, code: "invalid_request", error, paths }
}

/// Absent, foreign and impossible ids look alike.
const fn not_found(method: &'static str, paths: &'static [&'static str]) -> Refusal {
    Refusal { method, status: 404, code: "not_found", error: NO_ACCOUNT, paths }
}

pub(super) const PATHS: &[Refusal] = &[
    not_found(
        "GET",
        &[
            "/accounts/nonsense",
            "/accounts/<nil>",
            "/accounts/<foreign>",
            "/accounts/<account>0",
            "/accounts/%FF",
            "/accounts/..%2Fbanks",
            "/accounts/nonsense/config",
            "/accounts/<nil>/config",
            "/accounts/<foreign>/config",
            "/accounts/nonsense/options",
            "/accounts/<nil>/options",
            "/accounts/<foreign>/options",
            "/accounts/nonsense/movements",
            "/accounts/<nil>/movements",
            "/accounts/<foreign>/movements",
            "/accounts/nonsense/webhook-secret",
            "/accounts/<nil>/webhook-secret",
            "/accounts/<foreign>/webhook-secret",
        ],
    ),
    not_found(
        "PUT",
        &[
            "/accounts/nonsense/config",
            "/accounts/<nil>/config",
            "/accounts/<foreign>/config",
            "/accounts/nonsense/options",
            "/accounts/<nil>/options",
            "/accounts/<foreign>/options",
        ],
    ),
    not_found(
        "POST",
        &[
            "/accounts/nonsense/scrape",
            "/accounts/<nil>/scrape",
            "/accounts/<foreign>/scrape",
            "/accounts/nonsense/restart",
            "/accounts/<nil>/restart",
            "/accounts/<foreign>/restart",
        ],
    ),
    Refusal {
        method: "POST",
        status: 400,
        code: "no_credentials",
        error: NO_CREDENTIALS,
        paths: &["/accounts/<account>/scrape", "/accounts/<account>/restart"],
    },
    bad_query(
        LIMIT,
        &[
            "/accounts/<account>/movements?limit=",
            "/accounts/<account>/movements?limit=0",
            "/accounts/<account>/movements?limit=-1",
            "/accounts/<account>/movements?limit=ten",
            "/accounts/<account>/movements?limit=1.5",
            "/accounts/<account>/movements?limit=1e3",
            "/accounts/<account>/movements?limit=%201",
            "/accounts/<account>/movements?limit=%FF",
            "/accounts/<account>/movements?limit=9223372036854775808",
        ],
    ),
    bad_query(
        OFFSET,
        &[
            "/accounts/<account>/movements?offset=-1",
            "/accounts/<account>/movements?offset=x",
            "/accounts/<account>/movements?limit=5&offset=0x10",
        ],
    ),
    bad_query(
        "include may hold pending and debits",
        &[
            "/accounts/<account>/movements?include=everything",
            "/accounts/<account>/movements?include=PENDING",
            "/accounts/<account>/movements?include=pending;debits",
        ],
    ),
    Refusal {
        method: "GET",
        status: 400,
        code: "invalid_query",
        error: "the query cannot be read: duplicate field `limit`",
        paths: &["/accounts/<account>/movements?limit=1&limit=2"],
    },
    Refusal {
        method: "GET",
        status: 404,
        code: "not_found",
        error: NO_PATH,
        paths: &[
            "/",
            "/nowhere",
            "/auth",
            "/ACCOUNTS",
            "//accounts",
            "/accounts/",
            "/accounts/<account>/",
            "/accounts/<account>/nowhere",
            "/accounts/<account>/config/deeper",
            "/api/accounts",
            "/health/",
            "/.env",
        ],
    },
    Refusal {
        method: "PATCH",
        status: 405,
        code: "method_not_allowed",
        error: "this path does not answer to this method",
        paths: &[
            "/auth/register",
            "/auth/login",
            "/me",
            "/me/operation-mode",
            "/banks",
            "/accounts",
            "/accounts/<account>",
            "/accounts/<account>/config",
            "/accounts/<account>/options",
            "/accounts/<account>/movements",
            "/accounts/<account>/scrape",
            "/accounts/<account>/restart",
            "/accounts/<account>/webhook-secret",
            "/health",
            "/livez",
            "/readyz",
            "/openapi.json",
        ],
    },
];

pub(super) const HEADERS: &[Header] = &[
    Header {
        name: "authorization",
        values: &[None],
        status: 401,
        code: "unauthorized",
        error: "Unauthorized",
        routes: &[
            ("GET", "/me"),
            ("PUT", "/me/operation-mode"),
            ("GET", "/banks"),
            ("GET", "/accounts"),
            ("POST", "/accounts"),
            ("GET", "/accounts/<account>"),
            ("GET", "/accounts/<account>/webhook-secret"),
            ("GET", "/accounts/<account>/config"),
            ("PUT", "/accounts/<account>/config"),
            ("GET", "/accounts/<account>/options"),
            ("PUT", "/accounts/<account>/options"),
            ("GET", "/accounts/<account>/movements"),
            ("POST", "/accounts/<account>/scrape"),
            ("POST", "/accounts/<account>/restart"),
        ],
    },
    Header {
        name: "authorization",
        values: &[
            Some(""),
            Some("Bearer"),
            Some("bearer eyJhbGciOiJIUzI1NiJ9.e30.AAAA"),
            Some("Bearer nonsense"),
            Some("Bearer a.b.c"),
            // `{"alg":"none"}` and `{"alg":"HS256"}`, each with an empty claim.
            Some("Bearer eyJhbGciOiJub25lIn0.e30."),
            Some("Bearer eyJhbGciOiJIUzI1NiJ9.e30.AAAA"),
            Some("Basic b3duZXJAc2hvcC5leGFtcGxlOng="),
            Some("Api-Key rbk_12345678_x"),
        ],
        status: 401,
        code: "unauthorized",
        error: "Invalid token",
        routes: &[("GET", "/me"), ("POST", "/accounts")],
    },
    Header {
        name: "content-type",
        values: &[
            None,
            Some("text/plain"),
            Some("text/json"),
            Some("application/x-www-form-urlencoded"),
            Some("application/jsonp"),
        ],
        status: 400,
        code: "not_json",
        error: "send the body as JSON, with the header Content-Type: application/json",
        routes: &[
            ("POST", "/auth/register"),
            ("POST", "/auth/login"),
            ("PUT", "/me/operation-mode"),
            ("POST", "/accounts"),
            ("PUT", "/accounts/<account>/config"),
            ("PUT", "/accounts/<account>/options"),
        ],
    },
];
