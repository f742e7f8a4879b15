//! The npm package: wasm-pack makes it, wasm-opt makes it small, and its weight is printed so that nobody is surprised.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result};
use flate2::{Compression, write::GzEncoder};
use xshell::cmd;

use crate::steps::Steps;
use crate::tools;
use crate::workspace::{Workspace, newest};

/// What goes into the package, and what says how it is made.
const SOURCES: [&str; 8] = [
    "src",
    "crates/core/src",
    "crates/core/Cargo.toml",
    "Cargo.toml",
    "Cargo.lock",
    ".cargo/config.toml",
    "README.md",
    "xtask/src/build.rs",
];

/// The features that rustc's wasm has of itself, and SIMD from .cargo/config.toml. Naming them one by one keeps
/// wasm-opt from making use of newer ones that some browser may lack.
const WASM_OPT: [&str; 8] = [
    "-O3",
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
    steps.step("npm package", || package(workspace))
}

/// Bring pkg/ up to date and print its sizes.
pub(crate) fn package(workspace: &Workspace) -> Result<()> {
    let stamp = workspace.target.join("xtask/pkg.stamp");
    let wasm = workspace.root.join("pkg/brooklet_bg.wasm");
    let sources = SOURCES.map(|source| workspace.root.join(source));
    if newest([&stamp]) > newest(&sources) && fs::read_to_string(&stamp)? == mark(&wasm) {
        println!("pkg/ is up to date");
    } else {
        let started = SystemTime::now();
        make(workspace, &wasm)?;
        fs::create_dir_all(workspace.target.join("xtask"))?;
        fs::write(&stamp, mark(&wasm))?;
        // A file that is edited while we build is newer than the stamp, and so is built the next time.
        File::options()
            .write(true)
            .open(&stamp)?
            .set_modified(started)?;
    }
    for file in ["brooklet_bg.wasm", "brooklet.js"] {
        weigh(&workspace.root.join("pkg").join(file))?;
    }
    Ok(())
}

fn make(workspace: &Workspace, wasm: &Path) -> Result<()> {
    let sh = &workspace.shell;
    cmd!(
        sh,
        "wasm-pack build --mode no-install --target web --release"
    )
    .run()?;
    let smaller = workspace.target.join("xtask/brooklet_bg.wasm");
    fs::create_dir_all(workspace.target.join("xtask"))?;
    cmd!(sh, "wasm-opt {WASM_OPT...} {wasm} -o {smaller}").run()?;
    fs::copy(&smaller, wasm)?;
    Ok(())
}

/// Tells our optimised wasm from one that a plain `wasm-pack build` has put there since.
fn mark(wasm: &Path) -> String {
    let length = fs::metadata(wasm).map_or(0, |file| file.len());
    format!("brooklet_bg.wasm, {length} bytes\n")
}

fn weigh(path: &Path) -> Result<()> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&bytes)?;
    let gzipped = gzip.finish()?.len();
    let name = path.file_name().unwrap_or_default().display();
    println!(
        "{name:<18} {:>9} bytes, {gzipped:>8} with gzip -9",
        bytes.len()
    );
    Ok(())
}
