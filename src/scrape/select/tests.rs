use url::Url;

use super::*;

const PAGE: &str = r#"<body>
    <form>
      <label for="doc">Documento: *</label><input id="doc" placeholder="Cédula">
      <label>Contraseña <input type="password" name="clave"></label>
      <button type="submit" hidden>Ingresar</button>
      <button type="submit"><span>Ingresar</span> ahora</button>
      <input type="button" value="Cancelar"><a>Ingresar sin enlace</a>
      <div role="button" aria-label="Cerrar aviso" aria-disabled="true">×</div>
    </form>
    <p>Ver <a href="/m/1">movimientos</a></p><p>Ver <a href="/m/2">movimientos</a></p>
    <input data-testid="otp" autocomplete="one-time-code">
  </body>"#;

fn page(html: &str) -> Snapshot {
    Snapshot::from_html(html, &Url::parse("https://bank.example/").expect("an address"))
}

fn element(toml: &str) -> Element {
    let table: toml::Table = toml::from_str(&format!("e = {toml}")).expect(toml);
    table["e"].clone().try_into().expect(toml)
}

#[test]
fn every_kind_of_selector_finds_what_a_person_would() {
    let page = page(PAGE);
    let check = |selector: &str, expected: &[&str]| {
        let found: Vec<String> = find_all(&page, &element(&format!("'{selector}'")))
            .into_iter()
            .map(|node| format!("{} {}", node.tag, node.text).trim().to_owned())
            .collect();
        assert_eq!(found, expected, "{selector}");
    };
    check("css=form > button", &["button Ingresar ahora"]);
    check("form > label", &["label Documento: *", "label Contraseña"]);
    check("text=INGRESAR", &["span Ingresar", "a Ingresar sin enlace"]);
    check("text=movimientos", &["a movimientos", "a movimientos"]);
    check("label=documento", &["input"]);
    check("label=contrasena", &["input"]);
    check("label=Docu", &[]);
    check("role=button", &["button Ingresar ahora", "input Cancelar", "div ×"]);
    check("role=button[name~=ingresar]", &["button Ingresar ahora"]);
    check("role=button[name=ingresar]", &[]);
    check("role=button[name=Cerrar aviso]", &["div ×"]);
    check("role=button[name~=cancelar]", &["input Cancelar"]);
    check("role=link", &["a movimientos", "a movimientos"]);
    check("placeholder=cedula", &["input"]);
    check("testid=otp", &["input"]);
}

#[test]
fn one_node_is_the_first_candidate_with_exactly_one_visible_match() {
    let page = page(PAGE);
    let check = |toml: &str, expected: Result<(usize, &[u32]), &str>| {
        let found = find_one(&page, "it", &element(toml));
        match (&found, expected) {
            (Ok(found), Ok((candidate, path))) => {
                assert_eq!((found.candidate, found.node.path.as_slice()), (candidate, path), "{toml}");
            }
            (Err(error), Err(message)) => assert_eq!(error.to_string(), message, "{toml}"),
            _ => panic!("{toml}: {found:?}"),
        }
    };
    // html > body (after head) > form > the second button, fourth child of the form
    check("['css=form > button']", Ok((0, &[1, 0, 4])));
    check("['css=#gone', 'css=button']", Ok((1, &[1, 0, 4])));
    check("['css=p a', 'label=Documento']", Ok((1, &[1, 0, 1])));
    check("{ any = ['css=p a'], nth = 1 }", Ok((0, &[1, 2, 0])));
    check("{ any = ['css=p a'], many = true }", Ok((0, &[1, 1, 0])));
    check("{ any = ['css=form > button'], visible = false, nth = 0 }", Ok((0, &[1, 0, 3])));
    check("['css=p a']", Err("element `it` is ambiguous: css=p a matches 2; name it more precisely, or set `nth`"));
    check("['css=#a', 'text=b zz']", Err("element `it` is not on the page; tried css=#a, text=b zz"));
}

#[test]
fn fields_for_secrets_and_disabled_elements_are_known() {
    let page = page(PAGE);
    let check = |selector: &str, secret: bool, disabled: bool| {
        let found = find_one(&page, "it", &element(&format!("'{selector}'"))).expect(selector);
        assert_eq!((found.node.secret, found.node.disabled), (secret, disabled), "{selector}");
    };
    check("label=Contraseña", true, false);
    check("testid=otp", true, false);
    check("label=Documento", false, false);
    check("role=button[name~=cerrar]", false, true);
}

#[test]
fn a_faulty_selector_is_refused_when_the_recipe_loads() {
    let check = |source: &str, expected: &str| {
        let error = Candidate::try_from(source.to_owned()).expect_err(source);
        assert_eq!(error, expected);
    };
    check("css=a[", "\"a[\" is not a CSS selector");
    check("text= ", "\"text= \" looks for an empty text");
    check("role=tab", "the role \"tab\" is not known; known are button and link");
    check("role=link[text=x]", "\"link[text=x]\" is not a role; write button[name~=Text] or button[name=Text]");
}
