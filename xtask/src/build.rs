//! The npm package: wasm-pack makes it, wasm-opt and esbuild make it small, and its weight is printed so that nobody is surprised.

use std::fs::{self, File};
use std::path::Path;
use std::time::SystemTime;

use anyhow::Result;
use xshell::cmd;

use crate::catalogue;
use crate::glue;
use crate::order;
use crate::steps::Steps;
use crate::tools;
use crate::weight;
use crate::workspace::{Workspace, newest};

/// What goes into the package, and what says how it is made.
const SOURCES: [&str; 10] = [
    "src",
    "crates/core/src",
    "crates/core/Cargo.toml",
    "crates/package",
    "Cargo.toml",
    "Cargo.lock",
    ".cargo/config.toml",
    "xtask/src/build.rs",
    "xtask/src/glue.rs",
    "xtask/src/order.rs",
];

/// What counts is the size with gzip, which finds repetitions by itself: so nothing is inlined that is used twice.
const SMALL_WITH_GZIP: [&str; 5] = [
    "-O2",
    "--converge",
    "--flexible-inline-max-function-size=0",
    "--always-inline-max-function-size=0",
    "--one-caller-inline-max-function-size=0",
];
const ORDERED: [&str; 3] = ["--reorder-functions-by-name", "--strip-debug", "--strip-producers"];

/// The features that rustc's wasm has of itself, and SIMD from .cargo/config.toml. Naming them one by one keeps
/// wasm-opt from making use of newer ones that some browser may lack.
const FEATURES: [&str; 7] = [
    "--enable-simd",
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::new(2);
    steps.step("tools", || tools::for_the_build(workspace))?;
    steps.step("npm package", || page(workspace))
}

/// What the demo's page loads that is made: pkg/ and its catalogue.
pub(crate) fn page(workspace: &Workspace) -> Result<()> {
    catalogue::write(workspace)?;
    package(workspace)
}

/// Bring pkg/ up to date and print its sizes.
pub(crate) fn package(workspace: &Workspace) -> Result<()> {
    // In pkg/, which belongs to this checkout; the target folder may serve several.
    let stamp = workspace.root.join("pkg/.built");
    let wasm = workspace.root.join("pkg/brooklet_bg.wasm");
    let sources = SOURCES.map(|source| workspace.root.join(source));
    if newest([&stamp]) > newest(&sources) && fs::read_to_string(&stamp)? == mark(&wasm) {
        println!("pkg/ is up to date");
    } else {
        let started = SystemTime::now();
        make(workspace, &wasm)?;
        fs::write(&stamp, mark(&wasm))?;
        // A file that is edited while we build is newer than the stamp, and so is built the next time.
        File::options().write(true).open(&stamp)?.set_modified(started)?;
    }
    weight::print_total(&[wasm, workspace.root.join("pkg/brooklet.js")])
}

fn make(workspace: &Workspace, wasm: &Path) -> Result<()> {
    let sh = &workspace.shell;
    let into = ["--out-dir", "../../pkg", "--out-name", "brooklet"];
    cmd!(sh, "wasm-pack build crates/package --mode no-install --target web --profile browser {into...}").run()?;
    // Before wasm-opt, which drops the functions' names.
    weight::print_parts(wasm)?;
    let pkg = workspace.root.join("pkg");
    for file in ["crates/package/README.md", "LICENSE-APACHE", "LICENSE-MIT"] {
        let path = workspace.root.join(file);
        fs::copy(&path, pkg.join(path.file_name().unwrap_or_default()))?;
    }
    glue::tell_who_is_early(&pkg.join("brooklet.js"))?;
    glue::shorten(wasm, &pkg.join("brooklet.js"))?;
    glue::bundle(workspace, &pkg)?;
    let optimised = workspace.target.join("xtask/brooklet_bg.wasm");
    fs::create_dir_all(workspace.target.join("xtask"))?;
    cmd!(sh, "wasm-opt {FEATURES...} {SMALL_WITH_GZIP...} {wasm} -o {optimised}").run()?;
    order::name_by_place(&optimised)?;
    cmd!(sh, "wasm-opt {FEATURES...} {ORDERED...} {optimised} -o {wasm}").run()?;
    glue::write_inline(wasm, &pkg)
}

/// Tells our optimised wasm from one that a plain `wasm-pack build` has put there since.
fn mark(wasm: &Path) -> String {
    let length = fs::metadata(wasm).map_or(0, |file| file.len());
    format!("brooklet_bg.wasm, {length} bytes\n")
}
