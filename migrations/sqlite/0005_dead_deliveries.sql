-- Webhooks that were given up are counted at each reading of /metrics, and are few among all that were ever sent.
CREATE INDEX deliveries_dead ON deliveries (org_id, account_id) WHERE state = 'dead';
