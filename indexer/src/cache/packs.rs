//! Packs of records, each found by a number and a git id.
//!
//! A pack is `magic, count, digest of the table`, then the table, then the records; a record is looked at, and its checksum with it, only
//! when it is asked for. Records are read with positioned reads rather than through a map: a file that another process cuts short is then
//! an error we can see.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::SystemTime;

use rustc_hash::FxHashMap;

use super::tiers::to_merge;

const HEAD: usize = 8 + 4 + 32;
/// Number, id, offset, length, checksum.
const ROW: usize = 1 + 20 + 8 + 4 + 8;

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
    packs: RwLock<Option<Packs>>,
}

#[derive(Debug, Default)]
struct Packs {
    files: Vec<PackFile>,
    places: FxHashMap<Key, Place>,
}

#[derive(Debug)]
struct PackFile {
    path: PathBuf,
    file: File,
    size: u64,
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
        PackStore { directory, format, packs: RwLock::default() }
    }

    /// Returns the bytes of a record, if they are stored and undamaged.
    pub(crate) fn load(&self, key: Key) -> Option<Vec<u8>> {
        if let Some(packs) = self.packs.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
            return packs.read(packs.places.get(&key)?);
        }
        let mut packs = self.packs.write().unwrap_or_else(PoisonError::into_inner);
        let packs = packs.get_or_insert_with(|| Packs::open(&self.directory, self.format));
        packs.read(packs.places.get(&key)?)
    }

    /// Adds a pack.
    pub(crate) fn add(&self, rows: &[(Key, &[u8])]) -> std::io::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let table: Vec<Row> =
            rows.iter().map(|(key, bytes)| Row::of(*key, bytes.len() as u32, checksum(bytes))).collect();
        let path = write_pack(&self.directory, self.format, &table, rows.iter().map(|it| Ok(it.1)))?;
        let mut packs = self.packs.write().unwrap_or_else(PoisonError::into_inner);
        let packs = packs.get_or_insert_with(|| Packs::open(&self.directory, self.format));
        if packs.files.iter().all(|it| it.path != path) {
            packs.add(&path, self.format);
        }
        let sizes: Vec<u64> = packs.files.iter().map(|it| it.size).collect();
        let many = to_merge(&sizes);
        if !many.is_empty() {
            packs.merge(&many, &|_| true, &self.directory, self.format)?;
            *packs = Packs::open(&self.directory, self.format);
        }
        Ok(())
    }

    /// Notes in the packs' times that they were of use, for the collection of what is not. Failing to do so costs only time later.
    pub(crate) fn mark_used(&self) {
        let packs = self.packs.read().unwrap_or_else(PoisonError::into_inner);
        for pack in packs.iter().flat_map(|it| &it.files) {
            let noted = File::open(&pack.path).and_then(|it| it.set_modified(SystemTime::now()));
            tracing::trace!(ok = noted.is_ok(), "use of pack noted");
        }
    }

    /// Drops the records whose keys are not wanted, where they are a quarter of a pack or more.
    pub(crate) fn keep(&self, wanted: &dyn Fn(&Key) -> bool) -> std::io::Result<()> {
        let mut packs = self.packs.write().unwrap_or_else(PoisonError::into_inner);
        let packs = packs.insert(Packs::open(&self.directory, self.format));
        let mut unwanted = vec![0; packs.files.len()];
        for (_, place) in packs.places.iter().filter(|it| !wanted(it.0)) {
            unwanted[place.file] += u64::from(place.length);
        }
        let worth = |it: &usize| unwanted[*it] > 0 && unwanted[*it] * 4 >= packs.files[*it].size;
        let many: Vec<usize> = (0..packs.files.len()).filter(worth).collect();
        if !many.is_empty() {
            packs.merge(&many, wanted, &self.directory, self.format)?;
            *packs = Packs::open(&self.directory, self.format);
        }
        Ok(())
    }
}

impl Packs {
    fn open(directory: &Path, format: &Format) -> Packs {
        let mut packs = Packs::default();
        let Ok(entries) = fs::read_dir(directory) else { return packs };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|it| it.path()).collect();
        paths.sort();
        for path in paths.into_iter().filter(|it| it.extension().is_some_and(|it| it == format.extension)) {
            if packs.add(&path, format).is_none() && path.exists() {
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
        self.files.push(PackFile { path: path.to_owned(), file, size });
        Some(())
    }

    fn read(&self, place: &Place) -> Option<Vec<u8>> {
        let mut bytes = vec![0; place.length as usize];
        self.files.get(place.file)?.file.read_exact_at(&mut bytes, place.offset).ok()?;
        (checksum(&bytes) == place.check).then_some(bytes)
    }

    /// Writes the wanted records of some packs into one and removes those. Two processes doing so at once write records twice, which is harmless.
    fn merge(
        &self,
        many: &[usize],
        wanted: &dyn Fn(&Key) -> bool,
        directory: &Path,
        format: &Format,
    ) -> std::io::Result<()> {
        let chosen = |it: &(&Key, &Place)| many.contains(&it.1.file) && wanted(it.0);
        let mut places: Vec<(&Key, &Place)> = self.places.iter().filter(chosen).collect();
        // In the order in which they stand, so that the disk is read from front to back; what is damaged stays behind.
        places.sort_by_key(|it| (it.1.file, it.1.offset));
        places.retain(|it| self.read(it.1).is_some());
        let rows: Vec<Row> = places.iter().map(|(key, place)| Row::of(**key, place.length, place.check)).collect();
        let lost = || std::io::Error::other("a record is gone while packs are merged");
        let records = places.iter().map(|it| self.read(it.1).ok_or_else(lost));
        let merged = if rows.is_empty() { None } else { Some(write_pack(directory, format, &rows, records)?) };
        for pack in many.iter().filter_map(|it| self.files.get(*it)).filter(|it| Some(&it.path) != merged.as_ref()) {
            super::remove(&pack.path)?;
        }
        Ok(())
    }
}

/// A record as the table of a pack knows it, but for its place.
struct Row {
    key: Key,
    length: u32,
    check: [u8; 8],
}

impl Row {
    fn of(key: Key, length: u32, check: [u8; 8]) -> Row {
        Row { key, length, check }
    }
}

/// Writes a pack, one record after the other, and returns its name, which is a digest of what is in it.
fn write_pack<B: AsRef<[u8]>>(
    directory: &Path,
    format: &Format,
    rows: &[Row],
    records: impl Iterator<Item = std::io::Result<B>>,
) -> std::io::Result<PathBuf> {
    let mut table = Vec::with_capacity(rows.len() * ROW);
    let mut offset = (HEAD + rows.len() * ROW) as u64;
    for Row { key: (number, id), length, check } in rows {
        table.push(*number);
        table.extend_from_slice(id);
        table.extend_from_slice(&offset.to_le_bytes());
        table.extend_from_slice(&length.to_le_bytes());
        table.extend_from_slice(check);
        offset += u64::from(*length);
    }
    let digest = blake3::hash(&table);
    let mut head = Vec::with_capacity(HEAD + table.len());
    head.extend_from_slice(format.magic);
    head.extend_from_slice(&(rows.len() as u32).to_le_bytes());
    head.extend_from_slice(digest.as_bytes());
    head.extend_from_slice(&table);
    let path = directory.join(format!("{}.{}", digest.to_hex(), format.extension));
    let part = |it: std::io::Result<B>| it.map(Part::Record);
    super::write_parts(&path, std::iter::once(Ok(Part::Head(head))).chain(records.map(part)))?;
    Ok(path)
}

/// A part of a pack.
enum Part<B> {
    Head(Vec<u8>),
    Record(B),
}

impl<B: AsRef<[u8]>> AsRef<[u8]> for Part<B> {
    fn as_ref(&self) -> &[u8] {
        match self {
            Part::Head(it) => it,
            Part::Record(it) => it.as_ref(),
        }
    }
}

fn checksum(bytes: &[u8]) -> [u8; 8] {
    let mut check = [0; 8];
    check.copy_from_slice(&blake3::hash(bytes).as_bytes()[..8]);
    check
}
