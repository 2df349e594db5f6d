//! A place as a repository of one commit, made inside the box by the image's own git: some builds and tests ask git for a version or
//! for the list of files. There is nothing else in it: no history, no remote, no tag, no reflog, no hook.

use std::time::Duration;

use super::{Place, Station};
use crate::error::SandboxError;
use crate::report::RunEnding;
use crate::workbench::{CommandOutcome, CommandRequest};

const PATIENCE: Duration = Duration::from_secs(120);

/// What is said to git before its command. Nothing of the box's own settings is read.
const SETTINGS: &[&str] = &[
    "-c",
    "core.logAllRefUpdates=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.autocrlf=false",
    "-c",
    "core.safecrlf=false",
    "-c",
    "gc.auto=0",
    "-c",
    "commit.gpgSign=false",
    "-c",
    "init.defaultBranch=main",
    "-c",
    "advice.addEmbeddedRepo=false",
];

const IDENTITY: &[(&str, &str)] = &[
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_AUTHOR_NAME", "patchwright"),
    ("GIT_AUTHOR_EMAIL", "patchwright@localhost"),
    ("GIT_AUTHOR_DATE", "1000000000 +0000"),
    ("GIT_COMMITTER_NAME", "patchwright"),
    ("GIT_COMMITTER_EMAIL", "patchwright@localhost"),
    ("GIT_COMMITTER_DATE", "1000000000 +0000"),
];

impl Station {
    /// Makes a place a repository with one commit of all that is in it. Returns `false` where the image has no git.
    ///
    /// # Errors
    /// When git refuses, or the box is gone.
    pub async fn commit(&self, at: &Place) -> Result<bool, SandboxError> {
        let made = self.git(at, &["init", "--quiet", "--template="]).await?;
        if made.exit_code == Some(127) {
            return Ok(false);
        }
        went_well(&made)?;
        // What the box's settings would say of later commands as well.
        went_well(&self.git(at, &["config", "core.logAllRefUpdates", "false"]).await?)?;
        // Ignored files that the tree holds are part of it.
        went_well(&self.git(at, &["add", "--all", "--force", "."]).await?)?;
        let commit = ["commit", "--quiet", "--no-verify", "--allow-empty", "--message=base"];
        went_well(&self.git(at, &commit).await?)?;
        Ok(true)
    }

    async fn git(&self, at: &Place, arguments: &[&str]) -> Result<CommandOutcome, SandboxError> {
        let argv = ["git"].iter().chain(SETTINGS).chain(arguments).map(|it| (*it).to_owned()).collect();
        let env = IDENTITY.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let request =
            CommandRequest { argv, cwd: String::new(), env, overlay: Vec::new(), total: PATIENCE, silence: PATIENCE };
        self.run(at, &request).await
    }
}

fn went_well(outcome: &CommandOutcome) -> Result<(), SandboxError> {
    if outcome.ending == RunEnding::Complete && outcome.exit_code == Some(0) {
        return Ok(());
    }
    let said = outcome.output.trim();
    Err(SandboxError::Workspace { detail: format!("git could not make a commit ({}): {said}", outcome.ending) })
}
