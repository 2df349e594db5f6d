//! The daemon's log: lines on stderr in which no secret of ours can be read.

use std::io::{self, Write};
use std::sync::Arc;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{Log, LogFormat};
use crate::publish::secrets::Secrets;

/// The log cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("setting `log.filter`: {0}")]
pub struct LogError(#[from] tracing_subscriber::filter::ParseError);

/// Begins to log as the settings say. Where something logs already, that is left as it is.
///
/// # Errors
/// [`LogError`] for a filter that is none.
pub fn start(log: &Log, secrets: Secrets) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(&log.filter)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(Redacting(Arc::new(secrets)));
    let started = match log.format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    // Only a second start in one process fails.
    drop(started);
    Ok(())
}

/// Writes to stderr what is left when secrets are taken out. The formatter hands over one whole line at a time.
struct Redacting(Arc<Secrets>);

impl<'a> MakeWriter<'a> for Redacting {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(Arc::clone(&self.0))
    }
}

struct Line(Arc<Secrets>);

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all(self.0.redact(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}
