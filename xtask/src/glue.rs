//! wasm-bindgen's JavaScript as it is downloaded. What it writes is for people to read; of the 12 KB that it is with gzip, 5 are left.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::json;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{ImportSection, Module, RawSection};
use wasmparser::{Parser, Payload};
use xshell::cmd;

use crate::workspace::Workspace;

/// The module by which the glue goes in the wasm's imports.
const MODULE: &str = "./brooklet_bg.js";

/// Goes below what wasm-bindgen writes, whose `wasm` is undefined until `init()` has loaded it: a learner that is opened
/// before would fail with whatever the engine says of that. And `await using` waits until a learner is closed.
const BEFORE_INIT: &str = r#"
const { open } = Learner;
Learner.open = async (options) => {
    if (wasm) return open(options);
    throw failed("call and await init(), the default export of brooklet, before Learner.open", "not_initialised");
};
if (Symbol.asyncDispose) {
    Learner.prototype[Symbol.asyncDispose] = async function () {
        if (this.__wbg_ptr) await this.close();
    };
}
function failed(message, code) {
    return Object.assign(new Error(message), { name: "BrookletError", code });
}
"#;

/// What a learner throws that was freed.
const THROWS: &str = "throw new Error(getStringFromWasm0(arg0, arg1));";
const TELLS: &str = r#"throw failed(`${getStringFromWasm0(arg0, arg1)}: was this learner freed?`, "closed");"#;
const NO_CONSTRUCTOR: &str = r#"export class Learner {
    constructor() {
        throw failed("await Learner.open(options) instead of new Learner()", "bad_argument");
    }"#;

/// Puts that below what wasm-bindgen wrote.
pub(crate) fn tell_who_is_early(js: &Path) -> Result<()> {
    let text = fs::read_to_string(js)?;
    let open = "static open(options) {\n        const ret = wasm.learner_open(options);";
    let expected = [open, ", wasm;\n", THROWS, "export class Learner {"];
    ensure!(
        expected.iter().all(|part| text.contains(part)),
        "{} is not as wasm-bindgen used to write it: see whether BEFORE_INIT in xtask/src/glue.rs still does what it says",
        js.display()
    );
    let text = text.replace(THROWS, TELLS).replace("export class Learner {", NO_CONSTRUCTOR);
    Ok(fs::write(js, text + BEFORE_INIT)?)
}

/// Gives the functions that the wasm imports short names, here and there: of a name such as `__wbg_get_4b90d6d8c5deb5d5`
/// half is chance, which no compression makes less of.
pub(crate) fn shorten(wasm: &Path, js: &Path) -> Result<()> {
    let mut glue = fs::read_to_string(js)?;
    let module = fs::read(wasm)?;
    let mut shorter = Module::new();
    for payload in Parser::new(0).parse_all(&module) {
        let payload = payload?;
        if let Payload::ImportSection(section) = payload {
            let mut imports = ImportSection::new();
            for (number, import) in section.into_imports().enumerate() {
                let import = import?;
                let short =
                    if import.module == MODULE { rename(&mut glue, import.name, number)? } else { import.name.into() };
                imports.import(import.module, &short, RoundtripReencoder.entity_type(import.ty)?);
            }
            shorter.section(&imports);
        } else if let Some((id, range)) = payload.as_section() {
            shorter.section(&RawSection { id, data: &module[range.start as usize..range.end as usize] });
        }
    }
    fs::write(wasm, shorter.finish())?;
    fs::write(js, glue)?;
    Ok(())
}

/// One file, small, in the place of the glue and what it imports.
pub(crate) fn bundle(workspace: &Workspace, pkg: &Path) -> Result<()> {
    let sh = &workspace.shell;
    let js = pkg.join("brooklet.js");
    // Deno finds the types by it.
    let types = "--banner:js=/* @ts-self-types=\"./brooklet.d.ts\" */";
    cmd!(
        sh,
        "esbuild {js} --bundle --minify --format=esm --log-level=warning {types} --outfile={js} --allow-overwrite"
    )
    .run()?;
    fs::remove_dir_all(pkg.join("snippets"))?;

    let path = pkg.join("package.json");
    let mut package: serde_json::Value = serde_json::from_slice(&fs::read(&path)?)?;
    package["name"] = json!("brooklet");
    package["files"] = json!(["brooklet_bg.wasm", "brooklet.js", "brooklet.d.ts", "LICENSE-APACHE", "LICENSE-MIT"]);
    package["sideEffects"] = json!(false);
    fs::write(path, serde_json::to_vec_pretty(&package)?)?;
    Ok(())
}

fn rename(glue: &mut String, name: &str, number: usize) -> Result<String> {
    let (long, short) = (format!(" {name}: "), letters(number));
    ensure!(glue.matches(&long).count() == 1, "wasm-bindgen's glue does not have one {name}");
    *glue = glue.replace(&long, &format!(" {short}: "));
    Ok(short)
}

/// a, b, ..., z, ba, bb, ...
fn letters(mut number: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.insert(0, char::from(b'a' + (number % 26) as u8));
        number /= 26;
        if number == 0 {
            return letters.into_iter().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_import_gets_a_name_of_its_own() {
        let names: std::collections::HashSet<_> = (0..1000).map(letters).collect();
        assert_eq!(names.len(), 1000);
        assert_eq!([letters(0), letters(25), letters(26)], ["a", "z", "ba"]);
    }
}
