//! Which word of one name stands for which word of the other.

use std::cmp::Reverse;
use std::ops::Range;

use super::lexicon;

/// Weight of a word that tells people or companies apart. All weights are per mille of it.
pub(super) const FULL_WEIGHT: i64 = 1000;
/// Weight of a word that many names contain.
const COMMON_WEIGHT: i64 = 500;
/// An initial agrees by chance once in about ten names.
const INITIAL_WEIGHT: i64 = 220;
/// Stands for a letter that the bank's system destroyed ("MU#OZ"); ASCII's own substitute character.
pub(super) const DAMAGED: char = '\u{1a}';

/// Most words of one side that a lost or moved space may have glued.
const GLUED_WORDS_MAX: usize = 3;
/// Letters of a cut word that still say something.
const CUT_LETTERS_MIN: usize = 3;
/// Letters of a glued text from which other than equality is looked for.
const GLUED_LETTERS_MIN: usize = 6;
/// Letters of a word that may be found inside a longer one.
const CONTAINED_LETTERS_MIN: usize = 5;

/// How two words, or two runs of words, agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    Equal,
    /// Equal but for letters the bank's system destroyed.
    Damaged,
    /// Equal but for spaces.
    Glued,
    /// Same sound, or one error in a long word.
    Alike,
    Misspelt,
    MisspeltTwice,
    /// The bank's text ends inside the word.
    Cut,
    CutShort,
    Initial,
}

impl Likeness {
    /// How much of the word's weight the agreement earns, per mille.
    pub(super) fn quality(self) -> i64 {
        match self {
            Self::Equal | Self::Initial => 1000,
            Self::Damaged => 980,
            Self::Glued => 950,
            Self::Alike => 900,
            Self::Misspelt | Self::Cut => 850,
            Self::MisspeltTwice => 780,
            Self::CutShort => 750,
        }
    }
}

/// Words of the order that were found in the bank's text.
#[derive(Debug)]
pub(super) struct Pair {
    pub likeness: Likeness,
    pub weight: i64,
    /// How many of the order's words are whole and telling: what counts as evidence.
    pub evidence: usize,
    /// Whether it is a given name that is hardly ever a surname.
    pub is_only_forename: bool,
}

/// Two names taken apart: what agrees, and what is left on each side.
pub(super) struct Pairing<'a> {
    /// Words without a partner, at their places; `None` where a word was taken.
    pub order: Vec<Option<&'a str>>,
    pub bank: Vec<Option<&'a str>>,
    pub pairs: Vec<Pair>,
}

/// Weight of a word that stands alone.
pub(super) fn weight(word: &str) -> i64 {
    if word.len() == 1 {
        INITIAL_WEIGHT
    } else if lexicon::is_common(word) {
        COMMON_WEIGHT
    } else {
        FULL_WEIGHT
    }
}

/// A word of the bank's text; only the last one may be cut off.
#[derive(Clone, Copy)]
struct BankWord<'a> {
    text: &'a str,
    is_last: bool,
}

impl<'a> Pairing<'a> {
    /// Pairs the surest agreements first, so that a guess never takes a word from a certainty.
    pub(super) fn of(order: &'a [String], bank: &'a [String]) -> Self {
        let words = |side: &'a [String]| side.iter().map(|word| Some(word.as_str())).collect();
        let mut pairing = Self { order: words(order), bank: words(bank), pairs: Vec::new() };
        pairing.take_best(same);
        pairing.take_glued();
        pairing.take_best(similar);
        pairing.take_contained();
        pairing.take_best(initial);
        pairing
    }

    fn take_best(&mut self, compare: fn(&str, BankWord<'_>) -> Option<Likeness>) {
        let mut offers = Vec::new();
        for (i, order) in free(&self.order) {
            for (j, text) in free(&self.bank) {
                let is_last = j + 1 == self.bank.len();
                if let Some(likeness) = compare(order, BankWord { text, is_last }) {
                    offers.push((Reverse(likeness.quality()), i.abs_diff(j), i, j, likeness));
                }
            }
        }
        offers.sort_unstable_by_key(|&(quality, distance, i, j, _)| (quality, distance, i, j));
        for (_, _, i, j, likeness) in offers {
            if let (Some(order), Some(bank)) = (self.order[i], self.bank[j]) {
                self.order[i] = None;
                self.bank[j] = None;
                self.pairs.push(Pair::of_words(order, bank, likeness));
            }
        }
    }

    /// "SUSANAG ODOY", "AARONHERNANDEZ": neighbours that agree once spaces are ignored.
    fn take_glued(&mut self) {
        while let Some((order, bank, likeness)) = self.glued_runs() {
            let weights: Vec<i64> = self.order[order.clone()].iter().flatten().map(|word| weight(word)).collect();
            self.pairs.push(Pair {
                likeness,
                weight: weights.iter().sum(),
                evidence: weights.iter().filter(|weight| **weight == FULL_WEIGHT).count(),
                is_only_forename: false,
            });
            self.order[order].fill(None);
            self.bank[bank].fill(None);
        }
    }

    fn glued_runs(&self) -> Option<(Range<usize>, Range<usize>, Likeness)> {
        let bank_runs = runs(&self.bank);
        runs(&self.order).into_iter().find_map(|order| {
            bank_runs.iter().find_map(|bank| {
                let is_last = bank.range.end == self.bank.len();
                let likeness = glued(&order, bank, is_last)?;
                Some((order.range.clone(), bank.range.clone(), likeness))
            })
        })
    }

    /// "GARCIABARTOLOME": a word of the order glued to a name that the order leaves out.
    fn take_contained(&mut self) {
        let words: Vec<_> = free(&self.order).filter(|(_, word)| word.len() >= CONTAINED_LETTERS_MIN).collect();
        for (i, order) in words {
            let found = free(&self.bank).find_map(|(j, bank)| {
                let rest = bank.strip_prefix(order).or_else(|| bank.strip_suffix(order))?;
                (lexicon::is_known(rest) && !lexicon::is_known(bank)).then_some((j, rest))
            });
            if let Some((j, rest)) = found {
                self.order[i] = None;
                self.bank[j] = Some(rest);
                self.pairs.push(Pair::of_words(order, order, Likeness::Alike));
            }
        }
    }
}

impl Pair {
    fn of_words(order: &str, bank: &str, likeness: Likeness) -> Self {
        let is_initial = likeness == Likeness::Initial;
        let weight = if is_initial { INITIAL_WEIGHT } else { weight(order).min(weight(bank)) };
        let evidence = usize::from(weight == FULL_WEIGHT);
        Self { likeness, weight, evidence, is_only_forename: !is_initial && lexicon::is_only_forename(order) }
    }
}

/// The words without a partner, with their places.
fn free<'a>(words: &[Option<&'a str>]) -> impl Iterator<Item = (usize, &'a str)> {
    words.iter().enumerate().filter_map(|(at, word)| word.map(|word| (at, word)))
}

/// Neighbouring words written as one.
struct Run {
    range: Range<usize>,
    text: String,
    /// Letters before the last word.
    head: usize,
}

/// Every run of up to [`GLUED_WORDS_MAX`] neighbours without a partner, shorter runs first.
fn runs(words: &[Option<&str>]) -> Vec<Run> {
    let run = |start: usize, length: usize| {
        let parts: Vec<&str> = words[start..start + length].iter().copied().collect::<Option<_>>()?;
        let text = parts.concat();
        let head = text.len() - parts[length - 1].len();
        Some(Run { range: start..start + length, text, head })
    };
    (1..=GLUED_WORDS_MAX.min(words.len()))
        .flat_map(|length| (0..=words.len() - length).map(move |start| (start, length)))
        .filter_map(|(start, length)| run(start, length))
        .collect()
}

fn glued(order: &Run, bank: &Run, is_last: bool) -> Option<Likeness> {
    let (ours, theirs) = (order.text.as_str(), bank.text.as_str());
    if order.range.len() == 1 && bank.range.len() == 1 {
        return None;
    }
    if ours == theirs {
        return Some(Likeness::Glued);
    }
    let shorter = ours.len().min(theirs.len());
    if shorter < GLUED_LETTERS_MIN {
        return None;
    }
    if is_damaged_copy(ours, theirs) {
        return Some(Likeness::Glued);
    }
    // Enough letters of the last word must be there: "MARTINP" is not "Martin Perez".
    if is_last && ours.starts_with(theirs) && theirs.len() >= order.head + CUT_LETTERS_MIN {
        return Some(Likeness::Cut);
    }
    let may_be_misspelt =
        order.range.len() > bank.range.len() && shorter >= 9 && ours.len().abs_diff(theirs.len()) <= 1;
    (may_be_misspelt && strsim::osa_distance(ours, theirs) == 1).then_some(Likeness::Misspelt)
}

fn same(order: &str, bank: BankWord<'_>) -> Option<Likeness> {
    if order == bank.text {
        return Some(Likeness::Equal);
    }
    is_damaged_copy(order, bank.text).then_some(Likeness::Damaged)
}

fn initial(order: &str, bank: BankWord<'_>) -> Option<Likeness> {
    let agree = if order.len() == 1 || bank.text.len() == 1 {
        order.as_bytes()[0] == bank.text.as_bytes()[0]
    } else {
        bank.is_last && bank.text.len() < CUT_LETTERS_MIN && order.starts_with(bank.text)
    };
    agree.then_some(Likeness::Initial)
}

fn similar(order: &str, bank: BankWord<'_>) -> Option<Likeness> {
    if order.len() == 1 || bank.text.len() == 1 {
        return None;
    }
    if has_glued_filler(order, bank.text) || has_glued_filler(bank.text, order) {
        return Some(Likeness::Glued);
    }
    misspelt(order, bank.text).or_else(|| cut(order, bank))
}

/// "RESTAURANTELOS", "DORTALTDA": the word with a particle or a legal form stuck to it.
fn has_glued_filler(word: &str, glued: &str) -> bool {
    word.len() >= CONTAINED_LETTERS_MIN
        && !lexicon::is_known(glued)
        && (glued.strip_prefix(word).is_some_and(lexicon::is_glued_suffix)
            || glued.strip_suffix(word).is_some_and(lexicon::is_glued_prefix))
}

fn misspelt(a: &str, b: &str) -> Option<Likeness> {
    if differ_in_gender(a, b) {
        return None;
    }
    let shorter = a.len().min(b.len());
    if shorter >= 4 && sound(a) == sound(b) {
        return Some(Likeness::Alike);
    }
    // Julia and Julian, Fernandez and Hernandez: names of their own, however close.
    if (lexicon::is_known(a) && lexicon::is_known(b)) || a.len().abs_diff(b.len()) > 2 {
        return None;
    }
    match strsim::osa_distance(a, b) {
        1 if shorter >= 7 => Some(Likeness::Alike),
        1 if shorter >= 4 && (a.len().max(b.len()) >= 5 || is_transposed(a, b)) => Some(Likeness::Misspelt),
        2 if shorter >= 9 && a.as_bytes()[0] == b.as_bytes()[0] => Some(Likeness::MisspeltTwice),
        _ => None,
    }
}

fn cut(order: &str, bank: BankWord<'_>) -> Option<Likeness> {
    let is_cut = bank.is_last
        && bank.text.len() >= CUT_LETTERS_MIN
        && order.starts_with(bank.text)
        // A word that is a name of its own is complete: "DANIEL" is not a cut "Daniela".
        && !lexicon::is_known(bank.text);
    let likeness = if bank.text.len() == CUT_LETTERS_MIN { Likeness::CutShort } else { Likeness::Cut };
    is_cut.then_some(likeness)
}

fn is_damaged_copy(a: &str, b: &str) -> bool {
    a.len() == b.len()
        && (a.contains(DAMAGED) || b.contains(DAMAGED))
        && a.chars().zip(b.chars()).all(|(x, y)| x == y || x == DAMAGED || y == DAMAGED)
}

fn is_transposed(a: &str, b: &str) -> bool {
    let sorted = |word: &str| {
        let mut bytes = word.as_bytes().to_vec();
        bytes.sort_unstable();
        bytes
    };
    sorted(a) == sorted(b)
}

/// Mario and Maria, Daniel and Daniela: the last vowel is the person, not an error.
fn differ_in_gender(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if short.len() < long.len() {
        return long.strip_prefix(short) == Some("a") && !short.ends_with(['a', 'e', 'i', 'o', 'u']);
    }
    let (stem, ending) = short.split_at(short.len() - 1);
    let is_gendered = |ending: &str| matches!(ending, "a" | "e" | "o");
    long.strip_prefix(stem).is_some_and(|other| other != ending && is_gendered(other) && is_gendered(ending))
}

/// Reduces spellings that Spanish and Portuguese speakers hear as one: Vásquez and Bazques, Eloy and Eloi.
fn sound(word: &str) -> String {
    let word = word.replace("ll", "y").replace("qu", "k").replace("ph", "f").replace('h', "");
    let mut letters = word.chars().peekable();
    let mut sound = String::with_capacity(word.len());
    while let Some(letter) = letters.next() {
        let is_soft = matches!(letters.peek(), Some('e' | 'i'));
        sound.push(match letter {
            'g' if is_soft => 'j',
            'c' if is_soft => 's',
            'c' | 'q' => 'k',
            'z' | 'x' => 's',
            'v' | 'w' => 'b',
            'y' => 'i',
            other => other,
        });
    }
    sound
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_is_told_from_another_name() {
        let check = |a: &str, b: &str, expected: Option<Likeness>| {
            assert_eq!(misspelt(a, b), expected, "{a} {b}");
            assert_eq!(misspelt(b, a), expected, "{b} {a}");
        };
        check("gonzalez", "gonzales", Some(Likeness::Alike));
        check("rodriguez", "ordriguez", Some(Likeness::Alike));
        check("garcia", "garcai", Some(Likeness::Misspelt));
        check("diaz", "diza", Some(Likeness::Misspelt));
        check("montesdeoca", "mntesdeca", Some(Likeness::MisspeltTwice));
        check("eloy", "eloi", Some(Likeness::Alike));
        check("correa", "correaa", Some(Likeness::Misspelt));
        check("mario", "maria", None);
        check("daniel", "daniela", None);
        check("julia", "julian", None);
        check("hernandez", "fernandez", None);
        check("importadora", "exportadora", None);
        check("espino", "espinosa", None);
        check("sol", "sal", None);
    }

    #[test]
    fn only_the_last_word_of_the_bank_may_be_cut() {
        let check = |order: &str, text: &str, is_last: bool, expected: Option<Likeness>| {
            assert_eq!(cut(order, BankWord { text, is_last }), expected, "{order} {text}");
        };
        check("villanueva", "villan", true, Some(Likeness::Cut));
        check("villanueva", "vil", true, Some(Likeness::CutShort));
        check("villanueva", "vi", true, None);
        check("villanueva", "villan", false, None);
        check("daniela", "daniel", true, None);
    }

    #[test]
    fn certainties_are_paired_before_guesses() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let (order, bank) = (words("martin pablos marti"), words("marti pablos"));
        let pairing = Pairing::of(&order, &bank);
        assert!(pairing.pairs.iter().all(|pair| pair.likeness == Likeness::Equal));
        assert_eq!(free(&pairing.order).collect::<Vec<_>>(), [(0, "martin")]);
    }
}
