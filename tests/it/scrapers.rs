//! Every recipe that ships passes its own fixtures.

use std::path::Path;

use reconbanker::scrape::fixture::{self, Mode};

#[test]
fn every_recipe_passes_its_fixtures() {
    let scrapers = Path::new(env!("CARGO_MANIFEST_DIR")).join("scrapers");
    let mut tested = 0;
    for entry in std::fs::read_dir(&scrapers).expect("the folder is there") {
        let dir = entry.expect("an entry").path();
        if !dir.join("recipe.toml").exists() {
            continue;
        }
        let results = fixture::run(&dir, Mode::Check).expect("the fixtures can be read");
        assert!(!results.is_empty(), "{} has no fixtures", dir.display());
        for result in &results {
            assert!(result.problems.is_empty(), "{}: {}: {}", dir.display(), result.name, result.problems.join("; "));
        }
        tested += 1;
    }
    assert!(tested > 0, "no recipe was found in {}", scrapers.display());
}
