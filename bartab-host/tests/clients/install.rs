//! What the clients need, installed when it is missing: Python and Node from Debian's packages, the clients themselves
//! from PyPI and npm, at the versions that `requirements.txt` and `package.json` name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex, PoisonError};

/// One installs at a time: Debian's package manager allows no second one.
static INSTALLING: Mutex<()> = Mutex::new(());

/// Where the scripts are.
pub(crate) fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// A Python with the clients.
pub(crate) fn python() -> &'static Path {
    static PYTHON: LazyLock<PathBuf> = LazyLock::new(|| {
        let _one = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = place("python");
        let python = folder.join("bin/python");
        unless_done(&folder, "requirements.txt", || {
            // Debian ships `venv` apart from Python itself, and says so only when it is used.
            if !succeeds(Command::new("python3").args(["-m", "venv"]).arg(&folder)) {
                debian(&["python3", "python3-venv"]);
                run(Command::new("python3").args(["-m", "venv"]).arg(&folder));
            }
            let requirements = sources().join("requirements.txt");
            run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(requirements));
        });
        python
    });
    &PYTHON
}

/// A folder with the clients for Node, and the scripts beside them.
pub(crate) fn node_modules() -> &'static Path {
    static MODULES: LazyLock<PathBuf> = LazyLock::new(|| {
        let _one = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = place("node");
        if !succeeds(Command::new("node").arg("--version")) || !succeeds(Command::new("npm").arg("--version")) {
            debian(&["nodejs", "npm"]);
        }
        unless_done(&folder, "package.json", || {
            fs::copy(sources().join("package.json"), folder.join("package.json")).unwrap();
            let options = ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"];
            run(Command::new("npm").args(options).current_dir(&folder));
        });
        for entry in fs::read_dir(sources()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "mjs") {
                fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
            }
        }
        folder
    });
    &MODULES
}

/// Sees to it that the commands of the guide are there.
pub(crate) fn curl() {
    static CURL: LazyLock<()> = LazyLock::new(|| {
        let _one = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
        if !succeeds(Command::new("curl").arg("--version")) || !succeeds(Command::new("openssl").arg("version")) {
            debian(&["curl", "openssl"]);
        }
    });
    LazyLock::force(&CURL);
}

/// A browser.
pub(crate) fn chromium() -> &'static str {
    /// Where Debian's package puts it.
    const PATH: &str = "/usr/bin/chromium";
    static CHROMIUM: LazyLock<()> = LazyLock::new(|| {
        let _one = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
        if !succeeds(Command::new(PATH).arg("--version")) {
            debian(&["chromium"]);
        }
    });
    LazyLock::force(&CHROMIUM);
    PATH
}

/// A folder for what is installed, below the build's own.
fn place(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stock-clients").join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Installs unless it was done to the end before, from the same list.
fn unless_done(folder: &Path, list: &str, install: impl FnOnce()) {
    let wanted = fs::read_to_string(sources().join(list)).unwrap();
    let stamp = folder.join("installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return;
    }
    install();
    fs::write(stamp, wanted).unwrap();
}

fn debian(packages: &[&str]) {
    run(Command::new("apt-get").args(["update", "-qq"]));
    run(Command::new("apt-get").args(["install", "-y", "-qq", "--no-install-recommends"]).args(packages));
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}
