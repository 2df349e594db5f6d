//! What travels between a station and the helper in its box: length-framed messages over stdin and stdout.
//!
//! A frame is the length of the rest (32 bits), the request it belongs to (32 bits), a number for the kind of message, and its
//! fields. All numbers are big endian; bytes and lists carry their length. This file belongs to both sides: the crate includes it
//! by path. Neither side trusts the other's lengths: a frame is capped before anything is allocated, and lists grow as they are read.

/// The version that both sides must speak.
pub(crate) const VERSION: u32 = 1;
/// Longest frame, its own length not counted.
pub(crate) const MAX_FRAME: usize = 96 << 20;
/// Bytes before the fields: length, request.
pub(crate) const HEAD: usize = 8;

/// A message that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// What is left to read of a message.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }
}

/// Something that a message consists of.
pub(crate) trait Field<'a>: Sized {
    fn write(&self, to: &mut Vec<u8>);
    fn read(from: &mut Reader<'a>) -> Result<Self, Malformed>;
}

macro_rules! number {
    ($($kind:ty)*) => { $(
        impl<'a> Field<'a> for $kind {
            fn write(&self, to: &mut Vec<u8>) {
                to.extend_from_slice(&self.to_be_bytes());
            }
            fn read(from: &mut Reader<'a>) -> Result<Self, Malformed> {
                let bytes = from.take(size_of::<Self>())?;
                bytes.try_into().map(Self::from_be_bytes).map_err(|_| Malformed)
            }
        }
    )* };
}

number!(u8 u32 u64);

impl<'a> Field<'a> for () {
    fn write(&self, _: &mut Vec<u8>) {}
    fn read(_: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(())
    }
}

impl<'a> Field<'a> for bool {
    fn write(&self, to: &mut Vec<u8>) {
        to.push(u8::from(*self));
    }
    fn read(from: &mut Reader<'a>) -> Result<Self, Malformed> {
        match u8::read(from)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }
}

impl<'a> Field<'a> for &'a [u8] {
    fn write(&self, to: &mut Vec<u8>) {
        // A message beyond 4 GiB is refused as a frame, whatever stands here.
        (self.len() as u32).write(to);
        to.extend_from_slice(self);
    }
    fn read(from: &mut Reader<'a>) -> Result<Self, Malformed> {
        let length = u32::read(from)? as usize;
        from.take(length)
    }
}

impl<'a, T: Field<'a>> Field<'a> for Option<T> {
    fn write(&self, to: &mut Vec<u8>) {
        self.is_some().write(to);
        if let Some(it) = self {
            it.write(to);
        }
    }
    fn read(from: &mut Reader<'a>) -> Result<Self, Malformed> {
        if bool::read(from)? { T::read(from).map(Some) } else { Ok(None) }
    }
}

impl<'a, T: Field<'a>> Field<'a> for Vec<T> {
    fn write(&self, to: &mut Vec<u8>) {
        (self.len() as u32).write(to);
        for it in self {
            it.write(to);
        }
    }
    fn read(from: &mut Reader<'a>) -> Result<Self, Malformed> {
        let count = u32::read(from)?;
        let mut list = Vec::new();
        for _ in 0..count {
            list.push(T::read(from)?);
        }
        Ok(list)
    }
}

macro_rules! message {
    ($(#[$about:meta])* $name:ident $(<$life:lifetime>)? { $($(#[$detail:meta])* $field:ident: $kind:ty),* $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) struct $name $(<$life>)? { $($(#[$detail])* pub(crate) $field: $kind),* }

        impl<'field $(, $life)?> Field<'field> for $name $(<$life>)? where $('field: $life, $life: 'field)? {
            fn write(&self, to: &mut Vec<u8>) {
                $(self.$field.write(to);)*
            }
            fn read(from: &mut Reader<'field>) -> Result<Self, Malformed> {
                Ok(Self { $($field: Field::read(from)?),* })
            }
        }
    };
}

macro_rules! choice {
    ($(#[$about:meta])* $name:ident<$life:lifetime> { $($(#[$detail:meta])* $number:literal => $variant:ident($kind:ty)),* $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) enum $name<$life> { $($(#[$detail])* $variant($kind)),* }

        impl<$life> Field<$life> for $name<$life> {
            fn write(&self, to: &mut Vec<u8>) {
                match self { $(Self::$variant(it) => { to.push($number); it.write(to); })* }
            }
            fn read(from: &mut Reader<$life>) -> Result<Self, Malformed> {
                match u8::read(from)? {
                    $($number => Field::read(from).map(Self::$variant),)*
                    _ => Err(Malformed),
                }
            }
        }
    };
}

/// What a file of the base is; the numbers on the wire.
pub(crate) mod kind {
    pub(crate) const REGULAR: u8 = 0;
    pub(crate) const EXECUTABLE: u8 = 1;
    pub(crate) const LINK: u8 = 2;
    pub(crate) const FOLDER: u8 = 3;
}

/// Why a command was ended; the numbers on the wire.
pub(crate) mod ended {
    pub(crate) const BY_ITSELF: u8 = 0;
    pub(crate) const TOTAL: u8 = 1;
    pub(crate) const SILENCE: u8 = 2;
    pub(crate) const OUTPUT: u8 = 3;
    pub(crate) const CANCELLED: u8 = 4;
    pub(crate) const PROCESSES: u8 = 5;
    pub(crate) const CPU: u8 = 6;
}

/// Why something was refused; the numbers on the wire.
pub(crate) mod refusal {
    pub(crate) const OTHER: u8 = 0;
    pub(crate) const DISK_FULL: u8 = 1;
    pub(crate) const PROCESSES: u8 = 2;
    pub(crate) const MEMORY: u8 = 3;
    pub(crate) const MALFORMED: u8 = 4;
}

message! {
    /// One directory, absolute as the box sees it.
    At<'a> { at: &'a [u8] }
}

message! {
    /// One file to put.
    PutFile<'a> { path: &'a [u8], kind: u8, bytes: &'a [u8] }
}

message! {
    /// Files to put into a directory.
    Put<'a> { at: &'a [u8], files: Vec<PutFile<'a>> }
}

message! {
    /// One file to write, or to remove.
    EditFile<'a> { path: &'a [u8], bytes: Option<&'a [u8]> }
}

message! {
    /// Edits of a directory.
    Apply<'a> {
        at: &'a [u8],
        /// Nanoseconds since 1970 of the newest file there, where the caller knows; else it is looked for.
        newest: Option<u64>,
        edits: Vec<EditFile<'a>>,
    }
}

message! {
    /// One file to read.
    ReadFile<'a> { at: &'a [u8], path: &'a [u8], limit: u64 }
}

message! {
    /// What changed in a directory since a mark was made.
    Since<'a> { at: &'a [u8], mark: &'a [u8], most_files: u64, most_bytes: u64, most_of_one: u64 }
}

message! {
    /// A directory to copy or to rename.
    Copy<'a> { from: &'a [u8], to: &'a [u8] }
}

message! {
    /// A directory, and a mark of all that belongs there.
    Belonging<'a> { at: &'a [u8], mark: &'a [u8] }
}

message! {
    /// What a mark remembers of one entry: all that shows that it was changed. Of a directory the four numbers are 0.
    Entry<'a> { path: &'a [u8], size: u64, modified: u64, changed: u64, inode: u64, mode: u32 }
}

message! {
    /// Files whose path below a directory matches one of these globs.
    Matching<'a> { at: &'a [u8], globs: Vec<&'a [u8]>, most_files: u64, most_bytes: u64 }
}

message! {
    /// A variable of the environment.
    Variable<'a> { name: &'a [u8], value: &'a [u8] }
}

message! {
    /// A command.
    Run<'a> {
        at: &'a [u8],
        cwd: &'a [u8],
        argv: Vec<&'a [u8]>,
        env: Vec<Variable<'a>>,
        total_ms: u64,
        silence_ms: u64,
        kept: u64,
        printed: u64,
        /// Whether stdout and stderr are wanted apart; together they keep their exact order.
        apart: bool,
        processes: u32,
        cpu_ms: u64,
        open_files: u64,
        file_bytes: u64,
    }
}

message! {
    /// A request to give up.
    Cancel { request: u32 }
}

choice! {
    /// What goes into the box.
    Request<'a> {
        1 => MakePlace(At<'a>),
        2 => Put(Put<'a>),
        3 => Apply(Apply<'a>),
        4 => Read(ReadFile<'a>),
        5 => Newest(At<'a>),
        6 => Mark(At<'a>),
        7 => Changes(Since<'a>),
        8 => Copy(Copy<'a>),
        9 => Remove(At<'a>),
        10 => Run(Run<'a>),
        11 => Cancel(Cancel),
        12 => Collect(Matching<'a>),
        13 => Discard(Matching<'a>),
        14 => Rename(Copy<'a>),
        15 => Room(At<'a>),
        16 => MarkAll(At<'a>),
        17 => Clear(Belonging<'a>),
    }
}

message! {
    /// What the helper says of itself when it is up.
    Hello<'a> { version: u32, workspace: &'a [u8], scratch: &'a [u8], undumpable: bool }
}

message! {
    /// One file that changed: its bytes, or none when it was removed.
    ChangedFile<'a> { path: &'a [u8], kind: u8, bytes: Option<&'a [u8]> }
}

message! {
    /// What changed, and how much of it is not here.
    Changed<'a> { files: Vec<ChangedFile<'a>>, special: u64, too_large: u64, left_out: u64, complete: bool }
}

message! {
    /// One file that was collected.
    CollectedFile<'a> { path: &'a [u8], bytes: &'a [u8] }
}

message! {
    /// Files that were collected.
    Collected<'a> { files: Vec<CollectedFile<'a>>, left_out: u64 }
}

message! {
    /// How a command ended.
    Ran<'a> {
        exit: Option<u32>,
        signal: Option<u32>,
        ended: u8,
        /// Whether the kernel killed something of the box for want of memory meanwhile, where that can be read.
        out_of_memory: Option<bool>,
        /// Whether a process was refused meanwhile, where that can be read.
        out_of_processes: Option<bool>,
        /// Whether as many processes as allowed were seen at one time.
        many_processes: bool,
        disk_full: bool,
        files_full: bool,
        cpu_ms: u64,
        elapsed_us: u64,
        /// Processes that outlived the command and were killed.
        outlived: u32,
        /// Whether something was cut out of the output.
        cut: bool,
        stdout: &'a [u8],
        stderr: &'a [u8],
        merged: &'a [u8],
    }
}

message! {
    /// How much a directory takes, in whole pages, and how much is left beside it where that is counted.
    Room { bytes: u64, files: u64, free_bytes: u64, free_files: Option<u64> }
}

message! {
    /// Why something was not carried out.
    Refused<'a> { kind: u8, message: &'a [u8] }
}

/// The number of [`Reply::Fatal`].
pub(crate) const FATAL: u8 = 9;

choice! {
    /// What comes out of the box.
    Reply<'a> {
        1 => Hello(Hello<'a>),
        2 => Done(()),
        3 => Bytes(&'a [u8]),
        4 => Time(u64),
        5 => Changed(Changed<'a>),
        6 => Collected(Collected<'a>),
        7 => Ran(Ran<'a>),
        8 => Refused(Refused<'a>),
        // Something in the box attacked the helper or its keepers: nothing it says from here on counts.
        9 => Fatal(&'a [u8]),
        10 => Room(Room),
    }
}

/// Returns a message as a whole frame.
pub(crate) fn frame<'a>(request: u32, message: &impl Field<'a>) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    request.write(&mut bytes);
    message.write(&mut bytes);
    let length = u32::try_from(bytes.len() - 4).unwrap_or(u32::MAX);
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    bytes
}

/// Reads what follows a frame's head; all of it must be used up.
pub(crate) fn message<'a, T: Field<'a>>(bytes: &'a [u8]) -> Result<T, Malformed> {
    let mut reader = Reader(bytes);
    let message = T::read(&mut reader)?;
    if reader.0.is_empty() { Ok(message) } else { Err(Malformed) }
}

/// Reads messages that follow each other without a head.
pub(crate) fn messages<'a, T: Field<'a>>(bytes: &'a [u8]) -> Result<Vec<T>, Malformed> {
    let (mut reader, mut list) = (Reader(bytes), Vec::new());
    while !reader.0.is_empty() {
        list.push(T::read(&mut reader)?);
    }
    Ok(list)
}

/// Returns the length of the fields and the request of a frame that begins with these bytes; `None` where the length is not allowed.
pub(crate) fn head(bytes: [u8; HEAD]) -> Option<(usize, u32)> {
    let [a, b, c, d, e, f, g, h] = bytes;
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    let fields = length.checked_sub(4)?;
    (length <= MAX_FRAME).then_some((fields, u32::from_be_bytes([e, f, g, h])))
}
