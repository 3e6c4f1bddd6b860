SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA reconbanker_0001;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE reconbanker_0001._sqlx_migrations (
    version bigint NOT NULL,
    description text NOT NULL,
    installed_on timestamp with time zone DEFAULT now() NOT NULL,
    success boolean NOT NULL,
    checksum bytea NOT NULL,
    execution_time bigint NOT NULL
);
CREATE TABLE reconbanker_0001.account_configs (
    org_id uuid NOT NULL,
    account_id uuid NOT NULL,
    id uuid NOT NULL,
    pending_orders_endpoint text,
    polling_method text NOT NULL,
    polling_body text,
    auth_type text NOT NULL,
    auth_token_sealed bytea,
    webhook_url text NOT NULL,
    webhook_auth_type text,
    webhook_auth_token_sealed bytea,
    webhook_extra_fields text,
    notification_endpoint_url text,
    notification_auth_type text,
    notification_token_sealed bytea,
    notification_events text,
    retry_limit bigint NOT NULL,
    notify_on_expired boolean NOT NULL,
    silent_ingestion boolean NOT NULL,
    session_type text NOT NULL,
    login_mode text NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
CREATE TABLE reconbanker_0001.accounts (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    bank_id uuid NOT NULL,
    bank_login_id uuid,
    name text NOT NULL,
    status text NOT NULL,
    revision bigint DEFAULT 0 NOT NULL,
    enrolled_on date NOT NULL,
    signing_secret_sealed bytea NOT NULL,
    next_scrape_at timestamp with time zone,
    next_poll_at timestamp with time zone,
    poll_etag text,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT accounts_status_check CHECK ((status = ANY (ARRAY['active'::text, 'deleted'::text])))
);
CREATE TABLE reconbanker_0001.allocations (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    case_id uuid NOT NULL,
    movement_id uuid NOT NULL,
    amount text NOT NULL COLLATE pg_catalog."C",
    score bigint NOT NULL,
    reason text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    voided_at timestamp with time zone
);
CREATE TABLE reconbanker_0001.api_keys (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    name text NOT NULL,
    prefix text NOT NULL,
    secret_hash bytea NOT NULL,
    scopes text NOT NULL,
    account_ids text,
    created_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone
);
CREATE TABLE reconbanker_0001.attempts (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    case_id uuid NOT NULL,
    number bigint NOT NULL,
    result text NOT NULL,
    reason text,
    candidates text NOT NULL,
    run_id uuid,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE reconbanker_0001.bank_logins (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    bank_id uuid NOT NULL,
    username_hash bytea NOT NULL,
    username_sealed bytea NOT NULL,
    password_sealed bytea NOT NULL,
    unknown_submissions bigint DEFAULT 0 NOT NULL,
    probation boolean DEFAULT false NOT NULL,
    blocked_at timestamp with time zone,
    blocked_reason text,
    lease_boot uuid,
    lease_until timestamp with time zone,
    fence bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE reconbanker_0001.banks (
    id uuid NOT NULL,
    code text NOT NULL,
    name text NOT NULL,
    login_url text,
    status text NOT NULL,
    time_zone text NOT NULL
);
CREATE TABLE reconbanker_0001.cases (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    status text NOT NULL,
    attempt_count bigint DEFAULT 0 NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT cases_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'matched'::text, 'not_found'::text, 'ambiguous'::text, 'expired'::text, 'cancelled'::text, 'failed'::text])))
);
CREATE TABLE reconbanker_0001.deliveries (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    event_id uuid NOT NULL,
    run_id uuid,
    endpoint text DEFAULT 'webhook'::text NOT NULL,
    subject_kind text NOT NULL,
    subject_id uuid NOT NULL,
    body bytea NOT NULL,
    state text NOT NULL,
    attempts bigint DEFAULT 0 NOT NULL,
    next_at timestamp with time zone,
    last_status bigint,
    last_error text,
    created_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT deliveries_endpoint_check CHECK ((endpoint = ANY (ARRAY['webhook'::text, 'notification'::text]))),
    CONSTRAINT deliveries_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'delivered'::text, 'dead'::text]))),
    CONSTRAINT deliveries_subject_kind_check CHECK ((subject_kind = ANY (ARRAY['case'::text, 'movement'::text, 'run'::text])))
);
CREATE TABLE reconbanker_0001.delivery_attempts (
    org_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    number bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    status bigint,
    error text,
    took_ms bigint NOT NULL
);
CREATE TABLE reconbanker_0001.events (
    org_id uuid NOT NULL,
    seq bigint NOT NULL,
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    kind text NOT NULL,
    actor text NOT NULL,
    user_id uuid,
    ip text,
    account_id uuid,
    subject_id uuid,
    run_id uuid,
    payload text NOT NULL,
    payload_hash bytea NOT NULL
);
CREATE TABLE reconbanker_0001.expected_payments (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    run_id uuid NOT NULL,
    kind text NOT NULL,
    external_id text NOT NULL,
    amount text NOT NULL COLLATE pg_catalog."C",
    currency text NOT NULL,
    name text NOT NULL,
    registered_at timestamp with time zone NOT NULL,
    absent_polls bigint DEFAULT 0 NOT NULL,
    absent_since timestamp with time zone,
    change_reported boolean DEFAULT false NOT NULL,
    CONSTRAINT expected_payments_kind_check CHECK ((kind = 'order'::text))
);
CREATE TABLE reconbanker_0001.installation (
    name text NOT NULL,
    key_check bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT installation_name_check CHECK ((name = 'this'::text))
);
CREATE TABLE reconbanker_0001.jobs (
    id uuid NOT NULL,
    org_id uuid NOT NULL,
    queue text NOT NULL,
    subject uuid NOT NULL,
    run_id uuid,
    state text NOT NULL,
    run_at timestamp with time zone NOT NULL,
    lease bigint DEFAULT 0 NOT NULL,
    lease_boot uuid,
    lease_until timestamp with time zone,
    attempts bigint DEFAULT 0 NOT NULL,
    last_error text,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT jobs_state_check CHECK ((state = ANY (ARRAY['ready'::text, 'running'::text, 'dead'::text])))
);
CREATE TABLE reconbanker_0001.movements (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    run_id uuid NOT NULL,
    bank_account text NOT NULL,
    fingerprint text NOT NULL,
    fingerprint_version bigint NOT NULL,
    ordinal bigint NOT NULL,
    external_id text NOT NULL,
    booked_on date,
    value_on date,
    received_at timestamp with time zone NOT NULL,
    first_seen_at timestamp with time zone NOT NULL,
    amount text NOT NULL COLLATE pg_catalog."C",
    direction text NOT NULL,
    currency text NOT NULL,
    status text NOT NULL,
    description text NOT NULL,
    counterparty_name text,
    bank_reference text,
    balance_after text COLLATE pg_catalog."C",
    raw text NOT NULL,
    is_baseline boolean NOT NULL,
    notified_at timestamp with time zone,
    excluded_at timestamp with time zone,
    CONSTRAINT movements_direction_check CHECK ((direction = ANY (ARRAY['credit'::text, 'debit'::text]))),
    CONSTRAINT movements_status_check CHECK ((status = ANY (ARRAY['booked'::text, 'pending'::text])))
);
CREATE TABLE reconbanker_0001.orgs (
    id uuid NOT NULL,
    name text NOT NULL,
    operation_mode text,
    event_seq bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT orgs_operation_mode_check CHECK ((operation_mode = ANY (ARRAY['reconcile'::text, 'passthrough'::text])))
);
CREATE TABLE reconbanker_0001.runs (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    trigger_word text NOT NULL,
    outcome text,
    detail text,
    report text,
    requested_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    CONSTRAINT runs_kind_check CHECK ((kind = ANY (ARRAY['scrape'::text, 'poll'::text]))),
    CONSTRAINT runs_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'finished'::text])))
);
CREATE TABLE reconbanker_0001.users (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    email text NOT NULL,
    name text,
    password_hash text NOT NULL,
    role text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT users_role_check CHECK ((role = ANY (ARRAY['admin'::text, 'member'::text])))
);
INSERT INTO reconbanker_0001._sqlx_migrations VALUES (1, 'first', '2026-12-01 00:38:10.870317+00', true, '\xd133da3969f019e9b722165a07116585cc67a512acfdae6b8726d5286b7348f7628903652e216dccca2e27bdb9528988', 55293884);
INSERT INTO reconbanker_0001.account_configs VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ac3b-75e8-9c52-69eec4806873', 'http://127.0.0.1:35893/pending-orders', 'GET', NULL, 'bearer', '\x010aeca024ce4dbd2faf4dff9466cd2dc57ec077d078c5b250c6d0637a8f9794131244b82883e104399aef', 'http://127.0.0.1:35893/webhook', NULL, '\x010aeca02435aeaaddae88c54067b8b5f297400038195ba3043762f021e50210dda0bd590139de94c49744', '{"tenant":"acme"}', 'http://127.0.0.1:35893/notices', NULL, '\x010aeca024e11dd6c807718f08adfe3025fc2e53f8f5a794aa1626c5dcafe5d75c31d55654294fa480946cd987', '["login_failed","scrape_failed"]', 3, true, false, 'one-shot', 'simple', '2026-11-20 13:00:00+00');
INSERT INTO reconbanker_0001.account_configs VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-aeac-7081-a37f-2d3ab76c3a37', '01a22f09-aeb5-772a-93b4-fecdf584a94d', 'http://127.0.0.1:9/orders', 'GET', NULL, 'bearer', '\x010aeca024ddc99555a8b82a2c915a494982472736de68cbc64685be304b37347b34a7fcc7c176384e529e', 'http://127.0.0.1:35893/webhook', NULL, NULL, NULL, NULL, NULL, NULL, '[]', 3, false, false, 'one-shot', 'simple', '2026-11-26 14:17:00+00');
INSERT INTO reconbanker_0001.accounts VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-aeac-7081-a37f-2d3ab76c3a37', '01a22f09-a532-7137-a61c-8a1d487fa970', '01a22f09-aeb4-7302-9e1f-e1f5b346581e', 'Second account', 'active', 0, '2026-11-26', '\x010aeca0248f0c0e5981eb7fa435d346e396ed9e76b5fb64d29a64fe064e4fa94dcd7955efb37d3f707d70439c1f7d9f0059e8b04cc2b97e14603f0caf40940cc7f85d475709a6135b2513f6ad3b76acc85d3a', '2026-11-26 14:38:59.318847+00', '2026-11-26 14:27:00+00', NULL, '2026-11-26 14:17:00+00');
INSERT INTO reconbanker_0001.accounts VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-a532-7137-a61c-8a1d487fa970', '01a22f09-ac36-7634-aac6-1993caf8de43', 'Operating account', 'active', 18, '2026-11-20', '\x010aeca024bea4f693036280ee0c240c810a652aa73c0e6dea94d7c24cde09ae7df253bb84272c372fae8ca2189fa53f9a035934fdd5798a70effb5260311300e7d231e12a1002a2dfc3b0104fc36750d917cd', '2026-11-26 14:37:31.09497+00', '2026-11-26 14:27:00+00', NULL, '2026-11-20 13:00:00+00');
INSERT INTO reconbanker_0001.accounts VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-af30-73ed-ae5c-fca6331fbda2', '01a22f09-a532-7137-a61c-8a1d487fa970', NULL, 'Third account', 'deleted', 0, '2026-11-26', '\x', NULL, NULL, NULL, '2026-11-26 14:17:00+00');
INSERT INTO reconbanker_0001.allocations VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-adac-7060-bb5c-1f7217ecc33b', '01a22f09-ad65-7797-9abb-3751b1c6e7f0', '01a22f09-ad94-73bd-9dcc-a58027e7b923', '00000000000000001500.000000000000000000', 1000, 'the names are equal; score 1000, no rival', '2026-11-26 13:22:00+00', NULL);
INSERT INTO reconbanker_0001.allocations VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-af13-729b-9183-c46613144e74', '01a22f09-ad67-752c-a78a-5e992835f21f', '01a22f09-aeff-77ff-bfac-c3b1713325b4', '00000000000000000320.000000000000000000', 1000, 'the names are equal; score 1000, no rival', '2026-11-26 14:17:00+00', NULL);
INSERT INTO reconbanker_0001.api_keys VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ac4f-7602-bbc5-690135e34039', '01a22f09-a8c5-75e4-a637-986f22f9a69e', 'relay', '146322da', '\x116e1d3f780ab8e27b6116d9a574b5fea38ec73d28530b42ea09de3c089df117', '["otp:write"]', '["01a22f09-ac1e-75e1-95ab-07672775a48e"]', '2026-11-20 13:00:00+00', NULL, NULL);
INSERT INTO reconbanker_0001.attempts VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-acec-77b7-81fb-0be421a49de9', '01a22f09-acd8-71cb-bb14-f7a214311565', 1, 'not_found', 'no_amount_match', '[]', '01a22f09-ac9a-729b-ac5e-c093eb683d23', '2026-11-20 13:11:00+00');
INSERT INTO reconbanker_0001.attempts VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ad76-749c-9345-d9e8df9c7345', '01a22f09-ad65-7797-9abb-3751b1c6e7f0', 1, 'not_found', 'no_amount_match', '[]', '01a22f09-ad52-70c9-9c0a-af57d0cfd494', '2026-11-26 13:22:00+00');
INSERT INTO reconbanker_0001.attempts VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ad77-70a8-9aa1-5f18f906ad6a', '01a22f09-ad66-77c9-9456-214ffff0d6b0', 1, 'not_found', 'no_amount_match', '[]', '01a22f09-ad52-70c9-9c0a-af57d0cfd494', '2026-11-26 13:22:00+00');
INSERT INTO reconbanker_0001.attempts VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ad78-7553-a869-fbb23742b92a', '01a22f09-ad67-752c-a78a-5e992835f21f', 1, 'not_found', 'no_amount_match', '[]', '01a22f09-ad52-70c9-9c0a-af57d0cfd494', '2026-11-26 13:22:00+00');
INSERT INTO reconbanker_0001.attempts VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ad79-7181-9260-e70d5a55df19', '01a22f09-ad67-752c-a78a-5e9ace2fbb3d', 1, 'not_found', 'no_amount_match', '[]', '01a22f09-ad52-70c9-9c0a-af57d0cfd494', '2026-11-26 13:22:00+00');
INSERT INTO reconbanker_0001.attempts VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-adad-76cd-b243-e2b3eaf0652f', '01a22f09-ad65-7797-9abb-3751b1c6e7f0', 2, 'matched', NULL, '[{"movement_id":"01a22f09-ad94-73bd-9dcc-a58027e7b923","score":1000,"why":"the names are equal; score 1000, no rival"}]', '01a22f09-ad86-70ff-936e-cec24bcf322a', '2026-11-26 13:22:00+00');
INSERT INTO reconbanker_0001.attempts VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-adb0-7061-9da6-b3228704afa2', '01a22f09-ad66-77c9-9456-214ffff0d6b0', 2, 'ambiguous', 'multiple_candidates', '[{"movement_id":"01a22f09-ad96-7053-a0d3-ebd0fe841218","score":1000,"why":"the names are equal"},{"movement_id":"01a22f09-ad96-7053-a0d3-ebd13e008c02","score":1000,"why":"the names are equal"}]', '01a22f09-ad86-70ff-936e-cec24bcf322a', '2026-11-26 13:22:00+00');
INSERT INTO reconbanker_0001.attempts VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-af14-760d-8c59-a6d1a655d65d', '01a22f09-ad67-752c-a78a-5e992835f21f', 2, 'matched', NULL, '[{"movement_id":"01a22f09-aeff-77ff-bfac-c3b1713325b4","score":1000,"why":"the names are equal; score 1000, no rival"}]', '01a22f09-aeee-74f7-a218-a809d0fb4256', '2026-11-26 14:17:00+00');
INSERT INTO reconbanker_0001.bank_logins VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-aeb4-7302-9e1f-e1f5b346581e', '01a22f09-a532-7137-a61c-8a1d487fa970', '\x7f22dd9465e0ae126924ff5aed1d038223167a78a0ae8fd3f5797f6ecc5a8974', '\x010aeca0245431ca875f4b9f10de9637558f0d67bb90c44f43389b30ed1dd60723182bd51a05b0cbb7', '\x010aeca024e290576a3a80f574d4763b0833c35170ea980e724444df488c3cd6a354214a80', 1, false, '2026-11-26 14:17:00+00', 'the bank refused the user name or the password', NULL, NULL, 1, '2026-11-26 14:17:00+00');
INSERT INTO reconbanker_0001.bank_logins VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ac36-7634-aac6-1993caf8de43', '01a22f09-a532-7137-a61c-8a1d487fa970', '\x063d812d23bf186e50cef0967748b30b88a5f7e99a3cafa9fc12dfc629dc5649', '\x010aeca02459810999b0e51b6f4495272022abd3a01d089effe8bc93a95e35690c7b64323fad3686b8', '\x010aeca0240c9f60a5de03be2cb32341cd671774bd6b802991194e7d1c25571ea3e9a700e9', 0, false, NULL, NULL, NULL, NULL, 6, '2026-11-20 13:00:00+00');
INSERT INTO reconbanker_0001.banks VALUES ('01a22f09-a532-7137-a61c-8a1d487fa970', 'demo-tabla', 'Banco Demo', 'http://127.0.0.1:35333', 'active', 'America/Montevideo');
INSERT INTO reconbanker_0001.cases VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-acd8-71cb-bb14-f7a214311565', '01a22f09-ac1e-75e1-95ab-07672775a48e', 'expired', 1, '2026-11-26 13:11:00+00');
INSERT INTO reconbanker_0001.cases VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ad65-7797-9abb-3751b1c6e7f0', '01a22f09-ac1e-75e1-95ab-07672775a48e', 'matched', 2, '2026-11-26 13:22:00+00');
INSERT INTO reconbanker_0001.cases VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ad66-77c9-9456-214ffff0d6b0', '01a22f09-ac1e-75e1-95ab-07672775a48e', 'ambiguous', 2, '2026-11-26 13:22:00+00');
INSERT INTO reconbanker_0001.cases VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ad67-752c-a78a-5e9ace2fbb3d', '01a22f09-ac1e-75e1-95ab-07672775a48e', 'cancelled', 1, '2026-11-26 13:44:00+00');
INSERT INTO reconbanker_0001.cases VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ad67-752c-a78a-5e992835f21f', '01a22f09-ac1e-75e1-95ab-07672775a48e', 'matched', 2, '2026-11-26 14:17:00+00');
INSERT INTO reconbanker_0001.deliveries VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ad0b-76d8-873f-c6dd2558c531', '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ad0b-76d8-873f-c6dc4d70fdd8', NULL, 'webhook', 'case', '01a22f09-acd8-71cb-bb14-f7a214311565', '\x7b2265787465726e616c5f6964223a224f524445522d4f4c44222c22737461747573223a2265787069726564222c22616d6f756e74223a37372e30302c2263757272656e6379223a22555955222c226e616d65223a224e61646965222c2274656e616e74223a2261636d65227d', 'delivered', 1, NULL, 200, NULL, '2026-11-26 13:11:00+00', '2026-11-26 13:11:00+00');
INSERT INTO reconbanker_0001.deliveries VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-adaf-7675-84ab-68cfb6cd765f', '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-adae-743e-b8be-9a5693c953a8', '01a22f09-ad86-70ff-936e-cec24bcf322a', 'webhook', 'case', '01a22f09-ad65-7797-9abb-3751b1c6e7f0', '\x7b2265787465726e616c5f6964223a224f524445522d31222c22737461747573223a226d617463686564222c22616d6f756e74223a313530302e30302c2263757272656e6379223a22555955222c226e616d65223a224a75616e2050c3a972657a222c2274656e616e74223a2261636d65227d', 'delivered', 1, NULL, 200, NULL, '2026-11-26 13:22:00+00', '2026-11-26 13:22:00+00');
INSERT INTO reconbanker_0001.deliveries VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-adb1-77a4-bdbb-872d36511684', '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-adb1-77a4-bdbb-872c765bdae0', '01a22f09-ad86-70ff-936e-cec24bcf322a', 'webhook', 'case', '01a22f09-ad66-77c9-9456-214ffff0d6b0', '\x7b2265787465726e616c5f6964223a224f524445522d32222c22737461747573223a22616d626967756f7573222c22616d6f756e74223a3530302e35302c2263757272656e6379223a22555955222c226e616d65223a22416e61204cc3b370657a222c2274656e616e74223a2261636d65227d', 'delivered', 1, NULL, 200, NULL, '2026-11-26 13:22:00+00', '2026-11-26 13:22:00+00');
INSERT INTO reconbanker_0001.deliveries VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-af16-76d1-ba83-341273ebd9a3', '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-af16-76d1-ba83-341194d47c69', '01a22f09-aeee-74f7-a218-a809d0fb4256', 'webhook', 'case', '01a22f09-ad67-752c-a78a-5e992835f21f', '\x7b2265787465726e616c5f6964223a224f524445522d33222c22737461747573223a226d617463686564222c22616d6f756e74223a3332302e30302c2263757272656e6379223a22555955222c226e616d65223a224c7569732056657261222c2274656e616e74223a2261636d65227d', 'pending', 1, '2026-11-26 14:17:05.685+00', 503, 'the receiver answered with status 503; check the receiver''s log', '2026-11-26 14:17:00+00', NULL);
INSERT INTO reconbanker_0001.delivery_attempts VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ad0b-76d8-873f-c6dd2558c531', 1, '2026-11-26 13:11:00+00', 200, NULL, 1);
INSERT INTO reconbanker_0001.delivery_attempts VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-adaf-7675-84ab-68cfb6cd765f', 1, '2026-11-26 13:22:00+00', 200, NULL, 1);
INSERT INTO reconbanker_0001.delivery_attempts VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-adb1-77a4-bdbb-872d36511684', 1, '2026-11-26 13:22:00+00', 200, NULL, 1);
INSERT INTO reconbanker_0001.delivery_attempts VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-af16-76d1-ba83-341273ebd9a3', 1, '2026-11-26 14:17:00+00', 503, 'the receiver answered with status 503; check the receiver''s log', 1);
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 1, '01a22f09-a8c9-7021-8d69-612fb0393ba3', '2026-11-20 13:00:00+00', 'org.registered', 'user', '01a22f09-a8c5-75e4-a637-986f22f9a69e', '127.0.0.1', NULL, '01a22f09-a8c5-75e4-a637-986f22f9a69e', NULL, '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 2, '01a22f09-abfe-7290-99cb-5427258239f8', '2026-11-20 13:00:00+00', 'user.logged_in', 'user', '01a22f09-a8c5-75e4-a637-986f22f9a69e', '127.0.0.1', NULL, '01a22f09-a8c5-75e4-a637-986f22f9a69e', NULL, '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 3, '01a22f09-ac12-755f-9c89-4ef3e239c6fa', '2026-11-20 13:00:00+00', 'org.operation_mode_changed', 'user', '01a22f09-a8c5-75e4-a637-986f22f9a69e', '127.0.0.1', NULL, NULL, NULL, '{"mode":"reconcile"}', '\x74018f10d7428adf6b2c2ae6054ebc7d042186cc5ff4ede7cc4b39d4041b42dc');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 4, '01a22f09-ac20-735c-ac98-a00fa77d46fc', '2026-11-20 13:00:00+00', 'account.created', 'user', '01a22f09-a8c5-75e4-a637-986f22f9a69e', '127.0.0.1', '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, NULL, '{"bank":"demo-tabla"}', '\x0f98d8000e929556fdabf508f31b720939ce04e1a60d43a60b44e386ba30b3cb');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 5, '01a22f09-ac3c-74b9-8259-9995c96259e1', '2026-11-20 13:00:00+00', 'account.configured', 'user', '01a22f09-a8c5-75e4-a637-986f22f9a69e', '127.0.0.1', '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, NULL, '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 6, '01a22f09-ac3f-70d3-8007-901222bcbaf1', '2026-11-20 13:00:00+00', 'run.requested', 'user', '01a22f09-a8c5-75e4-a637-986f22f9a69e', NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ac3d-70cc-a21f-a181f22a5055', '{"kind":"poll","trigger":"saved"}', '\xa88eac6d1c626cbaa571f69aa63fa76646211bad8c70ccd3d3a73049e99b86e9');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 7, '01a22f09-ac51-769e-bf6e-d7d2f664ace2', '2026-11-20 13:00:00+00', 'api_key.created', 'user', '01a22f09-a8c5-75e4-a637-986f22f9a69e', '127.0.0.1', NULL, '01a22f09-ac4f-7602-bbc5-690135e34039', NULL, '{"scopes":["otp:write"]}', '\x734256eeee423fd61ecfba487832ca289ad66988e7826474b75fbd8af526aa44');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 8, '01a22f09-ac61-70f7-9e64-882339f5e3de', '2026-11-20 13:00:00+00', 'account.configured', 'user', '01a22f09-a8c5-75e4-a637-986f22f9a69e', '127.0.0.1', '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, NULL, '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 9, '01a22f09-ac74-7004-b5e9-c35150d6f809', '2026-11-20 13:00:00+00', 'run.started', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ac3d-70cc-a21f-a181f22a5055', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 10, '01a22f09-ac80-725e-a5ea-b2158f72eadb', '2026-11-20 13:00:00+00', 'run.finished', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ac3d-70cc-a21f-a181f22a5055', '{"kind":"poll","outcome":"ok"}', '\xdc12f606b12b57637966fbdcdd2d052bf887b69624b410c06934327c64eb8ece');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 11, '01a22f09-ac95-7535-952b-a37d43d6831b', '2026-11-20 13:11:00+00', 'run.requested', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ac94-768d-a83a-e619b2aa9786', '{"kind":"scrape","trigger":"schedule"}', '\x5648c8cf0d65e1a9ab7046610819e6bf977ccf1927b1f6f12a9c89bdbdf01e48');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 12, '01a22f09-ac9a-729b-ac5e-c094aa758cbb', '2026-11-20 13:11:00+00', 'run.requested', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ac9a-729b-ac5e-c093eb683d23', '{"kind":"poll","trigger":"schedule"}', '\xfd32e8965bd175d62d9c7d292fab1955c9747c4b0afdb49f7f0b60ddd97f8af2');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 13, '01a22f09-acb1-734b-a549-9b22090b5221', '2026-11-20 13:11:00+00', 'run.started', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ac94-768d-a83a-e619b2aa9786', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 14, '01a22f09-acb7-70bf-8a62-0116a629bd5c', '2026-11-20 13:11:00+00', 'bank_login.submitted', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ac36-7634-aac6-1993caf8de43', '01a22f09-ac94-768d-a83a-e619b2aa9786', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 15, '01a22f09-acbc-7651-863f-986245fb725a', '2026-11-20 13:11:00+00', 'movements.ingested', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ac94-768d-a83a-e619b2aa9786', '{"complete":true,"new":0,"read":0}', '\xae6a72094c87450b90bd1b7afd520eb2f2eed9a46e90bcddc09b6beefee6aa1e');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 16, '01a22f09-acc0-72db-b434-dc409feb59c0', '2026-11-20 13:11:00+00', 'run.finished', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ac94-768d-a83a-e619b2aa9786', '{"kind":"scrape","outcome":"ok"}', '\xd1cd4d9bbd16ab68f0083466401ff4582f5fe7a3880a05f3a590705d45c0966b');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 17, '01a22f09-accf-754f-85e6-4d4a76544abc', '2026-11-20 13:11:00+00', 'run.started', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ac9a-729b-ac5e-c093eb683d23', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 18, '01a22f09-acda-76c4-b686-6ea0909e35c2', '2026-11-20 13:11:00+00', 'orders.ingested', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ac9a-729b-ac5e-c093eb683d23', '{"new":1}', '\x0b7c6bd2d9cb71d4eb2a19342dca9d14cf90f7f4b7fc3752239638cbb1b9f616');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 19, '01a22f09-acde-7418-bacf-dacd43535938', '2026-11-20 13:11:00+00', 'run.finished', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ac9a-729b-ac5e-c093eb683d23', '{"kind":"poll","outcome":"ok"}', '\xdc12f606b12b57637966fbdcdd2d052bf887b69624b410c06934327c64eb8ece');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 20, '01a22f09-acee-778f-9442-a89d33940868', '2026-11-20 13:11:00+00', 'case.not_found', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-acd8-71cb-bb14-f7a214311565', '01a22f09-ac9a-729b-ac5e-c093eb683d23', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 21, '01a22f09-acff-73af-9d3b-5214e73891b5', '2026-11-26 13:11:00+00', 'run.requested', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-acfe-764b-990d-7cddf6529dc8', '{"kind":"scrape","trigger":"schedule"}', '\x5648c8cf0d65e1a9ab7046610819e6bf977ccf1927b1f6f12a9c89bdbdf01e48');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 22, '01a22f09-ad03-726d-acab-9902cead2f9b', '2026-11-26 13:11:00+00', 'run.requested', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ad03-726d-acab-990189aa5701', '{"kind":"poll","trigger":"schedule"}', '\xfd32e8965bd175d62d9c7d292fab1955c9747c4b0afdb49f7f0b60ddd97f8af2');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 23, '01a22f09-ad0b-76d8-873f-c6dc4d70fdd8', '2026-11-26 13:11:00+00', 'case.expired', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-acd8-71cb-bb14-f7a214311565', NULL, '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 24, '01a22f09-ad19-702d-8d5b-71c82917ef38', '2026-11-26 13:11:00+00', 'run.started', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-acfe-764b-990d-7cddf6529dc8', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 25, '01a22f09-ad1d-741c-84b5-7cc03a6f29d3', '2026-11-26 13:11:00+00', 'bank_login.submitted', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ac36-7634-aac6-1993caf8de43', '01a22f09-acfe-764b-990d-7cddf6529dc8', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 26, '01a22f09-ad1f-71e5-9ad7-967599e8554d', '2026-11-26 13:11:00+00', 'movements.ingested', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-acfe-764b-990d-7cddf6529dc8', '{"complete":true,"new":0,"read":0}', '\xae6a72094c87450b90bd1b7afd520eb2f2eed9a46e90bcddc09b6beefee6aa1e');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 27, '01a22f09-ad23-72c9-9910-3ccfdd7a689c', '2026-11-26 13:11:00+00', 'run.finished', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-acfe-764b-990d-7cddf6529dc8', '{"kind":"scrape","outcome":"ok"}', '\xd1cd4d9bbd16ab68f0083466401ff4582f5fe7a3880a05f3a590705d45c0966b');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 28, '01a22f09-ad29-741c-8752-c13ae4a34f92', '2026-11-26 13:11:00+00', 'run.started', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ad03-726d-acab-990189aa5701', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 29, '01a22f09-ad32-74a7-a352-ecb45a03d474', '2026-11-26 13:11:00+00', 'run.finished', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ad03-726d-acab-990189aa5701', '{"kind":"poll","outcome":"ok"}', '\xdc12f606b12b57637966fbdcdd2d052bf887b69624b410c06934327c64eb8ece');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 30, '01a22f09-ad47-731d-84d8-7d4de71f58d3', '2026-11-26 13:11:00+00', 'delivery.succeeded', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ad0b-76d8-873f-c6dd2558c531', NULL, '{"attempts":1,"status":200}', '\x695ae705f26b6e607f598c6b8ef50c57db5399fda054f75bc69c466dd5c1deb7');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 31, '01a22f09-ad52-70c9-9c0a-af586be43d12', '2026-11-26 13:22:00+00', 'run.requested', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ad52-70c9-9c0a-af57d0cfd494', '{"kind":"poll","trigger":"schedule"}', '\xfd32e8965bd175d62d9c7d292fab1955c9747c4b0afdb49f7f0b60ddd97f8af2');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 32, '01a22f09-ad5e-7282-bdcb-4e8537e9f541', '2026-11-26 13:22:00+00', 'run.started', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ad52-70c9-9c0a-af57d0cfd494', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 33, '01a22f09-ad68-774c-a648-0bf3d31ba680', '2026-11-26 13:22:00+00', 'orders.ingested', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ad52-70c9-9c0a-af57d0cfd494', '{"new":4}', '\x77ea1d52b78bdd54c01ad060c848b0ef68e0579b42111f9999664f184a563525');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 34, '01a22f09-ad6c-72e5-a80e-31297132e5f5', '2026-11-26 13:22:00+00', 'run.finished', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ad52-70c9-9c0a-af57d0cfd494', '{"kind":"poll","outcome":"ok"}', '\xdc12f606b12b57637966fbdcdd2d052bf887b69624b410c06934327c64eb8ece');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 35, '01a22f09-ad76-749c-9345-d9e90949a4d2', '2026-11-26 13:22:00+00', 'case.not_found', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ad65-7797-9abb-3751b1c6e7f0', '01a22f09-ad52-70c9-9c0a-af57d0cfd494', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 36, '01a22f09-ad77-70a8-9aa1-5f1970659ed8', '2026-11-26 13:22:00+00', 'case.not_found', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ad66-77c9-9456-214ffff0d6b0', '01a22f09-ad52-70c9-9c0a-af57d0cfd494', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 37, '01a22f09-ad78-7553-a869-fbb3f70cd31d', '2026-11-26 13:22:00+00', 'case.not_found', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ad67-752c-a78a-5e992835f21f', '01a22f09-ad52-70c9-9c0a-af57d0cfd494', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 38, '01a22f09-ad79-7181-9260-e70e3d9c0d9e', '2026-11-26 13:22:00+00', 'case.not_found', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ad67-752c-a78a-5e9ace2fbb3d', '01a22f09-ad52-70c9-9c0a-af57d0cfd494', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 39, '01a22f09-ad87-73b5-8ea5-831266564488', '2026-11-26 13:22:00+00', 'run.requested', 'user', '01a22f09-a8c5-75e4-a637-986f22f9a69e', '127.0.0.1', '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ad86-70ff-936e-cec24bcf322a', '{"kind":"scrape","trigger":"manual"}', '\x3e1508bb5a13a23d469278a42a5d2ad821960b8fd306382814208db2c8b6302b');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 40, '01a22f09-ad8f-77b0-9c45-8370944324fc', '2026-11-26 13:22:00+00', 'run.started', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ad86-70ff-936e-cec24bcf322a', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 41, '01a22f09-ad92-732c-b3ad-08de8af47ca9', '2026-11-26 13:22:00+00', 'bank_login.submitted', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ac36-7634-aac6-1993caf8de43', '01a22f09-ad86-70ff-936e-cec24bcf322a', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 42, '01a22f09-ad98-71c5-9b40-913f11f613d8', '2026-11-26 13:22:00+00', 'movements.ingested', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ad86-70ff-936e-cec24bcf322a', '{"complete":true,"new":4,"read":4}', '\xf039a4a000d79e3458ffc3a5a34f1939df37f8bbe17547228e326488fcae6def');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 46, '01a22f09-adbe-7482-b82e-2378cf4c814e', '2026-11-26 13:22:00+00', 'delivery.succeeded', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-adaf-7675-84ab-68cfb6cd765f', '01a22f09-ad86-70ff-936e-cec24bcf322a', '{"attempts":1,"status":200}', '\x695ae705f26b6e607f598c6b8ef50c57db5399fda054f75bc69c466dd5c1deb7');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 49, '01a22f09-ade0-70d3-9afc-766a1072fc5f', '2026-11-26 13:33:00+00', 'run.started', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-add4-77c5-be77-9b6c8f94f026', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 50, '01a22f09-ade9-76bc-8613-33c9dbb815af', '2026-11-26 13:33:00+00', 'run.finished', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-add4-77c5-be77-9b6c8f94f026', '{"kind":"poll","outcome":"ok"}', '\xdc12f606b12b57637966fbdcdd2d052bf887b69624b410c06934327c64eb8ece');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 52, '01a22f09-adf8-731e-a179-a06a0e77997d', '2026-11-26 13:44:00+00', 'run.requested', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-adf8-731e-a179-a0697aaec4cc', '{"kind":"poll","trigger":"schedule"}', '\xfd32e8965bd175d62d9c7d292fab1955c9747c4b0afdb49f7f0b60ddd97f8af2');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 55, '01a22f09-ae0b-7638-9ac8-73cc3479ce97', '2026-11-26 13:44:00+00', 'movements.ingested', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-adf4-7219-bc0b-f362e5579099', '{"complete":true,"new":0,"read":4}', '\x686c568da3748de2b5f3b15181cbe95144009e02e1d85721515c984db8434781');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 57, '01a22f09-ae13-70c0-b16b-fdc7363b6611', '2026-11-26 13:44:00+00', 'run.started', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-adf8-731e-a179-a0697aaec4cc', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 59, '01a22f09-ae1e-7304-b641-158264d0bd4c', '2026-11-26 13:44:00+00', 'run.finished', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-adf8-731e-a179-a0697aaec4cc', '{"kind":"poll","outcome":"ok"}', '\xdc12f606b12b57637966fbdcdd2d052bf887b69624b410c06934327c64eb8ece');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 60, '01a22f09-ae31-7286-9540-225f0b724c60', '2026-11-26 13:55:00+00', 'run.requested', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ae31-7286-9540-225eeaf4a386', '{"kind":"poll","trigger":"schedule"}', '\xfd32e8965bd175d62d9c7d292fab1955c9747c4b0afdb49f7f0b60ddd97f8af2');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 62, '01a22f09-ae43-76b0-856a-8eae9cba8f6f', '2026-11-26 13:55:00+00', 'run.finished', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ae31-7286-9540-225eeaf4a386', '{"kind":"poll","outcome":"ok"}', '\xdc12f606b12b57637966fbdcdd2d052bf887b69624b410c06934327c64eb8ece');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 64, '01a22f09-ae52-73ea-8718-b89ffd903283', '2026-11-26 14:06:00+00', 'run.requested', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ae51-7122-8dc7-9df9f71d4be5', '{"kind":"poll","trigger":"schedule"}', '\xfd32e8965bd175d62d9c7d292fab1955c9747c4b0afdb49f7f0b60ddd97f8af2');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 67, '01a22f09-ae65-710b-beb4-56570f1ba7d4', '2026-11-26 14:06:00+00', 'movements.ingested', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ae4e-7614-bf83-9fb47b35ce72', '{"complete":true,"new":0,"read":4}', '\x686c568da3748de2b5f3b15181cbe95144009e02e1d85721515c984db8434781');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 69, '01a22f09-ae70-736f-9604-9892624bac97', '2026-11-26 14:06:00+00', 'run.started', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ae51-7122-8dc7-9df9f71d4be5', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 72, '01a22f09-ae96-70cb-beb2-ffd01e40c480', '2026-11-26 14:17:00+00', 'run.started', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ae8d-76f0-b5e4-2636453ea683', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 78, '01a22f09-aeca-70bc-9254-d480f9aff15e', '2026-11-26 14:17:00+00', 'run.started', 'engine', NULL, NULL, '01a22f09-aeac-7081-a37f-2d3ab76c3a37', NULL, '01a22f09-aebf-750c-a2f5-d713b996fe8c', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 85, '01a22f09-aefa-74e8-8696-3d8a716c5ca2', '2026-11-26 14:17:00+00', 'run.started', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-aeee-74f7-a218-a809d0fb4256', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 88, '01a22f09-af05-72e8-9217-9a3a59a41644', '2026-11-26 14:17:00+00', 'run.finished', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-aeee-74f7-a218-a809d0fb4256', '{"kind":"scrape","outcome":"ok"}', '\xd1cd4d9bbd16ab68f0083466401ff4582f5fe7a3880a05f3a590705d45c0966b');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 89, '01a22f09-af16-76d1-ba83-341194d47c69', '2026-11-26 14:17:00+00', 'case.matched', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ad67-752c-a78a-5e992835f21f', '01a22f09-aeee-74f7-a218-a809d0fb4256', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 43, '01a22f09-ad9c-750d-8f33-e55f1e6bcda8', '2026-11-26 13:22:00+00', 'run.finished', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ad86-70ff-936e-cec24bcf322a', '{"kind":"scrape","outcome":"ok"}', '\xd1cd4d9bbd16ab68f0083466401ff4582f5fe7a3880a05f3a590705d45c0966b');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 44, '01a22f09-adae-743e-b8be-9a5693c953a8', '2026-11-26 13:22:00+00', 'case.matched', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ad65-7797-9abb-3751b1c6e7f0', '01a22f09-ad86-70ff-936e-cec24bcf322a', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 45, '01a22f09-adb1-77a4-bdbb-872c765bdae0', '2026-11-26 13:22:00+00', 'case.ambiguous', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ad66-77c9-9456-214ffff0d6b0', '01a22f09-ad86-70ff-936e-cec24bcf322a', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 47, '01a22f09-adc8-72ea-b27a-fe10bf87306a', '2026-11-26 13:22:00+00', 'delivery.succeeded', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-adb1-77a4-bdbb-872d36511684', '01a22f09-ad86-70ff-936e-cec24bcf322a', '{"attempts":1,"status":200}', '\x695ae705f26b6e607f598c6b8ef50c57db5399fda054f75bc69c466dd5c1deb7');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 51, '01a22f09-adf4-7219-bc0b-f3637cd5421e', '2026-11-26 13:44:00+00', 'run.requested', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-adf4-7219-bc0b-f362e5579099', '{"kind":"scrape","trigger":"schedule"}', '\x5648c8cf0d65e1a9ab7046610819e6bf977ccf1927b1f6f12a9c89bdbdf01e48');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 53, '01a22f09-ae05-71da-b9fd-9700cb971a45', '2026-11-26 13:44:00+00', 'run.started', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-adf4-7219-bc0b-f362e5579099', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 56, '01a22f09-ae0e-743b-9db6-de0a9a8ec15a', '2026-11-26 13:44:00+00', 'run.finished', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-adf4-7219-bc0b-f362e5579099', '{"kind":"scrape","outcome":"ok"}', '\xd1cd4d9bbd16ab68f0083466401ff4582f5fe7a3880a05f3a590705d45c0966b');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 61, '01a22f09-ae3b-7495-b1a1-13b1daa9ee82', '2026-11-26 13:55:00+00', 'run.started', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ae31-7286-9540-225eeaf4a386', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 63, '01a22f09-ae4e-7614-bf83-9fb541050253', '2026-11-26 14:06:00+00', 'run.requested', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ae4e-7614-bf83-9fb47b35ce72', '{"kind":"scrape","trigger":"schedule"}', '\x5648c8cf0d65e1a9ab7046610819e6bf977ccf1927b1f6f12a9c89bdbdf01e48');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 65, '01a22f09-ae5f-7600-ad23-bc8a0fc12717', '2026-11-26 14:06:00+00', 'run.started', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ae4e-7614-bf83-9fb47b35ce72', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 68, '01a22f09-ae6a-7747-96f9-e0a5dc7b126f', '2026-11-26 14:06:00+00', 'run.finished', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ae4e-7614-bf83-9fb47b35ce72', '{"kind":"scrape","outcome":"ok"}', '\xd1cd4d9bbd16ab68f0083466401ff4582f5fe7a3880a05f3a590705d45c0966b');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 75, '01a22f09-aeb6-7636-b408-7c6f4ff3e7b3', '2026-11-26 14:17:00+00', 'account.configured', 'user', '01a22f09-a8c5-75e4-a637-986f22f9a69e', '127.0.0.1', '01a22f09-aeac-7081-a37f-2d3ab76c3a37', NULL, NULL, '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 76, '01a22f09-aeb7-7703-aff8-da5de8dac677', '2026-11-26 14:17:00+00', 'run.requested', 'user', '01a22f09-a8c5-75e4-a637-986f22f9a69e', NULL, '01a22f09-aeac-7081-a37f-2d3ab76c3a37', NULL, '01a22f09-aeb7-7703-aff8-da5cb6fe9b57', '{"kind":"poll","trigger":"saved"}', '\xa88eac6d1c626cbaa571f69aa63fa76646211bad8c70ccd3d3a73049e99b86e9');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 77, '01a22f09-aec0-7665-b823-3dd4e7f53f76', '2026-11-26 14:17:00+00', 'run.requested', 'user', '01a22f09-a8c5-75e4-a637-986f22f9a69e', '127.0.0.1', '01a22f09-aeac-7081-a37f-2d3ab76c3a37', NULL, '01a22f09-aebf-750c-a2f5-d713b996fe8c', '{"kind":"scrape","trigger":"manual"}', '\x3e1508bb5a13a23d469278a42a5d2ad821960b8fd306382814208db2c8b6302b');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 80, '01a22f09-aed0-76ea-bede-3877497a7315', '2026-11-26 14:17:00+00', 'account.blocked', 'engine', NULL, NULL, '01a22f09-aeac-7081-a37f-2d3ab76c3a37', NULL, '01a22f09-aebf-750c-a2f5-d713b996fe8c', '{"outcome":"invalid_credentials"}', '\x1849423a5e0ede5831036dec73c4b219fec570770ce4acf8cf9207e6ef894956');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 81, '01a22f09-aed2-70d6-b780-d5cf8ea90288', '2026-11-26 14:17:00+00', 'run.finished', 'engine', NULL, NULL, '01a22f09-aeac-7081-a37f-2d3ab76c3a37', NULL, '01a22f09-aebf-750c-a2f5-d713b996fe8c', '{"kind":"scrape","outcome":"invalid_credentials"}', '\x79a71f2f29bf013308abdf6298d7be6053e25aad63ceab73d2b4640d5dac6794');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 83, '01a22f09-aee0-74fa-8eac-8b8569fb75cf', '2026-11-26 14:17:00+00', 'run.finished', 'engine', NULL, NULL, '01a22f09-aeac-7081-a37f-2d3ab76c3a37', NULL, '01a22f09-aeb7-7703-aff8-da5cb6fe9b57', '{"kind":"poll","outcome":"endpoint_failed"}', '\xae79294c1c8907e35b85042d2ba82a44699281ea8f90960c16e6d7c4bbfabd3f');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 84, '01a22f09-aeef-716a-9bec-26fbb2a3c7bf', '2026-11-26 14:17:00+00', 'run.requested', 'user', '01a22f09-a8c5-75e4-a637-986f22f9a69e', '127.0.0.1', '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-aeee-74f7-a218-a809d0fb4256', '{"kind":"scrape","trigger":"manual"}', '\x3e1508bb5a13a23d469278a42a5d2ad821960b8fd306382814208db2c8b6302b');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 87, '01a22f09-af00-753e-ac9e-e247d238c208', '2026-11-26 14:17:00+00', 'movements.ingested', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-aeee-74f7-a218-a809d0fb4256', '{"complete":true,"new":1,"read":1}', '\x52547e31acdfa02824c5dd94e14d90394c5298828a48ae76e6061204910205e3');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 48, '01a22f09-add5-75ae-8de5-26db7a8c366b', '2026-11-26 13:33:00+00', 'run.requested', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-add4-77c5-be77-9b6c8f94f026', '{"kind":"poll","trigger":"schedule"}', '\xfd32e8965bd175d62d9c7d292fab1955c9747c4b0afdb49f7f0b60ddd97f8af2');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 54, '01a22f09-ae07-73b1-bfd4-b44630428eb0', '2026-11-26 13:44:00+00', 'bank_login.submitted', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ac36-7634-aac6-1993caf8de43', '01a22f09-adf4-7219-bc0b-f362e5579099', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 58, '01a22f09-ae1a-720e-a1a4-e32075ab7b41', '2026-11-26 13:44:00+00', 'order.cancelled', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ad67-752c-a78a-5e9ace2fbb3d', '01a22f09-adf8-731e-a179-a0697aaec4cc', '{"absent_polls":2}', '\x33cb65b33db6ab703c831e58b1f346c27f255248fefd59e25e4fdfb52762b423');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 66, '01a22f09-ae62-70c1-9af2-57b1bce42cdb', '2026-11-26 14:06:00+00', 'bank_login.submitted', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ac36-7634-aac6-1993caf8de43', '01a22f09-ae4e-7614-bf83-9fb47b35ce72', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 70, '01a22f09-ae78-738d-8215-30d90a89e780', '2026-11-26 14:06:00+00', 'run.finished', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ae51-7122-8dc7-9df9f71d4be5', '{"kind":"poll","outcome":"ok"}', '\xdc12f606b12b57637966fbdcdd2d052bf887b69624b410c06934327c64eb8ece');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 71, '01a22f09-ae8d-76f0-b5e4-2637db682d57', '2026-11-26 14:17:00+00', 'run.requested', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ae8d-76f0-b5e4-2636453ea683', '{"kind":"poll","trigger":"schedule"}', '\xfd32e8965bd175d62d9c7d292fab1955c9747c4b0afdb49f7f0b60ddd97f8af2');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 73, '01a22f09-ae9e-75d5-90d4-02b0e7a1a0da', '2026-11-26 14:17:00+00', 'run.finished', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', NULL, '01a22f09-ae8d-76f0-b5e4-2636453ea683', '{"kind":"poll","outcome":"ok"}', '\xdc12f606b12b57637966fbdcdd2d052bf887b69624b410c06934327c64eb8ece');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 74, '01a22f09-aead-774f-9da9-bb054a377c0f', '2026-11-26 14:17:00+00', 'account.created', 'user', '01a22f09-a8c5-75e4-a637-986f22f9a69e', '127.0.0.1', '01a22f09-aeac-7081-a37f-2d3ab76c3a37', NULL, NULL, '{"bank":"demo-tabla"}', '\x0f98d8000e929556fdabf508f31b720939ce04e1a60d43a60b44e386ba30b3cb');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 79, '01a22f09-aece-75e0-86ff-2493fc2c9627', '2026-11-26 14:17:00+00', 'bank_login.submitted', 'engine', NULL, NULL, '01a22f09-aeac-7081-a37f-2d3ab76c3a37', '01a22f09-aeb4-7302-9e1f-e1f5b346581e', '01a22f09-aebf-750c-a2f5-d713b996fe8c', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 82, '01a22f09-aeda-7347-8670-caf56a0d3ed0', '2026-11-26 14:17:00+00', 'run.started', 'engine', NULL, NULL, '01a22f09-aeac-7081-a37f-2d3ab76c3a37', NULL, '01a22f09-aeb7-7703-aff8-da5cb6fe9b57', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 86, '01a22f09-aefc-7776-93ad-f6d1dfdecd60', '2026-11-26 14:17:00+00', 'bank_login.submitted', 'engine', NULL, NULL, '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ac36-7634-aac6-1993caf8de43', '01a22f09-aeee-74f7-a218-a809d0fb4256', '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 90, '01a22f09-af31-753e-8b9d-f6ba6cd80dc7', '2026-11-26 14:17:00+00', 'account.created', 'user', '01a22f09-a8c5-75e4-a637-986f22f9a69e', '127.0.0.1', '01a22f09-af30-73ed-ae5c-fca6331fbda2', NULL, NULL, '{"bank":"demo-tabla"}', '\x0f98d8000e929556fdabf508f31b720939ce04e1a60d43a60b44e386ba30b3cb');
INSERT INTO reconbanker_0001.events VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 91, '01a22f09-af39-7745-b9ae-6e6caf972983', '2026-11-26 14:17:00+00', 'account.deleted', 'user', '01a22f09-a8c5-75e4-a637-986f22f9a69e', '127.0.0.1', '01a22f09-af30-73ed-ae5c-fca6331fbda2', NULL, NULL, '{}', '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO reconbanker_0001.expected_payments VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-acd8-71cb-bb14-f7a214311565', '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ac9a-729b-ac5e-c093eb683d23', 'order', 'ORDER-OLD', '00000000000000000077.000000000000000000', 'UYU', 'Nadie', '2026-11-20 13:11:00+00', 0, NULL, false);
INSERT INTO reconbanker_0001.expected_payments VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ad65-7797-9abb-3751b1c6e7f0', '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ad52-70c9-9c0a-af57d0cfd494', 'order', 'ORDER-1', '00000000000000001500.000000000000000000', 'UYU', 'Juan Pérez', '2026-11-26 13:22:00+00', 0, NULL, false);
INSERT INTO reconbanker_0001.expected_payments VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ad66-77c9-9456-214ffff0d6b0', '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ad52-70c9-9c0a-af57d0cfd494', 'order', 'ORDER-2', '00000000000000000500.500000000000000000', 'UYU', 'Ana López', '2026-11-26 13:22:00+00', 0, NULL, false);
INSERT INTO reconbanker_0001.expected_payments VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ad67-752c-a78a-5e992835f21f', '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ad52-70c9-9c0a-af57d0cfd494', 'order', 'ORDER-3', '00000000000000000320.000000000000000000', 'UYU', 'Luis Vera', '2026-11-26 13:22:00+00', 0, NULL, false);
INSERT INTO reconbanker_0001.expected_payments VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ad67-752c-a78a-5e9ace2fbb3d', '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ad52-70c9-9c0a-af57d0cfd494', 'order', 'ORDER-4', '00000000000000000045.100000000000000000', 'UYU', 'Rosa Gil', '2026-11-26 13:22:00+00', 2, '2026-11-26 13:33:00+00', false);
INSERT INTO reconbanker_0001.installation VALUES ('this', '\x84a66f6a9e3a99ceab03b237af8cdc6a36cf009210d39e059d0b2d7fcd0f48a2', '2026-11-20 13:00:00+00');
INSERT INTO reconbanker_0001.jobs VALUES ('01a22f09-af21-775d-8e38-4ed2a89c6f32', '01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 'deliver', '01a22f09-af16-76d1-ba83-341273ebd9a3', '01a22f09-aeee-74f7-a218-a809d0fb4256', 'ready', '2026-11-26 14:17:05.685+00', 0, NULL, NULL, 0, NULL, '2026-11-26 14:17:00+00');
INSERT INTO reconbanker_0001.movements VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ad96-7053-a0d3-ebd0fe841218', '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ad86-70ff-936e-cec24bcf322a', '0011234567', 'F2', 1, 0, 'F2-0', '2026-11-26', NULL, '2026-11-26 03:00:00+00', '2026-11-26 13:22:00+00', '00000000000000000500.500000000000000000', 'credit', 'UYU', 'booked', 'TRANSFERENCIA DE JUAN PEREZ', 'ANA LOPEZ', NULL, '-12.50', '{}', false, NULL, NULL);
INSERT INTO reconbanker_0001.movements VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ad96-7053-a0d3-ebd13e008c02', '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ad86-70ff-936e-cec24bcf322a', '0011234567', 'F3', 1, 0, 'F3-0', '2026-11-26', NULL, '2026-11-26 03:00:00+00', '2026-11-26 13:22:00+00', '00000000000000000500.500000000000000000', 'credit', 'UYU', 'booked', 'TRANSFERENCIA DE JUAN PEREZ', 'ANA LOPEZ', NULL, '-12.50', '{}', false, NULL, NULL);
INSERT INTO reconbanker_0001.movements VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ad97-71f7-b8fe-9ea5914e2de0', '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ad86-70ff-936e-cec24bcf322a', '0011234567', 'F4', 1, 0, 'F4-0', '2026-11-26', NULL, '2026-11-26 03:00:00+00', '2026-11-26 13:22:00+00', '00000000000000000009.990000000000000000', 'credit', 'UYU', 'booked', 'TRANSFERENCIA DE JUAN PEREZ', NULL, NULL, '-12.50', '{}', false, NULL, NULL);
INSERT INTO reconbanker_0001.movements VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ad94-73bd-9dcc-a58027e7b923', '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-ad86-70ff-936e-cec24bcf322a', '0011234567', 'F1', 1, 0, 'F1-0', '2026-11-26', NULL, '2026-11-26 03:00:00+00', '2026-11-26 13:22:00+00', '00000000000000001500.000000000000000000', 'credit', 'UYU', 'booked', 'TRANSFERENCIA DE JUAN PEREZ', 'JUAN PEREZ', NULL, '-12.50', '{}', false, NULL, '2026-11-26 13:22:00+00');
INSERT INTO reconbanker_0001.movements VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-aeff-77ff-bfac-c3b1713325b4', '01a22f09-ac1e-75e1-95ab-07672775a48e', '01a22f09-aeee-74f7-a218-a809d0fb4256', '0011234567', 'F5', 1, 0, 'F5-0', '2026-11-26', NULL, '2026-11-26 03:00:00+00', '2026-11-26 14:17:00+00', '00000000000000000320.000000000000000000', 'credit', 'UYU', 'booked', 'TRANSFERENCIA DE JUAN PEREZ', 'LUIS VERA', NULL, '-12.50', '{}', false, NULL, '2026-11-26 14:17:00+00');
INSERT INTO reconbanker_0001.orgs VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', 'owner@shop.example', 'reconcile', 91, '2026-11-20 13:00:00+00');
INSERT INTO reconbanker_0001.runs VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ac3d-70cc-a21f-a181f22a5055', '01a22f09-ac1e-75e1-95ab-07672775a48e', 'poll', 'finished', 'saved', 'ok', NULL, '{"cancelled":0,"changed":0,"listed":0,"new":0,"reopened":0,"seen":0,"skipped":[],"skipped_count":0}', '2026-11-20 13:00:00+00', '2026-11-20 13:00:00+00', '2026-11-20 13:00:00+00');
INSERT INTO reconbanker_0001.runs VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ac94-768d-a83a-e619b2aa9786', '01a22f09-ac1e-75e1-95ab-07672775a48e', 'scrape', 'finished', 'schedule', 'ok', NULL, '{"bank_accounts":1,"drift":[],"rows_new":0,"rows_read":0,"stages":[],"submitted":true}', '2026-11-20 13:11:00+00', '2026-11-20 13:11:00+00', '2026-11-20 13:11:00+00');
INSERT INTO reconbanker_0001.runs VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ac9a-729b-ac5e-c093eb683d23', '01a22f09-ac1e-75e1-95ab-07672775a48e', 'poll', 'finished', 'schedule', 'ok', NULL, '{"cancelled":0,"changed":0,"listed":1,"new":1,"reopened":0,"seen":0,"skipped":[],"skipped_count":0}', '2026-11-20 13:11:00+00', '2026-11-20 13:11:00+00', '2026-11-20 13:11:00+00');
INSERT INTO reconbanker_0001.runs VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-acfe-764b-990d-7cddf6529dc8', '01a22f09-ac1e-75e1-95ab-07672775a48e', 'scrape', 'finished', 'schedule', 'ok', NULL, '{"bank_accounts":1,"drift":[],"rows_new":0,"rows_read":0,"stages":[],"submitted":true}', '2026-11-26 13:11:00+00', '2026-11-26 13:11:00+00', '2026-11-26 13:11:00+00');
INSERT INTO reconbanker_0001.runs VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ad03-726d-acab-990189aa5701', '01a22f09-ac1e-75e1-95ab-07672775a48e', 'poll', 'finished', 'schedule', 'ok', NULL, '{"cancelled":0,"changed":0,"listed":1,"new":0,"reopened":0,"seen":1,"skipped":[],"skipped_count":0}', '2026-11-26 13:11:00+00', '2026-11-26 13:11:00+00', '2026-11-26 13:11:00+00');
INSERT INTO reconbanker_0001.runs VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ad52-70c9-9c0a-af57d0cfd494', '01a22f09-ac1e-75e1-95ab-07672775a48e', 'poll', 'finished', 'schedule', 'ok', NULL, '{"cancelled":0,"changed":0,"listed":5,"new":4,"reopened":0,"seen":1,"skipped":[],"skipped_count":0}', '2026-11-26 13:22:00+00', '2026-11-26 13:22:00+00', '2026-11-26 13:22:00+00');
INSERT INTO reconbanker_0001.runs VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ad86-70ff-936e-cec24bcf322a', '01a22f09-ac1e-75e1-95ab-07672775a48e', 'scrape', 'finished', 'manual', 'ok', NULL, '{"bank_accounts":1,"drift":[],"rows_new":4,"rows_read":4,"stages":[],"submitted":true}', '2026-11-26 13:22:00+00', '2026-11-26 13:22:00+00', '2026-11-26 13:22:00+00');
INSERT INTO reconbanker_0001.runs VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-add4-77c5-be77-9b6c8f94f026', '01a22f09-ac1e-75e1-95ab-07672775a48e', 'poll', 'finished', 'schedule', 'ok', NULL, '{"cancelled":0,"changed":0,"listed":4,"new":0,"reopened":0,"seen":4,"skipped":[],"skipped_count":0}', '2026-11-26 13:33:00+00', '2026-11-26 13:33:00+00', '2026-11-26 13:33:00+00');
INSERT INTO reconbanker_0001.runs VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-adf4-7219-bc0b-f362e5579099', '01a22f09-ac1e-75e1-95ab-07672775a48e', 'scrape', 'finished', 'schedule', 'ok', NULL, '{"bank_accounts":1,"drift":[],"rows_new":0,"rows_read":4,"stages":[],"submitted":true}', '2026-11-26 13:44:00+00', '2026-11-26 13:44:00+00', '2026-11-26 13:44:00+00');
INSERT INTO reconbanker_0001.runs VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-adf8-731e-a179-a0697aaec4cc', '01a22f09-ac1e-75e1-95ab-07672775a48e', 'poll', 'finished', 'schedule', 'ok', NULL, '{"cancelled":1,"changed":0,"listed":4,"new":0,"reopened":0,"seen":4,"skipped":[],"skipped_count":0}', '2026-11-26 13:44:00+00', '2026-11-26 13:44:00+00', '2026-11-26 13:44:00+00');
INSERT INTO reconbanker_0001.runs VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ae31-7286-9540-225eeaf4a386', '01a22f09-ac1e-75e1-95ab-07672775a48e', 'poll', 'finished', 'schedule', 'ok', NULL, '{"cancelled":0,"changed":0,"listed":4,"new":0,"reopened":0,"seen":4,"skipped":[],"skipped_count":0}', '2026-11-26 13:55:00+00', '2026-11-26 13:55:00+00', '2026-11-26 13:55:00+00');
INSERT INTO reconbanker_0001.runs VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ae4e-7614-bf83-9fb47b35ce72', '01a22f09-ac1e-75e1-95ab-07672775a48e', 'scrape', 'finished', 'schedule', 'ok', NULL, '{"bank_accounts":1,"drift":[],"rows_new":0,"rows_read":4,"stages":[],"submitted":true}', '2026-11-26 14:06:00+00', '2026-11-26 14:06:00+00', '2026-11-26 14:06:00+00');
INSERT INTO reconbanker_0001.runs VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ae51-7122-8dc7-9df9f71d4be5', '01a22f09-ac1e-75e1-95ab-07672775a48e', 'poll', 'finished', 'schedule', 'ok', NULL, '{"cancelled":0,"changed":0,"listed":4,"new":0,"reopened":0,"seen":4,"skipped":[],"skipped_count":0}', '2026-11-26 14:06:00+00', '2026-11-26 14:06:00+00', '2026-11-26 14:06:00+00');
INSERT INTO reconbanker_0001.runs VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-ae8d-76f0-b5e4-2636453ea683', '01a22f09-ac1e-75e1-95ab-07672775a48e', 'poll', 'finished', 'schedule', 'ok', NULL, '{"cancelled":0,"changed":0,"listed":4,"new":0,"reopened":0,"seen":4,"skipped":[],"skipped_count":0}', '2026-11-26 14:17:00+00', '2026-11-26 14:17:00+00', '2026-11-26 14:17:00+00');
INSERT INTO reconbanker_0001.runs VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-aebf-750c-a2f5-d713b996fe8c', '01a22f09-aeac-7081-a37f-2d3ab76c3a37', 'scrape', 'finished', 'manual', 'invalid_credentials', 'as the test says', '{"bank_accounts":0,"drift":[],"rows_new":0,"rows_read":0,"stages":[],"submitted":true}', '2026-11-26 14:17:00+00', '2026-11-26 14:17:00+00', '2026-11-26 14:17:00+00');
INSERT INTO reconbanker_0001.runs VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-aeb7-7703-aff8-da5cb6fe9b57', '01a22f09-aeac-7081-a37f-2d3ab76c3a37', 'poll', 'finished', 'saved', 'endpoint_failed', 'could not connect to 127.0.0.1:9 (Connection refused (os error 111)); check that it is up and reachable from this server', '{}', '2026-11-26 14:17:00+00', '2026-11-26 14:17:00+00', '2026-11-26 14:17:00+00');
INSERT INTO reconbanker_0001.runs VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-aeee-74f7-a218-a809d0fb4256', '01a22f09-ac1e-75e1-95ab-07672775a48e', 'scrape', 'finished', 'manual', 'ok', NULL, '{"bank_accounts":1,"drift":[],"rows_new":1,"rows_read":1,"stages":[],"submitted":true}', '2026-11-26 14:17:00+00', '2026-11-26 14:17:00+00', '2026-11-26 14:17:00+00');
INSERT INTO reconbanker_0001.users VALUES ('01a22f09-a8c4-70d3-b07a-4e415a6a8c1a', '01a22f09-a8c5-75e4-a637-986f22f9a69e', 'owner@shop.example', NULL, '$argon2id$v=19$m=19456,t=2,p=1$ZbhXkHHJvDgfeoBn/bEN5Q$YmAHMSw4J685Is0XVPajKS+jpK/0zzMkj8vSbXZRH6w', 'admin', '2026-11-20 13:00:00+00');
ALTER TABLE ONLY reconbanker_0001._sqlx_migrations
    ADD CONSTRAINT _sqlx_migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY reconbanker_0001.account_configs
    ADD CONSTRAINT account_configs_pkey PRIMARY KEY (org_id, account_id);
ALTER TABLE ONLY reconbanker_0001.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (org_id, id);
ALTER TABLE ONLY reconbanker_0001.allocations
    ADD CONSTRAINT allocations_pkey PRIMARY KEY (org_id, id);
ALTER TABLE ONLY reconbanker_0001.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (org_id, id);
ALTER TABLE ONLY reconbanker_0001.api_keys
    ADD CONSTRAINT api_keys_prefix_key UNIQUE (prefix);
ALTER TABLE ONLY reconbanker_0001.attempts
    ADD CONSTRAINT attempts_org_id_case_id_number_key UNIQUE (org_id, case_id, number);
ALTER TABLE ONLY reconbanker_0001.attempts
    ADD CONSTRAINT attempts_pkey PRIMARY KEY (org_id, id);
ALTER TABLE ONLY reconbanker_0001.bank_logins
    ADD CONSTRAINT bank_logins_org_id_bank_id_username_hash_key UNIQUE (org_id, bank_id, username_hash);
ALTER TABLE ONLY reconbanker_0001.bank_logins
    ADD CONSTRAINT bank_logins_pkey PRIMARY KEY (org_id, id);
ALTER TABLE ONLY reconbanker_0001.banks
    ADD CONSTRAINT banks_code_key UNIQUE (code);
ALTER TABLE ONLY reconbanker_0001.banks
    ADD CONSTRAINT banks_pkey PRIMARY KEY (id);
ALTER TABLE ONLY reconbanker_0001.cases
    ADD CONSTRAINT cases_pkey PRIMARY KEY (org_id, id);
ALTER TABLE ONLY reconbanker_0001.deliveries
    ADD CONSTRAINT deliveries_pkey PRIMARY KEY (org_id, id);
ALTER TABLE ONLY reconbanker_0001.delivery_attempts
    ADD CONSTRAINT delivery_attempts_pkey PRIMARY KEY (org_id, delivery_id, number);
ALTER TABLE ONLY reconbanker_0001.events
    ADD CONSTRAINT events_org_id_id_key UNIQUE (org_id, id);
ALTER TABLE ONLY reconbanker_0001.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (org_id, seq);
ALTER TABLE ONLY reconbanker_0001.expected_payments
    ADD CONSTRAINT expected_payments_org_id_account_id_external_id_key UNIQUE (org_id, account_id, external_id);
ALTER TABLE ONLY reconbanker_0001.expected_payments
    ADD CONSTRAINT expected_payments_pkey PRIMARY KEY (org_id, id);
ALTER TABLE ONLY reconbanker_0001.installation
    ADD CONSTRAINT installation_pkey PRIMARY KEY (name);
ALTER TABLE ONLY reconbanker_0001.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY reconbanker_0001.movements
    ADD CONSTRAINT movements_org_id_account_id_bank_account_fingerprint_ordina_key UNIQUE (org_id, account_id, bank_account, fingerprint, ordinal);
ALTER TABLE ONLY reconbanker_0001.movements
    ADD CONSTRAINT movements_pkey PRIMARY KEY (org_id, id);
ALTER TABLE ONLY reconbanker_0001.orgs
    ADD CONSTRAINT orgs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY reconbanker_0001.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (org_id, id);
ALTER TABLE ONLY reconbanker_0001.users
    ADD CONSTRAINT users_email_key UNIQUE (email);
ALTER TABLE ONLY reconbanker_0001.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (org_id, id);
CREATE INDEX accounts_by_login ON reconbanker_0001.accounts USING btree (org_id, bank_login_id);
CREATE UNIQUE INDEX allocations_one_per_case ON reconbanker_0001.allocations USING btree (org_id, case_id) WHERE (voided_at IS NULL);
CREATE UNIQUE INDEX allocations_one_per_movement ON reconbanker_0001.allocations USING btree (org_id, movement_id) WHERE (voided_at IS NULL);
CREATE INDEX api_keys_of_user ON reconbanker_0001.api_keys USING btree (org_id, user_id, created_at);
CREATE INDEX cases_open ON reconbanker_0001.cases USING btree (org_id, account_id) WHERE (status = ANY (ARRAY['pending'::text, 'not_found'::text, 'ambiguous'::text]));
CREATE INDEX deliveries_due ON reconbanker_0001.deliveries USING btree (next_at) WHERE (state = 'pending'::text);
CREATE INDEX deliveries_of_subject ON reconbanker_0001.deliveries USING btree (org_id, subject_kind, subject_id, created_at);
CREATE INDEX events_by_subject ON reconbanker_0001.events USING btree (org_id, subject_id, kind, at);
CREATE INDEX expected_payments_newest_first ON reconbanker_0001.expected_payments USING btree (org_id, registered_at, id);
CREATE INDEX jobs_by_subject ON reconbanker_0001.jobs USING btree (org_id, subject);
CREATE INDEX jobs_claimable ON reconbanker_0001.jobs USING btree (queue, run_at, id) WHERE (state = 'ready'::text);
CREATE INDEX jobs_leased ON reconbanker_0001.jobs USING btree (queue, lease_until) WHERE (state = 'running'::text);
CREATE UNIQUE INDEX jobs_one_ready ON reconbanker_0001.jobs USING btree (queue, org_id, subject) WHERE (state = 'ready'::text);
CREATE INDEX movements_free ON reconbanker_0001.movements USING btree (org_id, account_id, currency, amount) WHERE ((excluded_at IS NULL) AND (status = 'booked'::text) AND (direction = 'credit'::text));
CREATE INDEX movements_newest_first ON reconbanker_0001.movements USING btree (org_id, account_id, received_at, first_seen_at, id);
CREATE INDEX runs_newest_first ON reconbanker_0001.runs USING btree (org_id, account_id, requested_at, id);
CREATE INDEX runs_of_account ON reconbanker_0001.runs USING btree (org_id, account_id, kind, started_at);
CREATE UNIQUE INDEX runs_one_queued ON reconbanker_0001.runs USING btree (org_id, account_id, kind) WHERE (state = 'queued'::text);
CREATE INDEX runs_unfinished ON reconbanker_0001.runs USING btree (state, started_at) WHERE (state <> 'finished'::text);
ALTER TABLE ONLY reconbanker_0001.account_configs
    ADD CONSTRAINT account_configs_org_id_account_id_fkey FOREIGN KEY (org_id, account_id) REFERENCES reconbanker_0001.accounts(org_id, id);
ALTER TABLE ONLY reconbanker_0001.accounts
    ADD CONSTRAINT accounts_bank_id_fkey FOREIGN KEY (bank_id) REFERENCES reconbanker_0001.banks(id);
ALTER TABLE ONLY reconbanker_0001.accounts
    ADD CONSTRAINT accounts_org_id_bank_login_id_fkey FOREIGN KEY (org_id, bank_login_id) REFERENCES reconbanker_0001.bank_logins(org_id, id);
ALTER TABLE ONLY reconbanker_0001.accounts
    ADD CONSTRAINT accounts_org_id_fkey FOREIGN KEY (org_id) REFERENCES reconbanker_0001.orgs(id);
ALTER TABLE ONLY reconbanker_0001.allocations
    ADD CONSTRAINT allocations_org_id_case_id_fkey FOREIGN KEY (org_id, case_id) REFERENCES reconbanker_0001.cases(org_id, id);
ALTER TABLE ONLY reconbanker_0001.allocations
    ADD CONSTRAINT allocations_org_id_movement_id_fkey FOREIGN KEY (org_id, movement_id) REFERENCES reconbanker_0001.movements(org_id, id);
ALTER TABLE ONLY reconbanker_0001.api_keys
    ADD CONSTRAINT api_keys_org_id_user_id_fkey FOREIGN KEY (org_id, user_id) REFERENCES reconbanker_0001.users(org_id, id);
ALTER TABLE ONLY reconbanker_0001.attempts
    ADD CONSTRAINT attempts_org_id_case_id_fkey FOREIGN KEY (org_id, case_id) REFERENCES reconbanker_0001.cases(org_id, id);
ALTER TABLE ONLY reconbanker_0001.bank_logins
    ADD CONSTRAINT bank_logins_bank_id_fkey FOREIGN KEY (bank_id) REFERENCES reconbanker_0001.banks(id);
ALTER TABLE ONLY reconbanker_0001.bank_logins
    ADD CONSTRAINT bank_logins_org_id_fkey FOREIGN KEY (org_id) REFERENCES reconbanker_0001.orgs(id);
ALTER TABLE ONLY reconbanker_0001.cases
    ADD CONSTRAINT cases_org_id_id_fkey FOREIGN KEY (org_id, id) REFERENCES reconbanker_0001.expected_payments(org_id, id);
ALTER TABLE ONLY reconbanker_0001.deliveries
    ADD CONSTRAINT deliveries_org_id_account_id_fkey FOREIGN KEY (org_id, account_id) REFERENCES reconbanker_0001.accounts(org_id, id);
ALTER TABLE ONLY reconbanker_0001.deliveries
    ADD CONSTRAINT deliveries_org_id_event_id_fkey FOREIGN KEY (org_id, event_id) REFERENCES reconbanker_0001.events(org_id, id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY reconbanker_0001.delivery_attempts
    ADD CONSTRAINT delivery_attempts_org_id_delivery_id_fkey FOREIGN KEY (org_id, delivery_id) REFERENCES reconbanker_0001.deliveries(org_id, id);
ALTER TABLE ONLY reconbanker_0001.events
    ADD CONSTRAINT events_org_id_fkey FOREIGN KEY (org_id) REFERENCES reconbanker_0001.orgs(id);
ALTER TABLE ONLY reconbanker_0001.expected_payments
    ADD CONSTRAINT expected_payments_org_id_account_id_fkey FOREIGN KEY (org_id, account_id) REFERENCES reconbanker_0001.accounts(org_id, id);
ALTER TABLE ONLY reconbanker_0001.expected_payments
    ADD CONSTRAINT expected_payments_org_id_run_id_fkey FOREIGN KEY (org_id, run_id) REFERENCES reconbanker_0001.runs(org_id, id);
ALTER TABLE ONLY reconbanker_0001.movements
    ADD CONSTRAINT movements_org_id_account_id_fkey FOREIGN KEY (org_id, account_id) REFERENCES reconbanker_0001.accounts(org_id, id);
ALTER TABLE ONLY reconbanker_0001.movements
    ADD CONSTRAINT movements_org_id_run_id_fkey FOREIGN KEY (org_id, run_id) REFERENCES reconbanker_0001.runs(org_id, id);
ALTER TABLE ONLY reconbanker_0001.runs
    ADD CONSTRAINT runs_org_id_account_id_fkey FOREIGN KEY (org_id, account_id) REFERENCES reconbanker_0001.accounts(org_id, id);
ALTER TABLE ONLY reconbanker_0001.users
    ADD CONSTRAINT users_org_id_fkey FOREIGN KEY (org_id) REFERENCES reconbanker_0001.orgs(id);
