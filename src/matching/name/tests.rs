use proptest::prelude::*;

use super::*;

fn score(order: &str, bank: &str) -> i64 {
    similarity(&normalise(order), &normalise(bank)).score
}

#[test]
fn a_name_is_reduced_to_the_words_that_tell_payers_apart() {
    let check = |text: &str, expected: &[&str], form: Option<&str>| {
        let key = normalise(text);
        assert_eq!(key.words, expected, "{text}");
        assert_eq!(key.legal_form, form, "{text}");
    };
    check("José  Núñez", &["jose", "nunez"], None);
    check("TRANSF. RECIBIDA DE PÉREZ, JUAN", &["perez", "juan"], None);
    check("CREDITO POR TRANSFERENCIA - ANA PAZ CI 4.473.560-1", &["ana", "paz"], None);
    check("TRF.INMEDIATA ANA PAZ *6268664", &["ana", "paz"], None);
    check("ANA PAZ REF:15660524", &["ana", "paz"], None);
    check("ANA PAZ CTA. NRO. 0163884", &["ana", "paz"], None);
    check("PIX RECEBIDO JOÃO DA SILVA", &["joao", "silva"], None);
    check("ANA PAZ BCO PICHINCHA", &["ana", "paz"], None);
    check("ANA PAZ - BROU", &["ana", "paz"], None);
    check("Estudio 24 S.A.", &["estudio", "24"], Some("sa"));
    check("La Paz Sociedad de Responsabilidad Limitada", &["paz"], Some("srl"));
    check("Ferretería del Sur Cía. Ltda.", &["ferreteria", "sur"], Some("ltda"));
    check("Andina S A S", &["andina"], Some("sas"));
    check("Maria Sá", &["maria", "sa"], None);
    check("CARVAJAL DE PABLO E", &["carvajal", "pablo", "e"], None);
    check("Durán e Hijos", &["duran", "hijos"], None);
    check("D'Angelo", &["dangelo"], None);
    check("MuÃ±oz", &["munoz"], None);
    check("MU#OZ", &["mu\u{1a}oz"], None);
    check("MU??OZ", &["mu\u{1a}oz"], None);
    check("Иван Петров", &["ivan", "petrov"], None);
    check("深圳", &["shenzhen"], None);
    check("", &[], None);
    check("TRANSFERENCIA RECIBIDA 0038271", &[], None);
    check("De la O", &["o"], None);
}

/// What a careful person would say of two names when the amounts agree.
#[derive(Debug, PartialEq, Eq)]
enum Band {
    /// The same payer.
    Match,
    /// Worth a look, not to be decided by a program.
    Doubt,
    /// Somebody else, or no evidence.
    No,
}

#[test]
fn pairs_of_names_are_judged_as_a_careful_person_would() {
    use Band::{Doubt, Match, No};
    let check = |order: &str, bank: &str, expected: Band| {
        let score = score(order, bank);
        let band = match score {
            760.. => Match,
            621..760 => Doubt,
            _ => No,
        };
        assert_eq!(band, expected, "{order} | {bank}: {score}");
    };
    // Order of words, accents, case, bank phrases, document numbers.
    check("Juan Pérez", "PEREZ JUAN", Match);
    check("maria josé núñez", "TRANSFERENCIA DE NUNEZ MARIA JOSE", Match);
    check("Ana Paz", "DEP ANA PAZ CI 47785521", Match);
    check("Carlos de León", "DE LEON POPESCU, CARLOS JESUS", Match);
    // One side leaves words out.
    check("Pedro Rojas", "PEDRO ROJAS CANCELA", Match);
    check("Pedro Rojas", "ROJAS CANCELA PEDRO ARIEL", Match);
    check("Pedro Ariel Rojas Cancela", "PEDRO ROJAS", Match);
    check("Rosa G. Méndez", "MENDEZ LARRAURI ROSA GABRIELA", Match);
    check("Rita Leticia Vidal Ortega", "VIDAL ORTEGA R L", Match);
    // Words missing on both sides contradict.
    check("Lucía Andrade González", "LUCIA ANDRADE RODRIGUEZ", No);
    check("Juan Pérez", "JUAN GOMEZ", No);
    check("Silvia Flórez Mayo", "FRANCISCA FLOREZ MAYO", No);
    check("Jorge Luis Ferreira", "FERREIRA MARIA LAURA", No);
    check("Adriana Sosa Barreto", "SOSA BARRETO CLAUDIO", No);
    check("Noemí Rebeca Vargas", "NOEMI VARGAS MONFORT", Doubt);
    check("Carles A. Cárdenas", "CARDENAS RUS CARLES LUIS", Doubt);
    check("Juan Vidal Ortega", "VIDAL ORTEGA M", Doubt);
    // One shared word is not evidence.
    check("Juan", "JUAN PEREZ", No);
    check("Pérez", "JUAN PEREZ", No);
    check("Juan Pérez", "JUAN", No);
    check("Juan Pérez", "PEREZ", No);
    check("Juan Pérez", "PEREZ J", No);
    check("Ana Paz", "PAZ OLIVERA A", No);
    check("Ana Paz", "PAZ PAZ PAZ", No);
    check("Farmacia Central", "CENTRAL", No);
    check("San Martín", "SAN JOSE", No);
    // A single word that is the whole name on both sides is.
    check("Techint SA", "TECHINT", Match);
    // Given names without a surname name nobody.
    check("Juan Carlos", "JUAN CARLOS PEREIRA", Doubt);
    check("María José Lema", "MARIA JOSE", Doubt);
    // Other people with nearly the same given name or surname.
    check("Mario Acosta", "MARIA ACOSTA", No);
    check("Daniel Acosta", "DANIELA ACOSTA", No);
    check("Julia Arellano", "JULIAN ARELLANO", No);
    check("Claudia Techera", "CLAUDIO TECHERA", No);
    check("Juana Arellano Ramos", "ARELLANO RAMOS JUAN", No);
    check("Elsa Fernández", "ELSA HERNANDEZ", No);
    check("María Techera", "MARIANELA TECHERA", No);
    // Typing errors and spellings.
    check("Sergio Estebanez", "ESTEBNAEZ CASAS SERGIO", Match);
    check("Caridad Muñoz", "ACRIDAD MUNOZ EGEA", Match);
    check("Antonio Montesdeoca", "MONTESDEOCA LARA ATONIO", Match);
    check("Eva Díaz", "EVA DIZA GARCIA", Match);
    check("Luis Vázquez", "LUIZ BASQUES", Match);
    check("Elena Souza", "HELENA SOUSA", Match);
    check("Eloy Peiró", "ELOI PEIRO", Match);
    // Letters the bank destroyed.
    check("Carmen Núñez", "CARMEN NU¥EZ AGUDO", Match);
    check("Begoña Saiz", "SAIZ LORENZO BEGO\u{fffd}A", Match);
    check("José Peña", "JOSE PE??A", Match);
    // Lost and moved spaces.
    check("Susana Godoy", "SUSANAG ODOY", Match);
    check("Aaron Hernández Cortés", "AARONHERNANDEZ CORT", Match);
    check("Antonio García", "ANTONIO GARCIABARTOLOME", Match);
    check("Restaurante Los Pinos", "RESTAURANTELOS PINOS", Match);
    check("Martín Pérez", "MARTINP", No);
    // The bank's text ends inside the last word, and only there.
    check("Cecilia Villanueva", "CECILIA VILLANU", Match);
    check("Marina Merino", "MERINO SANCHEZ MAR", Match);
    check("Cecilia Villanueva", "VILLANU CECILIA", No);
    check("Cecilia Villanueva", "CECILIA VI", No);
    // Companies.
    check("Ferretería del Sur S.A.", "FERRETERIA DEL SUR SA", Match);
    check("Textil Guayaquil Sociedad Anónima", "TEXTIL GUAYAQUIL", Match);
    check("Bodega Durán e Hijos", "BODEGA DURAN", Match);
    check("Ferretería Dorta Ltda.", "FERRETERIA DORTALTDA", Match);
    check("Frigorífico El Sol S.A.", "FRIGORIFICO EL SOL S.A.S.", Doubt);
    check("Librería Central", "FERRETERIA CENTRAL", No);
    check("Farmacia Rivera e Hijos", "COMERCIAL RIVERA E HIJOS", No);
    check("Importadora Andina", "EXPORTADORA ANDINA", No);
    check("Consultora Andina", "CONSTRUCTORA ANDINA", No);
    check("Victoria Martín", "TEXTIL MARTIN", No);
    check("Hotel San Martín", "HOTEL SAN JOSE", No);
    // Other scripts.
    check("Иван Петров", "IVAN PETROV", Match);
    // Nothing to compare.
    check("", "JUAN PEREZ", No);
    check("Juan Pérez", "", No);
    check("Juan Pérez", "TRANSFERENCIA RECIBIDA", No);
    check("...", "...", No);
}

#[test]
fn the_reason_says_what_agrees_and_what_is_missing_without_the_names() {
    let check = |order: &str, bank: &str, expected: &str| {
        assert_eq!(similarity(&normalise(order), &normalise(bank)).why, expected);
    };
    check("Ana Paz", "PAZ ANA", "2 parts in common");
    check("Ana Paz", "DEP ANA PAZ", "the names are equal");
    check("Eva Díaz", "EVA DIZA GARCIA", "2 parts in common, 1 not to the letter; 1 word missing in the order");
    check(
        "Juan Pérez",
        "JUAN GOMEZ RUIZ",
        "1 part in common; 1 word missing in the bank's text; 2 words missing in the order; that is too little to go \
         by; no surname agrees",
    );
    check("El Sol Norte S.A.", "EL SOL NORTE SRL", "2 parts in common; the legal forms differ");
    check("", "JUAN", "there is no name to compare");
}

proptest! {
    #[test]
    fn a_name_is_wholly_similar_to_itself(text in "\\PC{0,60}") {
        let key = normalise(&text);
        let expected = if key.is_empty() { 0 } else { 1000 };
        prop_assert_eq!(similarity(&key, &key).score, expected);
    }

    #[test]
    fn no_text_panics_or_leaves_the_scale(order in "[A-Za-zÑñéÃ#? .,&0-9]{0,80}", bank in "\\PC{0,80}") {
        let (order, bank) = (normalise(&order), normalise(&bank));
        for score in [similarity(&order, &bank).score, similarity(&bank, &order).score] {
            prop_assert!((0..=1000).contains(&score), "{score}");
        }
    }

    #[test]
    fn one_word_of_a_longer_name_never_matches(word in "[A-Z]{2,12}", others in "[B-Z]{2,12}( [B-Z]{2,12}){0,3}") {
        let rest: Vec<&str> = others.split(' ').collect();
        prop_assume!(normalise(&others).words.len() == rest.len() && normalise(&word).words == [word.to_lowercase()]);
        let longer = normalise(&format!("{word} {others}"));
        prop_assume!(longer.words.len() > rest.len());
        prop_assert!(similarity(&normalise(&word), &longer).score <= 620);
        prop_assert!(similarity(&longer, &normalise(&word)).score <= 620);
    }
}
