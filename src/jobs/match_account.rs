//! The decision: which movement pays which order, or, in passthrough, which movements to forward.
//!
//! Only the amounts that were touched since the last look are read, each with everything open of it. Read amounts and
//! revision; compute with no transaction open; write only if nothing has arrived since. Everything a decision causes
//! (status, allocation, attempt, event, webhook body) is one transaction, which also notes how far was looked.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant as Stopwatch;

use super::technical::{self, Decided, Failing};
use super::{Deps, JobError, outbox};
use crate::deliver::payload::ReconcileStatus;
use crate::domain::account::OperationMode;
use crate::domain::case::{AttemptReason, AttemptResult, CaseStatus};
use crate::domain::event::{EventKind, NewEvent};
use crate::domain::expected_payment::ExpectedPayment;
use crate::domain::ids::{AccountId, AllocationId, AttemptId, ExpectedPaymentId, MovementId, OrgId, RunId};
use crate::domain::json::LiteralObject;
use crate::domain::movement::Movement;
use crate::domain::time::{BankZone, Instant};
use crate::matching::{self, Decision, FreeMovement, Input, OpenOrder, Policy, Verdict};
use crate::store::cases::{Allocation, NewAttempt, OpenCase};
use crate::store::deliveries::NewDelivery;
use crate::store::touched::{AccountToMatch, Span};
use crate::store::{Store, StoreError, Tx};

/// How often the matcher starts over because something arrived meanwhile, before it yields.
const TRIES: usize = 5;
/// Touched rows that are looked at together, so that no backlog is ever in memory as a whole.
const TOUCHED_MAX: i64 = 5_000;
/// Revisions that are looked at together without a count of what they touched. Whoever raises a revision touches at
/// most 1,000 rows with it.
const UNCOUNTED: i64 = 5;
/// Movements that passthrough forwards in one transaction.
const FORWARD_CHUNK: i64 = 500;

/// What a decision is made with.
struct Context {
    org: OrgId,
    account: AccountId,
    zone: BankZone,
    /// The account's revision when it was read.
    revision: i64,
    span: Span,
    extra: LiteralObject,
    silent_ingestion: bool,
    retry_limit: i64,
    run: Option<RunId>,
}

impl Context {
    fn failing(&self) -> Failing {
        Failing { org: self.org, account: self.account, run: self.run, retry_limit: self.retry_limit }
    }
}

/// How one look ended.
enum Look {
    Done,
    /// More was touched before it began.
    More,
    /// Something arrived, or somebody else decided, in between: nothing was written.
    Overtaken,
}

pub async fn run(deps: &Deps, org: OrgId, account: AccountId, run: Option<RunId>) -> Result<(), JobError> {
    let started = Stopwatch::now();
    let mut tries = 0;
    loop {
        let mut tx = deps.store.read().await?;
        // Without settings, and after deletion, there is nobody to tell.
        let Some(read) = tx.account_to_match(org, account).await? else { return Ok(()) };
        let Some(span) = next_span(&mut tx, org, account, &read).await? else { return Ok(()) };
        let zone = BankZone::parse(&read.time_zone)
            .ok_or_else(|| JobError::discard(format!("unknown time zone \"{}\"", read.time_zone)))?;
        let context = Context {
            org,
            account,
            zone,
            revision: read.revision,
            span,
            extra: outbox::extra_fields(read.webhook_extra_fields.as_deref()),
            silent_ingestion: read.silent_ingestion,
            retry_limit: read.retry_limit,
            run,
        };
        let look = match read.operation_mode {
            Some(OperationMode::Passthrough) => {
                drop(tx);
                forward(deps, &context).await?
            }
            Some(OperationMode::Reconcile) | None => {
                let cases = tx.open_cases(org, account, span).await?;
                let movements = tx.free_movements(org, account, span).await?;
                drop(tx);
                reconcile(deps, &context, &cases, &movements).await?
            }
        };
        match look {
            Look::Done => {
                deps.metrics.matched(started.elapsed());
                return Ok(());
            }
            Look::More => {}
            Look::Overtaken => tries += 1,
        }
        if tries == TRIES {
            let message = "movements or orders kept arriving during the decision";
            return Err(JobError::retry(std::time::Duration::from_secs(1), message));
        }
    }
}

/// What to look at now; `None` when nothing was touched since the last look.
async fn next_span(
    tx: &mut Tx,
    org: OrgId,
    account: AccountId,
    read: &AccountToMatch,
) -> Result<Option<Span>, StoreError> {
    let unseen = Span { after: read.matched_revision, upto: read.revision };
    match unseen.upto - unseen.after {
        ..=0 => Ok(None),
        1..=UNCOUNTED => Ok(Some(unseen)),
        _ => tx.first_touched(org, account, unseen, TOUCHED_MAX).await,
    }
}

/// Decides and writes.
///
/// A decision needs no second look at what it changed itself: the amount was decided as a whole, and the orders that
/// stay open were judged with the paid ones and their movements gone.
async fn reconcile(
    deps: &Deps,
    context: &Context,
    cases: &[OpenCase],
    movements: &[Movement],
) -> Result<Look, JobError> {
    let orders = cases.iter().map(|case| &case.order);
    let Decided { decisions, failed } = technical::decide(deps, &input(context.zone, orders, movements));
    let failing: Vec<&OpenCase> = cases.iter().filter(|case| failed.contains(&case.order.amount)).collect();
    let cases: HashMap<_, _> = cases.iter().map(|case| (case.order.id, case)).collect();
    let now = deps.now();
    let mut writes = Writes::default();
    for decision in &decisions {
        if let Some(case) = cases.get(&decision.order) {
            writes.add(deps, context, case, decision, now)?;
        }
    }
    let mut tx = deps.store.write().await?;
    if !tx.consume_revision(context.org, context.account, context.revision, context.span.upto).await? {
        return Ok(Look::Overtaken);
    }
    writes.write(&mut tx, deps, context.org, now).await?;
    technical::write_failures(&mut tx, deps, context.failing(), &failing, now).await?;
    tx.commit().await?;
    Ok(if context.span.upto == context.revision { Look::Done } else { Look::More })
}

/// The ledger's rows as the matcher sees them.
fn input<'a>(zone: BankZone, orders: impl Iterator<Item = &'a ExpectedPayment>, movements: &[Movement]) -> Input {
    Input {
        orders: orders
            .map(|order| OpenOrder {
                id: order.id,
                amount: order.amount,
                currency: order.currency.clone(),
                name: order.name.clone(),
                registered_at: order.registered_at,
                registered_on: zone.day_of(order.registered_at),
            })
            .collect(),
        movements: movements
            .iter()
            .map(|movement| FreeMovement {
                id: movement.id,
                amount: movement.amount,
                currency: movement.currency.clone(),
                name: movement.counterparty_name.clone(),
                description: movement.description.clone(),
                bank_day: movement.booked_on.unwrap_or_else(|| zone.day_of(movement.received_at)),
                received_at: movement.received_at,
            })
            .collect(),
    }
}

/// A verdict in the words of the case.
fn conclusion(verdict: &Verdict) -> (CaseStatus, AttemptResult, Option<AttemptReason>, EventKind) {
    match verdict {
        Verdict::Matched { .. } => (CaseStatus::Matched, AttemptResult::Matched, None, EventKind::CaseMatched),
        Verdict::NotFound { reason } => {
            (CaseStatus::NotFound, AttemptResult::NotFound, Some(*reason), EventKind::CaseNotFound)
        }
        Verdict::Ambiguous => (
            CaseStatus::Ambiguous,
            AttemptResult::Ambiguous,
            Some(AttemptReason::MultipleCandidates),
            EventKind::CaseAmbiguous,
        ),
    }
}

/// What the decisions of one look write, table by table: many rows are written with few statements.
#[derive(Default)]
struct Writes {
    cases: BTreeMap<CaseStatus, Vec<ExpectedPaymentId>>,
    allocations: Vec<Allocation>,
    attempts: Vec<NewAttempt>,
    events: Vec<NewEvent>,
    deliveries: Vec<NewDelivery>,
}

impl Writes {
    fn add(
        &mut self,
        deps: &Deps,
        context: &Context,
        case: &OpenCase,
        decision: &Decision,
        now: Instant,
    ) -> Result<(), JobError> {
        let (status, result, reason, kind) = conclusion(&decision.verdict);
        let candidates =
            serde_json::to_string(&decision.candidates).map_err(|error| JobError::discard(error.to_string()))?;
        // Looking again and seeing the same is no news: nothing is written, nobody is told. An order that was
        // registered again is looked at anew, whatever its last attempt said.
        let is_old_news = case.status == status
            && case.result == Some(result)
            && case.reason == reason
            && case.candidates.as_ref() == Some(&candidates);
        if is_old_news {
            return Ok(());
        }
        let order = &case.order;
        self.cases.entry(status).or_default().push(order.id);
        if let Verdict::Matched { movement, score, reason } = &decision.verdict {
            self.allocations.push(Allocation {
                id: AllocationId(deps.ids.next()),
                case_id: order.id,
                movement_id: *movement,
                amount: order.amount,
                score: *score,
                reason: reason.clone(),
            });
        }
        self.attempts.push(NewAttempt {
            id: AttemptId(deps.ids.next()),
            case: order.id,
            number: case.attempt_count + 1,
            result,
            reason,
            candidates,
            run: context.run,
        });
        let event = deps.event(kind, now).account(context.account).subject(order.id.0).run(context.run);
        // The customer is told of a match, and once when a case becomes ambiguous: that it stays so for other reasons
        // than before is no news.
        if let Some(told) = ReconcileStatus::of(status).filter(|_| case.status != status) {
            self.deliveries.push(outbox::of_case(deps, context.org, order, told, &context.extra, &event));
        }
        self.events.push(event);
        Ok(())
    }

    async fn write(self, tx: &mut Tx, deps: &Deps, org: OrgId, now: Instant) -> Result<(), JobError> {
        // The revision was held, so only a person's decision in another transaction can have come first; rolling back
        // is right, the next run sees it.
        let taken = |what: &str| JobError::retry(std::time::Duration::from_secs(1), format!("{what} meanwhile"));
        for (status, cases) in &self.cases {
            if tx.conclude(org, cases, *status, now).await? < count(cases) {
                return Err(taken("an open case was decided"));
            }
        }
        let movements: Vec<MovementId> = self.allocations.iter().map(|allocation| allocation.movement_id).collect();
        if tx.exclude_movements(org, &movements, now).await? < count(&movements) {
            return Err(taken("a chosen movement was taken"));
        }
        tx.insert_allocations(org, &self.allocations, now).await?;
        tx.insert_attempts(org, &self.attempts, now).await?;
        outbox::put(tx, deps, self.deliveries, now).await?;
        for event in self.events {
            tx.record(org, event);
        }
        Ok(())
    }
}

fn count<T>(rows: &[T]) -> u64 {
    u64::try_from(rows.len()).expect("rows in memory")
}

/// Passthrough: forwards every booked credit once.
async fn forward(deps: &Deps, context: &Context) -> Result<Look, JobError> {
    let (org, account, span) = (context.org, context.account, context.span);
    let now = deps.now();
    let mut tx = deps.store.write().await?;
    let movements = tx.unforwarded_movements(org, account, span, FORWARD_CHUNK).await?;
    let is_all = i64::try_from(movements.len()).is_ok_and(|count| count < FORWARD_CHUNK);
    let looked_at = if is_all { span.upto } else { span.after };
    if !tx.consume_revision(org, account, context.revision, looked_at).await? {
        return Ok(Look::Overtaken);
    }
    let mut deliveries = Vec::new();
    for movement in &movements {
        if context.silent_ingestion {
            tx.mark_told_in_silence(org, movement.id, now).await?;
            continue;
        }
        if !tx.mark_forwarded(org, movement.id, now).await? {
            continue;
        }
        let event = deps.event(EventKind::MovementForwarded, now).run(context.run);
        let event = event.account(account).subject(movement.id.0);
        deliveries.push(outbox::of_movement(deps, org, movement, &context.extra, &event));
        tx.record(org, event);
    }
    outbox::put(&mut tx, deps, deliveries, now).await?;
    tx.commit().await?;
    Ok(if looked_at == context.revision { Look::Done } else { Look::More })
}

/// What `match explain` shows of a case: every movement of the order's amount, with each test.
pub async fn explain(
    store: &Store,
    policy: &Policy,
    org: OrgId,
    order: &ExpectedPayment,
) -> Result<Vec<(Movement, Vec<matching::explain::Test>)>, StoreError> {
    let mut tx = store.read().await?;
    let Some(account) = tx.account(org, order.account_id).await? else { return Ok(Vec::new()) };
    let Some(zone) = BankZone::parse(&account.time_zone) else { return Ok(Vec::new()) };
    let movements = tx.movements_of_amount(org, order.account_id, order.amount).await?;
    let seen = input(zone, std::iter::once(order), &movements);
    let tests = movements
        .into_iter()
        .zip(&seen.movements)
        .map(|(movement, weighed)| (movement, matching::explain::pair(policy, &seen.orders[0], weighed)));
    Ok(tests.collect())
}
