//! The words that decide: what banks print around a name, legal forms, and names people really have.
//!
//! All entries are as [`normalise`](super::name::normalise) leaves them: lower-case ASCII.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

type Words = LazyLock<HashSet<&'static str>>;

/// Words of the longest entry of [`LEGAL_FORMS`].
pub(super) const LEGAL_FORM_WORDS_MAX: usize = 5;

/// Whether a bank prints the word in front of a payer's name: "TRANSF DE", "PIX RECEBIDO".
pub(super) fn is_bank_phrase(word: &str) -> bool {
    BANK_PHRASES.contains(word)
}

/// Whether the word is a bank's own name, as printed behind a payer's name.
pub(super) fn is_bank(word: &str) -> bool {
    matches!(
        word,
        "bancolombia" | "bbva" | "bradesco" | "brou" | "hsbc" | "itau" | "pichincha" | "produbanco" | "scotiabank"
    )
}

/// Whether the word announces a document, account or reference number.
pub(super) fn is_number_label(word: &str) -> bool {
    NUMBER_LABELS.contains(word)
}

/// Whether the word only joins or addresses: particles, conjunctions, titles.
pub(super) fn is_filler(word: &str) -> bool {
    FILLERS.contains(word)
}

/// Whether many unrelated names contain the word, so that sharing it shows little.
pub(super) fn is_common(word: &str) -> bool {
    matches!(word, "filhos" | "grupo" | "hermanos" | "hijos" | "hnos" | "irmaos" | "san" | "santa" | "santo")
}

/// Whether the word is a given name, possibly also a surname ("Martin", "Alonso").
pub(super) fn is_forename(word: &str) -> bool {
    FORENAMES.contains(word)
}

/// Whether the word is a frequent given name and hardly ever a surname.
pub(super) fn is_only_forename(word: &str) -> bool {
    ONLY_FORENAMES.contains(word)
}

/// Whether the word stands for itself: two different known words are never typing errors of each other.
pub(super) fn is_known(word: &str) -> bool {
    is_forename(word) || SURNAMES.contains(word) || TRADES.contains(word)
}

/// Whether banks glue this in front of a word when they lose a space: "LOSPINOS".
pub(super) fn is_glued_prefix(part: &str) -> bool {
    matches!(part, "de" | "del" | "el" | "la" | "las" | "los")
}

/// Whether banks glue this behind a word when they lose a space: "DORTALTDA".
///
/// Two-letter forms are left out: "Espinosa" is not "Espino SA".
pub(super) fn is_glued_suffix(part: &str) -> bool {
    const SUFFIXES: [&str; 15] = [
        "cia", "corp", "de", "del", "eirl", "inc", "las", "limitada", "llc", "los", "ltd", "ltda", "sas", "sociedad",
        "srl",
    ];
    SUFFIXES.contains(&part)
}

/// The short form of a legal form; `phrase` is its words with single spaces.
pub(super) fn legal_form(phrase: &str) -> Option<&'static str> {
    LEGAL_FORM_OF.get(phrase).copied()
}

fn set(words: &'static str) -> HashSet<&'static str> {
    words.split_whitespace().collect()
}

/// Short form, then its spellings.
const LEGAL_FORMS: &[(&str, &[&str])] = &[
    ("sa", &["s a", "sociedad anonima", "sociedade anonima"]),
    ("sac", &["s a c", "sociedad anonima cerrada"]),
    ("srl", &["s r l", "sociedad de responsabilidad limitada", "soc de resp ltda"]),
    ("sas", &["s a s", "sociedad por acciones simplificada", "sociedad de acciones simplificada"]),
    ("spa", &["s p a", "sociedad por acciones"]),
    ("ltda", &["limitada", "cia ltda", "cia limitada", "compania limitada", "ltd", "limited", "cia"]),
    ("eirl", &["e i r l", "eireli", "empresa individual de responsabilidad limitada"]),
    ("sadecv", &["sa de cv", "s a de c v", "sapi de cv"]),
    ("llc", &["l l c"]),
    ("inc", &["incorporated"]),
    ("corp", &["corporation"]),
    ("plc", &["p l c"]),
    ("gmbh", &[]),
    ("sl", &["s l", "slu", "s l u", "sociedad limitada"]),
    ("me", &[]),
    ("epp", &[]),
    ("mei", &[]),
    ("sc", &["s c"]),
];

static LEGAL_FORM_OF: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    LEGAL_FORMS
        .iter()
        .flat_map(|(short, spellings)| spellings.iter().chain([short]).map(move |spelling| (*spelling, *short)))
        .collect()
});

static BANK_PHRASES: Words = LazyLock::new(|| {
    set("
    abono ach acred acreditacion bancaria banco cr crdto cred credito de dep deposito desde doc electronica
    enviada enviado envio giro inmediata inmediato interbancaria interbancario ordenante pago pix por recebida
    recebido recibida recibido remitente sepa sinpe spei spi ted tef terceros trans transf transfer transferencia
    transferencias traspaso trf
    ")
});

static NUMBER_LABELS: Words = LazyLock::new(|| {
    set("
    ced cedula ci cnpj cpf cta cuenta cuil cuit dni doc documento id nit no nro num op operacion ref referencia
    ruc rut
    ")
});

static FILLERS: Words = LazyLock::new(|| {
    set("
    cr cra da das de del der di do don dona dos dr dra e el ing la las lic los mr mrs ms sr sra srta van von y
    ")
});

// Trades that one or two letters tell apart.
static TRADES: Words = LazyLock::new(|| {
    set("
    constructora consultora exportaciones exportadora importaciones importadora inmobiliaria mobiliaria panaderia
    papeleria
    ")
});

static ONLY_FORENAMES: Words = LazyLock::new(|| {
    set("
    alejandra alejandro ana andrea beatriz carlos carolina cecilia claudia cristina daniela diego eduardo fernanda
    fernando florencia francisca francisco gabriela gustavo javier jorge jose juan juana laura lucia luis luisa
    manuela marcela maria mariana patricia paula rosa silvia sofia teresa valentina veronica virginia
    ")
});

// Surnames within a letter or two of another surname, and the most frequent ones.
static SURNAMES: Words = LazyLock::new(|| {
    set("
    acosta aguilar aguirre alvarez arias ayala barrios bartolome benitez blanco bravo cabrera calvo campos cano
    cardozo carrasco carvajal castillo castro contreras correa cortes costa crespo cruz delgado diaz dominguez
    duarte duran durand escobar espinosa fernandes fernandez ferreira ferrer figueroa flores fuentes gallego
    garcia garrido gil gimenez godoy gomes gomez goncalves gonzales gonzalez guerrero guzman hernandez herrera
    herrero hidalgo ibanez iglesias jimenez lima lopes lopez lozano luna maldonado marin marquez martinez martins
    mayo medina mendez mendoza molina mora morales moran moreno munoz navarro nunez olivares oliveira olivera
    olmos ortega ortiz palacios palma parada pardo paredes parra pena peralta perea pereira perera peres pereyra
    perez pinto ponce prado prieto quiroga ramirez ramos reyes rios rivas rivera rivero rodrigues rodriguez rojas
    romero rosas rossi rozas rubio ruiz saez salas salazar salgado sanchez santana santos sanz serra serrano
    sierra silva silveira soares soler sosa soto sousa souza suarez torre torres valdez vargas vasquez vazquez
    vega velazquez vera vidal villalba zamora
    ")
});

// Given names of the Americas and Iberia.
static FORENAMES: Words = LazyLock::new(|| {
    set("
    aaron abel abril adela adelaida adelina adolfo adrian adriana agata agustin agustina aida ainhoa aitor alan
    alba alberto albina alejandra alejandro alexander alexandra alexis alfonso alfredo alicia alma almudena alonsa
    alonso alvaro amalia amanda ambar amelia amparo ana anabel anabella andrea andres angel angela angeles
    angelica anita anna antonela antonella antonia antonio araceli ariadna ariana ariel armanda armando arturo
    astrid asuncion augusto aurelio aurora azucena barbara bautista beatriz begona belen benito benjamin benjamina
    bernardo berta blanca blas borja brenda brigida bruno bryan camila camilo candela carla carlos carlota carmelo
    carmen carolina catalina catherine cecilia celeste celia cesar christian cintia cipriano clara claudia claudio
    clemente cleo concepcion conrado consuelo cristian cristina cristobal dafne dalia damian daniel daniela danilo
    dario david debora delfina delia denis denise diana diego dina dolores domingo dora edgar edgardo edith
    edmundo eduardo elena eliana elias elina elisa elisabet eliseo elizabeth eloisa elsa elvira ema emilia
    emiliano emilio emma encarnacion enrique enzo eric erica erick erik erika ernesto esmeralda esperanza esteban
    estefania ester esther eugenia eugenio eulalia eva evaristo evelyn ezequiel fabian fabiana fabio facundo
    fatima fausto federico felicidad felipe felix fermin fermina fernan fernanda fernando fidel fiorella flavia
    flavio florencia florencio fortunato francisca francisco franco frida gabriel gabriela gaston gemma gerard
    gerardo german gilberto gilda gina gino gisela gladys gloria gonzalo grace graciela gregorio guadalupe guido
    guillermina guillermo gustavo harold hector helena henrique heriberto herminia hernan hilario hilda horacio
    hugo humberto ibai ida ignacia ignacio iker ildefonso indira ines inmaculada inocencio irene iris irma isaac
    isabel isabela isaias isidro ismael isolda israel italo itziar ivan ivana jacinto jacobo jaime jana janet
    jaume javier jazmin jenifer jennifer jeronimo jessica jesus joan joana joao joaquin joaquina joel johan
    johanna jon jonatan jonathan jordi jorge jose josefa josefina josep joshua josue juan juana judith julia
    julian juliana juliano julieta julio karen karina karla kevin laia lara laura lautaro lazaro leandro leila
    lena leo leon leonardo leonor leticia lia liam lidia lila liliana lino lisa llorenc lola lorena lorenzo
    lourdes luca lucas lucia luciana luciano lucila lucrecia luis luisa luisina lujan luz mabel macarena magali
    magdalena maite malena manuel manuela marc marcela marcelina marcelino marcelo marco marcos margarita maria
    mariana mariano maribel mariela marilia marina mario marisa marisol maritza marlene marta martin martina mateo
    mateu matias matilde maura mauricio mauro maximiliano maximo melina melisa melissa mercedes micaela miguel
    mikel mila milagros milena miquel mireia miriam mirian mirna mirta modesto mohamed moises monica monserrat
    montse montserrat morena nadia nadina nahuel nancy narciso natalia natividad nayara nelida nelly nelson nerea
    nestor neus nicolas nicolasa nicole nieves nil nilda noa noel noelia noemi nora norberto norma nuno nuria
    octavio olga olivia omar orfeo oriol orlando oscar otto ovidio pablo paloma pamela paola pascual patricia
    patricio pau paula paulina paulino paulo pedrina pedro pere petra pia pilar placido priscila quintin rafael
    rafaela raimundo ramiro ramon ramona raquel raul rebeca regina reinaldo remedios renata rene renzo reyna
    ricarda ricardo rita robert roberto rocio rodolfo rodrigo rogelio roger rolando roman romeo romina roque rosa
    rosalia rosana rosario rosendo roxana ruben rufino ruth sabina sabrina salma salvador samuel sandra santiago
    santino sara saray saul sebastian selena serena sergio severino sheila silvia silvina simon sofia sol soledad
    sonia sonsoles stella susana tadeo tamara tatiana telma teo teodoro teofilo teresa thiago tobias tomas
    trinidad tristan ulises unai uriel ursula valentin valentina valentino valeria valerio vanesa veronica vicente
    victor victoria victoriano victorino vilma violeta virginia vito viviana walter wanda william wilma wilson
    xavier ximena yago yaiza yamila yasmin yeray yesica ylenia yolanda yuri zaira zoe zulma
    ")
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_as_normalisation_leaves_words() {
        let words = [&*BANK_PHRASES, &*NUMBER_LABELS, &*FILLERS, &*TRADES, &*ONLY_FORENAMES, &*SURNAMES, &*FORENAMES];
        for word in words.into_iter().flatten() {
            assert!(word.bytes().all(|b| b.is_ascii_lowercase()), "{word}");
        }
        for phrase in LEGAL_FORM_OF.keys() {
            assert!(phrase.split(' ').count() <= LEGAL_FORM_WORDS_MAX, "{phrase}");
        }
    }

    #[test]
    fn what_is_only_a_forename_is_a_forename() {
        assert!(ONLY_FORENAMES.iter().all(|word| is_forename(word)));
    }
}
