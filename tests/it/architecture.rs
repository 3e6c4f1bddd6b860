//! Who may use whom, as a test: the arrow of `ARCHITECTURE.md`, read from the source.
//!
//! The source is cut into tokens, without comments, texts and test modules: tests may use anything.

mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use self::rules::RULES;
use self::rules::Rule::{self, Lines, Never, Only, Packages, Uses};

#[test]
fn every_file_keeps_the_rules() {
    let project = Project::read();
    let broken: Vec<String> = RULES.iter().flat_map(|rule| project.broken(rule)).collect();
    assert!(broken.is_empty(), "{} broken rules:\n  {}", broken.len(), broken.join("\n  "));
}

#[test]
fn every_rule_covers_a_file() {
    let project = Project::read();
    for rule in RULES {
        let (Uses { files, .. } | Packages { files, .. } | Never { files, .. }) = rule else { continue };
        assert!(project.sources.iter().any(|source| covers(files, &source.name)), "no file is covered by `{files}`");
    }
}

/// One file below `src`.
struct Source {
    /// Path below `src` without `.rs`: `poll/client`; `poll` for `poll/mod.rs`.
    name: String,
    /// All tokens except those of test modules.
    tokens: Vec<String>,
    /// Modules in files of their own that are compiled for tests only, named as `name` is.
    test_modules: Vec<String>,
}

impl Source {
    fn parse(name: String, text: &str) -> Self {
        let (tokens, inner) = without_tests(&tokens(text));
        let test_modules = inner.into_iter().map(|module| format!("{name}/{module}")).collect();
        Self { name, tokens: tokens.into_iter().map(str::to_owned).collect(), test_modules }
    }

    fn token(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", String::as_str)
    }

    fn has(&self, word: &str) -> bool {
        self.tokens.iter().any(|token| token == word)
    }

    /// The names that follow the crate's root in paths: `crate::x`, `super::x` at the top, each head of a group.
    fn heads(&self) -> BTreeSet<&str> {
        let mut heads = BTreeSet::new();
        let depth = if self.name == "lib" || self.name == "main" { 0 } else { self.name.split('/').count() };
        for at in 0..self.tokens.len() {
            let climbs = (0..self.tokens.len()).take_while(|step| self.token(at + 2 * step) == "super").count();
            let root = match self.token(at) {
                "crate" | "reconbanker" => at + 1,
                "super" if climbs == depth => at + 2 * climbs - 1,
                _ => continue,
            };
            if self.token(root) == "::" {
                self.group(root + 1, &mut heads);
            }
        }
        heads
    }

    /// The first name at `start`, or of each part when a `{…}` group stands there.
    fn group<'s>(&'s self, start: usize, heads: &mut BTreeSet<&'s str>) {
        if self.token(start) != "{" {
            heads.insert(self.token(start));
            return;
        }
        let (mut depth, mut at) = (1, start + 1);
        while depth > 0 && at < self.tokens.len() {
            if depth == 1 && matches!(self.token(at - 1), "{" | ",") {
                heads.insert(self.token(at));
            }
            match self.token(at) {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            at += 1;
        }
    }

    /// The packages that stand at the start of a path.
    fn packages<'p>(&self, known: &'p BTreeSet<String>) -> BTreeSet<&'p str> {
        let is_used = |at: usize| {
            let starts_a_path = self.token(at + 1) == "::" && (at == 0 || self.token(at - 1) != "::");
            starts_a_path || (at > 0 && self.token(at - 1) == "use")
        };
        (0..self.tokens.len())
            .filter(|at| is_used(*at))
            .filter_map(|at| known.get(self.token(at)))
            .map(String::as_str)
            .collect()
    }
}

struct Project {
    sources: Vec<Source>,
    /// Our top-level modules.
    modules: BTreeSet<String>,
    /// The packages that `Cargo.toml` names, as they are written in code.
    packages: BTreeSet<String>,
    /// Lines of every file below `src` and `tests`, by path.
    lines: BTreeMap<String, usize>,
}

impl Project {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut texts = BTreeMap::new();
        for folder in ["src", "tests"] {
            collect(root, folder, &mut texts);
        }
        let mut sources: Vec<Source> = texts
            .iter()
            .filter_map(|(path, text)| {
                let name = path.strip_prefix("src/")?.strip_suffix(".rs")?;
                Some(Source::parse(name.strip_suffix("/mod").unwrap_or(name).to_owned(), text))
            })
            .collect();
        let tests: Vec<String> = sources.iter().flat_map(|source| source.test_modules.clone()).collect();
        sources.retain(|source| !tests.iter().any(|test| covers(test, &source.name)));

        let top = |name: &str| name.split('/').next().unwrap_or_default().to_owned();
        let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("a package has a Cargo.toml");
        let dependencies = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1);
        let packages = dependencies
            .take_while(|line| !line.starts_with('['))
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| Some(line.split_once('=')?.0.trim().replace('-', "_")))
            .collect();
        Self {
            modules: sources.iter().map(|source| top(&source.name)).collect(),
            lines: texts.iter().map(|(path, text)| (path.clone(), text.lines().count())).collect(),
            sources,
            packages,
        }
    }

    /// The sources under the rule that names `pattern`.
    fn covered<'p>(&'p self, pattern: &'p str) -> impl Iterator<Item = &'p Source> {
        self.sources.iter().filter(move |source| covers(pattern, &source.name))
    }

    /// What breaks the rule: the file, what it does, and why it must not.
    fn broken(&self, rule: &Rule) -> Vec<String> {
        let complaint = |source: &Source, what: &str, why: &str| format!("src/{}: {what}: {why}", source.name);
        match rule {
            Uses { files, modules, why } => self
                .covered(files)
                .filter(|source| uses_rule_of(&source.name) == Some(*files))
                .flat_map(|source| {
                    let own = source.name.split('/').next().unwrap_or_default();
                    let heads = source.heads().into_iter().filter(|head| self.modules.contains(*head));
                    heads
                        .filter(|head| *head != own && !modules.contains(head))
                        .map(|head| complaint(source, &format!("uses our module `{head}`"), why))
                        .collect::<Vec<_>>()
                })
                .collect(),
            Packages { files, packages, why } => self
                .covered(files)
                .flat_map(|source| {
                    let used = source.packages(&self.packages).into_iter();
                    used.filter(|package| !packages.contains(package))
                        .map(|package| complaint(source, &format!("uses the package `{package}`"), why))
                        .collect::<Vec<_>>()
                })
                .collect(),
            Only { word, files, why } => self
                .sources
                .iter()
                .filter(|source| source.has(word) && !files.iter().any(|pattern| covers(pattern, &source.name)))
                .map(|source| complaint(source, &format!("mentions `{word}`"), why))
                .collect(),
            Never { word, files, why } => self
                .covered(files)
                .filter(|source| source.has(word))
                .map(|source| complaint(source, &format!("has `{word}`"), why))
                .collect(),
            Lines { max, why } => self
                .lines
                .iter()
                .filter(|(_, lines)| *lines > max)
                .map(|(path, lines)| format!("{path}: has {lines} lines, more than {max}: {why}"))
                .collect(),
        }
    }
}

/// The longest name among the `Uses` rules that cover a file.
fn uses_rule_of(name: &str) -> Option<&'static str> {
    let patterns = RULES.iter().filter_map(|rule| match rule {
        Uses { files, .. } => Some(*files),
        Packages { .. } | Only { .. } | Never { .. } | Lines { .. } => None,
    });
    patterns.filter(|pattern| covers(pattern, name)).max_by_key(|pattern| pattern.len())
}

fn covers(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name.strip_prefix(pattern).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
    }
}

/// Reads every Rust file below a folder; paths are from the root, with `/`.
pub(crate) fn collect(root: &Path, folder: &str, texts: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(root.join(folder)).expect("the folder is part of the project") {
        let entry = entry.expect("the folder can be listed");
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(root, &path, texts);
        } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
            texts.insert(path, fs::read_to_string(entry.path()).expect("source files are readable UTF-8"));
        }
    }
}

/// Cuts out each item under `#[cfg(test)]`; also tells the modules among them whose text is in another file.
fn without_tests<'t>(tokens: &[&'t str]) -> (Vec<&'t str>, Vec<&'t str>) {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut kept, mut modules) = (Vec::new(), Vec::new());
    let mut rest = tokens;
    while let Some((first, tail)) = rest.split_first() {
        if !rest.starts_with(&MARK) {
            kept.push(*first);
            rest = tail;
            continue;
        }
        let mut depth = 0;
        let item_end = rest[MARK.len()..].iter().position(|token| {
            match *token {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            depth == 0 && matches!(*token, ";" | "}")
        });
        let (item, tail) = rest.split_at(item_end.map_or(rest.len(), |end| MARK.len() + end + 1));
        if let [.., "mod", module, ";"] = item {
            modules.push(*module);
        }
        rest = tail;
    }
    (kept, modules)
}

/// Words, `::` and single marks; comments, texts and the quotes of lifetimes are left out.
fn tokens(mut rest: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let silent = if first.is_whitespace() {
            Some(first.len_utf8())
        } else if rest.starts_with("//") {
            Some(rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            Some(rest.find("*/").map_or(rest.len(), |end| end + 2))
        } else {
            text_length(rest).or_else(|| quote_length(rest))
        };
        let length = silent.unwrap_or_else(|| token_length(first, rest));
        if silent.is_none() {
            tokens.push(&rest[..length]);
        }
        rest = &rest[length..];
    }
    tokens
}

fn token_length(first: char, rest: &str) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    if is_word(first) {
        rest.find(|c: char| !is_word(c)).unwrap_or(rest.len())
    } else if rest.starts_with("::") {
        2
    } else {
        first.len_utf8()
    }
}

/// Length of the text literal at the start: plain, byte or C, raw or not.
fn text_length(rest: &str) -> Option<usize> {
    let prefix = rest.find(|c: char| !matches!(c, 'b' | 'c' | 'r')).filter(|length| *length <= 2)?;
    let is_raw = rest[..prefix].contains('r');
    let hashes = rest[prefix..].find(|c: char| c != '#').filter(|count| *count == 0 || is_raw)?;
    let start = prefix + hashes + 1;
    let body = rest[prefix + hashes..].strip_prefix('"')?;
    if is_raw {
        let end = format!("\"{}", "#".repeat(hashes));
        return body.find(&end).map(|at| start + at + end.len());
    }
    let mut is_escaped = false;
    let end = body.find(|c: char| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    });
    end.map(|at| start + at + 1)
}

/// Length of the character literal at the start; 1 for the quote of a lifetime; `None` where no quote stands.
fn quote_length(rest: &str) -> Option<usize> {
    let mut inside = rest.strip_prefix('\'')?.chars();
    Some(match (inside.next(), inside.next()) {
        // From the fourth byte on, because the third may be an escaped quote.
        (Some('\\'), Some(_)) => rest[3..].find('\'').map_or(1, |end| end + 4),
        (Some(character), Some('\'')) => character.len_utf8() + 2,
        _ => 1,
    })
}

#[test]
fn paths_are_found_however_they_are_written() {
    let check = |name: &str, text: &str, expected: &[&str]| {
        let source = Source::parse(name.to_owned(), text);
        let heads: Vec<&str> = source.heads().into_iter().collect();
        assert_eq!(heads, expected, "{text}");
    };
    check("poll/client", "use crate::store::Tx;", &["store"]);
    check("poll/client", "use crate::{domain::{ids, time}, store, vault::*};", &["domain", "store", "vault"]);
    check("poll/client", "fn f(tx: &mut crate::store::Tx) -> super::PollError {}", &["store"]);
    check("poll/client", "use super::super::store; use super::decode;", &["store"]);
    check("outbound", "use super::config::Settings;", &["config"]);
    check("main", "fn main() { reconbanker::cli::run() }", &["cli"]);
    check("poll", "pub(crate) use client::fetch;", &[]);
}

#[test]
fn comments_texts_and_test_modules_are_not_code() {
    let check = |text: &str, expected: &[&str]| {
        assert_eq!(Source::parse("poll".to_owned(), text).tokens, expected, "{text}");
    };
    check("a // crate::store\nb /* sqlx */ c", &["a", "b", "c"]);
    check(r#"f("crate::store \" sqlx", b"sqlx", '"', '\'', 'x')"#, &["f", "(", ",", ",", ",", ",", ")"]);
    check("f(r#\"say \"sqlx\"\"#, br\"\\\")", &["f", "(", ",", ")"]);
    check("struct A<'a>(&'a str);", &["struct", "A", "<", "a", ">", "(", "&", "a", "str", ")", ";"]);
    check("a #[cfg(test)] #[path = \"x\"] mod tests { fn f() { [0; 3]; } } b", &["a", "b"]);
    check("#[cfg(test)] use sqlx::Row; b", &["b"]);
    check("// no newline at the end: sqlx", &[]);

    let source = Source::parse("poll".to_owned(), "#[cfg(test)] pub(crate) mod testing; mod decode;");
    assert_eq!(source.test_modules, ["poll/testing"]);
}

#[test]
fn packages_count_where_a_path_begins() {
    let known = BTreeSet::from(["url".to_owned(), "sqlx".to_owned(), "axum".to_owned()]);
    let source = Source::parse("poll".to_owned(), "use axum; fn url(a: crate::url::X) -> sqlx::Row { self.url }");
    assert_eq!(source.packages(&known), BTreeSet::from(["axum", "sqlx"]));
}
