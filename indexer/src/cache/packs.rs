//! Packs of records, each found by a number and a git id.
//!
//! A pack is `magic, count, digest of the table`, then the table, then the records; a record is looked at, and its checksum with it, only
//! when it is asked for. Records are read with positioned reads rather than through a map: a file that another process cuts short is then
//! an error we can see.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustc_hash::FxHashMap;

const HEAD: usize = 8 + 4 + 32;
/// Number, id, offset, length, checksum.
const ROW: usize = 1 + 20 + 8 + 4 + 8;
/// More packs than this are merged into one.
const MANY: usize = 16;

/// What a record is found by.
pub(crate) type Key = (u8, [u8; 20]);

/// What the packs of one kind are called and begin with.
#[derive(Debug)]
pub(crate) struct Format {
    /// The first bytes; another layout or meaning of the records needs others.
    pub(crate) magic: &'static [u8; 8],
    /// The extension of their names.
    pub(crate) extension: &'static str,
}

/// All packs of one kind in a directory. The tables are read when the first record is asked for.
#[derive(Debug)]
pub(crate) struct PackStore {
    directory: PathBuf,
    format: &'static Format,
    packs: OnceLock<Packs>,
}

#[derive(Debug, Default)]
struct Packs {
    files: Vec<(PathBuf, File)>,
    places: FxHashMap<Key, Place>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    file: usize,
    offset: u64,
    length: u32,
    check: [u8; 8],
}

impl PackStore {
    pub(crate) fn new(directory: PathBuf, format: &'static Format) -> PackStore {
        PackStore { directory, format, packs: OnceLock::new() }
    }

    /// Returns the bytes of a record, if they are stored and undamaged.
    pub(crate) fn load(&self, key: Key) -> Option<Vec<u8>> {
        let packs = self.packs();
        packs.read(packs.places.get(&key)?)
    }

    /// Adds a pack, which this opened store does not see; a later one does.
    pub(crate) fn add(&self, rows: &[(Key, &[u8])]) -> std::io::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        write_pack(&self.directory, self.format, rows)?;
        let packs = Packs::open(&self.directory, self.format);
        if packs.files.len() > MANY { packs.merge(&self.directory, self.format) } else { Ok(()) }
    }

    fn packs(&self) -> &Packs {
        self.packs.get_or_init(|| Packs::open(&self.directory, self.format))
    }
}

impl Packs {
    fn open(directory: &Path, format: &Format) -> Packs {
        let mut packs = Packs::default();
        let Ok(entries) = fs::read_dir(directory) else { return packs };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|it| it.path()).collect();
        paths.sort();
        for path in paths.into_iter().filter(|it| it.extension().is_some_and(|it| it == format.extension)) {
            if packs.add(&path, format).is_none() {
                tracing::warn!(path = %path.display(), "damaged pack is left aside");
                // It can only be read as damaged again.
                let removed = fs::remove_file(&path);
                tracing::debug!(ok = removed.is_ok(), "damaged pack removed");
            }
        }
        packs
    }

    /// Returns `None`, and adds nothing, when the table is damaged.
    fn add(&mut self, path: &Path, format: &Format) -> Option<()> {
        let file = File::open(path).ok()?;
        let mut head = [0; HEAD];
        file.read_exact_at(&mut head, 0).ok()?;
        let count = u32::from_le_bytes(head[8..12].try_into().ok()?) as usize;
        let size = file.metadata().ok()?.len();
        if head[..8] != *format.magic || size < (HEAD + count * ROW) as u64 {
            return None;
        }
        let mut table = vec![0; count * ROW];
        file.read_exact_at(&mut table, HEAD as u64).ok()?;
        if blake3::hash(&table).as_bytes() != &head[12..] {
            return None;
        }
        for row in table.chunks_exact(ROW) {
            let key = (row[0], row[1..21].try_into().ok()?);
            let offset = u64::from_le_bytes(row[21..29].try_into().ok()?);
            let length = u32::from_le_bytes(row[29..33].try_into().ok()?);
            if offset.checked_add(u64::from(length))? <= size {
                let place = Place { file: self.files.len(), offset, length, check: row[33..41].try_into().ok()? };
                self.places.insert(key, place);
            }
        }
        self.files.push((path.to_owned(), file));
        Some(())
    }

    fn read(&self, place: &Place) -> Option<Vec<u8>> {
        let mut bytes = vec![0; place.length as usize];
        self.files.get(place.file)?.1.read_exact_at(&mut bytes, place.offset).ok()?;
        (checksum(&bytes) == place.check).then_some(bytes)
    }

    /// Writes all records into one pack and removes the others. Two processes doing so at once write the same pack twice, which is harmless.
    fn merge(&self, directory: &Path, format: &Format) -> std::io::Result<()> {
        let mut places: Vec<(&Key, &Place)> = self.places.iter().collect();
        places.sort_by_key(|it| *it.0);
        let records: Vec<(Key, Vec<u8>)> =
            places.into_iter().filter_map(|(key, place)| Some((*key, self.read(place)?))).collect();
        let rows: Vec<(Key, &[u8])> = records.iter().map(|it| (it.0, it.1.as_slice())).collect();
        let merged = write_pack(directory, format, &rows)?;
        for (path, _) in self.files.iter().filter(|it| it.0 != merged) {
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

/// Writes a pack and returns its name, which is a digest of what is in it.
fn write_pack(directory: &Path, format: &Format, rows: &[(Key, &[u8])]) -> std::io::Result<PathBuf> {
    let mut table = Vec::with_capacity(rows.len() * ROW);
    let mut offset = (HEAD + rows.len() * ROW) as u64;
    for ((number, id), bytes) in rows {
        table.push(*number);
        table.extend_from_slice(id);
        table.extend_from_slice(&offset.to_le_bytes());
        table.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        table.extend_from_slice(&checksum(bytes));
        offset += bytes.len() as u64;
    }
    let digest = blake3::hash(&table);
    let mut pack = Vec::with_capacity(offset as usize);
    pack.extend_from_slice(format.magic);
    pack.extend_from_slice(&(rows.len() as u32).to_le_bytes());
    pack.extend_from_slice(digest.as_bytes());
    pack.extend_from_slice(&table);
    rows.iter().for_each(|it| pack.extend_from_slice(it.1));
    let path = directory.join(format!("{}.{}", digest.to_hex(), format.extension));
    super::write_whole(&path, &pack)?;
    Ok(path)
}

fn checksum(bytes: &[u8]) -> [u8; 8] {
    let mut check = [0; 8];
    check.copy_from_slice(&blake3::hash(bytes).as_bytes()[..8]);
    check
}
