//! Files in the form of setup.cfg and tox.ini.

/// Returns the value of a key, its continued lines joined by newlines.
pub(crate) fn value(text: &str, section: &str, key: &str) -> Option<String> {
    let mut inside = false;
    let mut found: Option<String> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let (Some(value), true) = (found.as_mut(), line.starts_with([' ', '\t']) || trimmed.is_empty()) {
            value.push('\n');
            value.push_str(trimmed);
            continue;
        }
        if found.is_some() {
            break;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            inside = name.trim() == section;
            continue;
        }
        let split = trimmed.split_once(['=', ':']).filter(|(name, _)| inside && name.trim() == key);
        found = split.map(|(_, value)| value.trim().to_owned());
    }
    found
}

/// Returns the keys of a section.
pub(crate) fn keys(text: &str, section: &str) -> Vec<String> {
    let mut inside = false;
    let mut keys = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(name) = trimmed.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            inside = name.trim() == section;
        } else if inside && !line.starts_with([' ', '\t', '#', ';']) {
            keys.extend(trimmed.split_once(['=', ':']).map(|(name, _)| name.trim().to_owned()));
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_be_continued() {
        let text = "[a]\nx = 1\n[options]\n# no\ninstall_requires =\n  one\n  # not this\n\n  two>=2\nnext = 3\n[options.extras_require]\ntest = pytest\ndev =\n  x = y\n";
        assert_eq!(
            value(text, "options", "install_requires").unwrap().split_whitespace().collect::<Vec<_>>(),
            ["one", "two>=2"]
        );
        assert_eq!(value(text, "options", "next").as_deref(), Some("3"));
        assert_eq!(value(text, "a", "next"), None);
        assert_eq!(keys(text, "options.extras_require"), ["test", "dev"]);
    }
}
