//! The step that asks a person for a one-time code.
//!
//! A code is typed once, into the page that asked for it. After a refusal the person is asked for another one, and
//! after that a login's tries are over before the bank's are.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep};
use url::Url;

use super::{Flow, LOOK_EVERY, MOVED_TRIES, Sight, Submits, kept_changing, pause, secret_misplaced};
use crate::domain::run::Outcome;
use crate::scrape::browser::{Browser, BrowserError};
use crate::scrape::challenge::{Challenge, Code, Verdict};
use crate::scrape::failure::{Failure, on_screen};
use crate::scrape::recipe::{Condition, Otp, Recipe};
use crate::scrape::select::{find_all, matches, visible_text};
use crate::scrape::snapshot::{Node, Snapshot};
use crate::scrape::state::holds;

/// How often the page is looked at while a person gets the code: it may meanwhile end the session.
const WATCH_EVERY: Duration = Duration::from_secs(2);
/// A refusal that stood there before the code was sent counts as an answer to it only after this long, unless the page
/// has visibly been made anew.
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);
/// Longest destination that is taken over from a page.
const DESTINATION_CHARS_MAX: usize = 40;

impl<B: Browser> Flow<'_, B> {
    pub(super) async fn otp(&mut self, otp: &Otp, patience: Duration) -> Result<(), Failure> {
        self.challenged = true;
        let watcher = self.watcher;
        watcher.credentials_taken();
        let (mut refused, mut resent) = (0, 0);
        loop {
            let code = self.ask(otp, refused + resent + 1).await?;
            let verdict = self.enter(otp, &code, patience).await?;
            watcher.code_judged(code.answer, verdict).await;
            match (verdict, &otp.resend) {
                (Verdict::Accepted, _) => return Ok(()),
                (Verdict::Rejected, _) if refused + 1 < otp.max_attempts => refused += 1,
                (Verdict::Rejected, _) => {
                    let detail = format!("the bank refused {} codes; no other was asked for", refused + 1);
                    return Err(Failure::new(Outcome::OtpExhausted, detail));
                }
                (Verdict::Expired, Some(resend)) if resent < otp.max_resends => {
                    self.click(resend, Submits::Nothing, patience).await?;
                    resent += 1;
                }
                (Verdict::Expired, _) => {
                    let detail = "the bank says that the code came too late; start again with the code at hand";
                    return Err(Failure::new(Outcome::OtpExpired, detail));
                }
            }
        }
    }

    /// Asks for a code and keeps an eye on the page until one comes.
    async fn ask(&mut self, otp: &Otp, attempt: u32) -> Result<Code, Failure> {
        let snapshot = self.look().await?;
        let masked_destination = destination(otp, &snapshot);
        let challenge = Challenge { shape: otp.shape(), medium: otp.medium, masked_destination, ttl: otp.ttl, attempt };
        let watcher = self.watcher;
        let mut asking = watcher.ask_code(challenge);
        loop {
            tokio::select! {
                answer = &mut asking => return answer.map_err(Failure::from),
                () = sleep(WATCH_EVERY) => {}
            }
            // Neither is ever cut short: not the look, which may be dismissing a pop-up, nor the asking meanwhile.
            match select(&mut asking, pin!(self.look())).await {
                Either::Left((answer, looking)) => {
                    looking.await?;
                    return answer.map_err(Failure::from);
                }
                Either::Right((looked, _)) => {
                    looked?;
                }
            }
        }
    }

    /// Types the code, sends it and reads what the bank says.
    async fn enter(&mut self, otp: &Otp, code: &Code, patience: Duration) -> Result<Verdict, Failure> {
        self.type_code(otp, &code.text, patience).await?;
        let recipe = self.recipe;
        let before = self.look().await?;
        let stood_refused = shows(recipe, &before, &otp.rejected) || shows(recipe, &before, &otp.expired);
        if let Some(submit) = &otp.submit {
            self.click(submit, Submits::Code, patience).await?;
        }
        let (wanted, sent_at) = (otp.states(), Instant::now());
        loop {
            let (snapshot, sight) = self.look_for(&wanted).await?;
            if sight == Sight::Wanted {
                if shows(recipe, &snapshot, &otp.accepted) {
                    return Ok(Verdict::Accepted);
                }
                let is_answer = !stood_refused
                    || !is_filled(recipe, &snapshot, &otp.into)
                    || sent_at.elapsed() >= ANSWERS_WITHIN.min(patience);
                if is_answer {
                    let is_late = shows(recipe, &snapshot, &otp.expired);
                    return Ok(if is_late { Verdict::Expired } else { Verdict::Rejected });
                }
            }
            if sent_at.elapsed() >= patience {
                return Err(self.waited_in_vain(&wanted, patience, &snapshot));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Types into one field, or a sign into each box.
    async fn type_code(&mut self, otp: &Otp, code: &SecretString, patience: Duration) -> Result<(), Failure> {
        let text = code.expose_secret();
        if !otp.shape().fits(text) {
            let detail = format!("the code that came is not {}; nothing was typed", otp.shape());
            return Err(Failure::new(Outcome::Internal, detail));
        }
        pause(self.recipe.limits.pace).await;
        let (_, boxes, _) = self.code_field(otp, 0, patience).await?;
        let parts: Vec<SecretString> = match boxes {
            1 => vec![code.clone()],
            _ => text.chars().map(|sign| SecretString::from(sign.to_string())).collect(),
        };
        for (place, part) in parts.iter().enumerate() {
            self.type_part(otp, place, part, patience).await?;
        }
        Ok(())
    }

    async fn type_part(
        &mut self,
        otp: &Otp,
        place: usize,
        part: &SecretString,
        patience: Duration,
    ) -> Result<(), Failure> {
        let mut why = String::new();
        for _ in 0..MOVED_TRIES {
            let (field, _, url) = self.code_field(otp, place, patience).await?;
            if !self.origins.allows_secrets(&url) {
                return Err(secret_misplaced(&otp.into, &url));
            }
            match self.browser.fill(&field, part).await {
                Err(BrowserError::Moved(reason)) => why = reason,
                result => return result.map_err(|error| Failure::from(error).at(&format!("`{}`", otp.into))),
            }
            sleep(LOOK_EVERY).await;
        }
        Err(kept_changing(&otp.into, &why))
    }

    /// Waits for the field at this place; tells also how many there are, and the address of their document.
    async fn code_field(&mut self, otp: &Otp, place: usize, patience: Duration) -> Result<(Node, usize, Url), Failure> {
        let Some(declared) = self.recipe.element(&otp.into) else {
            return Err(Failure::new(Outcome::RecipeInvalid, format!("the recipe has no element `{}`", otp.into)));
        };
        let deadline = Instant::now() + patience;
        loop {
            let snapshot = self.look().await?;
            let mut fields = find_all(&snapshot, declared);
            let count = fields.len();
            if (count == 1 || count == otp.length) && place < count && !fields[place].disabled {
                return Ok((fields.swap_remove(place), count, snapshot.url));
            }
            if Instant::now() >= deadline {
                let detail = format!(
                    "`{}` is {count} fields, with nothing to type sign {} of {} into; on screen: {}",
                    otp.into,
                    place + 1,
                    otp.length,
                    on_screen(&snapshot)
                );
                return Err(Failure::not_there(Outcome::LayoutChanged, detail));
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

/// Where the page says that the code went.
fn destination(otp: &Otp, snapshot: &Snapshot) -> Option<String> {
    let tree = snapshot.tree();
    let shown = tree.select(&otp.masked.as_ref()?.css.selector).next().map(visible_text)?;
    let cut: String = shown.chars().take(DESTINATION_CHARS_MAX).collect();
    Some(cut).filter(|text| !text.is_empty())
}

fn shows(recipe: &Recipe, snapshot: &Snapshot, states: &[String]) -> bool {
    states.iter().any(|state| holds(recipe, snapshot, &Condition::State(state.clone())))
}

/// Whether something still stands in the field: then the page is the one that the code was typed into.
fn is_filled(recipe: &Recipe, snapshot: &Snapshot, element: &str) -> bool {
    let tree = snapshot.tree();
    recipe
        .element(element)
        .is_some_and(|declared| matches(&tree, declared).into_iter().any(|field| field.attr("rb-filled").is_some()))
}
