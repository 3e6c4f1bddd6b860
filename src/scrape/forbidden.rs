//! Words that a reading run never clicks: those that move money or give consent.

use super::recipe::Safety;
use super::text::fold;

/// Spanish, Portuguese and English, folded: lower case, no accents.
const WORDS: [&str; 25] = [
    "transferir",
    "confirmar transferencia",
    "realizar transferencia",
    "enviar dinero",
    "pagar",
    "confirmar pago",
    "confirmar operacion",
    "firmar",
    "autorizar",
    "aprobar",
    "enviar dinheiro",
    "confirmar pagamento",
    "confirmar operacao",
    "assinar",
    "aprovar",
    "transfer",
    "confirm transfer",
    "send money",
    "pay",
    "confirm payment",
    "make payment",
    "sign",
    "authorize",
    "authorise",
    "approve",
];

/// What begins like a forbidden word and only opens or closes a session.
const HARMLESS: [&str; 5] = ["sign in", "sign on", "sign out", "sign off", "sign up"];

/// The forbidden word that an element's text contains; `None` when it may be clicked.
///
/// `safety.never_click` adds words; `safety.allow_click` lists elements, or whole texts, that only read.
#[must_use]
pub fn word_in(safety: &Safety, element: &str, text: &str) -> Option<String> {
    let folded = fold(text);
    let is_allowed = |allowed: &String| allowed == element || fold(allowed) == folded;
    if safety.allow_click.iter().any(is_allowed) {
        return None;
    }
    let words = HARMLESS.iter().fold(spaced(&folded), |words, harmless| words.replace(&spaced(harmless), " "));
    let never = safety.never_click.iter().map(|word| fold(word));
    never.chain(WORDS.iter().map(|&word| word.to_owned())).find(|word| words.contains(&spaced(word)))
}

/// Words between single spaces, so that only whole words are found.
fn spaced(folded: &str) -> String {
    let words: Vec<&str> = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    format!(" {} ", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_that_move_money_are_forbidden() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(word_in(&Safety::default(), "button", text).as_deref(), expected, "{text}");
        };
        check("Pagar", Some("pagar"));
        check("¡PAGÁR ahora!", Some("pagar"));
        check("Confirmar  transferencia", Some("confirmar transferencia"));
        check("Aprovar", Some("aprovar"));
        check("Sign the order", Some("sign"));
        check("Pay", Some("pay"));
        check("Ver transferencias recibidas", None);
        check("Ver pagos", None);
        check("Sign in", None);
        check("Sign in to pay", Some("pay"));
        check("Payments", None);
        check("Ingresar", None);
        check("Consultar", None);
        check("", None);
    }

    #[test]
    fn a_recipe_can_forbid_more_and_allow_by_name() {
        let safety = Safety {
            never_click: vec!["Desvincular".to_owned()],
            allow_click: vec!["history".to_owned(), "Transfer history".to_owned()],
        };
        assert_eq!(word_in(&safety, "device", "Desvincular equipo").as_deref(), Some("desvincular"));
        assert_eq!(word_in(&safety, "history", "Transfer"), None);
        assert_eq!(word_in(&safety, "other", "TRANSFER HISTORY"), None);
        assert_eq!(word_in(&safety, "other", "Transfer").as_deref(), Some("transfer"));
    }
}
