//! What would be published, tried as whoever installs it has it: the crates and the npm package are packed, what is in them is looked at, and both are
//! installed from the packed files. Nothing is uploaded.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use xshell::cmd;

use crate::build;
use crate::steps::Steps;
use crate::tools::{self, NPM};
use crate::workspace::Workspace;

/// The crates, each behind those that it depends on.
const CRATES: [&str; 4] = ["brooklet-core", "brooklet-train", "brooklet-server", "brooklet-cli"];

/// What npm takes along unasked.
const UNASKED: [&str; 2] = ["README.md", "package.json"];

/// What a program sees of the package.
const PROGRAM: &str = "import init, { Learner } from 'brooklet'; await init(); console.log(typeof Learner.open);";

pub(crate) fn rehearse(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::new(5);
    let result = every_step(workspace, &mut steps);
    steps.print_table();
    result
}

fn every_step(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    let sh = &workspace.shell;
    let packed = workspace.target.join("release-rehearsal");
    if packed.exists() {
        fs::remove_dir_all(&packed)?;
    }
    fs::create_dir_all(&packed)?;
    steps.step("npm package", || {
        tools::for_the_build(workspace)?;
        build::package(workspace)
    })?;
    let tarball = steps.step("npm, packed", || {
        let pkg = workspace.root.join("pkg");
        let told = cmd!(sh, "{NPM} pack --json --pack-destination {packed} {pkg}").read()?;
        let told: Value = serde_json::from_str(&told)?;
        // Newer ones have an object of packages.
        let one = told.get(0).or_else(|| told.as_object()?.values().next()).context("npm pack says nothing")?;
        check_contents(&pkg, one)?;
        Ok(packed.join(one["filename"].as_str().context("npm pack names no file")?))
    })?;
    steps.step("npm, installed from the packed file", || {
        let project = packed.join("project");
        fs::create_dir(&project)?;
        fs::write(project.join("package.json"), r#"{ "private": true, "type": "module" }"#)?;
        cmd!(sh, "{NPM} install --no-audit --no-fund --omit=peer --prefix {project} {tarball}").run()?;
        let _there = sh.push_dir(&project);
        let says = cmd!(sh, "node --input-type=module --eval {PROGRAM}").read()?;
        ensure!(says == "function", "the installed package has no Learner.open: {says}");
        Ok(())
    })?;
    steps.step("crates, packed", || {
        let crates = CRATES.map(|name| format!("--package={name}"));
        cmd!(sh, "cargo package --no-verify --allow-dirty --target-dir {packed} {crates...}").run()?;
        Ok(())
    })?;
    steps.step("the command, installed from the packed crates", || {
        let version = env!("CARGO_PKG_VERSION");
        let folder = packed.join("package");
        let unpacked = |name: &str| folder.join(format!("{name}-{version}"));
        for name in CRATES {
            let file = folder.join(format!("{name}-{version}.crate"));
            // With the time of now: the packed ones are all of one, by which cargo would take what it compiled of another release for current.
            cmd!(sh, "tar -xzmf {file} -C {folder}").run()?;
        }
        // The others are in no registry yet.
        let patches = CRATES.iter().flat_map(|name| {
            let path = unpacked(name);
            ["--config".to_owned(), format!("patch.crates-io.{name}.path='{}'", path.display())]
        });
        let (command, root, target) = (unpacked("brooklet-cli"), packed.join("installed"), &workspace.target);
        cmd!(sh, "cargo install --debug --path {command} --root {root} --target-dir {target}").args(patches).run()?;
        let brooklet = root.join("bin/brooklet");
        let says = cmd!(sh, "{brooklet} --version").read()?;
        ensure!(says == format!("brooklet {version}"), "the installed command says {says}");
        Ok(())
    })
}

/// A package has what its `files` name, all of it, and nothing else.
fn check_contents(pkg: &Path, told: &Value) -> Result<()> {
    let manifest: Value = serde_json::from_slice(&fs::read(pkg.join("package.json"))?)?;
    let texts = |list: &Value, text: fn(&Value) -> &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(|entry| text(entry).as_str()).map(str::to_owned).collect()
    };
    let mut named = texts(&manifest["files"], |entry| entry);
    named.extend(UNASKED.map(str::to_owned));
    let mut found = texts(&told["files"], |entry| &entry["path"]);
    named.sort();
    found.sort();
    ensure!(named == found, "packed is {found:?}, and package.json names {named:?}");
    println!("{} files, {} bytes packed", found.len(), told["size"]);
    Ok(())
}
