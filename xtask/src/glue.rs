//! wasm-bindgen's JavaScript as it is downloaded. What it writes is for people to read; of the 12 KB that it is with gzip, 5 are left.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use base64ct::{Base64, Encoding};
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
    if (options?.worker) {
        if (!remote) throw new BrookletError("there is no worker to learn in here: leave `worker` out", "bad_argument");
        return (await remote()).open(options, compiled);
    }
    if (wasm) return open(options);
    throw new BrookletError("call and await init(), the default export of brooklet, before Learner.open", "not_initialised");
};
if (Symbol.asyncDispose) {
    Learner.prototype[Symbol.asyncDispose] = async function () {
        if (this.__wbg_ptr) await this.close();
    };
}
// What a worker is sent: it need not find the wasm by itself.
async function compiled() {
    const found = wasmModule ?? await locate();
    if (found instanceof WebAssembly.Module) return found;
    if (!(found instanceof Response)) return WebAssembly.compile(found);
    return WebAssembly.compileStreaming(found.clone()).catch(async () => WebAssembly.compile(await found.arrayBuffer()));
}
export class BrookletError extends Error {
    constructor(message, code) {
        super(message);
        Object.assign(this, { name: "BrookletError", code });
    }
    // What the wasm throws is an `Error` of this name.
    static [Symbol.hasInstance](value) {
        return value instanceof Error && value.name === "BrookletError";
    }
}
"#;

/// What a learner throws that was freed.
const THROWS: &str = "throw new Error(getStringFromWasm0(arg0, arg1));";
const TELLS: &str =
    r#"throw new BrookletError(`${getStringFromWasm0(arg0, arg1)}: was this learner freed?`, "closed");"#;
const NO_CONSTRUCTOR: &str = r#"export class Learner {
    constructor() {
        throw new BrookletError("await Learner.open(options) instead of new Learner()", "bad_argument");
    }"#;

/// Where the wasm is when nobody says it: as wasm-bindgen has it, and as an entry of crates/package/js says it.
const BESIDE: &str = "new URL('brooklet_bg.wasm', import.meta.url)";
const LOCATED: &str = "import { locate, remote } from \"brooklet-locate\";\n";

/// What the types of wasm-bindgen say of its own exports, which need those of a page; below that is what we say.
const TYPES_OF_EXPORTS: &str = "export type InitInput =";

/// `using` wants a symbol of which ES2022 does not know.
const FOR_USING: &str = "/// <reference lib=\"esnext.disposable\" />\n";

/// What wasm-bindgen cannot say of methods: features may be of an interface, whose values are checked one by one.
const GENERIC: [(&str, &str); 5] = [
    (
        "static open(options: OpenOptions): Promise<Learner>;",
        "static open(options: OpenOptions & { readonly worker: true | Thread }): Promise<WorkerLearner>;\n    static open(options: OpenOptions): Promise<Learner>;",
    ),
    ("(features: Features", "<T extends FeaturesOf<T>>(features: T"),
    (
        "(preferred: Features, other: Features",
        "<T extends FeaturesOf<T>, U extends FeaturesOf<U>>(preferred: T, other: U",
    ),
    ("(options?: RecommendOptions)", "<T extends FeaturesOf<T> = Features>(options?: RecommendOptions<T>)"),
    ("(items: Iterable<Item> | Columns)", "<T extends FeaturesOf<T> = Features>(items: Iterable<Item<T>> | Columns)"),
];

/// The files that a program may import, each with its way to the wasm, and esbuild's settings.
const ENTRIES: [(&str, &str, &[&str]); 5] = [
    ("brooklet.js", "browser.js", &["--format=esm"]),
    ("node.js", "node.js", &["--format=esm", "--platform=node"]),
    ("node.cjs", "require.js", &["--format=cjs", "--platform=node"]),
    ("workerd.js", "workerd.js", &["--format=esm"]),
    ("inline.js", "inline.js", &["--format=esm"]),
];

/// Entries of their own beside the learner, with their types.
const AS_THEY_ARE: [&str; 6] = ["observe", "shared", "react", "vue", "svelte", "worker"];

/// Puts that below what wasm-bindgen wrote, and has it ask an entry for its wasm.
pub(crate) fn tell_who_is_early(js: &Path) -> Result<()> {
    let text = fs::read_to_string(js)?;
    let open = "static open(options) {\n        const ret = wasm.learner_open(options);";
    let expected = [open, ", wasm;\n", THROWS, "export class Learner {", BESIDE];
    ensure!(
        expected.iter().all(|part| text.contains(part)),
        "{} is not as wasm-bindgen used to write it: see whether BEFORE_INIT in xtask/src/glue.rs still does what it says",
        js.display()
    );
    let text =
        text.replace(THROWS, TELLS).replace("export class Learner {", NO_CONSTRUCTOR).replace(BESIDE, "locate()");
    Ok(fs::write(js, format!("{LOCATED}{text}{BEFORE_INIT}"))?)
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

/// One small file an entry in the place of the glue and what it imports, their types, and how packages find them.
pub(crate) fn bundle(workspace: &Workspace, pkg: &Path) -> Result<()> {
    let sh = &workspace.shell;
    let glue = pkg.join("glue.js");
    fs::rename(pkg.join("brooklet.js"), &glue)?;
    let types = pkg.join("brooklet.d.ts");
    let text = fs::read_to_string(&types)?;
    let ours = text.find(TYPES_OF_EXPORTS).with_context(|| format!("{} has no InitInput", types.display()))?;
    let mut text =
        FOR_USING.to_owned() + &text[..ours] + &fs::read_to_string(workspace.root.join("crates/package/js/init.d.ts"))?;
    for (plain, generic) in GENERIC {
        ensure!(text.contains(plain), "no method in {} has {plain}", types.display());
        text = text.replace(plain, generic);
    }
    // Deno finds the types by it.
    let banner = "--banner:js=/* @ts-self-types=\"./brooklet.d.ts\" */";
    for (entry, locate, settings) in ENTRIES {
        let (out, locate) = (pkg.join(entry), workspace.root.join("crates/package/js").join(locate));
        let external =
            ["--external:./wasm.js", "--external:./worker.js", "--external:./brooklet_bg.wasm", "--log-level=warning"];
        cmd!(
            sh,
            "esbuild {glue} --bundle --minify {settings...} {external...} --alias:brooklet-locate={locate} {banner} --outfile={out}"
        )
        .run()?;
    }
    // A file of its own without an import, so that whatever makes a worker of it makes it right.
    let (js, out) = (workspace.root.join("crates/package/js"), pkg.join("thread.js"));
    let (thread, locate) = (js.join("thread.js"), js.join("nowhere.js"));
    cmd!(sh, "esbuild {thread} --bundle --minify --format=iife --log-level=warning --alias:brooklet-glue={glue} --alias:brooklet-locate={locate} --outfile={out}").run()?;
    fs::write(&types, &text)?;
    fs::write(pkg.join("brooklet.d.cts"), &text)?;
    for file in
        AS_THEY_ARE.iter().flat_map(|name| [format!("{name}.js"), format!("{name}.d.ts")]).chain(["inline.d.ts".into()])
    {
        fs::copy(workspace.root.join("crates/package/js").join(&file), pkg.join(&file))?;
    }
    fs::remove_file(glue)?;
    fs::remove_file(pkg.join("brooklet_bg.wasm.d.ts"))?;
    fs::remove_dir_all(pkg.join("snippets"))?;

    let path = pkg.join("package.json");
    let made: serde_json::Value = serde_json::from_slice(&fs::read(&path)?)?;
    let ours = fs::read_to_string(workspace.root.join("crates/package/js/package.json"))?;
    // As text, because the order of the conditions is their meaning.
    let from_cargo = ["version", "license", "repository"].map(|field| format!("\n  \"{field}\": {},", made[field]));
    let after = ours.strip_prefix('{').context("crates/package/js/package.json is no object")?;
    fs::write(path, format!("{{{}{after}", from_cargo.concat()))?;
    Ok(())
}

/// The wasm as JavaScript, for entries that cannot fetch it or do not find it.
pub(crate) fn write_inline(wasm: &Path, pkg: &Path) -> Result<()> {
    let text = Base64::encode_string(&fs::read(wasm)?);
    let module = format!("export default () => Uint8Array.from(atob(\"{text}\"), (c) => c.charCodeAt(0));\n");
    Ok(fs::write(pkg.join("wasm.js"), module)?)
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

    const README: &str = include_str!("../../crates/package/README.md");
    const TYPES: &str = include_str!("../../src/api/types.ts");

    #[test]
    fn the_readme_tells_of_every_option_and_event() {
        for interface in ["OpenOptions", "PrivacyOptions", "ModelOptions", "DriftOptions", "RecommendOptions"] {
            let (_, body) = TYPES.split_once(&format!("export interface {interface}")).unwrap();
            let body = body.split("\n}").next().unwrap();
            let options: Vec<_> = body.lines().filter_map(|line| Some(line.trim().split_once("?: ")?.0)).collect();
            assert!(options.len() > 2, "{interface}");
            for option in options.iter().filter(|option| option.chars().all(char::is_alphanumeric)) {
                let told = ["`{}`", " {},", " {} }"].map(|form| form.replace("{}", option));
                assert!(told.iter().any(|form| README.contains(form)), "{interface}.{option}");
            }
        }
        let events =
            TYPES.lines().filter_map(|line| line.trim().strip_prefix("| { readonly type: \"")?.split('"').next());
        for event in events {
            assert!(README.contains(&format!("`{event}`")), "{event}");
        }
    }

    #[test]
    fn the_readme_is_read_elsewhere_so_its_links_are_absolute() {
        let links = README.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
        assert_eq!(links.filter(|link| !link.starts_with("https://")).count(), 0);
    }

    #[test]
    fn every_import_gets_a_name_of_its_own() {
        let names: std::collections::HashSet<_> = (0..1000).map(letters).collect();
        assert_eq!(names.len(), 1000);
        assert_eq!([letters(0), letters(25), letters(26)], ["a", "z", "ba"]);
    }
}
