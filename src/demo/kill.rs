//! `reconbanker demo --once --kill`: the whole journey while the daemon is killed again and again.
//!
//! Bank and shop live in this process, the daemon in one of its own, which SIGKILL ends at moments drawn from a seed.
//! Afterwards what the shop was told and what the API shows must agree with what the bank booked and what the shop
//! asked for: nothing lost, nothing twice. A login that was interrupted three times is blocked, as it should be; an
//! operator restarts it, and the bank counts what was typed.

mod checker;
mod daemon;
mod operator;
mod plan;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::checker::Facts;
use self::daemon::{Daemon, Launcher, outlasting, processes_in};
use self::operator::Operator;
use self::plan::{Act, Moment, Payment, Plan, Round};
use super::client::Client;
use super::command::line;
use super::scenario::{GOOD_USER, Say};
use super::stage;
use super::world::{NewBankMovement, PESOS, Ports, World};
use crate::app::{self, Parts};
use crate::config::Settings;
use crate::domain::account::LoginMode;
use crate::domain::movement::BookingStatus;
use crate::domain::time::SystemClock;

pub use self::plan::KILLS_MAX;

/// Seeds are drawn below this, so that people can type them.
const SEEDS: u64 = 1_000_000;
/// How long the daemon may take, once it is left alone, until everything is as it should be.
const PATIENCE: Duration = Duration::from_mins(3);
/// Between two readings that are asked for meanwhile.
const ASK_EVERY: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long nothing more may happen after that.
const QUIET: Duration = Duration::from_secs(5);
/// How long the world may take to end.
const CLOSING_TIME: Duration = Duration::from_secs(3);

/// What `demo --kill` was asked for.
#[derive(Debug)]
pub struct Request {
    /// From 1 to [`KILLS_MAX`].
    pub kills: u32,
    /// `None` draws one.
    pub seed: Option<u64>,
}

/// Plays; the error says what is lost, doubled or left behind, and how to play the same again.
pub async fn run(settings: &Settings, request: &Request) -> anyhow::Result<()> {
    let seed = request.seed.unwrap_or_else(|| rand::random_range(0..SEEDS));
    let plan = Plan::draw(seed, request.kills);
    line(&format!("── kill, seed {seed}: {plan}"))?;
    let trial = Trial::set_up(settings, plan).await?;
    let since = Instant::now();
    let say = |text: &str| {
        // A closed terminal must not end the demo; its result is the exit code.
        let _ = line(&format!("{:>7.2} s  {text}", since.elapsed().as_secs_f64()));
    };
    let played = tokio::select! {
        played = trial.play(&say) => played,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    let data_dir = trial.tear_down().await.display().to_string();
    let sums = played.with_context(|| {
        let kills = request.kills;
        format!("the demo with --kills {kills} --seed {seed} failed; its data and daemon.log are in {data_dir}")
    })?;
    line(&format!("ok: {sums}; seed {seed}, {:.1} s", since.elapsed().as_secs_f64()))?;
    Ok(())
}

/// The world, and how the daemon beside it is started.
struct Trial {
    world: World,
    launcher: Launcher,
    plan: Plan,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Trial {
    async fn set_up(settings: &Settings, plan: Plan) -> anyhow::Result<Self> {
        // A daemon chooses the cryptography of its process, and none starts in this one.
        crate::outbound::install_tls_provider();
        app::find_browser(settings, &Parts::real()?)?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let ports =
            Ports { bank: settings.demo.bank_port, shop: settings.demo.shop_port, control: settings.demo.control_port };
        let world = World::start(Arc::new(SystemClock), ports, &tasks, stop.clone()).await?;
        let launcher = Launcher::prepare(settings, world.bank_port)?;
        Ok(Self { world, launcher, plan, stop, tasks })
    }

    /// Ends the world; returns where the daemon's data stay.
    async fn tear_down(self) -> PathBuf {
        self.stop.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(CLOSING_TIME, self.tasks.wait()).await;
        self.launcher.data_dir
    }

    /// Enrols an account, kills the daemon as planned, then lets it finish; returns the sums.
    async fn play(&self, say: Say<'_>) -> anyhow::Result<String> {
        let mut client = Client::new(self.launcher.url())?;
        let mut daemon = self.launcher.start()?;
        daemon.ready(&client).await.with_context(|| self.launcher.advice())?;
        let account = stage::enrol(&mut client, &self.world, GOOD_USER, LoginMode::Simple).await?;
        say(&format!("enrolled an account at Banco Demo over the API; the database is {}", self.launcher.engine()));
        let mut operator = Operator::new(client, account);
        // Only a daemon with an account is worth killing: its time begins here.
        daemon.started = Instant::now();
        let mut enrolled = Some(daemon);
        let (kills, mut hits) = (self.plan.rounds.len(), 0);
        for (index, round) in self.plan.rounds.iter().enumerate() {
            let daemon = match enrolled.take() {
                Some(daemon) => daemon,
                None => self.launcher.start()?,
            };
            let browsing = self.round(daemon, round, &mut operator).await?;
            hits += usize::from(browsing > 0);
            let age = round.kill_after.as_secs_f64();
            say(&format!("kill {} of {kills}, {age:.2} s after a start: {}", index + 1, hit(browsing)));
        }
        let facts = self.settle(&mut operator, say).await?;
        Ok(format!("{hits} of {kills} kills hit a running browser; {}", sums(&facts, &operator)))
    }

    /// Lets the daemon work until its time has come, then kills it; returns how many processes of a browser it had.
    async fn round(&self, mut daemon: Daemon, round: &Round, operator: &mut Operator) -> anyhow::Result<usize> {
        let mut acts = round.acts.iter();
        let kill_at = daemon.started + round.kill_after;
        if round.moment == Moment::AtOnce {
            self.act(acts.by_ref());
        }
        let work = async {
            daemon.ready(&operator.client).await?;
            self.act(acts.by_ref());
            operator.tend(&self.world).await;
            anyhow::Ok(())
        };
        tokio::select! {
            () = sleep_until(kill_at) => {}
            worked = work => {
                worked?;
                sleep_until(kill_at).await;
            }
        }
        // What the daemon did not live to see happens all the same.
        self.act(acts);
        let browsing = processes_in(&self.launcher.profiles())?.len();
        self.kill(daemon).await?;
        Ok(browsing)
    }

    /// Kills a daemon and makes sure that nothing of it is left before another one starts.
    async fn kill(&self, daemon: Daemon) -> anyhow::Result<()> {
        daemon.kill()?;
        let left = outlasting(&self.launcher.profiles()).await?;
        ensure!(left.is_empty(), "still running 5 s after the kill:\n  {}", left.join("\n  "));
        Ok(())
    }

    /// Lets things happen at the bank and in the shop.
    fn act<'p>(&self, acts: impl Iterator<Item = &'p Act>) {
        for act in acts {
            match act {
                Act::List(order) => self.world.add_order(order.clone()),
                Act::Book(payment) => self.book(payment),
                Act::TakeOff(id) if !self.is_told(id) => {}
                Act::Withdraw(id) | Act::TakeOff(id) => {
                    self.world.remove_order(id);
                }
            }
        }
    }

    fn book(&self, payment: &Payment) {
        self.world.add_movement(NewBankMovement {
            bank_account: PESOS.to_owned(),
            booked_on: self.world.today(),
            concept: format!("TRANSFERENCIA DE {}", checker::printed(&payment.payer)),
            credit: Some(payment.amount),
            debit: None,
            status: BookingStatus::Booked,
            reference: None,
        });
    }

    /// Whether the shop knows that an order is paid.
    fn is_told(&self, external_id: &str) -> bool {
        self.world.received().iter().any(|webhook| {
            let body = &webhook.body;
            webhook.verified.is_ok() && body["external_id"] == external_id && body["status"] == "matched"
        })
    }

    /// Starts the daemon once more and waits until all is well, and stays so.
    async fn settle(&self, operator: &mut Operator, say: Say<'_>) -> anyhow::Result<Facts> {
        let mut daemon = self.launcher.start()?;
        daemon.ready(&operator.client).await?;
        say("started once more, and left alone");
        let deadline = Instant::now() + PATIENCE;
        let mut ask_at = Instant::now();
        let mut last_said = 0;
        loop {
            let facts = self.facts(operator).await?;
            let wrong = checker::violations(&facts);
            let Some(first) = wrong.first() else { break };
            if wrong.len() != last_said {
                last_said = wrong.len();
                say(&format!("{last_said} thing(s) to come, such as: {first}"));
            }
            let now = Instant::now();
            if now > deadline {
                return Err(disagreement(&wrong).context(format!("waited {} s in vain", PATIENCE.as_secs())));
            }
            if now >= ask_at {
                operator.tend(&self.world).await;
                ask_at = Instant::now() + ASK_EVERY;
            }
            sleep(LOOK_EVERY).await;
        }
        say("everything is as it should be; waiting for what should not come");
        sleep(QUIET).await;
        let facts = self.facts(operator).await?;
        let wrong = checker::violations(&facts);
        if !wrong.is_empty() {
            return Err(disagreement(&wrong));
        }
        self.kill(daemon).await?;
        Ok(facts)
    }

    async fn facts(&self, operator: &mut Operator) -> anyhow::Result<Facts> {
        Ok(Facts {
            periods: operator.periods(&self.world).await,
            ledger: operator.ledger().await?,
            requests: operator.requests().await?,
            asked: self.plan.asked.clone(),
            books: self.world.movements(),
            webhooks: self.world.received(),
            complaints: operator.complaints.clone(),
        })
    }
}

fn hit(browsing: usize) -> String {
    match browsing {
        0 => "no browser ran".to_owned(),
        count => format!("{count} processes of a browser are gone with it"),
    }
}

fn disagreement(wrong: &[String]) -> anyhow::Error {
    anyhow::anyhow!("{} thing(s) are lost, doubled or wrong:\n  {}", wrong.len(), wrong.join("\n  "))
}

fn sums(facts: &Facts, operator: &Operator) -> String {
    let matches = facts.requests.iter().filter(|request| request.paid_by.is_some()).count();
    let logins: i64 = facts.periods.iter().map(|period| period.submitted).sum();
    format!(
        "{} movements and {matches} matches, none lost and none twice; {} webhooks, {} of them repeats under the same \
         webhook-id; {logins} logins, {} restart(s) after interrupted ones",
        facts.ledger.len(),
        facts.webhooks.len(),
        checker::repeats(&facts.webhooks),
        operator.restarts()
    )
}
