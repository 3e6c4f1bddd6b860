-- The first schema. Rules both dialects follow: `migrations/README.md`.
-- Amounts are TEXT of 20 digits, a point and 18 digits, so that text order (collation C) is numeric order.

-- One row: which keys seal what is stored here. Other keys are refused at the start.
CREATE TABLE installation (
    name       TEXT NOT NULL PRIMARY KEY CHECK (name = 'this'),
    key_check  BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

-- A tenant. Every row below belongs to one, and foreign keys carry it along.
CREATE TABLE orgs (
    id             UUID NOT NULL PRIMARY KEY,
    name           TEXT NOT NULL,
    operation_mode TEXT CHECK (operation_mode IN ('reconcile', 'passthrough')),
    event_seq      BIGINT NOT NULL DEFAULT 0,
    created_at     TIMESTAMPTZ NOT NULL
);

CREATE TABLE users (
    org_id        UUID NOT NULL REFERENCES orgs (id),
    id            UUID NOT NULL,
    email         TEXT NOT NULL UNIQUE,
    name          TEXT,
    password_hash TEXT NOT NULL,
    role          TEXT NOT NULL CHECK (role IN ('admin', 'member')),
    created_at    TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (org_id, id)
);

-- Keys of machines for the paths under /v1. Of a key's secret only the SHA-256 is kept.
CREATE TABLE api_keys (
    org_id       UUID NOT NULL,
    id           UUID NOT NULL,
    user_id      UUID NOT NULL,
    name         TEXT NOT NULL,
    prefix       TEXT NOT NULL UNIQUE,
    secret_hash  BYTEA NOT NULL,
    scopes       TEXT NOT NULL,
    -- NULL means every account.
    account_ids  TEXT,
    created_at   TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ,
    revoked_at   TIMESTAMPTZ,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id)
);
CREATE INDEX api_keys_of_user ON api_keys (org_id, user_id, created_at);

-- The catalogue; filled from the recipes at every start. Belongs to no organisation.
CREATE TABLE banks (
    id        UUID NOT NULL PRIMARY KEY,
    code      TEXT NOT NULL UNIQUE,
    name      TEXT NOT NULL,
    login_url TEXT,
    status    TEXT NOT NULL,
    time_zone TEXT NOT NULL
);

-- One user name at one bank. Lease, fence and lock-out budget live here, so that accounts which
-- share a login are read in turn and never type a wrong password once each.
CREATE TABLE bank_logins (
    org_id               UUID NOT NULL REFERENCES orgs (id),
    id                   UUID NOT NULL,
    bank_id              UUID NOT NULL REFERENCES banks (id),
    username_hash        BYTEA NOT NULL,
    username_sealed      BYTEA NOT NULL,
    password_sealed      BYTEA NOT NULL,
    unknown_submissions  BIGINT NOT NULL DEFAULT 0,
    probation            BOOLEAN NOT NULL DEFAULT FALSE,
    blocked_at           TIMESTAMPTZ,
    blocked_reason       TEXT,
    lease_boot           UUID,
    lease_until          TIMESTAMPTZ,
    fence                BIGINT NOT NULL DEFAULT 0,
    created_at           TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, bank_id, username_hash)
);

CREATE TABLE accounts (
    org_id          UUID NOT NULL REFERENCES orgs (id),
    id              UUID NOT NULL,
    bank_id         UUID NOT NULL REFERENCES banks (id),
    bank_login_id   UUID,
    name            TEXT NOT NULL,
    -- The row of a deleted account stays, because its history points to it.
    status          TEXT NOT NULL CHECK (status IN ('active', 'deleted')),
    -- Bumped first by every transaction that adds movements or orders; the matcher compares it.
    revision        BIGINT NOT NULL DEFAULT 0,
    -- The bank day of enrolment; what was booked before it is baseline.
    enrolled_on     DATE NOT NULL,
    signing_secret_sealed BYTEA NOT NULL,
    next_scrape_at  TIMESTAMPTZ,
    next_poll_at    TIMESTAMPTZ,
    -- Of the last answer that was applied whole; the next poll may be told "as before".
    poll_etag       TEXT,
    created_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, bank_login_id) REFERENCES bank_logins (org_id, id)
);
CREATE INDEX accounts_by_login ON accounts (org_id, bank_login_id);

-- The documented settings of an account; replaced whole by each save.
CREATE TABLE account_configs (
    org_id                      UUID NOT NULL,
    account_id                  UUID NOT NULL,
    id                          UUID NOT NULL,
    pending_orders_endpoint     TEXT,
    polling_method              TEXT NOT NULL,
    polling_body                TEXT,
    auth_type                   TEXT NOT NULL,
    auth_token_sealed           BYTEA,
    webhook_url                 TEXT NOT NULL,
    webhook_auth_type           TEXT,
    webhook_auth_token_sealed   BYTEA,
    webhook_extra_fields        TEXT,
    notification_endpoint_url   TEXT,
    notification_auth_type      TEXT,
    notification_token_sealed   BYTEA,
    notification_events         TEXT,
    retry_limit                 BIGINT NOT NULL,
    notify_on_expired           BOOLEAN NOT NULL,
    silent_ingestion            BOOLEAN NOT NULL,
    session_type                TEXT NOT NULL,
    login_mode                  TEXT NOT NULL,
    updated_at                  TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (org_id, account_id),
    FOREIGN KEY (org_id, account_id) REFERENCES accounts (org_id, id)
);

-- One scrape or one poll. Its id is the `jobId` of API answers and the run id of logs and events.
CREATE TABLE runs (
    org_id       UUID NOT NULL,
    id           UUID NOT NULL,
    account_id   UUID NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('scrape', 'poll')),
    state        TEXT NOT NULL CHECK (state IN ('queued', 'running', 'finished')),
    trigger_word TEXT NOT NULL,
    outcome      TEXT,
    detail       TEXT,
    report       TEXT,
    requested_at TIMESTAMPTZ NOT NULL,
    started_at   TIMESTAMPTZ,
    finished_at  TIMESTAMPTZ,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, account_id) REFERENCES accounts (org_id, id)
);
-- At most one run of a kind waits per account: a second request gets the first one's id.
CREATE UNIQUE INDEX runs_one_queued ON runs (org_id, account_id, kind) WHERE state = 'queued';
CREATE INDEX runs_of_account ON runs (org_id, account_id, kind, started_at);
CREATE INDEX runs_newest_first ON runs (org_id, account_id, requested_at, id);
CREATE INDEX runs_unfinished ON runs (state, started_at) WHERE state <> 'finished';

CREATE TABLE movements (
    org_id              UUID NOT NULL,
    id                  UUID NOT NULL,
    account_id          UUID NOT NULL,
    run_id              UUID NOT NULL,
    bank_account        TEXT NOT NULL,
    fingerprint         TEXT NOT NULL,
    fingerprint_version BIGINT NOT NULL,
    ordinal             BIGINT NOT NULL,
    external_id         TEXT NOT NULL,
    booked_on           DATE,
    value_on            DATE,
    received_at         TIMESTAMPTZ NOT NULL,
    first_seen_at       TIMESTAMPTZ NOT NULL,
    amount              TEXT COLLATE "C" NOT NULL,
    direction           TEXT NOT NULL CHECK (direction IN ('credit', 'debit')),
    currency            TEXT NOT NULL,
    status              TEXT NOT NULL CHECK (status IN ('booked', 'pending')),
    description         TEXT NOT NULL,
    counterparty_name   TEXT,
    bank_reference      TEXT,
    balance_after       TEXT COLLATE "C",
    raw                 TEXT NOT NULL,
    is_baseline         BOOLEAN NOT NULL,
    notified_at         TIMESTAMPTZ,
    excluded_at         TIMESTAMPTZ,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, account_id) REFERENCES accounts (org_id, id),
    FOREIGN KEY (org_id, run_id) REFERENCES runs (org_id, id),
    UNIQUE (org_id, account_id, bank_account, fingerprint, ordinal)
);
CREATE INDEX movements_newest_first ON movements (org_id, account_id, received_at, first_seen_at, id);
CREATE INDEX movements_free ON movements (org_id, account_id, currency, amount)
    WHERE excluded_at IS NULL AND status = 'booked' AND direction = 'credit';

CREATE TABLE expected_payments (
    org_id        UUID NOT NULL,
    id            UUID NOT NULL,
    account_id    UUID NOT NULL,
    run_id        UUID NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('order')),
    external_id   TEXT NOT NULL,
    amount        TEXT COLLATE "C" NOT NULL,
    currency      TEXT NOT NULL,
    name          TEXT NOT NULL,
    registered_at TIMESTAMPTZ NOT NULL,
    -- Good polls in a row that did not list it, and the first of them.
    absent_polls    BIGINT NOT NULL DEFAULT 0,
    absent_since    TIMESTAMPTZ,
    change_reported BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, account_id) REFERENCES accounts (org_id, id),
    FOREIGN KEY (org_id, run_id) REFERENCES runs (org_id, id),
    UNIQUE (org_id, account_id, external_id)
);
CREATE INDEX expected_payments_newest_first ON expected_payments (org_id, registered_at, id);

-- One case per expected payment, with the same id.
CREATE TABLE cases (
    org_id        UUID NOT NULL,
    id            UUID NOT NULL,
    account_id    UUID NOT NULL,
    status        TEXT NOT NULL CHECK (status IN
        ('pending', 'matched', 'not_found', 'ambiguous', 'expired', 'cancelled', 'failed')),
    attempt_count BIGINT NOT NULL DEFAULT 0,
    updated_at    TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, id) REFERENCES expected_payments (org_id, id)
);
CREATE INDEX cases_open ON cases (org_id, account_id) WHERE status IN ('pending', 'not_found', 'ambiguous');

-- "This movement pays this case." A movement pays one case, a case is paid once, unless voided.
CREATE TABLE allocations (
    org_id      UUID NOT NULL,
    id          UUID NOT NULL,
    case_id     UUID NOT NULL,
    movement_id UUID NOT NULL,
    amount      TEXT COLLATE "C" NOT NULL,
    score       BIGINT NOT NULL,
    reason      TEXT NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    voided_at   TIMESTAMPTZ,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, case_id) REFERENCES cases (org_id, id),
    FOREIGN KEY (org_id, movement_id) REFERENCES movements (org_id, id)
);
CREATE UNIQUE INDEX allocations_one_per_movement ON allocations (org_id, movement_id) WHERE voided_at IS NULL;
CREATE UNIQUE INDEX allocations_one_per_case ON allocations (org_id, case_id) WHERE voided_at IS NULL;

CREATE TABLE attempts (
    org_id     UUID NOT NULL,
    id         UUID NOT NULL,
    case_id    UUID NOT NULL,
    number     BIGINT NOT NULL,
    result     TEXT NOT NULL,
    reason     TEXT,
    candidates TEXT NOT NULL,
    run_id     UUID,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, case_id) REFERENCES cases (org_id, id),
    UNIQUE (org_id, case_id, number)
);

-- Audit log and outbox in one. `seq` is gapless per organisation, in commit order. Append-only.
CREATE TABLE events (
    org_id       UUID NOT NULL REFERENCES orgs (id),
    seq          BIGINT NOT NULL,
    id           UUID NOT NULL,
    at           TIMESTAMPTZ NOT NULL,
    kind         TEXT NOT NULL,
    actor        TEXT NOT NULL,
    user_id      UUID,
    ip           TEXT,
    account_id   UUID,
    subject_id   UUID,
    run_id       UUID,
    payload      TEXT NOT NULL,
    payload_hash BYTEA NOT NULL,
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, id)
);
CREATE INDEX events_by_subject ON events (org_id, subject_id, kind, at);

-- One webhook. The body is frozen when the decision is made; the `webhook-id` is the event's id.
CREATE TABLE deliveries (
    org_id       UUID NOT NULL,
    id           UUID NOT NULL,
    account_id   UUID NOT NULL,
    event_id     UUID NOT NULL,
    run_id       UUID,
    -- Results go to the webhook; what concerns the reading itself, where the account names an endpoint for it.
    endpoint     TEXT NOT NULL DEFAULT 'webhook' CHECK (endpoint IN ('webhook', 'notification')),
    subject_kind TEXT NOT NULL CHECK (subject_kind IN ('case', 'movement', 'run')),
    subject_id   UUID NOT NULL,
    body         BYTEA NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
    attempts     BIGINT NOT NULL DEFAULT 0,
    next_at      TIMESTAMPTZ,
    last_status  BIGINT,
    last_error   TEXT,
    created_at   TIMESTAMPTZ NOT NULL,
    finished_at  TIMESTAMPTZ,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, account_id) REFERENCES accounts (org_id, id),
    FOREIGN KEY (org_id, event_id) REFERENCES events (org_id, id) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX deliveries_due ON deliveries (next_at) WHERE state = 'pending';
CREATE INDEX deliveries_of_subject ON deliveries (org_id, subject_kind, subject_id, created_at);

CREATE TABLE delivery_attempts (
    org_id      UUID NOT NULL,
    delivery_id UUID NOT NULL,
    number      BIGINT NOT NULL,
    at          TIMESTAMPTZ NOT NULL,
    status      BIGINT,
    error       TEXT,
    took_ms     BIGINT NOT NULL,
    PRIMARY KEY (org_id, delivery_id, number),
    FOREIGN KEY (org_id, delivery_id) REFERENCES deliveries (org_id, id)
);

-- Wake-ups. Rows elsewhere are the truth; a job may be lost or run twice without harm.
CREATE TABLE jobs (
    id          UUID NOT NULL PRIMARY KEY,
    org_id      UUID NOT NULL,
    queue       TEXT NOT NULL,
    subject     UUID NOT NULL,
    run_id      UUID,
    state       TEXT NOT NULL CHECK (state IN ('ready', 'running', 'dead')),
    run_at      TIMESTAMPTZ NOT NULL,
    lease       BIGINT NOT NULL DEFAULT 0,
    lease_boot  UUID,
    lease_until TIMESTAMPTZ,
    attempts    BIGINT NOT NULL DEFAULT 0,
    last_error  TEXT,
    created_at  TIMESTAMPTZ NOT NULL
);
-- Unique over ready jobs only: work that arrives while a job runs queues one more.
CREATE UNIQUE INDEX jobs_one_ready ON jobs (queue, org_id, subject) WHERE state = 'ready';
CREATE INDEX jobs_claimable ON jobs (queue, run_at, id) WHERE state = 'ready';
CREATE INDEX jobs_leased ON jobs (queue, lease_until) WHERE state = 'running';
CREATE INDEX jobs_by_subject ON jobs (org_id, subject);
