//! What it costs to match one movement, at few open orders and at many, beside the floor of raw statements.
//!
//! Orders come in as a poll brings them, movements as a scrape does, and the job decides: the functions of production,
//! each called as its job calls it. Only nobody works the queue: webhooks are written and not sent.

use std::io::{self, Write};
use std::time::Instant;

use anyhow::ensure;

use super::enrol;
use super::floor::{FloorRound, Yardstick};
use super::place::{Folder, Place, Scratch};
use super::report;
use super::shop::Shop;
use super::stats::{Quantiles, median, micros, per_second, quantiles};
use crate::config::Settings;
use crate::domain::expected_payment::PolledOrder;
use crate::domain::ids::{AccountId, OrgId};
use crate::domain::movement::ScrapedMovement;
use crate::domain::run::RunKind;
use crate::jobs::{self, Deps, Hold};
use crate::poll::presence::Step;
use crate::scrape::AccountRead;
use crate::store::jobs::{Job, Queue};
use crate::store::movements::Ingest;
use crate::store::runs::Run;

/// Orders that one loading poll brings, so that never all of them are in memory.
const LOAD_CHUNK: usize = 10_000;
/// Movements that arrive together and are decided together, where so many orders are open.
const BATCH_MAX: u32 = 100;
/// Batches in each round.
const BATCHES: u32 = 5;

pub struct Request {
    /// How many orders are open; sizes take turns.
    pub open: Vec<u32>,
    /// Rounds that count, after one that does not.
    pub pairs: u32,
    /// Movements of a round that arrive one at a time.
    pub movements: u32,
    pub place: Place,
    pub json: bool,
}

/// One size: a database with so many open orders.
struct Subject {
    scratch: Scratch,
    org: OrgId,
    account: AccountId,
    poll: Run,
    /// Of the poll.
    job: Job,
    /// Of the scrape.
    hold: Hold,
    shop: Shop,
    /// The place whose order is paid next.
    next: u64,
    /// Orders and movements so far.
    registered: u64,
    paid: u64,
    yardstick: Option<Yardstick>,
}

/// One round at one size; times in microseconds.
pub(super) struct Round {
    /// Of the match job alone, for one movement.
    pub matching: Quantiles,
    /// Storing the movement, and the match job.
    pub both: Quantiles,
    pub per_second: i64,
    /// The median match job for a batch; the same with its storing.
    pub batch_matching: i64,
    pub batch_both: i64,
    /// `None` on PostgreSQL.
    pub floor: Option<FloorRound>,
}

/// All counted rounds at one size.
pub(super) struct Size {
    pub open: u32,
    pub batch: u32,
    /// Movements that were matched, those of the round that does not count included.
    pub matched: u64,
    pub rounds: Vec<Round>,
}

pub async fn run(settings: &Settings, request: &Request) -> anyhow::Result<()> {
    let folder = Folder::make(request.place.dir.as_deref())?;
    let mut subjects = Vec::new();
    let measured = measure(settings, request, &folder, &mut subjects).await;
    for subject in subjects {
        subject.remove().await?;
    }
    report::print(&measured?, request)
}

async fn measure(
    settings: &Settings,
    request: &Request,
    folder: &Folder,
    subjects: &mut Vec<Subject>,
) -> anyhow::Result<Vec<Size>> {
    let mut sizes = Vec::new();
    for (number, open) in request.open.iter().enumerate() {
        if !request.json {
            writeln!(io::stderr(), "loading {open} open orders")?;
        }
        let data_dir = folder.join(&format!("daemon-{number}"));
        let scratch = Scratch::build(settings, data_dir, request.place.database_url.as_ref()).await?;
        // Kept from here on, so that it is removed should the loading fail.
        subjects.push(Subject::enrol(scratch, *open).await?);
        let subject = &mut subjects[number];
        subject.load().await?;
        if request.place.database_url.is_none() {
            let file = folder.join(&format!("floor-{number}.db"));
            subject.yardstick = Some(Yardstick::load(&file, subject.shop).await?);
        }
        sizes.push(Size { open: *open, batch: BATCH_MAX.min(*open), matched: 0, rounds: Vec::new() });
    }
    for pair in 0..=request.pairs {
        for (size, subject) in sizes.iter_mut().zip(subjects.iter_mut()) {
            let round = subject.round(request.movements, size.batch).await?;
            size.matched = subject.paid;
            // The first one warms up.
            if pair > 0 {
                size.rounds.push(round);
            }
        }
    }
    Ok(sizes)
}

impl Subject {
    async fn enrol(scratch: Scratch, open: u32) -> anyhow::Result<Self> {
        let deps = &scratch.deps;
        let org = enrol::organisation(deps).await?;
        let (account, login) = enrol::account(deps, org, None).await?;
        let poll = enrol::start_run(deps, org, account, RunKind::Poll).await?;
        let job = enrol::job(deps, &poll).await?;
        let scrape = enrol::start_run(deps, org, account, RunKind::Scrape).await?.id;
        let hold = Hold { lease: enrol::lease(deps, org, login).await?, account, run: scrape };
        let shop = Shop::new(open);
        Ok(Self { scratch, org, account, poll, job, hold, shop, next: 0, registered: 0, paid: 0, yardstick: None })
    }

    fn deps(&self) -> &Deps {
        &self.scratch.deps
    }

    /// Fills the account with open orders, each looked at once, as after a poll.
    async fn load(&mut self) -> anyhow::Result<()> {
        for place in (0..self.shop.places()).step_by(LOAD_CHUNK) {
            let end = self.shop.places().min(place + u64::try_from(LOAD_CHUNK).expect("a small number"));
            self.register((place..end).collect()).await?;
        }
        self.decide().await
    }

    /// Lists new orders for these places.
    async fn register(&mut self, places: Vec<u64>) -> anyhow::Result<()> {
        let orders: Vec<PolledOrder> =
            places.iter().zip(self.registered..).map(|(place, number)| self.shop.order(*place, number)).collect();
        self.registered += u64::try_from(orders.len()).expect("orders in memory");
        let steps: Vec<_> = orders.iter().map(Step::Register).collect();
        let ingested = jobs::apply_poll(self.deps(), &self.job, &self.poll, &steps, self.deps().now()).await?;
        ensure!(ingested.new == orders.len(), "{} of {} orders were new", ingested.new, orders.len());
        Ok(())
    }

    async fn decide(&self) -> anyhow::Result<()> {
        jobs::match_account(self.deps(), self.org, self.account, Some(self.hold.run)).await?;
        Ok(())
    }

    async fn round(&mut self, movements: u32, batch: u32) -> anyhow::Result<Round> {
        let before = self.told().await?;
        let mut one = Vec::new();
        for _ in 0..movements {
            one.push(self.pay(1).await?);
        }
        let mut many = Vec::new();
        for _ in 0..BATCHES {
            many.push(self.pay(batch).await?);
        }
        let (matched, expected) = (self.told().await? - before, i64::from(movements + BATCHES * batch));
        ensure!(matched == expected, "{matched} of {expected} movements were matched");
        let floor = match &mut self.yardstick {
            Some(yardstick) => Some(yardstick.round(movements, BATCHES, batch).await?),
            None => None,
        };
        Ok(Round {
            matching: quantiles(one.iter().map(|(_, matching)| *matching).collect()),
            both: quantiles(one.iter().map(|(storing, matching)| storing + matching).collect()),
            per_second: per_second(
                i64::from(movements),
                one.iter().map(|(storing, matching)| storing + matching).sum(),
            ),
            batch_matching: median(many.iter().map(|(_, matching)| *matching)),
            batch_both: median(many.iter().map(|(storing, matching)| storing + matching)),
            floor,
        })
    }

    /// Stores movements that pay the next places' orders, in one commit, and decides them in another: how long the two
    /// took. Afterwards, unmeasured, the shop asks for the same amounts again.
    async fn pay(&mut self, count: u32) -> anyhow::Result<(i64, i64)> {
        let count = u64::from(count);
        let places: Vec<u64> = (self.next..self.next + count).map(|place| place % self.shop.places()).collect();
        let now = self.deps().now();
        let movements: Vec<ScrapedMovement> =
            places.iter().zip(self.paid..).map(|(place, number)| self.shop.payment(*place, number, now)).collect();
        self.next += count;
        self.paid += count;
        let read =
            AccountRead { bank_account: "0011234567".to_owned(), currency: None, movements, pages: 1, complete: true };
        let ingest =
            Ingest { org: self.org, account: self.account, run: self.hold.run, enrolled_on: now.date_naive(), now };
        let started = Instant::now();
        jobs::ingest_movements(self.deps(), &ingest, &self.hold, &read).await?;
        let storing = micros(started.elapsed());
        let started = Instant::now();
        self.decide().await?;
        let matching = micros(started.elapsed());
        self.register(places).await?;
        self.decide().await?;
        Ok((storing, matching))
    }

    /// Webhooks in the outbox, one for each match.
    async fn told(&self) -> anyhow::Result<i64> {
        Ok(self.deps().store.read().await?.unfinished_jobs(Queue::Deliver).await?)
    }

    async fn remove(self) -> anyhow::Result<()> {
        if let Some(yardstick) = self.yardstick {
            yardstick.close().await;
        }
        self.scratch.remove().await
    }
}
