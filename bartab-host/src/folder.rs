//! The data folder: `<data>/tenants/<name>/` is all there is of a tenant.

use std::fs::{self, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::settings::TenantSettings;
use crate::tenant_name::TenantName;

/// What one tenant's settings are called in its folder.
const SETTINGS: &str = "tenant.toml";
/// The file of the tenant's store.
const STORE: &str = "tenant.db";
/// The file that an open store holds locked.
const LOCK: &str = "tenant.lock";
/// The folder of the bytes of files in a tenant's.
const MEDIA: &str = "media";
/// Folders that are being made or removed begin so; no tenant's name does.
const UNFINISHED: &str = ".";

/// The folder that holds every tenant of a server.
#[derive(Clone, Debug)]
pub struct DataFolder {
    root: PathBuf,
    tenants: PathBuf,
}

/// A tenant's folder could not be made, read or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// There is a tenant of that name already.
    #[error("there is a tenant `{0}` already")]
    Exists(TenantName),
    /// There is no tenant of that name.
    #[error("there is no tenant `{0}`")]
    Missing(TenantName),
    /// A server holds the tenant open.
    #[error("tenant `{0}` is in use by a running server; stop it first")]
    InUse(TenantName),
    /// Another server, or a command of the operator's, works on the folder.
    #[error("another server or a command works on {0}")]
    Busy(PathBuf),
    /// The settings are not what the program understands.
    #[error("{path}: {error}")]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong in it, and where.
        error: Box<toml::de::Error>,
    },
    /// The settings could not be written as TOML.
    #[error("the settings cannot be written")]
    Encode(#[from] toml::ser::Error),
    /// The storage of files cannot be used.
    #[error(transparent)]
    Storage(#[from] bartab_media::StorageError),
    /// The file system refused.
    #[error("{path}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> FolderError + '_ {
    move |source| FolderError::Io { path: path.to_owned(), source }
}

impl DataFolder {
    /// The data folder at `path`; it and its folder of tenants are made when they are missing.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let tenants = path.join("tenants");
        private_folder(&tenants).map_err(at(&tenants))?;
        Ok(Self { root: path.to_owned(), tenants })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of the tenant `name`, whether or not it is there.
    pub fn tenant(&self, name: &TenantName) -> PathBuf {
        self.tenants.join(name.as_str())
    }

    /// The file that holds the tenant's store.
    pub fn store(&self, name: &TenantName) -> PathBuf {
        self.tenant(name).join(STORE)
    }

    /// The folder with the bytes of the tenant's files, where they are local.
    pub fn media(&self, name: &TenantName) -> PathBuf {
        self.tenant(name).join(MEDIA)
    }

    /// When tenants were last made or removed, so that nobody reads the folder again for nothing.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn changed(&self) -> io::Result<std::time::SystemTime> {
        fs::metadata(&self.tenants)?.modified()
    }

    /// Makes a tenant: whole or not at all, also when the machine stops half-way.
    ///
    /// # Errors
    /// [`FolderError::Exists`]; the file system refuses.
    pub fn create(&self, name: &TenantName, settings: &TenantSettings) -> Result<(), FolderError> {
        let target = self.tenant(name);
        if target.exists() {
            return Err(FolderError::Exists(name.clone()));
        }
        let making = unfinished(&self.tenants).map_err(at(&self.tenants))?;
        let text = toml::to_string_pretty(settings)?;
        let file = making.path().join(SETTINGS);
        private_folder(&making.path().join(MEDIA)).map_err(at(making.path()))?;
        let written = private_file(&file).and_then(|mut file| file.write_all(text.as_bytes()).and(file.sync_all()));
        written.map_err(at(&file))?;
        // A rename onto a folder that is not empty fails, so of two commands that race one wins.
        if let Err(error) = fs::rename(making.path(), &target) {
            return Err(if target.exists() { FolderError::Exists(name.clone()) } else { at(&target)(error) });
        }
        let _moved = making.keep();
        fs::File::open(&self.tenants).and_then(|folder| folder.sync_all()).map_err(at(&self.tenants))
    }

    /// What `tenant.toml` of `name` says.
    ///
    /// # Errors
    /// [`FolderError::Missing`], [`FolderError::Settings`]; the file system refuses.
    pub fn settings(&self, name: &TenantName) -> Result<TenantSettings, FolderError> {
        let path = self.tenant(name).join(SETTINGS);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Err(FolderError::Missing(name.clone()));
            }
            Err(error) => return Err(at(&path)(error)),
        };
        toml::from_str(&text).map_err(|error| FolderError::Settings { path, error: Box::new(error) })
    }

    /// The names of all tenants, in order.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn names(&self) -> Result<Vec<TenantName>, FolderError> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.tenants).map_err(at(&self.tenants))? {
            let entry = entry.map_err(at(&self.tenants))?;
            if let Some(name) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Removes a tenant with everything that it holds. It is gone for the server at once; its files go after.
    ///
    /// # Errors
    /// [`FolderError::Missing`], [`FolderError::InUse`]; the file system refuses.
    pub fn remove(&self, name: &TenantName) -> Result<(), FolderError> {
        let target = self.tenant(name);
        if !target.is_dir() {
            return Err(FolderError::Missing(name.clone()));
        }
        let _locked = lock(&target.join(LOCK)).map_err(|error| match error {
            TryLockError::WouldBlock => FolderError::InUse(name.clone()),
            TryLockError::Error(source) => FolderError::Io { path: target.join(LOCK), source },
        })?;
        let grave = unfinished(&self.tenants).map_err(at(&self.tenants))?;
        let moved = grave.path().join(name.as_str());
        fs::rename(&target, &moved).map_err(at(&target))?;
        let path = grave.path().to_owned();
        grave.close().map_err(at(&path))
    }
}

/// Makes a folder, and those above it that are missing, for the server's own user alone: what people write is in it.
fn private_folder(path: &Path) -> io::Result<()> {
    let mut folder = fs::DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.create(path)
}

/// A folder of the server's own user for what is being made or removed; it goes when it is dropped.
fn unfinished(parent: &Path) -> io::Result<tempfile::TempDir> {
    let mut folder = tempfile::Builder::new();
    folder.prefix(UNFINISHED);
    #[cfg(unix)]
    folder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    folder.tempdir_in(parent)
}

/// Opens a file to write into; when it is missing, it is made for the server's own user alone.
pub(crate) fn private_file(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Writes a file that the server's own user alone can read, all of it or nothing.
pub(crate) fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Such a file is its owner's alone from the beginning.
    let mut making = tempfile::NamedTempFile::new_in(folder)?;
    making.write_all(text.as_bytes())?;
    making.write_all(b"\n")?;
    making.as_file().sync_all()?;
    making.persist(path)?;
    Ok(())
}

/// Takes the lock that an open store would hold; it is given back when the file is dropped.
fn lock(path: &Path) -> Result<fs::File, TryLockError> {
    let file = private_file(path).map_err(TryLockError::Error)?;
    file.try_lock()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> (tempfile::TempDir, DataFolder) {
        let root = tempfile::tempdir().unwrap();
        let data = DataFolder::open(root.path()).unwrap();
        (root, data)
    }

    #[test]
    fn a_tenant_is_made_once_read_and_removed_whole() {
        let (_root, data) = data();
        let name: TenantName = "acme".parse().unwrap();
        let settings = TenantSettings { suspended: true, ..TenantSettings::default() };
        data.create(&name, &settings).unwrap();
        assert!(matches!(data.create(&name, &settings), Err(FolderError::Exists(_))));
        assert_eq!(data.settings(&name).unwrap(), settings);
        fs::write(data.store(&name), "x").unwrap();
        let held = lock(&data.tenant(&name).join(LOCK)).unwrap();
        assert!(matches!(data.remove(&name), Err(FolderError::InUse(_))));
        drop(held);
        assert_eq!(data.names().unwrap(), std::slice::from_ref(&name));
        data.remove(&name).unwrap();
        assert!(matches!(data.remove(&name), Err(FolderError::Missing(_))));
        assert!(matches!(data.settings(&name), Err(FolderError::Missing(_))));
        assert_eq!(fs::read_dir(&data.tenants).unwrap().count(), 0, "nothing is left behind");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let data = DataFolder::open(&root.path().join("data")).unwrap();
        let name: TenantName = "acme".parse().unwrap();
        data.create(&name, &TenantSettings::default()).unwrap();
        let tenant = data.tenant(&name);
        let _held = lock(&tenant.join(LOCK)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for folder in [root.path().join("data"), data.tenants.clone(), tenant.clone(), tenant.join("media")] {
            assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        }
        assert_eq!((mode(&tenant.join(SETTINGS)), mode(&tenant.join(LOCK))), (0o600, 0o600));
    }

    #[test]
    fn what_is_no_tenant_is_not_listed() {
        let (_root, data) = data();
        for stray in [".half", "UPPER", "a.b"] {
            fs::create_dir(data.tenants.join(stray)).unwrap();
        }
        assert!(data.names().unwrap().is_empty());
    }

    #[test]
    fn broken_settings_say_where() {
        let (_root, data) = data();
        let name: TenantName = "acme".parse().unwrap();
        data.create(&name, &TenantSettings::default()).unwrap();
        fs::write(data.tenant(&name).join(SETTINGS), "suspended = 3").unwrap();
        let error = data.settings(&name).unwrap_err().to_string();
        assert!(error.contains("tenant.toml") && error.contains("suspended"), "{error}");
    }
}
