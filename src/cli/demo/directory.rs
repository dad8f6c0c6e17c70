//! The demo's directory: for its owner only, removed at the end.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// How many names are tried.
const TRIES: u32 = 100;

/// A directory that is removed with all it holds when this is dropped.
pub(crate) struct DemoDirectory(PathBuf);

impl DemoDirectory {
    /// Makes the directory, mode 0700, under the system's directory for temporary files.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn make() -> io::Result<Self> {
        let base = std::env::temp_dir();
        let mut last = io::ErrorKind::AlreadyExists.into();
        for number in 0..TRIES {
            let path = base.join(format!("stepgate-demo-{}-{number}", std::process::id()));
            // Fails if there is anything of that name, so nobody can have laid a trap there.
            match std::fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => last = fault,
                Err(fault) => return Err(fault),
            }
        }
        Err(last)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for DemoDirectory {
    fn drop(&mut self) {
        if let Err(fault) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(target: "demo", %fault, path = %self.0.display(), "cannot remove the demo's directory");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn is_private_and_leaves_nothing() {
        let (one, two) = (DemoDirectory::make().unwrap(), DemoDirectory::make().unwrap());
        assert_ne!(one.path(), two.path());
        assert_eq!(std::fs::metadata(one.path()).unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::write(one.path().join("x"), "y").unwrap();
        let path = one.path().to_owned();
        drop(one);
        assert!(!path.exists());
    }
}
