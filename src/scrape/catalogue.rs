//! The recipes that the daemon knows: those in the binary, and an operator's own that replace or add to them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::recipe::{Recipe, RecipeError};

/// Recipes in the binary: folder and text.
const RECIPES: [(&str, &str); 1] = [("demo-tabla", include_str!("../../scrapers/demo-tabla/recipe.toml"))];

/// What recipes include: name as in `include`, and text.
const LIBRARY: [(&str, &str); 2] = [
    ("_lib/es-money", include_str!("../../scrapers/_lib/es-money.toml")),
    ("_lib/waf", include_str!("../../scrapers/_lib/waf.toml")),
];

/// Far more than a recipe ever has.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The recipes by id.
#[derive(Debug, Default)]
pub struct Catalogue {
    recipes: BTreeMap<String, Arc<Recipe>>,
    problems: Vec<String>,
}

impl Catalogue {
    /// Reads the recipes of the binary and those in the folders of `overlay`, which win.
    ///
    /// A faulty file of the operator takes no other recipe down, not even the one that it was to replace: see
    /// [`Catalogue::problems`]. An error is one of the binary itself.
    pub fn load(overlay: Option<&Path>) -> Result<Self, RecipeError> {
        let mut catalogue = Self::default();
        for (id, text) in RECIPES {
            let recipe = Recipe::parse(&format!("scrapers/{id}/recipe.toml"), text, &embedded)?;
            catalogue.recipes.insert(recipe.meta.id.clone(), Arc::new(recipe));
        }
        if let Some(folder) = overlay.filter(|folder| folder.exists()) {
            catalogue.add_overlay(folder);
        }
        Ok(catalogue)
    }

    #[must_use]
    pub fn recipe(&self, id: &str) -> Option<Arc<Recipe>> {
        self.recipes.get(id).cloned()
    }

    /// All recipes in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Recipe>> {
        self.recipes.values()
    }

    /// What is wrong with the operator's files; each text names the file.
    #[must_use]
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    fn add_overlay(&mut self, folder: &Path) {
        let entries = match recipe_files(folder) {
            Ok(entries) => entries,
            Err(error) => {
                self.problems.push(format!("{}: could not read the folder: {error}", folder.display()));
                return;
            }
        };
        let lib = |name: &str| {
            // Only what lies in the library folder, whatever the recipe calls it.
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            let plain = name.strip_prefix("_lib/").filter(|name| name.chars().all(is_plain))?;
            read(&folder.join("_lib").join(format!("{plain}.toml"))).ok().or_else(|| embedded(name))
        };
        for (id, file) in entries {
            match overlay_recipe(&id, &file, &lib) {
                Ok(recipe) => {
                    self.recipes.insert(id, Arc::new(recipe));
                }
                Err(problem) => self.problems.push(problem),
            }
        }
    }
}

fn embedded(name: &str) -> Option<String> {
    LIBRARY.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned())
}

/// The recipes in the folders of an overlay, by the names of their folders.
fn recipe_files(folder: &Path) -> io::Result<BTreeMap<String, PathBuf>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let file = entry?.path().join("recipe.toml");
        let id = file.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        if let Some(id) = id.filter(|_| file.is_file()) {
            files.insert(id, file);
        }
    }
    Ok(files)
}

fn overlay_recipe(id: &str, file: &Path, lib: &dyn Fn(&str) -> Option<String>) -> Result<Recipe, String> {
    let shown = file.display();
    let text = read(file).map_err(|error| format!("{shown}: could not read it: {error}"))?;
    let recipe = Recipe::parse(&shown.to_string(), &text, lib).map_err(|error| error.to_string())?;
    if recipe.meta.id == id {
        Ok(recipe)
    } else {
        Err(format!("{shown}: meta.id is `{}`, and its folder is `{id}`; give both the same name", recipe.meta.id))
    }
}

fn read(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(file)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {FILE_BYTES_MAX} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that is removed again.
    struct Overlay(PathBuf);

    impl Overlay {
        fn with(name: &str, files: &[(&str, &str)]) -> Self {
            let folder = std::env::temp_dir().join(format!("reconbanker-catalogue-{}-{name}", std::process::id()));
            for (path, text) in files {
                let file = folder.join(path);
                fs::create_dir_all(file.parent().expect("it is in the folder")).expect("the folder can be made");
                fs::write(file, text).expect("the file can be written");
            }
            Self(folder)
        }
    }

    impl Drop for Overlay {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_recipes_of_the_binary_are_sound() {
        let catalogue = Catalogue::load(None).expect("every embedded recipe is sound");
        assert!(catalogue.recipe("demo-tabla").is_some());
        assert_eq!(catalogue.iter().count(), RECIPES.len());
        assert!(catalogue.recipe("no-such-bank").is_none());
    }

    #[test]
    fn an_overlay_replaces_and_a_broken_one_harms_nobody_else() {
        let own = RECIPES[0].1.replace("name = \"Banco Demo\"", "name = \"Banco Propio\"");
        let other = own.replace("id = \"demo-tabla\"", "id = \"otro\"");
        let overlay = Overlay::with(
            "broken",
            &[("demo-tabla/recipe.toml", &own), ("otro/recipe.toml", &other), ("roto/recipe.toml", "schema = 1\n")],
        );
        let catalogue = Catalogue::load(Some(&overlay.0)).expect("the binary is sound");
        assert_eq!(catalogue.recipe("demo-tabla").expect("known").meta.name, "Banco Propio");
        assert!(catalogue.recipe("otro").is_some());
        assert_eq!(catalogue.problems().len(), 1);
        assert!(catalogue.problems()[0].contains("roto/recipe.toml"), "{:?}", catalogue.problems());
    }

    #[test]
    fn a_folder_must_have_the_name_of_its_recipe() {
        let overlay = Overlay::with("renamed", &[("banco/recipe.toml", RECIPES[0].1)]);
        let catalogue = Catalogue::load(Some(&overlay.0)).expect("the binary is sound");
        assert!(catalogue.recipe("banco").is_none());
        assert!(catalogue.problems()[0].contains("give both the same name"), "{:?}", catalogue.problems());
    }
}
