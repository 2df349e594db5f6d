//! The book of one repository on disk: one small file, shared by every process that works on the repository.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use super::{FlakeBook, Place, Posterior};
use crate::error::SandboxError;
use crate::report::TestId;

/// The version of the file; another one is set aside like a broken file.
const VERSION: u32 = 1;
/// The largest file that is read.
const MOST_BYTES: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
struct OnDisk {
    version: u32,
    /// Of the book's own text, so that a file cut short or edited in the middle is noticed.
    checksum: String,
    book: Box<serde_json::value::RawValue>,
}

/// A book that is kept on disk.
///
/// A change reads the file, adds to it and replaces it while holding a lock beside it, so that processes add to one another's
/// observations and a killed one leaves the file as it was.
#[derive(Debug)]
pub struct FlakeStore {
    path: PathBuf,
    book: RwLock<FlakeBook>,
}

/// A store, and what people should know of how it was found.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: FlakeStore,
    /// What was wrong with the file.
    pub notice: Option<String>,
}

impl FlakeStore {
    /// Opens the book of a repository below a folder, which is made if it is missing. A file that cannot be read is set aside.
    ///
    /// # Errors
    /// When the folder cannot be made, locked or written.
    pub fn open(folder: &Path, repository: &Path) -> Result<Opened, SandboxError> {
        let name = repository.canonicalize().unwrap_or_else(|_| repository.to_owned());
        let hash = blake3::hash(name.as_os_str().as_encoded_bytes()).to_hex();
        fs::create_dir_all(folder).map_err(file_error("make", folder))?;
        let store = FlakeStore { path: folder.join(format!("{}.json", &hash[..16])), book: RwLock::default() };
        let _lock = store.lock()?;
        let notice = store.reload()?;
        Ok(Opened { store, notice })
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds observations made in a place, and writes them.
    ///
    /// # Errors
    /// When the file cannot be locked or written; the observations are known to this process all the same.
    pub fn observe(&self, place: &Place, observations: &[(TestId, bool)]) -> Result<(), SandboxError> {
        if observations.is_empty() {
            return Ok(());
        }
        let locked = self.lock();
        if locked.is_ok() {
            // What other processes have added since comes first. A file broken meanwhile was set aside, which the next opening says.
            let _ = self.reload();
        }
        {
            let mut book = self.book.write();
            for (test, passed) in observations {
                book.observe(place, test, *passed);
            }
        }
        let _lock = locked?;
        self.write()
    }

    /// Returns what is known of a test.
    pub fn posterior(&self, test: &TestId) -> Posterior {
        self.book.read().posterior(test)
    }

    /// Looks something up in the book.
    pub fn with<T>(&self, look: impl FnOnce(&FlakeBook) -> T) -> T {
        look(&self.book.read())
    }

    fn lock(&self) -> Result<File, SandboxError> {
        let path = self.path.with_extension("lock");
        let open = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = open.map_err(file_error("open", &path))?;
        file.lock().map_err(file_error("lock", &path))?;
        Ok(file)
    }

    /// Reads the file, under the lock.
    fn reload(&self) -> Result<Option<String>, SandboxError> {
        let found = match read(&self.path) {
            Ok(book) => book,
            Err(Unreadable::Missing) => FlakeBook::default(),
            Err(Unreadable::Io(error)) => return Err(file_error("read", &self.path)(error)),
            Err(Unreadable::Broken(reason)) => {
                let aside = self.set_aside()?;
                *self.book.write() = FlakeBook::default();
                return Ok(Some(format!(
                    "what was known of flaky tests cannot be read ({reason}); it was moved to {} and is gathered anew",
                    aside.display()
                )));
            }
        };
        *self.book.write() = found;
        Ok(None)
    }

    fn set_aside(&self) -> Result<PathBuf, SandboxError> {
        let free = |number: &u32| !self.path.with_extension(format!("broken-{number}")).exists();
        let number = (1..1000).find(free).unwrap_or(1000);
        let aside = self.path.with_extension(format!("broken-{number}"));
        fs::rename(&self.path, &aside).map_err(file_error("move", &self.path))?;
        Ok(aside)
    }

    fn write(&self) -> Result<(), SandboxError> {
        let error = file_error("write", &self.path);
        let text = serde_json::to_string(&*self.book.read()).map_err(io::Error::other);
        let written = text.and_then(|text| {
            let checksum = checksum(&text);
            let book = serde_json::value::RawValue::from_string(text)?;
            let bytes = serde_json::to_vec(&OnDisk { version: VERSION, checksum, book })?;
            replace(&self.path, &bytes)
        });
        written.map_err(error)
    }
}

/// Why there is no book in a file.
enum Unreadable {
    Missing,
    Io(io::Error),
    Broken(String),
}

fn read(path: &Path) -> Result<FlakeBook, Unreadable> {
    let broken = |error: serde_json::Error| Unreadable::Broken(error.to_string());
    let size = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Unreadable::Missing),
        Err(error) => return Err(Unreadable::Io(error)),
    };
    if size > MOST_BYTES {
        return Err(Unreadable::Broken(format!("it has {size} bytes")));
    }
    let bytes = fs::read(path).map_err(Unreadable::Io)?;
    let file: OnDisk = serde_json::from_slice(&bytes).map_err(broken)?;
    if file.version != VERSION {
        return Err(Unreadable::Broken(format!("it has version {}, not {VERSION}", file.version)));
    }
    if file.checksum != checksum(file.book.get()) {
        return Err(Unreadable::Broken("its checksum does not fit".to_owned()));
    }
    serde_json::from_str(file.book.get()).map_err(broken)
}

fn checksum(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
}

/// Puts a file in the place of another, at once and for good.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_data()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn file_error(what: &'static str, path: &Path) -> impl Fn(io::Error) -> SandboxError + use<> {
    let path = path.to_owned();
    move |source| SandboxError::File { what, path: path.clone(), source }
}
