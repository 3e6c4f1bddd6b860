//! In which of the recipe's situations a page is. Waiting is a race between them.

use scraper::Html;
use url::Url;

use super::recipe::{Condition, Recipe, State, Watch};
use super::select::{matches, visible_text};
use super::snapshot::Snapshot;
use super::text::fold;

/// How far a run has come; some situations mean something only after the login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    BeforeLogin,
    LoggedIn,
}

/// Who won the race on one snapshot.
#[derive(Debug, Clone, Copy)]
pub enum Race<'r> {
    /// The bank says no, or something is in the way that only a person can clear.
    Fails(&'r State),
    /// A pop-up that a flow of the recipe dismisses.
    Handle(&'r State),
    /// One of the wanted states.
    Reached(&'r State),
    Undecided,
}

/// Tests the wanted states and those that the recipe watches in every wait.
///
/// Failing states win, then pop-ups, then the first of `wanted` that holds.
#[must_use]
pub fn race<'r>(recipe: &'r Recipe, snapshot: &Snapshot, wanted: &[String], phase: Phase) -> Race<'r> {
    let view = View::of(recipe, snapshot);
    let is_tested = |state: &State| match state.watch {
        Watch::Always => true,
        Watch::AfterLogin if phase == Phase::LoggedIn => true,
        Watch::AfterLogin | Watch::No => wanted.contains(&state.name),
    };
    let holding: Vec<&State> =
        recipe.states.iter().filter(|state| is_tested(state) && view.holds(&state.test)).collect();
    if let Some(failing) = holding.iter().copied().find(|state| state.fails.is_some()) {
        return Race::Fails(failing);
    }
    if let Some(popup) = holding.iter().copied().find(|state| state.handle.is_some()) {
        return Race::Handle(popup);
    }
    let reached = wanted.iter().find_map(|name| holding.iter().copied().find(|state| state.name == *name));
    reached.map_or(Race::Undecided, Race::Reached)
}

/// Whether a condition of a recipe is true of a page.
#[must_use]
pub fn holds(recipe: &Recipe, snapshot: &Snapshot, condition: &Condition) -> bool {
    View::of(recipe, snapshot).holds(condition)
}

/// The states that are true of a page, failing or not, in the order of the recipe.
#[must_use]
pub fn holding<'r>(recipe: &'r Recipe, snapshot: &Snapshot) -> Vec<&'r State> {
    let view = View::of(recipe, snapshot);
    recipe.states.iter().filter(|state| view.holds(&state.test)).collect()
}

/// A page prepared for many questions.
struct View<'a> {
    recipe: &'a Recipe,
    snapshot: &'a Snapshot,
    tree: Html,
    folded: String,
}

impl<'a> View<'a> {
    fn of(recipe: &'a Recipe, snapshot: &'a Snapshot) -> Self {
        Self { recipe, snapshot, tree: snapshot.tree(), folded: fold(snapshot.visible_text()) }
    }

    fn holds(&self, condition: &Condition) -> bool {
        match condition {
            Condition::State(name) => self.recipe.state(name).is_some_and(|state| self.holds(&state.test)),
            Condition::All(all) => all.iter().all(|condition| self.holds(condition)),
            Condition::Any(any) => any.iter().any(|condition| self.holds(condition)),
            Condition::Not(condition) => !self.holds(condition),
            Condition::Url(patterns) => patterns.iter().any(|pattern| is_url_like(&self.snapshot.url, pattern)),
            Condition::Host(hosts) => {
                self.snapshot.url.host_str().is_some_and(|host| hosts.iter().any(|wanted| wanted == host))
            }
            Condition::Visible(element) => !matches(&self.tree, element).is_empty(),
            Condition::Missing(element) => matches(&self.tree, element).is_empty(),
            Condition::Text { wanted, within: None } => contains_any(&self.folded, wanted),
            Condition::Text { wanted, within: Some(element) } => matches(&self.tree, element)
                .into_iter()
                .any(|element| contains_any(&fold(&visible_text(element)), wanted)),
            Condition::Title(wanted) => contains_any(&fold(&self.snapshot.title), wanted),
        }
    }
}

fn contains_any(folded: &str, wanted: &[String]) -> bool {
    wanted.iter().any(|wanted| folded.contains(wanted.as_str()))
}

/// A pattern that begins with `/` is about the path, any other about the whole address. `*` stands for any characters.
/// The query counts only for patterns that have a `*` or a `?`, the fragment for those that have a `#`.
fn is_url_like(url: &Url, pattern: &str) -> bool {
    let mut subject = url.clone();
    if !pattern.contains('#') {
        subject.set_fragment(None);
    }
    if !pattern.contains(['*', '?']) {
        subject.set_query(None);
    }
    let subject = if pattern.starts_with('/') { &subject[url::Position::BeforePath..] } else { subject.as_str() };
    is_glob_like(subject, pattern)
}

/// The first and the last piece between the asterisks are bound to the ends, the others come in their order.
fn is_glob_like(text: &str, pattern: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return text == pattern;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let last = pieces.pop().expect("splitting yields at least one piece");
    for piece in pieces {
        match text.split_once(piece) {
            Some((_, after)) => text = after,
            None => return false,
        }
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scrape::recipe::tests::demo;

    #[test]
    fn failures_win_then_pop_ups_then_the_first_wanted_state() {
        let popup = "[[state]]\nname = \"survey\"\nwatch = true\nvisible = \"css=#encuesta\"\nhandle = \"logout\"\n\n";
        let recipe = demo(&[
            ("# ---- flows\n", &format!("{popup}# ---- flows\n")),
            ("name = \"maintenance\"\nwatch = true", "name = \"maintenance\"\nwatch = \"after_login\""),
        ]);
        let recipe = recipe.expect("the recipe is sound");
        let (form, error) =
            ("<input type=password id=clave>", "<p class=mensaje-error>Usuario o contraseña INCORRECTOS</p>");
        let check = |path: &str, html: &str, wanted: &[&str], phase: Phase, expected: &str| {
            let url = Url::parse("http://127.0.0.1:7001").and_then(|url| url.join(path)).expect(path);
            let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
            let found = match race(&recipe, &Snapshot::from_html(html, &url), &wanted, phase) {
                Race::Fails(state) => format!("fails {}", state.name),
                Race::Handle(state) => format!("handle {}", state.name),
                Race::Reached(state) => format!("reached {}", state.name),
                Race::Undecided => "undecided".to_owned(),
            };
            assert_eq!(found, expected, "{path} {html}");
        };
        let (early, late) = (Phase::BeforeLogin, Phase::LoggedIn);
        check("/login", form, &["login_form"], early, "reached login_form");
        check("/login", form, &["home"], early, "undecided");
        check("/login", &format!("{form}{error}"), &["login_form", "bad_login"], early, "fails bad_login");
        check("/login", &format!("{form}{error}"), &["login_form"], early, "reached login_form");
        check("/login", &format!("{form}<p>usuario o contraseña incorrectos"), &["bad_login"], early, "undecided");
        check("/login", &format!("{form}<p id=encuesta>x"), &["login_form"], early, "handle survey");
        check("/sesion-expirada", &format!("{form}<p id=encuesta>x"), &["login_form"], early, "fails expired");
        check("/x", "<p>Estamos en  MANTENIMIENTO", &["home"], early, "undecided");
        check("/x", "<p>Estamos en  MANTENIMIENTO", &["home"], late, "fails maintenance");
        check("/inicio", "<a href=/salir>Salir</a>", &["login_form", "home"], late, "reached home");
    }

    #[test]
    fn addresses_are_compared_with_patterns() {
        let check = |pattern: &str, expected: bool| {
            let url = Url::parse("https://bank.example/a/inicio?x=1&code=10#top").expect("an address");
            assert_eq!(is_url_like(&url, pattern), expected, "{pattern}");
        };
        check("/a/inicio", true);
        check("/inicio", false);
        check("/a", false);
        check("/a/*", true);
        check("/a/inicio?x=1&code=10", true);
        check("/a/inicio?x=1", false);
        check("https://bank.example/a/inicio", true);
        check("https://bank.example/*", true);
        check("*code=10*", true);
        check("*code=10", true);
        check("*code=1", false);
        check("*inicio*x=*10", true);
        check("*x=*inicio", false);
        check("*", true);
        check("*#top", true);
    }
}
