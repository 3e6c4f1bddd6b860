//! From the file to a recipe: includes are merged, names become what they stand for, verbs become actions.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::otp::Otp;
use super::raw::{RawFormats, RawGuard, RawLibrary, RawOrigins, RawRecipe, RawState, RawStep, RawTest, money_format};
use super::settings::secrets;
use super::{
    Action, Candidate, Condition, Element, Formats, Origins, Recipe, RecipeError, SCHEMA, State, Step, check, hash_of,
};
use crate::scrape::parse::{DatePattern, Language};
use crate::scrape::template::Template;
use crate::tomlx;

/// How often a pop-up is dismissed in one run where the recipe does not say.
const MAX_HANDLES_BY_DEFAULT: u32 = 3;

/// One of the files that make a recipe.
pub(super) struct Document<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

impl Document<'_> {
    /// `file:line` of what was read.
    pub fn place<T>(&self, what: &Spanned<T>) -> String {
        format!("{}:{}", self.file, tomlx::position(self.text, what.span().start).0)
    }
}

/// Where the sections stand, for messages.
pub(super) struct Places {
    pub meta: String,
    pub origins: String,
    pub inputs: BTreeMap<String, String>,
    pub accounts: String,
    pub movements: String,
    pub session: String,
}

pub(super) fn recipe(file: &str, text: &str, lib: &dyn Fn(&str) -> Option<String>) -> Result<Recipe, RecipeError> {
    let document = Document { file, text };
    let raw: RawRecipe = toml::from_str(text).map_err(|error| RecipeError::of(tomlx::describe(file, text, &error)))?;
    if *raw.schema.get_ref() != SCHEMA {
        let place = document.place(&raw.schema);
        return Err(RecipeError::of(format!("{place}: schema {} is not known; use {SCHEMA}", raw.schema.get_ref())));
    }
    let included = include(&document, &raw.include, lib)?;
    let hash = hash_of([text].into_iter().chain(included.iter().map(|(_, text)| text.as_str())));
    let libraries = libraries(&included)?;

    let places = Places {
        meta: document.place(&raw.meta),
        origins: document.place(&raw.origins),
        inputs: raw.inputs.iter().map(|(name, input)| (name.clone(), document.place(input))).collect(),
        accounts: document.place(&raw.accounts),
        movements: document.place(&raw.movements),
        session: raw.session.as_ref().map(|session| document.place(session)).unwrap_or_default(),
    };
    let meta = raw.meta.into_inner();
    let inputs: BTreeMap<_, _> = raw.inputs.into_iter().map(|(name, input)| (name, input.into_inner())).collect();

    let mut states = located(&document, raw.state);
    let (mut elements, mut formats) = (raw.el, raw.formats);
    for (library, (file, text)) in libraries.into_iter().zip(&included) {
        for (name, element) in library.el {
            elements.entry(name).or_insert(element);
        }
        formats.date = formats.date.or(library.formats.date);
        formats.money = formats.money.or(library.formats.money);
        for (place, state) in located(&Document { file, text }, library.state) {
            if !states.iter().any(|(_, known)| known.name == state.name) {
                states.push((place, state));
            }
        }
    }

    let mut builder = Builder {
        elements,
        states: states.iter().map(|(_, state)| state.name.clone()).collect(),
        flows: raw.flow.keys().cloned().collect(),
        secrets: secrets(&inputs),
        origins: raw.origins.get_ref().login.iter().chain(&raw.origins.get_ref().data).cloned().collect(),
        problems: Vec::new(),
    };
    let formats = builder.formats(&places.meta, &meta.locale, formats);
    let origins = builder.origins(&places.origins, raw.origins.into_inner());
    let states = builder.states(states);
    let flows = raw.flow.into_iter().map(|(name, steps)| {
        let steps = located(&document, steps).into_iter().enumerate();
        let built = steps.filter_map(|(index, (place, step))| builder.step(&format!("{place}: {name}[{index}]"), step));
        (name.clone(), built.collect::<Vec<Step>>())
    });
    let flows: BTreeMap<String, Vec<Step>> = flows.collect();
    let Builder { elements, problems, .. } = builder;
    let (Some(formats), true) = (formats, problems.is_empty()) else {
        return Err(RecipeError { problems });
    };

    let recipe = Recipe {
        meta,
        origins,
        inputs,
        caps: raw.caps,
        limits: raw.limits,
        formats,
        elements,
        states,
        flows,
        accounts: raw.accounts.into_inner(),
        movements: raw.movements.into_inner(),
        session: raw.session.map(Spanned::into_inner).unwrap_or_default(),
        safety: raw.safety,
        diagnostics: raw.diagnostics,
        hash,
    };
    let problems = check::problems(&recipe, &places);
    if problems.is_empty() { Ok(recipe) } else { Err(RecipeError { problems }) }
}

/// File names and texts of the includes, in their order.
fn include(
    document: &Document<'_>,
    names: &[Spanned<String>],
    lib: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<(String, String)>, RecipeError> {
    let text = |name: &Spanned<String>| match lib(name.get_ref()) {
        Some(text) => Ok((format!("{}.toml", name.get_ref()), text)),
        None => Err(RecipeError::of(format!("{}: there is no file `{}.toml`", document.place(name), name.get_ref()))),
    };
    names.iter().map(text).collect()
}

fn libraries(included: &[(String, String)]) -> Result<Vec<RawLibrary>, RecipeError> {
    let read = |(file, text): &(String, String)| {
        toml::from_str(text).map_err(|error| RecipeError::of(tomlx::describe(file, text, &error)))
    };
    included.iter().map(read).collect()
}

fn located<T>(document: &Document<'_>, items: Vec<Spanned<T>>) -> Vec<(String, T)> {
    items.into_iter().map(|item| (document.place(&item), item.into_inner())).collect()
}

/// Knows every name of the recipe and gathers what is wrong, so that an author sees all of it at once.
struct Builder {
    elements: BTreeMap<String, Element>,
    states: BTreeSet<String>,
    flows: BTreeSet<String>,
    secrets: BTreeSet<String>,
    /// Login and data origins as they are written.
    origins: Vec<String>,
    problems: Vec<String>,
}

impl Builder {
    /// Notes a problem; `at` begins with `file:line`.
    fn report(&mut self, at: &str, problem: &str) {
        self.problems.push(format!("{at}: {problem}"));
    }

    fn formats(&mut self, at: &str, locale: &str, raw: RawFormats) -> Option<Formats> {
        let date = raw.date.map(|dates| dates.patterns).unwrap_or_default();
        let language = Language::of_locale(locale);
        if date.is_empty() {
            self.report(at, "the recipe declares no date pattern; add `patterns` to [formats.date]");
        }
        if language.is_none() && date.iter().any(DatePattern::has_month_names) {
            self.report(at, &format!("the month names of the locale `{locale}` are not known"));
        }
        match money_format(locale, raw.money) {
            Ok(money) => Some(Formats { date, money, language }),
            Err(problem) => {
                self.report(at, &format!("formats.money: {problem}"));
                None
            }
        }
    }

    fn origins(&mut self, at: &str, raw: RawOrigins) -> Origins {
        let mut templates = |texts: Vec<String>| {
            texts.iter().filter_map(|text| self.template(&format!("{at}: origins"), text)).collect::<Vec<_>>()
        };
        Origins {
            login: templates(raw.login),
            data: templates(raw.data),
            assets: templates(raw.assets),
            third_party: templates(raw.third_party),
        }
    }

    fn template(&mut self, at: &str, text: &str) -> Option<Template> {
        let template = Template::parse(text, &self.secrets);
        template.map_err(|error| self.report(at, &format!("\"{text}\": {error}"))).ok()
    }

    fn states(&mut self, raw: Vec<(String, RawState)>) -> Vec<State> {
        let mut seen = BTreeSet::new();
        let mut states = Vec::new();
        for (place, mut raw) in raw {
            let at = format!("{place}: state `{}`", raw.name);
            if !seen.insert(raw.name.clone()) {
                self.report(&at, "there are two states of this name");
            }
            if raw.fails.is_some() && raw.handle.is_some() {
                self.report(&at, "a state either fails or is handled");
            }
            if let Some(flow) = &raw.handle {
                self.expect_flow(&at, flow);
            }
            let Some(test) = self.condition(&at, raw.take_test()) else { continue };
            states.push(State {
                name: raw.name,
                test,
                fails: raw.fails,
                detail: raw.detail,
                watch: raw.watch,
                handle: raw.handle,
                max_handles: raw.max_handles.unwrap_or(MAX_HANDLES_BY_DEFAULT),
            });
        }
        states
    }

    fn condition(&mut self, at: &str, raw: RawTest) -> Option<Condition> {
        let all = raw.all.map(|tests| self.conditions(at, tests).map(Condition::All));
        let any = raw.any.map(|tests| self.conditions(at, tests).map(Condition::Any));
        let not = raw.not.map(|test| self.condition(at, *test).map(|test| Condition::Not(Box::new(test))));
        let visible = raw.visible.map(|name| self.element(at, &name).map(Condition::Visible));
        let missing = raw.missing.map(|name| self.element(at, &name).map(Condition::Missing));
        if raw.within.is_some() && raw.text.is_none() {
            self.report(at, "`in` says where a `text` is looked for, and there is none");
        }
        let within = raw.within.map(|name| self.element(at, &name));
        let text = raw.text.map(|texts| {
            let wanted = texts.folded();
            if wanted.iter().any(String::is_empty) {
                self.report(at, "an empty text is on every page");
            }
            match within {
                Some(element) => Some(Condition::Text { wanted, within: Some(element?) }),
                None => Some(Condition::Text { wanted, within: None }),
            }
        });
        let url = raw.url.map(|patterns| Some(Condition::Url(patterns.0)));
        let host = raw.host.map(|hosts| Some(Condition::Host(hosts.0)));
        let title = raw.title.map(|texts| Some(Condition::Title(texts.folded())));

        let mut tests = [all, any, not, visible, missing, text, url, host, title].into_iter().flatten();
        if let (Some(test), None) = (tests.next(), tests.next()) {
            return test;
        }
        self.report(at, "a test has exactly one of all, any, not, url, host, visible, missing, text and title");
        None
    }

    fn conditions(&mut self, at: &str, tests: Vec<RawTest>) -> Option<Vec<Condition>> {
        if tests.is_empty() {
            self.report(at, "`all` and `any` need at least one test");
        }
        let built: Vec<Option<Condition>> = tests.into_iter().map(|test| self.condition(at, test)).collect();
        built.into_iter().collect()
    }

    /// The element of this name, or the one that the selector describes; names have no `=`.
    fn element(&mut self, at: &str, name: &str) -> Option<Element> {
        if name.contains('=') {
            let candidate = Candidate::try_from(name.to_owned());
            return candidate.map_err(|problem| self.report(at, &problem)).ok().map(Element::of);
        }
        self.expect_element(at, name);
        self.elements.get(name).cloned()
    }

    fn expect_element(&mut self, at: &str, name: &str) {
        if !self.elements.contains_key(name) {
            let problem = unknown("element", name, self.elements.keys());
            self.report(at, &problem);
        }
    }

    fn expect_state(&mut self, at: &str, name: &str) {
        if !self.states.contains(name) {
            let problem = unknown("state", name, &self.states);
            self.report(at, &problem);
        }
    }

    fn expect_flow(&mut self, at: &str, name: &str) {
        if !self.flows.contains(name) {
            let problem = unknown("flow", name, &self.flows);
            self.report(at, &problem);
        }
    }

    fn guard(&mut self, at: &str, guard: RawGuard) -> Option<Condition> {
        match guard {
            RawGuard::State(name) => {
                self.expect_state(at, &name);
                Some(Condition::State(name))
            }
            RawGuard::Test(test) => self.condition(at, test),
        }
    }

    fn step(&mut self, at: &str, raw: RawStep) -> Option<Step> {
        let when = raw.when.and_then(|guard| self.guard(at, guard));
        let unless = raw.unless.and_then(|guard| self.guard(at, guard));
        if raw.with.is_some() && raw.fill.is_none() {
            self.report(at, "`with` belongs to `fill`");
        }
        if raw.submits_credentials.is_some() && raw.click.is_none() {
            self.report(at, "`submits_credentials` belongs to `click`");
        }
        let verbs = (raw.goto, raw.expect, raw.fill, raw.click, raw.otp, raw.snapshot, raw.call);
        let action = match verbs {
            (Some(address), None, None, None, None, None, None) => self.goto(at, &address)?,
            (None, Some(states), None, None, None, None, None) => self.expect(at, states),
            (None, None, Some(element), None, None, None, None) => self.fill(at, element, raw.with)?,
            (None, None, None, Some(element), None, None, None) => {
                self.expect_element(at, &element);
                Action::Click { element, submits_credentials: raw.submits_credentials.unwrap_or(false) }
            }
            (None, None, None, None, Some(otp), None, None) => self.otp(at, otp),
            (None, None, None, None, None, Some(name), None) => Action::Snapshot(name),
            (None, None, None, None, None, None, Some(flow)) => {
                self.expect_flow(at, &flow);
                Action::Call(flow)
            }
            _ => {
                self.report(at, "a step has exactly one of goto, expect, fill, click, otp, snapshot and call");
                return None;
            }
        };
        Some(Step { action, when, unless, timeout: raw.timeout, optional: raw.optional })
    }

    fn goto(&mut self, at: &str, address: &str) -> Option<Action> {
        // What follows the origin must not be able to lengthen the host: `https://bank.example` + `.evil.example`.
        let is_declared = self.origins.iter().any(|origin| {
            let path = address.strip_prefix(origin.as_str());
            path.is_some_and(|path| {
                path.is_empty() || path.starts_with(['/', '?', '#']) || path.starts_with("{{account.")
            })
        });
        if !is_declared {
            self.report(at, &format!("\"{address}\" is on no origin of `origins.login` or `origins.data`"));
        }
        let template = self.template(at, address)?;
        if template.secret_input().is_some() {
            self.report(at, "a secret is only typed, by `fill`");
        }
        Some(Action::Goto(template))
    }

    fn expect(&mut self, at: &str, states: Vec<String>) -> Action {
        if states.is_empty() {
            self.report(at, "`expect` needs at least one state");
        }
        for state in &states {
            self.expect_state(at, state);
        }
        Action::Expect(states)
    }

    fn fill(&mut self, at: &str, element: String, with: Option<String>) -> Option<Action> {
        self.expect_element(at, &element);
        let Some(with) = with else {
            self.report(at, "`fill` needs `with`");
            return None;
        };
        Some(Action::Fill { element, with: self.template(at, &with)? })
    }

    fn otp(&mut self, at: &str, otp: Otp) -> Action {
        for element in otp.elements() {
            self.expect_element(at, element);
        }
        for state in otp.states() {
            self.expect_state(at, &state);
        }
        for problem in otp.problems() {
            self.report(at, problem);
        }
        Action::Otp(Box::new(otp))
    }
}

/// Says that a name is not known, and which one was probably meant.
pub(super) fn unknown<'n>(kind: &str, name: &str, names: impl IntoIterator<Item = &'n String>) -> String {
    let hint = tomlx::nearest(name, names.into_iter().map(String::as_str));
    let hint = hint.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    format!("there is no {kind} `{name}`{hint}")
}
