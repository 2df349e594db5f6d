//! The frames that travel between a workbench and the driver in its box, and the bundle that starts the driver.
//!
//! A frame is the length of a JSON header, the length of a body, the header, the body; lengths are 32 bits, big endian.
//! The box is not trusted: lengths are capped before anything is allocated, and unknown or malformed headers are errors, never panics.

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longest header taken from a box.
pub(crate) const MAX_HEADER: usize = 1 << 20;
/// Longest body taken from a box.
pub(crate) const MAX_BODY: usize = 64 << 20;
/// The version that the driver must speak.
pub(crate) const VERSION: u32 = 1;

const BOOT: &str = include_str!("driver/boot.py");
const MODULES: &[(&str, &str)] = &[
    ("_patchwright_wire", include_str!("driver/wire.py")),
    ("_patchwright_workspace", include_str!("driver/workspace.py")),
    ("_patchwright_bytecode", include_str!("driver/bytecode.py")),
    ("_patchwright_identity", include_str!("driver/identity.py")),
    ("_patchwright_processes", include_str!("driver/processes.py")),
    ("_patchwright_render", include_str!("driver/render.py")),
    ("_patchwright_trace", include_str!("driver/trace.py")),
    ("_patchwright_child", include_str!("driver/child.py")),
    ("_patchwright_template", include_str!("driver/template.py")),
    ("_patchwright_explain", include_str!("driver/explain.py")),
    ("_patchwright_with_pytest", include_str!("driver/with_pytest.py")),
    ("_patchwright_with_unittest", include_str!("driver/with_unittest.py")),
    ("_patchwright_with_django", include_str!("driver/with_django.py")),
    ("_patchwright_run", include_str!("driver/run.py")),
    ("_patchwright_supervisor", include_str!("driver/supervisor.py")),
    ("_patchwright_main", include_str!("driver/main.py")),
];

/// Returns the program that reads the driver from its stdin and becomes it.
pub(crate) fn driver_argv(python: &str) -> Vec<String> {
    [python, "-B", "-c", BOOT].map(str::to_owned).to_vec()
}

/// Returns what that program reads first.
pub(crate) fn driver_bundle() -> Vec<u8> {
    let text = serde_json::json!({ "boot": BOOT, "modules": MODULES }).to_string();
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), text.as_bytes()].concat()
}

/// What goes into the box.
#[derive(Debug, Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(crate) enum Request<'a> {
    /// Adds base files; the body is their content in order.
    Put { files: Vec<(String, &'static str, usize)> },
    /// Reads one file back.
    Pull { path: String, limit: usize },
    /// Runs a tool or a command.
    Run(Box<RunRequest<'a>>),
    /// Ends the driver.
    Stop,
}

/// One run; the body is the overlay's content in order.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RunRequest<'a> {
    pub(crate) kind: &'static str,
    /// Path and length; no length removes the file.
    pub(crate) overlay: Vec<(String, Option<usize>)>,
    pub(crate) nonce: String,
    pub(crate) args: &'a [String],
    pub(crate) argv: Vec<String>,
    pub(crate) select: Option<Vec<&'a str>>,
    pub(crate) limit: f64,
    pub(crate) limits: Vec<(&'a str, f64)>,
    pub(crate) coverage: bool,
    pub(crate) no_addopts: bool,
    pub(crate) trace: Option<TraceSpec>,
    pub(crate) stop_failures: Option<u32>,
    pub(crate) stop_timeouts: Option<u32>,
    pub(crate) cwd: &'a str,
    pub(crate) env: &'a [(String, String)],
    pub(crate) import_cwd: bool,
    pub(crate) total: f64,
    pub(crate) silence: f64,
    /// Processor time in seconds.
    pub(crate) cpu: f64,
    pub(crate) output_kept: usize,
    pub(crate) output_limit: usize,
}

/// What of a function is observed while a test runs.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TraceSpec {
    pub(crate) path: String,
    pub(crate) function: String,
    pub(crate) calls: usize,
    pub(crate) visits: usize,
    pub(crate) variables: usize,
    pub(crate) text: usize,
    pub(crate) steps: usize,
    pub(crate) bytes: usize,
    pub(crate) seconds: f64,
}

/// What comes out of the box.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(crate) enum Reply {
    /// The driver is ready.
    Hello(Hello),
    /// A request without further answer was carried out.
    Ok,
    /// The body is a piece of the event stream of the running child.
    Events,
    /// The run is over; the body is its output.
    Done(Done),
    /// The request was not carried out.
    Error { kind: Refusal, message: String },
}

/// What the driver says of itself.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Hello {
    pub(crate) protocol: u32,
    pub(crate) python: String,
    pub(crate) pytest: Option<String>,
    pub(crate) pytest_trouble: Option<String>,
    /// A digest of the interpreter and of what is installed.
    #[serde(default)]
    pub(crate) environment: Option<String>,
    pub(crate) root: String,
}

/// Why the driver did not carry out a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Refusal {
    Refused,
    Unclean,
    DiskFull,
    Files,
    Processes,
    Memory,
    Os,
}

/// How a child ended.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Done {
    pub(crate) exit: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) killed: Option<Killed>,
    pub(crate) unclean: Option<String>,
    /// Whether a process was killed for memory; nothing where the box cannot tell.
    pub(crate) oom: Option<bool>,
    /// Whether a process was refused for the limit of processes; nothing where the box cannot tell.
    #[serde(default)]
    pub(crate) refused: Option<bool>,
    /// Whether there is no room left.
    pub(crate) full: bool,
    /// Whether no further file can be made.
    #[serde(default)]
    pub(crate) crowded: bool,
    pub(crate) elapsed: f64,
}

/// Why the supervisor killed a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Killed {
    Total,
    Hang,
    Silence,
    Output,
    Cpu,
    Events,
    Gone,
}

/// Why no frame could be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("the stream ended")]
    Ended,
    #[error("a frame of {header} + {body} bytes is larger than allowed")]
    TooLarge { header: usize, body: usize },
    #[error("a header cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("{0}")]
    Io(std::io::Error),
}

impl From<std::io::Error> for FrameError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof
            | std::io::ErrorKind::BrokenPipe
            | std::io::ErrorKind::ConnectionReset => Self::Ended,
            _ => Self::Io(error),
        }
    }
}

/// Writes one frame.
pub(crate) async fn write_frame(
    to: &mut (impl AsyncWrite + Unpin + ?Sized),
    header: &Request<'_>,
    body: &[u8],
) -> Result<(), FrameError> {
    let head = serde_json::to_vec(header)?;
    let too_large = || FrameError::TooLarge { header: head.len(), body: body.len() };
    let header_length = u32::try_from(head.len()).map_err(|_| too_large())?;
    let body_length = u32::try_from(body.len()).map_err(|_| too_large())?;
    let mut frame = Vec::with_capacity(8 + head.len() + body.len().min(1 << 16));
    frame.extend_from_slice(&header_length.to_be_bytes());
    frame.extend_from_slice(&body_length.to_be_bytes());
    frame.extend_from_slice(&head);
    to.write_all(&frame).await?;
    to.write_all(body).await?;
    to.flush().await?;
    Ok(())
}

/// Reads one frame.
pub(crate) async fn read_frame(from: &mut (impl AsyncRead + Unpin + ?Sized)) -> Result<(Reply, Vec<u8>), FrameError> {
    let header = from.read_u32().await? as usize;
    let body = from.read_u32().await? as usize;
    if header > MAX_HEADER || body > MAX_BODY {
        return Err(FrameError::TooLarge { header, body });
    }
    let head = read_bytes(from, header).await?;
    let body = read_bytes(from, body).await?;
    Ok((serde_json::from_slice(&head)?, body))
}

/// Reads so many bytes, allocating only as they come.
async fn read_bytes(from: &mut (impl AsyncRead + Unpin + ?Sized), length: usize) -> Result<Vec<u8>, FrameError> {
    let mut bytes = Vec::with_capacity(length.min(1 << 16));
    from.take(length as u64).read_to_end(&mut bytes).await?;
    if bytes.len() < length { Err(FrameError::Ended) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    fn frame(header: &[u8], body: &[u8]) -> Vec<u8> {
        let lengths = [(header.len() as u32).to_be_bytes(), (body.len() as u32).to_be_bytes()].concat();
        [&lengths, header, body].concat()
    }

    #[test]
    fn a_reply_is_read_with_its_body() {
        let bytes = frame(br#"{"op":"done","exit":0,"signal":null,"killed":"hang","unclean":null,"oom":null,"full":false,"elapsed":0.5,"new":1}"#, b"out");
        let (reply, body) = block(read_frame(&mut &bytes[..])).unwrap();
        assert!(matches!(reply, Reply::Done(Done { killed: Some(Killed::Hang), .. })), "{reply:?}");
        assert_eq!(body, b"out");
    }

    #[test]
    fn lengths_are_refused_before_anything_is_allocated() {
        let bytes = [u32::MAX.to_be_bytes(), u32::MAX.to_be_bytes()].concat();
        assert!(matches!(block(read_frame(&mut &bytes[..])), Err(FrameError::TooLarge { .. })));
    }

    #[test]
    fn a_cut_frame_is_the_end_of_the_stream() {
        let bytes = frame(br#"{"op":"ok"}"#, b"body");
        for cut in 0..bytes.len() {
            assert!(matches!(block(read_frame(&mut &bytes[..cut])), Err(FrameError::Ended)), "cut at {cut}");
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = block(read_frame(&mut &bytes[..]));
        }

        #[test]
        fn arbitrary_headers_never_panic(header in "\\{\"op\":\"(done|events|hello|error|ok)\"(,\"[a-z]{1,8}\":(1|null|\"x\"|-3)){0,4}\\}") {
            let bytes = frame(header.as_bytes(), b"");
            let _ = block(read_frame(&mut &bytes[..]));
        }
    }
}
