//! How similar an expected name is to what a bank printed. Integers only; pure and total.

use std::borrow::Cow;

use any_ascii::any_ascii_char;
use unicode_normalization::UnicodeNormalization;

use super::lexicon;
use super::pairing::{DAMAGED, FULL_WEIGHT, Likeness, Pair, Pairing, weight};

/// The score of equal names. Scores are per mille.
const EQUAL: i64 = 1000;

/// Longer texts are cut: a bank prints at most 140 characters of name and remittance information.
const TEXT_CHARS_MAX: usize = 300;
const WORDS_MAX: usize = 24;
const WORD_LETTERS_MAX: usize = 40;
/// From so many digits on, a chunk is a document, account or reference number, not part of a name.
const NUMBER_DIGITS_MIN: usize = 4;

/// What a missing word costs beside the weight of what agrees, per mille of its weight. Customers
/// leave out second names more often than banks do, so a word that only the order has costs more.
const MISSING_IN_BANK: i64 = 150;
const MISSING_IN_ORDER: i64 = 90;
/// Words of one kind missing on *both* sides contradict each other: Pérez here, Gómez there.
const CONTRADICTION: i64 = 1600;
/// A given name missing here and a surname there may both have been left out.
const CROSS_CONTRADICTION: i64 = 800;
/// An initial beside a name that does not begin with it.
const INITIAL_CONTRADICTION: i64 = 500;
/// An initial of the order while the bank has words that do not explain it.
const INITIAL_UNEXPLAINED: i64 = 150;
const INITIAL_MISSING: i64 = 20;

/// Factor, per mille, when less than two telling words agree: one shared word is never evidence.
const ONE_WORD_FACTOR: i64 = 620;
/// Factor, per mille, when both names are of companies with different legal forms.
const LEGAL_FORM_FACTOR: i64 = 750;
/// Most that shared given names can reach without any surname: "Juan Carlos" is nobody.
const FORENAMES_ONLY_MAX: i64 = 700;

/// A name in comparable form. Two orders with equal keys show the same name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NameKey {
    words: Vec<String>,
    legal_form: Option<&'static str>,
}

impl NameKey {
    /// Whether nothing is left that could be compared.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
}

/// How similar two names are, and the sentence that says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Similarity {
    /// 0 to 1000.
    pub score: i64,
    /// Says what agrees and what does not, without the names.
    pub why: String,
}

/// Reduces a name, or a bank's line with a name in it, to the words that tell payers apart.
///
/// Script, case, accents and punctuation go; so do bank phrases, document numbers, particles and titles. The
/// legal form of a company is set apart.
pub fn normalise(text: &str) -> NameKey {
    let text: String = text.chars().take(TEXT_CHARS_MAX).collect();
    let mut tokens = tokens(&plain(&repaired(&text)));
    drop_bank_phrases(&mut tokens);
    let legal_form = take_legal_form(&mut tokens);
    let mut words = telling(&tokens);
    words.truncate(WORDS_MAX);
    for word in &mut words {
        word.truncate(WORD_LETTERS_MAX);
    }
    NameKey { words, legal_form }
}

/// Compares the order's name with the bank's. Not symmetric: only the bank cuts texts off.
pub fn similarity(order: &NameKey, bank: &NameKey) -> Similarity {
    if order.is_empty() || bank.is_empty() {
        return Similarity { score: 0, why: "there is no name to compare".to_owned() };
    }
    if order == bank {
        return Similarity { score: EQUAL, why: "the names are equal".to_owned() };
    }
    let pairing = Pairing::of(&order.words, &bank.words);
    let missing_in_bank = Missing::of(&pairing.order);
    let missing_in_order = Missing::of(&pairing.bank);
    let earned: i64 = pairing.pairs.iter().map(|pair| pair.weight * pair.likeness.quality() / 1000).sum();
    let possible: i64 = pairing.pairs.iter().map(|pair| pair.weight).sum();
    let loss = loss(&missing_in_bank, &missing_in_order);
    // Nothing paired means nothing earned, and at least one word missing: the divisor is positive.
    let mut score = earned * 1000 / (possible + loss).max(1);
    let mut reasons = words_in_common(&pairing.pairs, &missing_in_bank, &missing_in_order);

    let is_complete = missing_in_bank.words + missing_in_order.words == 0;
    let is_one_word = matches!(pairing.pairs.as_slice(), [pair] if pair.likeness == Likeness::Equal);
    let evidence: usize = pairing.pairs.iter().map(|pair| pair.evidence).sum();
    if evidence < 2 && !(is_complete && is_one_word) {
        score = score * ONE_WORD_FACTOR / 1000;
        reasons.push("that is too little to go by".to_owned());
    }
    let mut told = pairing.pairs.iter().filter(|pair| pair.likeness != Likeness::Initial);
    if !is_complete && told.all(|pair| pair.is_only_forename) {
        score = score.min(FORENAMES_ONLY_MAX);
        reasons.push("no surname agrees".to_owned());
    }
    if let (Some(ours), Some(theirs)) = (order.legal_form, bank.legal_form)
        && ours != theirs
    {
        score = score * LEGAL_FORM_FACTOR / 1000;
        reasons.push("the legal forms differ".to_owned());
    }
    Similarity { score, why: reasons.join("; ") }
}

/// What is left of one side, by kind.
struct Missing {
    forenames: i64,
    others: i64,
    initials: i64,
    /// How many words, of any kind.
    words: usize,
}

impl Missing {
    fn of(side: &[Option<&str>]) -> Self {
        let mut missing = Self { forenames: 0, others: 0, initials: 0, words: 0 };
        for word in side.iter().flatten() {
            missing.words += 1;
            if word.len() == 1 {
                missing.initials += 1;
            } else if lexicon::is_forename(word) {
                missing.forenames += weight(word);
            } else {
                missing.others += weight(word);
            }
        }
        missing
    }
}

/// What the leftovers of both sides take from the score, in weight.
fn loss(in_bank: &Missing, in_order: &Missing) -> i64 {
    let forenames = in_bank.forenames.min(in_order.forenames);
    let others = in_bank.others.min(in_order.others);
    let rest_in_bank = in_bank.forenames + in_bank.others - forenames - others;
    let rest_in_order = in_order.forenames + in_order.others - forenames - others;
    let cross = rest_in_bank.min(rest_in_order);

    let mut loss = (forenames + others) * CONTRADICTION
        + cross * CROSS_CONTRADICTION
        + (rest_in_bank - cross) * MISSING_IN_BANK
        + (rest_in_order - cross) * MISSING_IN_ORDER;
    let of_initials = |cost: i64| cost * FULL_WEIGHT;
    if in_bank.initials > 0 && (in_order.forenames > 0 || in_order.initials > 0) {
        loss += of_initials(INITIAL_CONTRADICTION);
    }
    if in_order.initials > 0 && in_bank.forenames + in_bank.others > 0 {
        loss += of_initials(INITIAL_CONTRADICTION);
    }
    let unexplained = if in_order.words > 0 { INITIAL_UNEXPLAINED } else { INITIAL_MISSING };
    loss += of_initials(in_bank.initials * unexplained + in_order.initials * INITIAL_MISSING);
    loss / 1000
}

fn words_in_common(pairs: &[Pair], in_bank: &Missing, in_order: &Missing) -> Vec<String> {
    let inexact = pairs.iter().filter(|pair| pair.likeness != Likeness::Equal).count();
    let agree = counted(pairs.len(), "part");
    let mut reasons = vec![match inexact {
        0 => format!("{agree} in common"),
        _ => format!("{agree} in common, {inexact} not to the letter"),
    }];
    if in_bank.words > 0 {
        reasons.push(format!("{} missing in the bank's text", counted(in_bank.words, "word")));
    }
    if in_order.words > 0 {
        reasons.push(format!("{} missing in the order", counted(in_order.words, "word")));
    }
    reasons
}

fn counted(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// Undoes UTF-8 that was read as Latin-1: "MuÃ±oz" was "Muñoz".
fn repaired(text: &str) -> Cow<'_, str> {
    if !text.contains(['Ã', 'Â']) {
        return Cow::Borrowed(text);
    }
    let bytes: Option<Vec<u8>> = text.chars().map(|letter| u8::try_from(letter).ok()).collect();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Lower-case ASCII of any script; a destroyed letter becomes [`DAMAGED`].
fn plain(text: &str) -> String {
    // Composed: transliteration reads whole letters, and stray accents of Latin letters are dropped below.
    let letters: Vec<char> = text.nfkc().collect();
    let mut plain = String::with_capacity(text.len());
    for (at, &letter) in letters.iter().enumerate() {
        if is_damage(letter) {
            let before = at.checked_sub(1).map(|before| letters[before]);
            if before.is_some_and(is_damage) {
                continue;
            }
            // Two characters may stand for the two bytes of one letter.
            let after = letters[at..].iter().copied().find(|after| !is_damage(*after));
            let is_inside = before.is_some_and(char::is_alphabetic) && after.is_some_and(char::is_alphabetic);
            plain.push(if is_inside { DAMAGED } else { ' ' });
        } else if letter.is_ascii() {
            plain.push(letter);
        } else if !matches!(letter, '\u{300}'..='\u{36f}') {
            plain.push_str(any_ascii_char(letter));
        }
    }
    // "D'Angelo" is one word; transliteration also writes signs that have no sound as apostrophes.
    plain.retain(|letter| !matches!(letter, '\'' | '`'));
    plain.make_ascii_lowercase();
    plain
}

/// What banks print where their system lost a letter.
fn is_damage(letter: char) -> bool {
    matches!(letter, '#' | '&' | '?' | '¥' | '¤' | '\u{fffd}' | DAMAGED)
}

/// Splits at spaces and punctuation and leaves out numbers together with their labels.
fn tokens(plain: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    for chunk in plain.split_ascii_whitespace() {
        let is_number = chunk.bytes().filter(u8::is_ascii_digit).count() >= NUMBER_DIGITS_MIN;
        if is_number {
            while tokens.last().is_some_and(|word| lexicon::is_number_label(word)) {
                tokens.pop();
            }
        }
        let belongs =
            |letter: char| letter == DAMAGED || letter.is_ascii_alphabetic() || (!is_number && letter.is_ascii_digit());
        let words = chunk.split(|letter: char| !belongs(letter)).filter(|word| !word.is_empty());
        tokens.extend(words.filter(|word| !(is_number && lexicon::is_number_label(word))).map(str::to_owned));
    }
    tokens
}

/// Drops "TRANSFERENCIA DE" in front and "BCO PICHINCHA" behind.
fn drop_bank_phrases(tokens: &mut Vec<String>) {
    let start = tokens.iter().position(|word| !lexicon::is_bank_phrase(word)).unwrap_or(tokens.len());
    tokens.drain(..start);
    let kept = match tokens.as_slice() {
        [name @ .., word, _] if name.len() >= 2 && matches!(word.as_str(), "bco" | "banco") => name.len(),
        [name @ .., last] if name.len() >= 2 && lexicon::is_bank(last) => name.len(),
        all => all.len(),
    };
    tokens.truncate(kept);
}

/// Removes legal forms from the end; the last one printed is what counts.
fn take_legal_form(tokens: &mut Vec<String>) -> Option<&'static str> {
    let mut found = None;
    while let Some((form, length)) = trailing_legal_form(tokens) {
        tokens.truncate(tokens.len() - length);
        found = found.or(Some(form));
    }
    found
}

/// The legal form at the end, and how many words it takes. The longest wins; something must be left to name.
fn trailing_legal_form(tokens: &[String]) -> Option<(&'static str, usize)> {
    let longest = lexicon::LEGAL_FORM_WORDS_MAX.min(tokens.len().saturating_sub(1));
    (1..=longest).rev().find_map(|length| {
        let (name, ending) = tokens.split_at(tokens.len() - length);
        let form = lexicon::legal_form(&ending.join(" "))?;
        // "Maria Sa" is a person with the surname Sá.
        let is_person = length == 1 && matches!(name, [only] if lexicon::is_forename(only));
        (!is_person).then_some((form, length))
    })
}

/// Leaves particles and titles out, unless the name has nothing else.
fn telling(tokens: &[String]) -> Vec<String> {
    let is_letter_or_end = |at: Option<usize>| at.and_then(|at| tokens.get(at)).is_none_or(|word| word.len() == 1);
    let is_telling = |at: usize, word: &str| {
        // "e" and "y" join two words; at an end or beside an initial they are initials themselves.
        let is_initial =
            matches!(word, "e" | "y") && (is_letter_or_end(at.checked_sub(1)) || is_letter_or_end(Some(at + 1)));
        is_initial || !lexicon::is_filler(word)
    };
    let words: Vec<String> =
        tokens.iter().enumerate().filter(|(at, word)| is_telling(*at, word)).map(|(_, word)| word.clone()).collect();
    if words.is_empty() { tokens.to_vec() } else { words }
}

#[cfg(test)]
mod tests;
