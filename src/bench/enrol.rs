//! Accounts to measure with, enrolled as the API enrols them but for the secrets: nothing opens those.

use anyhow::Context;
use chrono::TimeDelta;

use crate::domain::account::{AuthType, LoginMode, OperationMode, PollingMethod, SessionType};
use crate::domain::ids::{AccountId, BankLoginId, JobId, OrgId, RunId};
use crate::domain::run::{RunKind, Trigger};
use crate::jobs::Deps;
use crate::store::accounts::NewAccount;
use crate::store::bank_logins::{Lease, NewBankLogin};
use crate::store::configs::AccountConfig;
use crate::store::jobs::{Job, NewJob, Queue};
use crate::store::runs::Run;

/// Where webhooks would go; nothing is sent while nobody works the queue.
const WEBHOOK: &str = "http://127.0.0.1:9/webhook";
/// When the schedule would first do something of its own accord.
const FAR_OFF: TimeDelta = TimeDelta::days(3_650);
const SECRET: &[u8] = b"not opened by a measurement";

/// An organisation that reconciles.
pub(super) async fn organisation(deps: &Deps) -> anyhow::Result<OrgId> {
    let org = OrgId(deps.ids.next());
    let mut tx = deps.store.write().await?;
    tx.insert_org(org, "Bench", deps.now()).await?;
    tx.set_operation_mode(org, OperationMode::Reconcile).await?;
    tx.commit().await?;
    Ok(org)
}

/// An account of it with a bank login of its own, for which nothing is due in ten years.
pub(super) async fn account(
    deps: &Deps,
    org: OrgId,
    pending_orders_endpoint: Option<String>,
) -> anyhow::Result<(AccountId, BankLoginId)> {
    let now = deps.now();
    let (account, login) = (AccountId(deps.ids.next()), BankLoginId(deps.ids.next()));
    let mut tx = deps.store.write().await?;
    let bank = tx.banks().await?.into_iter().next().context("no bank is in the catalogue")?;
    let new = NewBankLogin {
        org_id: org,
        id: login,
        bank_id: bank.id,
        username_hash: login.0.as_bytes(),
        username_sealed: SECRET,
        password_sealed: SECRET,
    };
    tx.insert_bank_login(&new, now).await?;
    let new = NewAccount {
        org_id: org,
        id: account,
        bank_id: bank.id,
        name: "Operating account",
        enrolled_on: now.date_naive(),
        signing_secret_sealed: SECRET,
    };
    tx.insert_account(&new, now).await?;
    tx.set_account_login(org, account, login).await?;
    let config = AccountConfig {
        id: deps.ids.next(),
        pending_orders_endpoint,
        polling_method: PollingMethod::Get,
        polling_body: None,
        auth_type: AuthType::Bearer,
        auth_token_sealed: None,
        webhook_url: WEBHOOK.to_owned(),
        webhook_auth_type: None,
        webhook_auth_token_sealed: None,
        webhook_extra_fields: None,
        notification_endpoint_url: None,
        notification_auth_type: None,
        notification_token_sealed: None,
        notification_events: None,
        retry_limit: 3,
        notify_on_expired: false,
        silent_ingestion: false,
        session_type: SessionType::OneShot,
        login_mode: LoginMode::Simple,
    };
    tx.save_account_config(org, account, &config, now).await?;
    for kind in RunKind::ALL {
        tx.set_next_run(org, account, *kind, Some(now + FAR_OFF), now).await?;
    }
    tx.commit().await?;
    Ok((account, login))
}

/// A run that is under way, as a worker begins one.
pub(super) async fn start_run(deps: &Deps, org: OrgId, account: AccountId, kind: RunKind) -> anyhow::Result<Run> {
    let now = deps.now();
    let mut tx = deps.store.write().await?;
    let id = tx.request_run(org, account, kind, Trigger::Manual, RunId(deps.ids.next()), now).await?;
    tx.start_run(org, id, now).await?;
    let run = tx.run(org, id).await?.context("the run is missing")?;
    tx.commit().await?;
    Ok(run)
}

/// The job that a poll writes under.
pub(super) async fn job(deps: &Deps, poll: &Run) -> anyhow::Result<Job> {
    let now = deps.now();
    let (id, org_id, subject) = (JobId(deps.ids.next()), poll.org_id, poll.id.0);
    let new = NewJob { id, org_id, queue: Queue::Poll, subject, run_id: Some(poll.id), run_at: now };
    let mut tx = deps.store.write().await?;
    tx.enqueue(&new, now).await?;
    let job = tx.claim_job(Queue::Poll, deps.boot, now, now + FAR_OFF).await?;
    tx.commit().await?;
    job.context("the poll's job is missing")
}

/// The lease that a scrape writes under.
pub(super) async fn lease(deps: &Deps, org: OrgId, login: BankLoginId) -> anyhow::Result<Lease> {
    let now = deps.now();
    let mut tx = deps.store.write().await?;
    let lease = tx.take_lease(org, login, deps.boot, now, now + TimeDelta::minutes(10)).await?;
    tx.commit().await?;
    lease.context("the bank login is in use")
}
