//! The environment of a program in a box: fixed, except for what the spec adds. Nothing of ours gets in.

use super::WORKSPACE_VARIABLE;

/// Returns the variables of a box. `first_path` is put before the usual folders of programs; `scratch` is where temporary files
/// and the home folder go; what the spec adds wins.
pub(super) fn variables(
    workspace: &str,
    scratch: &str,
    first_path: Option<&str>,
    added: &[(String, String)],
) -> Vec<(String, String)> {
    const PROGRAMS: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let path = first_path.map_or_else(|| PROGRAMS.to_owned(), |first| format!("{first}:{PROGRAMS}"));
    let mut variables: Vec<(String, String)> = [
        ("PATH", path.as_str()),
        ("HOME", scratch),
        ("TMPDIR", scratch),
        ("LANG", "C.UTF-8"),
        ("TZ", "UTC"),
        ("USER", "nobody"),
        (WORKSPACE_VARIABLE, workspace),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    for (name, value) in added {
        variables.retain(|(present, _)| present != name);
        variables.push((name.clone(), value.clone()));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spec_wins_and_the_host_is_absent() {
        let added = [("LANG".to_owned(), "de_DE".to_owned()), ("MODE".to_owned(), "fast".to_owned())];
        let variables = variables("/workspace", "/tmp", Some("/venv/bin"), &added);
        let text: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            text,
            [
                "PATH=/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME=/tmp",
                "TMPDIR=/tmp",
                "TZ=UTC",
                "USER=nobody",
                "PATCHWRIGHT_WORKSPACE=/workspace",
                "LANG=de_DE",
                "MODE=fast",
            ]
        );
    }
}
