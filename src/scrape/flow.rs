//! The interpreter of flows: one step after the other, on whatever page is shown.
//!
//! Every wait looks at the page again and again; there is no "network idle", which some banks' pages never reach.
//! In every look the states that the recipe watches are tested first, and pop-ups are dismissed.

mod otp;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep};
use url::Url;

use super::browser::{Browser, BrowserError};
use super::failure::{Failure, on_screen};
use super::origins::AllowedOrigins;
use super::recipe::{Action, Element, Pace, Recipe, State, Step, Watch};
use super::select::{Found, find_one};
use super::snapshot::Snapshot;
use super::state::{Phase, Race, holds, race};
use super::template::{Scope, Template};
use super::{Drift, Watcher, forbidden};
use crate::domain::run::Outcome;

/// Between two looks at a page that is awaited.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(150);
/// How often an element may at least change under the hand, or be covered, before the step gives up;
/// while the step's patience lasts it is tried on.
const MOVED_TRIES: usize = 3;
/// How often a page may be on its way to another when it is looked at: three seconds.
const LOOK_TRIES: usize = 20;

/// A browser, a recipe, and how far they have come.
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one run, each with its own rule")]
pub struct Flow<'r, B> {
    browser: &'r mut B,
    recipe: &'r Recipe,
    watcher: &'r dyn Watcher,
    origins: AllowedOrigins,
    /// What templates refer to. The run replaces it for every account and window.
    pub scope: Scope,
    pub phase: Phase,
    /// Whether credentials were sent, or may have been.
    pub submitted: bool,
    /// Whether a secret stands in a field of the page: the next click must be one that is counted.
    secret_is_typed: bool,
    /// Whether the bank asked for a one-time code.
    pub challenged: bool,
    snapshots: BTreeMap<String, Snapshot>,
    drift: BTreeMap<String, String>,
    /// How often each pop-up was dismissed.
    dismissals: BTreeMap<String, u32>,
    /// While a pop-up is being dismissed, pop-ups are left alone.
    is_dismissing: bool,
}

/// What a look at the page found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// One of the wanted states.
    Wanted,
    Other,
}

impl<'r, B: Browser> Flow<'r, B> {
    pub fn new(
        browser: &'r mut B,
        recipe: &'r Recipe,
        watcher: &'r dyn Watcher,
        origins: AllowedOrigins,
        scope: Scope,
    ) -> Self {
        Self {
            browser,
            recipe,
            watcher,
            origins,
            scope,
            phase: Phase::BeforeLogin,
            submitted: false,
            secret_is_typed: false,
            challenged: false,
            snapshots: BTreeMap::new(),
            drift: BTreeMap::new(),
            dismissals: BTreeMap::new(),
            is_dismissing: false,
        }
    }

    /// Runs a flow to its end. Boxed, because flows call flows; the recipe was checked for cycles when it was loaded.
    pub fn run<'s>(&'s mut self, name: &'s str) -> BoxFuture<'s, Result<(), Failure>> {
        Box::pin(async move {
            let recipe = self.recipe;
            let Some(steps) = recipe.flows.get(name) else {
                return Err(Failure::new(Outcome::RecipeInvalid, format!("the recipe has no flow `{name}`")));
            };
            for (index, step) in steps.iter().enumerate() {
                match self.step(step).await {
                    Ok(()) => {}
                    Err(failure) if step.optional && failure.is_not_there() => {}
                    Err(failure) => return Err(failure.at(&format!("{name}[{index}] {}", verb(&step.action)))),
                }
            }
            Ok(())
        })
    }

    /// Clicks an element outside any flow: the link to the next page.
    pub async fn click_element(&mut self, element: &str) -> Result<(), Failure> {
        let patience = self.recipe.limits.step;
        self.click(element, Submits::Nothing, patience).await
    }

    /// Looks at the page; dismisses pop-ups and fails in states that the recipe watches and calls failures.
    pub async fn look(&mut self) -> Result<Snapshot, Failure> {
        Ok(self.look_for(&[]).await?.0)
    }

    /// The page that a flow kept under this name, once; `page` is the one that is shown now.
    pub async fn page_named(&mut self, name: &str) -> Result<Snapshot, Failure> {
        if name == CURRENT_PAGE {
            return self.look().await;
        }
        self.snapshots.remove(name).ok_or_else(|| {
            Failure::new(Outcome::RecipeInvalid, format!("no step of the flow took the snapshot `{name}`"))
        })
    }

    /// Elements that were found by another selector than their first.
    pub fn into_drift(self) -> Vec<Drift> {
        self.drift.into_iter().map(|(element, candidate)| Drift { element, candidate }).collect()
    }

    async fn step(&mut self, step: &Step) -> Result<(), Failure> {
        if !self.applies(step).await? {
            return Ok(());
        }
        // What is optional is there or not; only an explicit time-out makes a run wait for it.
        let default = if step.optional { Duration::ZERO } else { self.recipe.limits.step };
        let patience = step.timeout.unwrap_or(default);
        match &step.action {
            Action::Goto(address) => self.goto(address).await,
            Action::Expect(states) => self.expect(states, patience).await,
            Action::Fill { element, with } => self.fill(element, with, patience).await,
            Action::Click { element, submits_credentials: false } => {
                self.click(element, Submits::Nothing, patience).await
            }
            Action::Click { element, submits_credentials: true } => {
                self.click(element, Submits::Credentials, patience).await
            }
            Action::Otp(otp) => self.otp(otp, patience).await,
            Action::Snapshot(name) => {
                let snapshot = self.look().await?;
                self.snapshots.insert(name.clone(), snapshot);
                Ok(())
            }
            Action::Call(flow) => self.run(flow).await,
        }
    }

    async fn applies(&mut self, step: &Step) -> Result<bool, Failure> {
        if step.when.is_none() && step.unless.is_none() {
            return Ok(true);
        }
        let recipe = self.recipe;
        let snapshot = self.look().await?;
        let when = step.when.as_ref().is_none_or(|condition| holds(recipe, &snapshot, condition));
        let unless = step.unless.as_ref().is_some_and(|condition| holds(recipe, &snapshot, condition));
        Ok(when && !unless)
    }

    async fn goto(&mut self, address: &Template) -> Result<(), Failure> {
        let url = address
            .render_url(&self.scope)
            .map_err(|error| Failure::new(Outcome::RecipeInvalid, format!("the address cannot be made: {error}")))?;
        if !self.origins.allows_document(&url) {
            return Err(origin_denied(&url));
        }
        pause(self.recipe.limits.pace).await;
        self.secret_is_typed = false;
        self.browser.goto(&url).await?;
        self.look().await.map(|_| ())
    }

    async fn expect(&mut self, wanted: &[String], patience: Duration) -> Result<(), Failure> {
        let deadline = Instant::now() + patience;
        loop {
            let (snapshot, sight) = self.look_for(wanted).await?;
            if sight == Sight::Wanted {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(self.waited_in_vain(wanted, patience, &snapshot));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    fn waited_in_vain(&self, wanted: &[String], patience: Duration, snapshot: &Snapshot) -> Failure {
        let detail = format!(
            "none of the states {} came within {}; on screen: {}",
            self.tested(wanted).join(", "),
            humantime::format_duration(patience),
            on_screen(snapshot)
        );
        Failure::not_there(Outcome::Timeout, detail)
    }

    async fn fill(&mut self, element: &str, with: &Template, patience: Duration) -> Result<(), Failure> {
        let text = self.text_to_type(with)?;
        pause(self.recipe.limits.pace).await;
        let deadline = Instant::now() + patience;
        for tries in 1.. {
            let (found, url) = self.find(element, deadline).await?;
            if with.secret_input().is_some() && !self.origins.allows_secrets(&url) {
                return Err(secret_misplaced(element, &url));
            }
            match self.browser.fill(&found.node, &text).await {
                Err(BrowserError::Moved(why)) if tries >= MOVED_TRIES && Instant::now() >= deadline => {
                    return Err(kept_changing(element, &why));
                }
                Err(BrowserError::Moved(_)) => sleep(LOOK_EVERY).await,
                Ok(()) => {
                    self.secret_is_typed |= with.secret_input().is_some();
                    return Ok(());
                }
                Err(error) => return Err(Failure::from(error).at(&format!("`{element}`"))),
            }
        }
        unreachable!("the loop ends by a return")
    }

    async fn click(&mut self, element: &str, submits: Submits, patience: Duration) -> Result<(), Failure> {
        pause(self.recipe.limits.pace).await;
        if self.secret_is_typed && submits == Submits::Nothing {
            let detail = format!(
                "`{element}` is clicked after a secret was typed, without `submits_credentials = true`: the click \
                 could send it, and nobody would count"
            );
            return Err(Failure::new(Outcome::RecipeInvalid, detail));
        }
        let mut is_announced = false;
        let deadline = Instant::now() + patience;
        for tries in 1.. {
            let (found, url) = self.find(element, deadline).await?;
            // Codes are confirmed with words that move money elsewhere; where one logs in, they only log in.
            let is_exempt = submits == Submits::Code && self.origins.allows_secrets(&url);
            if !is_exempt && let Some(word) = forbidden::word_in(&self.recipe.safety, element, &found.node.text) {
                let detail = format!(
                    "`{element}` reads \"{}\", and \"{word}\" is never clicked; if the click only reads, list \
                     `{element}` in `safety.allow_click`",
                    found.node.text
                );
                return Err(Failure::new(Outcome::RecipeInvalid, detail));
            }
            if submits == Submits::Credentials && !is_announced {
                self.watcher.before_submission().await?;
                self.submitted = true;
                is_announced = true;
            }
            match self.browser.click(&found.node).await {
                Err(BrowserError::Moved(why)) if tries >= MOVED_TRIES && Instant::now() >= deadline => {
                    return Err(kept_changing(element, &why));
                }
                Err(BrowserError::Moved(_)) => sleep(LOOK_EVERY).await,
                Ok(()) => {
                    self.secret_is_typed = false;
                    return Ok(());
                }
                Err(error) => return Err(Failure::from(error).at(&format!("`{element}`"))),
            }
        }
        unreachable!("the loop ends by a return")
    }

    /// Waits until an element is there and enabled; tells also the address of its document.
    async fn find(&mut self, element: &str, deadline: Instant) -> Result<(Found, Url), Failure> {
        let Some(declared) = self.recipe.element(element) else {
            return Err(Failure::new(Outcome::RecipeInvalid, format!("the recipe has no element `{element}`")));
        };
        loop {
            let snapshot = self.look().await?;
            let problem = match find_one(&snapshot, element, declared) {
                Ok(found) if found.node.disabled => format!("`{element}` is disabled"),
                Ok(found) => {
                    self.note_drift(element, declared, found.candidate);
                    return Ok((found, snapshot.url));
                }
                Err(error) => error.to_string(),
            };
            if Instant::now() >= deadline {
                let detail = format!("{problem}; on screen: {}", on_screen(&snapshot));
                return Err(Failure::not_there(Outcome::LayoutChanged, detail));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn look_for(&mut self, wanted: &[String]) -> Result<(Snapshot, Sight), Failure> {
        let recipe = self.recipe;
        loop {
            let snapshot = self.snapshot().await?;
            let seen = race(recipe, &snapshot, wanted, self.phase);
            match seen {
                Race::Fails(state) => return Err(Failure::state(state, &snapshot)),
                Race::Handle(popup) if !self.is_dismissing => self.dismiss(popup).await?,
                Race::Reached(_) => return Ok((snapshot, Sight::Wanted)),
                Race::Handle(_) | Race::Undecided => return Ok((snapshot, Sight::Other)),
            }
        }
    }

    /// Runs the flow that makes a pop-up go away. That it went away by itself is no failure.
    async fn dismiss(&mut self, popup: &'r State) -> Result<(), Failure> {
        let Some(flow) = &popup.handle else { return Ok(()) };
        let dismissals = self.dismissals.entry(popup.name.clone()).or_default();
        if *dismissals >= popup.max_handles {
            let detail = format!("the pop-up `{}` came back after it was dismissed {dismissals} times", popup.name);
            return Err(Failure::new(Outcome::LayoutChanged, detail));
        }
        *dismissals += 1;
        self.is_dismissing = true;
        let result = self.run(flow).await;
        self.is_dismissing = false;
        match result {
            Err(failure) if !failure.is_not_there() => Err(failure),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Reads the page, whatever it is on its way to, and makes sure that it is one of the declared sites.
    async fn snapshot(&mut self) -> Result<Snapshot, Failure> {
        let mut tries = 1;
        let snapshot = loop {
            match self.browser.snapshot().await {
                Err(BrowserError::Moved(_)) if tries < LOOK_TRIES => tries += 1,
                result => break result?,
            }
            sleep(LOOK_EVERY).await;
        };
        // Before the first address, and for a moment between two, the browser shows an empty page of its own.
        let is_blank = snapshot.url.scheme() == "about";
        if is_blank || self.origins.allows_document(&snapshot.url) {
            Ok(snapshot)
        } else {
            Err(origin_denied(&snapshot.url))
        }
    }

    fn text_to_type(&self, with: &Template) -> Result<SecretString, Failure> {
        let invalid = |detail: String| Failure::new(Outcome::RecipeInvalid, detail);
        let text = match with.secret_input() {
            Some(name) => {
                self.scope.input(name).cloned().ok_or_else(|| invalid(format!("the input `{name}` has no value")))?
            }
            None => with.render(&self.scope).map(SecretString::from).map_err(|error| invalid(error.to_string()))?,
        };
        if is_typable(&text) { Ok(text) } else { Err(invalid("the text holds a character that is no key".to_owned())) }
    }

    /// Names of the states that a wait tests: the wanted ones, then those that are watched.
    fn tested(&self, wanted: &[String]) -> Vec<String> {
        let is_watched = |state: &&State| match state.watch {
            Watch::Always => true,
            Watch::AfterLogin => self.phase == Phase::LoggedIn,
            Watch::No => false,
        };
        let watched = self.recipe.states.iter().filter(is_watched).filter(|state| !wanted.contains(&state.name));
        wanted.iter().cloned().chain(watched.map(|state| format!("{} (watched)", state.name))).collect()
    }

    fn note_drift(&mut self, element: &str, declared: &Element, candidate: usize) {
        if candidate > 0 {
            self.drift.insert(element.to_owned(), declared.candidates[candidate].source.clone());
        }
    }
}

/// What a click sends to the bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Submits {
    /// Charged to the lock-out budget.
    Credentials,
    /// A one-time code.
    Code,
    Nothing,
}

/// How a source names the page that is shown now.
pub(super) const CURRENT_PAGE: &str = "page";

fn verb(action: &Action) -> &'static str {
    match action {
        Action::Goto(_) => "goto",
        Action::Expect(_) => "expect",
        Action::Fill { .. } => "fill",
        Action::Click { .. } => "click",
        Action::Otp(_) => "otp",
        Action::Snapshot(_) => "snapshot",
        Action::Call(_) => "call",
    }
}

/// Waits a moment before acting, of a random length, as a person does.
async fn pause(pace: Pace) {
    if !pace.max.is_zero() {
        sleep(rand::random_range(pace.min..=pace.max)).await;
    }
}

/// A line end would submit the form behind the budget's back, and the private-use characters are WebDriver's keys.
fn is_typable(text: &SecretString) -> bool {
    !text.expose_secret().chars().any(|c| c.is_control() || ('\u{e000}'..='\u{f8ff}').contains(&c))
}

fn origin_denied(url: &Url) -> Failure {
    let origin = url.origin().ascii_serialization();
    Failure::new(Outcome::OriginDenied, format!("{origin} is not among the recipe's login and data origins"))
}

fn secret_misplaced(element: &str, url: &Url) -> Failure {
    let origin = url.origin().ascii_serialization();
    let detail = format!("`{element}` is on a page of {origin}, which is no login origin; nothing was typed");
    Failure::new(Outcome::SecretMisplaced, detail)
}

fn kept_changing(element: &str, why: &str) -> Failure {
    Failure::new(Outcome::LayoutChanged, format!("`{element}` could not be used in {MOVED_TRIES} tries: {why}"))
}
