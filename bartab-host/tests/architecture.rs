//! Keeps what the compiler does not: the directions in which the crates import one another, the folders at the top of
//! the tree, a reason for each dependency, links that lead somewhere (docs/rfd/0016-dependency-directions.md).

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// What one crate of the workspace may see.
struct Layer {
    krate: &'static str,
    /// The crates of the workspace that it may import.
    imports: &'static [&'static str],
    /// Foreign crates that it may not name in its manifest.
    never_named: &'static [&'static [&'static str]],
    /// Foreign crates that may not stand anywhere below it, however many steps away.
    never_reached: &'static [&'static [&'static str]],
    /// Whether what only its tests use is free.
    tests_exempt: bool,
}

const RUNTIMES: &[&str] = &["tokio", "async-std", "smol"];
const SERVERS: &[&str] = &["hyper", "hyper-util", "axum", "axum-core"];
const SERVICES: &[&str] = &["tower", "tower-http"];
const DATABASES: &[&str] = &["rusqlite", "libsqlite3-sys", "sqlx", "sqlx-core", "tokio-postgres"];

const CORE: &[&str] = &["bartab-core"];
const LIBRARIES: &[&str] = &["bartab-core", "bartab-auth", "bartab-chat", "bartab-media", "bartab-storage"];
const ALL: &[&str] =
    &["bartab-core", "bartab-auth", "bartab-chat", "bartab-media", "bartab-storage", "bartab-host", "bartab-sdk"];

/// A crate of the workspace that is missing here fails the test: a new one is given its place first.
const LAYERS: &[Layer] = &[
    Layer {
        krate: "bartab-core",
        imports: &[],
        never_named: &[],
        never_reached: &[RUNTIMES, SERVERS, DATABASES],
        tests_exempt: true,
    },
    middle("bartab-auth", &[DATABASES]),
    middle("bartab-chat", &[DATABASES]),
    middle("bartab-media", &[DATABASES]),
    middle("bartab-storage", &[SERVERS, SERVICES]),
    middle("bartab-sdk", &[DATABASES]),
    Layer {
        krate: "bartab-host",
        imports: LIBRARIES,
        never_named: &[DATABASES],
        never_reached: &[],
        tests_exempt: false,
    },
    consumer("bartab-examples"),
    consumer("bartab-both-providers"),
    consumer("bartab-benches"),
    consumer("bartab-fuzz"),
];

/// A crate that imports `bartab-core` alone.
const fn middle(krate: &'static str, never_reached: &'static [&'static [&'static str]]) -> Layer {
    Layer { krate, imports: CORE, never_named: never_reached, never_reached, tests_exempt: false }
}

/// A crate that shows or measures the others, and that nothing imports.
const fn consumer(krate: &'static str) -> Layer {
    Layer { krate, imports: ALL, never_named: &[], never_reached: &[], tests_exempt: false }
}

/// Folders at the top of the tree: the crates, and what belongs to none of them.
const FOLDERS: &[&str] = &[
    // How the bundled SQLite is built.
    ".cargo",
    ".ci",
    "bartab-auth",
    "bartab-chat",
    "bartab-core",
    "bartab-host",
    "bartab-media",
    "bartab-sdk",
    "bartab-storage",
    "benches",
    "docs",
    "examples",
    "fuzz",
];

#[test]
fn every_crate_has_its_place() -> Outcome {
    let workspace = Workspace::load()?;
    let strangers: Vec<_> =
        workspace.members().map(|member| member.name.as_str()).filter(|n| layer(n).is_none()).collect();
    assert!(strangers.is_empty(), "no layer is given for {strangers:?}: add them to LAYERS and to deny.toml");
    Ok(())
}

#[test]
fn manifests_name_only_what_their_layer_may_see() -> Outcome {
    let workspace = Workspace::load()?;
    let members: BTreeSet<&str> = workspace.members().map(|member| member.name.as_str()).collect();
    let mut broken = Vec::new();
    for (member, layer) in workspace.layers() {
        for dependency in &member.dependencies {
            let name = dependency.name.as_str();
            let for_tests = dependency.kind == DependencyKind::Development;
            if for_tests && (layer.tests_exempt || name == layer.krate) {
                continue;
            }
            let refused_member = members.contains(name) && !layer.imports.contains(&name);
            if refused_member || listed(layer.never_named, name) {
                broken.push(format!("{} -> {name} ({})", layer.krate, dependency.kind));
            }
        }
    }
    assert!(broken.is_empty(), "these imports go the wrong way:\n  {}", broken.join("\n  "));
    Ok(())
}

#[test]
fn nothing_refused_stands_below_a_layer() -> Outcome {
    let workspace = Workspace::load()?;
    let members: BTreeSet<&str> = workspace.members().map(|member| member.name.as_str()).collect();
    let mut broken = Vec::new();
    for (member, layer) in workspace.layers() {
        for chain in workspace.chains_from(&member.id) {
            let Some(name) = chain.last() else { continue };
            let refused_member = members.contains(name.as_str()) && !layer.imports.contains(&name.as_str());
            if refused_member || listed(layer.never_reached, name) {
                broken.push(chain.join(" -> "));
            }
        }
    }
    assert!(broken.is_empty(), "these chains of imports end where they must not:\n  {}", broken.join("\n  "));
    Ok(())
}

#[test]
fn every_crate_keeps_the_workspace_policy() -> Outcome {
    let workspace = Workspace::load()?;
    for member in workspace.members() {
        let manifest = fs::read_to_string(&member.manifest_path)?;
        let name = &member.name;
        assert!(manifest.contains("[lints]\nworkspace = true"), "{name} does not take the workspace's lints");
        // A list that is compiled in comes from Django: bartab-auth/data/README.md.
        let licence =
            if name.as_str() == "bartab-auth" { "(MIT OR Apache-2.0) AND BSD-3-Clause" } else { "MIT OR Apache-2.0" };
        assert_eq!(member.license.as_deref(), Some(licence), "licence of {name}");
        assert!(member.rust_version.is_some(), "{name} does not say which Rust it needs");
        assert_eq!(member.publish.as_deref(), Some(&[][..]), "{name} can be published by accident");
    }
    Ok(())
}

#[test]
fn the_top_of_the_tree_holds_only_the_folders_of_the_map() -> Outcome {
    let root = root();
    let strangers: Vec<_> = top_folders(&root)?.into_iter().filter(|name| !FOLDERS.contains(&name.as_str())).collect();
    assert!(strangers.is_empty(), "these folders have no place at the top of the tree: {strangers:?}");
    Ok(())
}

#[test]
fn every_dependency_has_its_reason_on_the_page_and_the_page_no_others() -> Outcome {
    let workspace = Workspace::load()?;
    let page = fs::read_to_string(root().join("docs/dependencies.md"))?;
    let explained: BTreeSet<&str> = page.lines().filter_map(|line| line.strip_prefix("| `")).flat_map(names).collect();
    let used: BTreeSet<&str> = workspace
        .members()
        .flat_map(|member| &member.dependencies)
        .filter(|dependency| dependency.path.is_none())
        .map(|dependency| dependency.name.as_str())
        .collect();
    let missing: Vec<_> = used.difference(&explained).collect();
    let stale: Vec<_> = explained.difference(&used).collect();
    assert!(missing.is_empty(), "docs/dependencies.md gives no reason for {missing:?}");
    assert!(stale.is_empty(), "docs/dependencies.md explains what nothing depends on: {stale:?}");
    Ok(())
}

#[test]
fn links_in_the_documentation_lead_somewhere() -> Outcome {
    let mut pages = pages_in(&root())?;
    for folder in FOLDERS {
        pages.extend(pages_in(&root().join(folder))?);
    }
    for folder in fs::read_dir(root().join("docs"))? {
        pages.extend(pages_in(&folder?.path())?);
    }
    let mut dead = Vec::new();
    for page in pages {
        let text = fs::read_to_string(&page)?;
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or_default();
            let elsewhere = path.is_empty() || path.contains("://") || path.starts_with("mailto:");
            if !elsewhere && !page.with_file_name(path).exists() {
                dead.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(dead.is_empty(), "these links lead nowhere:\n  {}", dead.join("\n  "));
    Ok(())
}

/// The Markdown files of a folder, without those of folders below; none when there is no such folder.
fn pages_in(folder: &Path) -> Outcome<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut pages = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    Ok(pages)
}

/// The names between backticks in the first cell of a table's row, whose opening backtick is already gone.
fn names(row: &str) -> impl Iterator<Item = &str> {
    row.split('|').next().unwrap_or_default().split('`').step_by(2).map(str::trim).filter(|name| !name.is_empty())
}

fn layer(krate: &str) -> Option<&'static Layer> {
    LAYERS.iter().find(|layer| layer.krate == krate)
}

fn listed(groups: &[&[&str]], name: &str) -> bool {
    groups.iter().any(|group| group.contains(&name))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What git tracks at the top of the tree; without git (a tarball) whatever is there but build output and hidden folders.
fn top_folders(root: &Path) -> Outcome<BTreeSet<String>> {
    let tracked = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output();
    if let Ok(listing) = tracked.as_ref()
        && listing.status.success()
        && !listing.stdout.is_empty()
    {
        let paths = String::from_utf8_lossy(&listing.stdout);
        return Ok(paths.split('\0').filter_map(|path| path.split_once('/')).map(|(top, _)| top.to_owned()).collect());
    }
    let mut folders = BTreeSet::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() && name != "target" && (name == ".ci" || !name.starts_with('.')) {
            folders.insert(name);
        }
    }
    Ok(folders)
}

/// The workspace with its resolved graph.
struct Workspace {
    metadata: Metadata,
}

impl Workspace {
    /// Asks cargo, without the network when what it needs is already here.
    fn load() -> Outcome<Self> {
        // Without a platform cargo wants to see the packages of every platform, which a build never downloads.
        let mut options = vec!["--filter-platform".to_owned(), host_triple()?];
        let mut command = MetadataCommand::new();
        command.manifest_path(root().join("Cargo.toml"));
        options.push("--offline".to_owned());
        if let Ok(metadata) = command.other_options(options.clone()).exec() {
            return Ok(Self { metadata });
        }
        // A build of one crate alone does not download what its neighbours need.
        options.pop();
        Ok(Self { metadata: command.other_options(options).exec()? })
    }

    fn members(&self) -> impl Iterator<Item = &Package> {
        self.metadata.workspace_packages().into_iter()
    }

    fn layers(&self) -> impl Iterator<Item = (&Package, &'static Layer)> {
        self.members().filter_map(|member| Some((member, layer(&member.name)?)))
    }

    /// For every package that a build of `from` links, the shortest chain of names that leads to it.
    fn chains_from(&self, from: &PackageId) -> Vec<Vec<String>> {
        let nodes: HashMap<_, _> =
            self.metadata.resolve.iter().flat_map(|resolve| &resolve.nodes).map(|node| (&node.id, node)).collect();
        let mut seen = BTreeSet::from([from]);
        let mut queue = VecDeque::from([(from, vec![self.metadata[from].name.to_string()])]);
        let mut chains = Vec::new();
        while let Some((id, chain)) = queue.pop_front() {
            for dependency in nodes.get(id).iter().flat_map(|node| &node.deps) {
                let linked = dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
                if linked && seen.insert(&dependency.pkg) {
                    let mut longer = chain.clone();
                    longer.push(self.metadata[&dependency.pkg].name.to_string());
                    chains.push(longer.clone());
                    queue.push_back((&dependency.pkg, longer));
                }
            }
        }
        chains
    }
}

fn host_triple() -> Outcome<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let version = Command::new(cargo).arg("-vV").output()?;
    let version = String::from_utf8(version.stdout)?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("cargo does not say its host")?;
    Ok(host.to_owned())
}
