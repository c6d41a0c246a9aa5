//! How the operator's commands reach a running server: that one runs, where its listener is, and the token for it.
//!
//! All three are files of the data folder. The lock tells for certain whether a server runs, since the system gives it
//! back however the server ended; without one nothing is sent to the address, which may be somebody else's by then.

use std::fs::{self, File, TryLockError};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bartab_core::Random;
use bartab_core::store::TokenHash;

use crate::folder::{DataFolder, FolderError, at, private_file, write_whole};

/// Locked by the server; shared by the commands that work without one.
const SERVER: &str = "server.lock";
/// Locked by one command at a time.
const COMMAND: &str = "command.lock";
/// The operator's token, made by the first server that has a listener for the operator.
const TOKEN: &str = "operator.token";
/// Where that listener is.
const ADDRESS: &str = "operator.addr";

/// A shorter token would not be one that the server has made: 64 hexadecimal digits are 256 bits.
const TOKEN_LENGTH: usize = 64;

/// A data folder in the hands of one server, until this is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    root: PathBuf,
    _lock: File,
}

impl Claim {
    /// Takes the folder; a command that works in it may end first.
    pub(crate) async fn take(folder: &DataFolder) -> Result<Self, FolderError> {
        const ATTEMPTS: u32 = 50;
        const BETWEEN: Duration = Duration::from_millis(100);
        let root = folder.root().to_owned();
        let path = root.join(SERVER);
        let lock = private_file(&path).map_err(at(&path))?;
        for _ in 0..ATTEMPTS {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { root, _lock: lock }),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(BETWEEN).await,
                Err(TryLockError::Error(error)) => return Err(at(&path)(error)),
            }
        }
        Err(FolderError::Busy(root))
    }

    /// What a request for the operator's API must carry: the token of the folder, which is made when there is none.
    pub(crate) fn token(&self, random: &dyn Random) -> Result<TokenHash, FolderError> {
        let path = self.root.join(TOKEN);
        if !path.exists() {
            let mut bytes = [0; TOKEN_LENGTH / 2];
            random.fill(&mut bytes);
            let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            write_whole(&path, &text).map_err(at(&path))?;
        }
        read_token(&path).map(|token| TokenHash::of(token.as_bytes()))
    }

    /// Says where the operator's listener is, if there is one.
    pub(crate) fn announce(&self, address: Option<SocketAddr>) -> Result<(), FolderError> {
        let path = self.root.join(ADDRESS);
        let said = match address {
            Some(address) => write_whole(&path, &reachable(address).to_string()),
            None => remove(&path),
        };
        said.map_err(at(&path))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let path = self.root.join(ADDRESS);
        if let Err(error) = remove(&path) {
            tracing::warn!(%error, path = %path.display(), "a file of the operator's stays behind");
        }
    }
}

/// Where clients on this machine reach a listener.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Who works on a data folder.
pub(crate) enum Keeper {
    /// Nobody, and no server begins while the turn is held.
    Nobody(Turn),
    /// A server.
    Server {
        /// Where its operator's listener is.
        address: SocketAddr,
        /// What it takes from the operator.
        token: String,
    },
    /// A server without a listener for the operator.
    Silent,
}

/// The right of one command to work on a data folder itself.
#[derive(Debug)]
pub(crate) struct Turn {
    _no_server: File,
    _no_other: File,
}

impl Keeper {
    /// Looks who works on the folder. Where nobody does, it waits for commands that came before.
    pub(crate) fn of(folder: &DataFolder) -> Result<Self, FolderError> {
        let root = folder.root();
        let path = root.join(SERVER);
        let lock = private_file(&path).map_err(at(&path))?;
        match lock.try_lock_shared() {
            Ok(()) => {
                let path = root.join(COMMAND);
                let other = private_file(&path).map_err(at(&path))?;
                other.lock().map_err(at(&path))?;
                return Ok(Self::Nobody(Turn { _no_server: lock, _no_other: other }));
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(at(&path)(error)),
        }
        let path = root.join(ADDRESS);
        let address = match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().map_err(|_| at(&path)(io::ErrorKind::InvalidData.into()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::Silent),
            Err(error) => return Err(at(&path)(error)),
        };
        Ok(Self::Server { address, token: read_token(&root.join(TOKEN))? })
    }
}

fn read_token(path: &Path) -> Result<String, FolderError> {
    let text = fs::read_to_string(path).map_err(at(path))?;
    let token = text.trim();
    if token.len() < TOKEN_LENGTH || !token.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let error = io::Error::new(io::ErrorKind::InvalidData, "this is no token; remove the file to get another one");
        return Err(at(path)(error));
    }
    #[cfg(unix)]
    if let Ok(metadata) = fs::metadata(path) {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
        if mode & 0o077 != 0 {
            tracing::warn!(path = %path.display(), "others than the owner can read the operator's token");
        }
    }
    Ok(token.to_owned())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartab_core::SeededRandom;

    fn data() -> (tempfile::TempDir, DataFolder) {
        let root = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(root.path()).unwrap();
        (root, folder)
    }

    #[tokio::test]
    async fn a_server_is_found_while_it_runs_and_never_after() {
        let (root, folder) = data();
        assert!(matches!(Keeper::of(&folder).unwrap(), Keeper::Nobody(_)));
        let claim = Claim::take(&folder).await.unwrap();
        assert!(matches!(Keeper::of(&folder).unwrap(), Keeper::Silent));
        let hash = claim.token(&SeededRandom::new(1)).unwrap();
        claim.announce(Some(([0, 0, 0, 0], 9464).into())).unwrap();
        let Keeper::Server { address, token } = Keeper::of(&folder).unwrap() else { panic!("no server") };
        assert_eq!((address.to_string().as_str(), token.len()), ("127.0.0.1:9464", 64));
        assert!(hash == TokenHash::of(token.as_bytes()));
        // A server that was killed leaves its address behind, and the lock tells.
        drop(claim);
        fs::write(root.path().join(ADDRESS), "127.0.0.1:9464").unwrap();
        assert!(matches!(Keeper::of(&folder).unwrap(), Keeper::Nobody(_)));
        let claim = Claim::take(&folder).await.unwrap();
        assert!(hash == claim.token(&SeededRandom::new(2)).unwrap(), "the token stays");
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_one_server_at_a_time() {
        let (_root, folder) = data();
        let _first = Claim::take(&folder).await.unwrap();
        assert!(matches!(Claim::take(&folder).await, Err(FolderError::Busy(_))));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn nobody_else_can_read_the_token() {
        use std::os::unix::fs::PermissionsExt;
        let (root, folder) = data();
        let claim = Claim::take(&folder).await.unwrap();
        claim.token(&SeededRandom::new(1)).unwrap();
        claim.announce(Some(([127, 0, 0, 1], 1).into())).unwrap();
        for file in [TOKEN, ADDRESS, SERVER] {
            let mode = fs::metadata(root.path().join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    }

    #[tokio::test]
    async fn a_token_that_is_none_is_not_taken() {
        let (root, folder) = data();
        let claim = Claim::take(&folder).await.unwrap();
        for text in ["", "short", &"x ".repeat(40)] {
            fs::write(root.path().join(TOKEN), text).unwrap();
            assert!(claim.token(&SeededRandom::new(1)).is_err(), "{text:?}");
        }
    }
}
