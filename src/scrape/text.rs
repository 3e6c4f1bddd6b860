//! Text as people read it: comparisons ignore case, accents, kinds of space and invisible characters.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Joins words with single spaces and drops characters that nobody sees.
#[must_use]
pub fn squash(text: &str) -> String {
    let mut squashed = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        let length = squashed.len();
        if length > 0 {
            squashed.push(' ');
        }
        let start = squashed.len();
        squashed.extend(word.chars().filter(|c| !is_invisible(*c)));
        if squashed.len() == start {
            squashed.truncate(length);
        }
    }
    squashed
}

/// The form in which two texts are compared: squashed, lower case, without accents.
#[must_use]
pub fn fold(text: &str) -> String {
    let plain: String = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect();
    squash(&plain)
}

/// Zero-width and direction marks, which banks sprinkle over numbers, and the soft hyphen.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_look_alike_fold_to_the_same() {
        let check = |text: &str, expected: &str| assert_eq!(fold(text), expected, "{text:?}");
        check("  Contraseña\u{a0}\n nueva ", "contrasena nueva");
        check("DÉBITO", "debito");
        check("e\u{301}", "e");
        check("\u{200f}12\u{200b}3 \u{feff} x", "123 x");
        check("Nº", "no");
        check(" \u{200b} ", "");
    }
}
