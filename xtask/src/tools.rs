//! The programs that a build needs and cargo does not bring.
//!
//! What is on the PATH at a version that fits is used as it is. The rest goes into one folder outside the checkout,
//! `$BROOKLET_TOOLS` or `~/.cache/brooklet/tools`, so that it outlives a clone and nothing of the user's is touched.
//! That folder comes first on the PATH of everything we start, and wasm-pack then has no reason to download anything.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::places::{folder, search_path};
use crate::workspace::Workspace;

/// On Windows the command is a batch file, which is only found under its full name.
pub(crate) const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// The npm package of wasm-opt counts its releases as wasm-opt does.
const BINARYEN: &str = "132.0.0";
const ESBUILD: &str = "0.28.2";

/// What version of a tool will do.
enum Version<'a> {
    AtLeast(&'a str),
    Exactly(&'a str),
}

/// What the package build needs: the wasm target, wasm-pack, wasm-bindgen, wasm-opt, esbuild.
pub(crate) fn for_the_build(workspace: &Workspace) -> Result<()> {
    let sh = &workspace.shell;
    wasm_target(sh)?;

    // Older ones do not know that a version may be inherited from the workspace.
    let root = folder();
    if !have(sh, "wasm-pack", Version::AtLeast("0.13")) {
        println!("wasm-pack is missing; compiling it takes a few minutes, once");
        cmd!(sh, "cargo install wasm-pack --locked --force --root {root}").run()?;
    }

    // The glue is an agreement between the crate and the command, so the versions must be the same.
    let wanted = workspace.locked_version("wasm-bindgen")?;
    if !have(sh, "wasm-bindgen", Version::Exactly(wanted)) {
        println!("wasm-bindgen {wanted} is missing; compiling it takes a few minutes, once");
        cmd!(sh, "cargo install wasm-bindgen-cli --version {wanted} --force --root {root}").run()?;
    }

    // Distributions carry ones that are years behind what rustc emits.
    if !have(sh, "wasm-opt", Version::AtLeast("120")) || !have(sh, "esbuild", Version::AtLeast("0.25")) {
        println!("wasm-opt or esbuild is missing");
        // In one command, for npm takes away what it was not asked for.
        cmd!(sh, "{NPM} install --no-save --prefix {root} binaryen@{BINARYEN} esbuild@{ESBUILD}").run()?;
    }
    Ok(())
}

/// What the tests run in: where it is.
pub(crate) struct Browsers {
    pub(crate) chromium: PathBuf,
    /// Nothing where it could not be had: then its tests are left out.
    pub(crate) firefox: Option<PathBuf>,
}

/// What the checks need on top: rustfmt, clippy, browsers and their drivers.
pub(crate) fn for_the_tests(workspace: &Workspace) -> Result<Browsers> {
    let sh = &workspace.shell;
    for (component, program) in [("rustfmt", "cargo-fmt"), ("clippy", "cargo-clippy")] {
        if !have(sh, program, Version::AtLeast("0")) {
            cmd!(sh, "rustup component add {component}").run()?;
        }
    }
    let chromium = match browser() {
        Some(chromium) => chromium,
        None => {
            println!("Chromium or its driver is missing");
            apt_get_install(sh, &["chromium", "chromium-driver"])
                .ok()
                .and_then(|()| browser())
                .context(HOW_TO_GET_A_BROWSER)?
        }
    };
    postgresql(sh);
    Ok(Browsers { chromium, firefox: firefox(sh)? })
}

/// PostgreSQL, of which the endpoint's tests start clusters of their own. They say so themselves where it could not be had.
fn postgresql(sh: &Shell) {
    let is_there = find("initdb").is_some() || Path::new("/usr/lib/postgresql").is_dir();
    if !is_there {
        println!("PostgreSQL is missing");
        let _ = apt_get_install(sh, &["postgresql"]);
    }
}

/// Firefox, with its driver. Not every system has a package of it, and Chromium's tests say most of what there is to say.
fn firefox(sh: &Shell) -> Result<Option<PathBuf>> {
    let installed = || {
        let named = env::var_os("FIREFOX").map(PathBuf::from);
        named.or_else(|| ["firefox-esr", "firefox"].into_iter().find_map(find))
    };
    let firefox = installed().or_else(|| {
        println!("Firefox is missing");
        apt_get_install(sh, &["firefox-esr"]).ok().and_then(|()| installed())
    });
    if firefox.is_some() && !have(sh, "geckodriver", Version::AtLeast("0.34")) {
        println!("geckodriver is missing; compiling it takes about a minute, once");
        let root = folder();
        // It passes on messages: optimizing it would double the time.
        cmd!(sh, "cargo install geckodriver --debug --locked --force --root {root}").run()?;
    }
    Ok(firefox)
}

/// A Python with what `requirements`, a file with every version pinned, names.
pub(crate) fn python(workspace: &Workspace, requirements: &Path) -> Result<PathBuf> {
    let sh = &workspace.shell;
    let venv = folder().join("python");
    let python = venv.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    // A copy of what was installed, made when all of it was.
    let installed = venv.join("requirements.txt");
    let wanted = fs::read_to_string(requirements)?;
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let create = || cmd!(sh, "python3 -m venv --clear {venv}").run();
    // Debian keeps what a venv needs in a package of its own.
    if create().is_err() && (apt_get_install(sh, &["python3-venv"]).is_err() || create().is_err()) {
        bail!(HOW_TO_GET_PYTHON)
    }
    cmd!(sh, "{python} -m pip install --quiet --only-binary :all: --requirement {requirements}").run()?;
    fs::write(&installed, wanted)?;
    Ok(python)
}

fn wasm_target(sh: &Shell) -> Result<()> {
    const TARGET: &str = "wasm32-unknown-unknown";
    let library = cmd!(sh, "rustc --print target-libdir --target {TARGET}").quiet().read()?;
    if !Path::new(&library).exists() {
        cmd!(sh, "rustup target add {TARGET}").run()?;
    }
    Ok(())
}

/// Whether the first `tool` on the path runs and says a version that will do.
fn have(sh: &Shell, tool: &str, wanted: Version<'_>) -> bool {
    let answer = cmd!(sh, "{tool} --version").quiet().ignore_stderr().read();
    let Ok(answer) = answer else { return false };
    println!("{answer}");
    let mut words = answer.split_whitespace().map(numbers);
    let found = words.find(|version| !version.is_empty());
    found.is_some_and(|found| match wanted {
        Version::AtLeast(least) => found >= numbers(least),
        Version::Exactly(exactly) => found == numbers(exactly),
    })
}

/// `0.2.130` or `1.9.0-stable` as numbers, which compare as versions do; empty if it is not one.
fn numbers(version: &str) -> Vec<u32> {
    let release = version.split('-').next().unwrap_or_default();
    let parts = release.split('.').map(str::parse);
    parts.collect::<Result<_, _>>().unwrap_or_default()
}

/// Chromium, if its driver is there as well. `$CHROMIUM` says where it is when no usual name does.
fn browser() -> Option<PathBuf> {
    find("chromedriver")?;
    let named = env::var_os("CHROMIUM").map(PathBuf::from);
    let usual = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    named.or_else(|| usual.into_iter().find_map(find))
}

/// Where a program is.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let file = format!("{program}{}", env::consts::EXE_SUFFIX);
    let mut places = search_path().into_iter().map(|folder| folder.join(&file));
    places.find(|path| path.is_file())
}

fn apt_get_install(sh: &Shell, packages: &[&str]) -> Result<()> {
    let root = cmd!(sh, "id -u").quiet().read()? == "0";
    // With -n, sudo fails where it would otherwise stop to ask for a password.
    let (env, sudo): (_, &[&str]) = if root { ("env", &[]) } else { ("sudo", &["-n", "env"]) };
    let apt_get = |words: &[&str]| cmd!(sh, "{env} {sudo...} DEBIAN_FRONTEND=noninteractive apt-get {words...}").run();
    let install = [&["install", "--yes", "--no-install-recommends"], packages].concat();
    if apt_get(&install).is_err() {
        // The list of packages may be old, or not be there at all.
        apt_get(&["update"])?;
        apt_get(&install)?;
    }
    Ok(())
}

const HOW_TO_GET_A_BROWSER: &str = "\
the browser tests need Chromium and the chromedriver of its version, and they could not be installed from here.
Please install both and run this again:

    Debian    sudo apt-get install chromium chromium-driver
    Ubuntu    sudo apt-get install chromium-browser chromium-chromedriver
    Fedora    sudo dnf install chromium chromedriver
    macOS     brew install --cask chromium chromedriver

If Chromium has another name or place, CHROMIUM=/path/to/it says so; chromedriver has to be on the PATH.";

const HOW_TO_GET_PYTHON: &str = "\
the tests of the Python examples need Python 3.11 or newer with its venv module, and it could not be installed from here.
Please install it and run this again:

    Debian, Ubuntu    sudo apt-get install python3-venv
    Fedora            sudo dnf install python3
    macOS             brew install python";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_and_compare_by_number() {
        assert_eq!(numbers("0.2.130"), [0, 2, 130]);
        assert_eq!(numbers("1.9.0-stable"), [1, 9, 0]);
        assert!(numbers("0.13") <= numbers("0.13.0"));
        assert!(numbers("0.15.1") > numbers("0.13"));
        for word in ["", "wasm-opt", "(59807616e1", "(version_132)"] {
            assert!(numbers(word).is_empty(), "{word}");
        }
    }
}
