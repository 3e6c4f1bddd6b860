//! Turns an error of the `toml` crate into a message that names file, line and remedy.

use std::ops::Range;

use toml::de::Error;

/// Says what is wrong in a TOML file: `file:line:column`, the message, the nearest known name, the place in the text.
///
/// The source line is shown only up to the end of the faulty part, so that a secret that stands
/// beside a misspelt key is not repeated in a log.
#[must_use]
pub fn describe(file: &str, text: &str, error: &Error) -> String {
    let message = error.message().replace("unknown field", "unknown key").replace("missing field", "missing key");
    let hint = suggestion(&message).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    let Some(span) = error.span() else {
        return format!("{file}: {message}{hint}");
    };
    let (line, column) = position(text, span.start);
    format!("{file}:{line}:{column}: {message}{hint}{}", excerpt(text, &span))
}

/// Line and column of a byte offset, both counted from 1, the column in characters.
#[must_use]
pub fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The name that a person probably meant; `None` when nothing is close.
///
/// Close is at most one slip (a letter missing, added, changed or swapped) in three letters.
#[must_use]
pub fn nearest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let slips_max = (wrong.chars().count() / 3).max(1);
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(wrong, name), name))
        .filter(|(slips, _)| *slips <= slips_max)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, name)| name)
}

/// Serde lists what it would have accepted between backticks, behind the name that it did not know.
fn suggestion(message: &str) -> Option<&str> {
    let (_, list) = message.split_once("unknown ")?;
    let mut quoted = list.split('`').skip(1).step_by(2);
    let wrong = quoted.next()?;
    nearest(wrong, quoted)
}

fn excerpt(text: &str, span: &Range<usize>) -> String {
    let line_start = text.get(..span.start).unwrap_or(text).rfind('\n').map_or(0, |newline| newline + 1);
    let Some(shown) = text.get(line_start..span.end).and_then(|shown| shown.lines().next()) else {
        return String::new();
    };
    let marked = shown.get(span.start - line_start..).map_or(0, |part| part.chars().count()).max(1);
    let indent = shown.chars().count().saturating_sub(marked);
    format!("\n    {shown}\n    {}{}", " ".repeat(indent), "^".repeat(marked))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        listen: String,
        port: u16,
    }

    #[test]
    fn an_error_names_its_line_and_the_remedy() {
        let check = |text: &str, expected: &str| {
            let error = toml::from_str::<Sample>(text).expect_err("the text is faulty");
            assert_eq!(describe("a.toml", text, &error), expected);
        };
        check(
            "listen = \"x\"\nprot = 80\n",
            "a.toml:2:1: unknown key `prot`, expected `listen` or `port`; did you mean `port`?\n    prot\n    ^^^^",
        );
        check(
            "# first\nlisten = 3\nport = 1\n",
            "a.toml:2:10: invalid type: integer `3`, expected a string\n    listen = 3\n             ^",
        );
    }

    #[test]
    fn a_value_beside_a_misspelt_key_is_not_repeated() {
        let text = "pasword = \"hunter2\"\n";
        let error = toml::from_str::<Sample>(text).expect_err("the key is unknown");
        assert!(!describe("a.toml", text, &error).contains("hunter2"));
    }

    #[test]
    fn only_a_near_name_is_suggested() {
        let check = |wrong: &str, expected: Option<&str>| {
            assert_eq!(nearest(wrong, ["timeout", "click", "when"]), expected, "{wrong}");
        };
        check("tiemout", Some("timeout"));
        check("clik", Some("click"));
        check("hen", Some("when"));
        check("otp", None);
    }

    #[test]
    fn positions_count_characters_from_one() {
        let check = |offset: usize, expected: (usize, usize)| assert_eq!(position("añb\ncd", offset), expected);
        check(0, (1, 1));
        check(3, (1, 3));
        check(5, (2, 1));
        check(99, (2, 3));
    }
}
