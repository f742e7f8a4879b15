//! The modules of a crate as its files say: what each defines, what it imports, and every path that it writes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree};

/// A crate's modules; the root is the first.
pub(super) struct Tree {
    pub(super) modules: Vec<Module>,
}

#[derive(Default)]
pub(super) struct Module {
    /// Relative to the folder of the crate's root.
    pub(super) file: PathBuf,
    pub(super) parent: Option<usize>,
    pub(super) children: BTreeMap<String, usize>,
    pub(super) defines: BTreeSet<String>,
    /// By the name that they have here.
    pub(super) imports: BTreeMap<String, Vec<String>>,
    pub(super) globs: Vec<Vec<String>>,
    pub(super) mentions: Vec<Mention>,
}

/// A path somewhere in a module, `use` declarations included.
pub(super) struct Mention {
    pub(super) path: Vec<String>,
    pub(super) line: usize,
}

pub(super) fn read(root: &Path) -> Result<Tree> {
    let folder = root.parent().unwrap_or(Path::new("")).to_path_buf();
    let mut reader = Reader { root: folder.clone(), modules: Vec::new() };
    reader.file(root, &folder, None)?;
    Ok(Tree { modules: reader.modules })
}

struct Reader {
    root: PathBuf,
    modules: Vec<Module>,
}

impl Reader {
    /// Read the module in `path`, whose own modules are in `folder`, and give its number.
    fn file(&mut self, path: &Path, folder: &Path, parent: Option<usize>) -> Result<usize> {
        let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let parsed = syn::parse_file(&text).with_context(|| format!("{} is no Rust", path.display()))?;
        self.module(path, folder, parent, &parsed.items)
    }

    fn module(&mut self, path: &Path, folder: &Path, parent: Option<usize>, items: &[Item]) -> Result<usize> {
        let number = self.modules.len();
        let file = path.strip_prefix(&self.root).unwrap_or(path).to_path_buf();
        self.modules.push(Module { file, parent, ..Module::default() });
        for item in items.iter().filter(|i| !is_for_tests(attributes(i))) {
            if let Item::Mod(module) = item {
                let name = module.ident.unraw().to_string();
                let child = match &module.content {
                    Some((_, items)) => self.module(path, &folder.join(&name), Some(number), items)?,
                    None => {
                        let (file, folder) = file_of(module, path, folder)?;
                        self.file(&file, &folder, Some(number))?
                    }
                };
                self.modules[number].children.insert(name, child);
            } else {
                self.modules[number].defines.extend(name(item));
                Paths { module: &mut self.modules[number] }.visit_item(item);
            }
        }
        Ok(number)
    }
}

/// The file of a module that is declared in `path`, and the folder of its own modules.
fn file_of(module: &syn::ItemMod, path: &Path, folder: &Path) -> Result<(PathBuf, PathBuf)> {
    let name = module.ident.unraw().to_string();
    if let Some(attribute) = module.attrs.iter().find(|a| a.path().is_ident("path")) {
        let value = &attribute.meta.require_name_value()?.value;
        let file: syn::LitStr = syn::parse2(value.to_token_stream())?;
        let file = path.with_file_name("").join(file.value());
        let folder = file.with_file_name("");
        return Ok((file, folder));
    }
    let (flat, nested) = (folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs"));
    Ok((if nested.exists() { nested } else { flat }, folder.join(name)))
}

/// Collects paths, those that a macro is given as tokens too.
struct Paths<'a> {
    module: &'a mut Module,
}

impl Paths<'_> {
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let (mut line, mut colons, mut after_dot) = (0, 0, false);
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.mention(std::mem::take(&mut path), line);
                    }
                    if !after_dot {
                        line = ident.span().start().line;
                        path.push(ident.unraw().to_string());
                    }
                    (colons, after_dot) = (0, false);
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.mention(std::mem::take(&mut path), line);
                    colons = 0;
                    after_dot = matches!(&other, TokenTree::Punct(punct) if punct.as_char() == '.');
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.mention(path, line);
    }

    fn mention(&mut self, path: Vec<String>, line: usize) {
        if !path.is_empty() {
            self.module.mentions.push(Mention { path, line });
        }
    }

    fn import(&mut self, tree: &UseTree, prefix: &[String], line: usize) {
        let with = |ident: &syn::Ident| [prefix, &[ident.unraw().to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.import(&path.tree, &with(&path.ident), line),
            UseTree::Group(group) => group.items.iter().for_each(|t| self.import(t, prefix, line)),
            UseTree::Glob(_) => self.module.globs.push(prefix.to_vec()),
            UseTree::Name(name) if name.ident == "self" => self.bind(prefix.last().cloned(), prefix.to_vec(), line),
            UseTree::Name(name) => self.bind(Some(name.ident.unraw().to_string()), with(&name.ident), line),
            UseTree::Rename(rename) => self.bind(Some(rename.rename.unraw().to_string()), with(&rename.ident), line),
        }
    }

    fn bind(&mut self, name: Option<String>, path: Vec<String>, line: usize) {
        self.mention(path.clone(), line);
        if let Some(name) = name {
            self.module.imports.insert(name, path);
        }
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&item.tree, &[], item.use_token.span.start().line);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let line = path.segments.first().map_or(0, |s| s.ident.span().start().line);
        self.mention(path.segments.iter().map(|s| s.ident.unraw().to_string()).collect(), line);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        self.visit_path(&mac.path);
        self.tokens(mac.tokens.clone());
    }

    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|a| {
        a.path().is_ident("test")
            || a.path().is_ident("cfg") && a.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(i) => &i.attrs,
        Item::Enum(i) => &i.attrs,
        Item::Fn(i) => &i.attrs,
        Item::Impl(i) => &i.attrs,
        Item::Macro(i) => &i.attrs,
        Item::Mod(i) => &i.attrs,
        Item::Static(i) => &i.attrs,
        Item::Struct(i) => &i.attrs,
        Item::Trait(i) => &i.attrs,
        Item::Type(i) => &i.attrs,
        Item::Union(i) => &i.attrs,
        Item::Use(i) => &i.attrs,
        _ => &[],
    }
}

fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(i) => &i.ident,
        Item::Enum(i) => &i.ident,
        Item::Fn(i) => &i.sig.ident,
        Item::Macro(i) => i.ident.as_ref()?,
        Item::Static(i) => &i.ident,
        Item::Struct(i) => &i.ident,
        Item::Trait(i) => &i.ident,
        Item::Type(i) => &i.ident,
        Item::Union(i) => &i.ident,
        _ => return None,
    };
    Some(ident.unraw().to_string())
}
