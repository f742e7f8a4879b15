//! Every check there is, the quick ones first. The first that fails ends the run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use xshell::{Shell, cmd};

use crate::build;
use crate::data;
use crate::demo;
use crate::steps::Steps;
use crate::tools::{self, Browsers, NPM};
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::new(13);
    let result = every_step(workspace, &mut steps);
    steps.print_table();
    result
}

fn every_step(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    let sh = &workspace.shell;
    let browsers = steps.step("tools and browsers", || {
        tools::for_the_build(workspace)?;
        tools::for_the_tests(workspace)
    })?;
    steps.step("rustfmt", || {
        cmd!(sh, "cargo fmt --all --check").run()?;
        // A workspace of its own.
        Ok(cmd!(sh, "cargo fmt --manifest-path fuzz/Cargo.toml --check").run()?)
    })?;
    steps.step("clippy", || Ok(cmd!(sh, "cargo clippy --workspace --all-targets -- -D warnings").run()?))?;
    steps.step("clippy for the browser", || {
        let target = ["--target", "wasm32-unknown-unknown"];
        cmd!(sh, "cargo clippy --package brooklet --all-targets {target...} -- -D warnings").run()?;
        // By itself, for what the tests of the other depend on would bring it a second panic handler.
        Ok(cmd!(sh, "cargo clippy --package brooklet-package {target...} -- -D warnings").run()?)
    })?;
    steps.step("native tests", || {
        cmd!(sh, "cargo test --workspace").run()?;
        // They are compiled as tests are, and not run.
        cmd!(sh, "cargo run --package brooklet-core --example loop").run()?;
        Ok(cmd!(sh, "cargo run --package brooklet-train --example train").run()?)
    })?;
    steps.step("browser tests", || in_browser(sh, "--chrome"))?;
    steps.step("browser tests in Firefox", || {
        if browsers.firefox.is_none() {
            println!("there is no Firefox: left out");
            return Ok(());
        }
        in_browser(sh, "--firefox")
    })?;
    steps.step("browser tests in WebKit", || {
        // Debian's webkit2gtk-driver and xvfb: for who has them.
        let (Some(driver), Some(screen)) = (tools::find("WebKitWebDriver"), tools::find("xvfb-run")) else {
            println!("there is no WebKitWebDriver or no xvfb-run: left out");
            return Ok(());
        };
        let run = cmd!(sh, "{screen} --auto-servernum wasm-pack test --mode no-install --headless --safari");
        Ok(run.args(["--safaridriver".as_ref(), driver.as_os_str()]).env(TIMEOUT.0, TIMEOUT.1).run()?)
    })?;
    steps.step("npm package", || build::page(workspace))?;
    let brooklet = steps.step("brooklet, the command", || demo::brooklet(workspace))?;
    steps.step("tests in Python", || python_tests(workspace, &brooklet))?;
    steps.step("end to end", || end_to_end(workspace, &brooklet, &browsers))?;
    steps.step("the packed package", || packed(workspace, &browsers.chromium))
}

/// What a visitor downloads, by part and encoding, held to `tests/e2e/weights.json`.
pub(crate) fn weigh(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::new(4);
    let browsers = steps.step("tools and browsers", || {
        tools::for_the_build(workspace)?;
        tools::for_the_tests(workspace)
    })?;
    steps.step("npm package", || build::page(workspace))?;
    let brooklet = steps.step("brooklet, the command", || demo::brooklet(workspace))?;
    let test = workspace.root.join("tests/e2e/weight.test.mjs");
    steps.step("weights", || node(workspace, &brooklet, &browsers, &[test]))
}

/// How many seconds a busy machine may need for the tests of a browser.
const TIMEOUT: (&str, &str) = ("WASM_BINDGEN_TEST_TIMEOUT", "300");

/// The tests of `tests/browser`.
fn in_browser(sh: &Shell, browser: &str) -> Result<()> {
    let run = cmd!(sh, "wasm-pack test --mode no-install --headless {browser}");
    Ok(run.env(TIMEOUT.0, TIMEOUT.1).run()?)
}

fn python_tests(workspace: &Workspace, brooklet: &Path) -> Result<()> {
    let sh = &workspace.shell;
    let tests = workspace.root.join("tests/python");
    let python = tools::python(workspace, &tests.join("requirements.txt"))?;
    data::run(workspace, data::Set::Obd)?;
    let run = cmd!(sh, "{python} -m unittest discover --start-directory {tests}");
    run.env("BROOKLET", brooklet).env("PYTHONDONTWRITEBYTECODE", "1").run()?;
    Ok(())
}

fn end_to_end(workspace: &Workspace, brooklet: &Path, browsers: &Browsers) -> Result<()> {
    // Named one by one, because what `node --test` makes of a folder differs between versions of Node.
    let tests = test_files(&workspace.root.join("tests/e2e"))?;
    ensure!(!tests.is_empty(), "there is no *.test.mjs in tests/e2e");
    node(workspace, brooklet, browsers, &tests)
}

fn node(workspace: &Workspace, brooklet: &Path, browsers: &Browsers, tests: &[PathBuf]) -> Result<()> {
    let sh = &workspace.shell;
    cmd!(sh, "{NPM} ci --prefix tests").run()?;
    let run = cmd!(sh, "node --test {tests...}").env("BROOKLET", brooklet).env("CHROMIUM", &browsers.chromium);
    let run = browsers.firefox.iter().fold(run, |run, firefox| run.env("FIREFOX", firefox));
    Ok(run.run()?)
}

/// The package as npm packs it, in projects of the bundlers and runtimes that import it.
fn packed(workspace: &Workspace, chromium: &Path) -> Result<()> {
    let sh = &workspace.shell;
    cmd!(sh, "{NPM} ci --no-audit --no-fund --prefix tests/packed").run()?;
    Ok(cmd!(sh, "node --test tests/packed/packed.test.mjs").env("CHROMIUM", chromium).run()?)
}

fn test_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.to_string_lossy();
        if name.ends_with(".test.mjs") || name.ends_with(".test.js") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
