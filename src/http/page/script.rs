//! Joins the page's modules into one script. Each module becomes a function that runs once, after those that it imports,
//! and returns what it exports.
//!
//! It knows only the forms that our modules use: imports of names from a file beside, and exports of declarations that
//! nobody assigns to again.

use std::{collections::HashSet, fmt::Write};

/// The module that starts the page.
const MAIN: &str = "main.js";

/// A module, taken apart.
struct Module {
    /// The names that it imports, and from which file.
    imports: Vec<(String, String)>,
    exports: Vec<String>,
    body: String,
}

/// Returns the script of the main module and all that it imports; `modules` are names and texts.
pub(super) fn joined(modules: &[(&str, &str)]) -> String {
    let mut script = String::new();
    add(&mut script, &mut HashSet::new(), modules, MAIN);
    script
}

/// Appends a module after its imports, unless it was already added.
fn add(script: &mut String, added: &mut HashSet<String>, modules: &[(&str, &str)], name: &str) {
    if !added.insert(name.to_owned()) {
        return;
    }
    let (_, text) =
        modules.iter().find(|(known, _)| *known == name).expect("a module imports only modules of the page");
    let module = Module::of(text);
    for (_, from) in &module.imports {
        add(script, added, modules, from);
    }
    let imports = module
        .imports
        .iter()
        .fold(String::new(), |lines, (names, from)| lines + &format!("const {{ {names} }} = {};\n", variable_of(from)));
    let Module { exports, body, .. } = module;
    let (variable, exports) = (variable_of(name), exports.join(", "));
    writeln!(script, "const {variable} = (() => {{\n{imports}{body}return {{ {exports} }};\n}})();")
        .expect("a string takes every text");
}

/// Returns the name of what a module exports.
fn variable_of(file: &str) -> String {
    format!("${}", file.trim_end_matches(".js").replace('-', "_"))
}

impl Module {
    fn of(text: &str) -> Self {
        let mut module = Self { imports: Vec::new(), exports: Vec::new(), body: String::new() };
        let mut statement = String::new();
        for line in text.split_inclusive('\n') {
            if statement.is_empty() && !line.starts_with("import ") {
                module.take_line(line);
                continue;
            }
            statement.push_str(line);
            if line.trim_end().ends_with("';") {
                module.imports.push(import_in(&statement).expect("an import takes names from a file beside"));
                statement.clear();
            }
        }
        module
    }

    fn take_line(&mut self, line: &str) {
        let Some(declaration) = line.strip_prefix("export ") else {
            self.body.push_str(line);
            return;
        };
        self.exports.push(name_in(declaration).expect("an export is a declaration").to_owned());
        self.body.push_str(declaration);
    }
}

/// Returns the names and the file of `import { a, b } from './file.js';`.
fn import_in(statement: &str) -> Option<(String, String)> {
    let (names, file) = statement.strip_prefix("import {")?.split_once("} from './")?;
    let names = names.split_whitespace().collect::<Vec<_>>().join(" ");
    Some((names, file.trim_end().strip_suffix("';")?.to_owned()))
}

/// Returns the name that a declaration declares.
fn name_in(declaration: &str) -> Option<&str> {
    let kinds = ["const ", "function ", "async function ", "class "];
    let rest = kinds.iter().find_map(|kind| declaration.strip_prefix(kind))?;
    rest.split(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '_' | '$'))
        .next()
        .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{super::MODULES, *};

    /// Returns what an engine would refuse in the modules, and joining them would hide.
    fn faults(modules: &[(&str, &str)]) -> Vec<String> {
        let parsed: HashMap<&str, Module> = modules.iter().map(|(name, text)| (*name, Module::of(text))).collect();
        let mut faults = Vec::new();
        for (name, text) in modules {
            for (names, from) in &parsed[name].imports {
                let exports = parsed.get(from.as_str()).map_or(&[][..], |module| &module.exports);
                let missing = names
                    .split(", ")
                    .map(|name| name.trim_end_matches(','))
                    .filter(|name| !exports.iter().any(|export| export == name));
                faults.extend(missing.map(|missing| format!("{name}: {from} does not export {missing}")));
            }
            let exports = text.lines().filter_map(|line| line.strip_prefix("export const "));
            faults.extend(
                exports.filter(|line| has_outer_comma(line)).map(|line| format!("{name}: two names in {line}")),
            );
            if reaches(&parsed, name, name, &mut HashSet::new()) {
                faults.push(format!("{name} imports itself"));
            }
        }
        faults
    }

    /// Whether there is a way along the imports from one module to another.
    fn reaches<'a>(modules: &'a HashMap<&str, Module>, from: &str, to: &str, seen: &mut HashSet<&'a str>) -> bool {
        let imports = modules.get(from).map_or(&[][..], |module| &module.imports);
        imports.iter().any(|(_, next)| next == to || (seen.insert(next) && reaches(modules, next, to, seen)))
    }

    /// Whether a line has a comma outside of brackets and quotes.
    fn has_outer_comma(line: &str) -> bool {
        let (mut depth, mut quote) = (0, None);
        for letter in line.chars() {
            match (letter, quote) {
                ('\'' | '"' | '`', None) => quote = Some(letter),
                (_, Some(open)) => quote = quote.filter(|_| letter != open),
                ('(' | '[' | '{', None) => depth += 1,
                (')' | ']' | '}', None) => depth -= 1,
                (',', None) if depth == 0 => return true,
                _ => {}
            }
        }
        false
    }

    #[test]
    fn the_modules_of_the_page_export_what_others_import_and_do_not_import_each_other() {
        assert_eq!(faults(MODULES), [""; 0]);
    }

    #[test]
    fn a_missing_export_a_second_name_and_a_cycle_are_found() {
        let modules = [
            ("main.js", "import { a, b, } from './a.js';\nimport { c } from './none.js';\n"),
            ("a.js", "export const a = (1, [2, 'it, too']), b = 2;\nimport { d } from './d.js';\n"),
            ("d.js", "import { e } from './e.js';\nexport const d = (x, y) => x;\n"),
            ("e.js", "import { d } from './d.js';\nexport const e = { x, y };\n"),
        ];
        let expected = [
            "main.js: a.js does not export b",
            "main.js: none.js does not export c",
            "a.js: two names in a = (1, [2, 'it, too']), b = 2;",
            "d.js imports itself",
            "e.js imports itself",
        ];
        assert_eq!(faults(&modules), expected);
    }

    #[test]
    fn a_module_runs_once_after_those_that_it_imports() {
        let modules = [
            ("main.js", "import { go } from './a-b.js';\nimport {\n  one, Two,\n} from './c.js';\n\ngo(one, Two);\n"),
            ("a-b.js", "import { one } from './c.js';\nexport async function go() { one; }\n"),
            ("c.js", "export const one = 1;\nexport class Two {}\nconst own = `\n  import { x }`;\n"),
            ("unused.js", "export const none = 0;\n"),
        ];
        let expected = "const $c = (() => {\nconst one = 1;\nclass Two {}\nconst own = `\n  import { x }`;\n\
                        return { one, Two };\n})();\n\
                        const $a_b = (() => {\nconst { one } = $c;\nasync function go() { one; }\n\
                        return { go };\n})();\n\
                        const $main = (() => {\nconst { go } = $a_b;\nconst { one, Two, } = $c;\n\ngo(one, Two);\n\
                        return {  };\n})();\n";
        assert_eq!(joined(&modules), expected);
    }
}
