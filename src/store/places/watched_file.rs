//! A file that may be replaced or written anew while we run.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The largest database or list, in bytes.
const MOST: u64 = 1024 * 1024 * 1024;

/// What differs between a file and what it was: another file under its name, or other times or length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileStamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// How a file looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FileLook {
    Absent,
    There(FileStamp),
    /// The system does not say, and why.
    Hidden(String),
}

impl FileLook {
    /// Of the file of that name.
    pub(super) fn of(path: &Path) -> Self {
        match std::fs::metadata(path) {
            Ok(meta) => Self::There(FileStamp::new(&meta)),
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Self::Absent,
            Err(fault) => Self::Hidden(fault.to_string()),
        }
    }
}

impl FileStamp {
    fn new(meta: &Metadata) -> Self {
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            length: meta.len(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

/// The whole of a file.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let meta = file.metadata()?;
    // A pipe or a device might never end.
    if !meta.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len().min(MOST)).unwrap_or_default());
    file.take(MOST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST {
        return Err(io::Error::other("it is larger than 1 GiB"));
    }
    Ok(bytes)
}
