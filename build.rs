//! Rebuilds when a migration or a recipe is added: both are embedded in the binary.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-changed=scrapers");
}
