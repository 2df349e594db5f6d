//! Names of images: what a registry would take for one, and templates that make one for each instance of a benchmark.

use crate::error::SandboxError;
use crate::spec::ImageRef;

/// How the images of SWE-bench are published.
pub const SWE_BENCH: &str = "swebench/sweb.eval.x86_64.{id_1776}:latest";

/// The longest name a registry takes.
const MOST: usize = 255;

/// A name with placeholders: `{id}` is an instance's id in lower case, `{id_1776}` the same with `__` written `_1776_`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageTemplate(String);

impl ImageTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// When it has no placeholder, an unknown one, or would not make a name.
    pub fn parse(text: &str) -> Result<ImageTemplate, SandboxError> {
        let template = ImageTemplate(text.to_owned());
        if !text.contains("{id}") && !text.contains("{id_1776}") {
            return Err(refused(
                text,
                "it has neither {id} nor {id_1776}, so that every instance would get the same image",
            ));
        }
        template.of("owner__name-1")?;
        Ok(template)
    }

    /// Returns the image of an instance.
    ///
    /// # Errors
    /// When the id makes no name of it.
    pub fn of(&self, id: &str) -> Result<ImageRef, SandboxError> {
        let lower = id.to_ascii_lowercase();
        let name = self.0.replace("{id_1776}", &lower.replace("__", "_1776_")).replace("{id}", &lower);
        check(&name)?;
        Ok(ImageRef::new(name))
    }
}

/// Makes sure that a name is one by the rules of registries: `[host[:port]/]path[:tag][@digest]`, or an image's id.
///
/// # Errors
/// When it is not; nobody is asked.
pub fn check(name: &str) -> Result<(), SandboxError> {
    if name.len() > MOST {
        return Err(refused(name, "it is longer than 255 characters"));
    }
    let (rest, digest) = match name.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (name, None),
    };
    if let Some(digest) = digest.or_else(|| rest.strip_prefix("sha256:").map(|_| rest))
        && !is_digest(digest)
    {
        return Err(refused(name, "its digest is not sha256: and 64 hexadecimal digits"));
    }
    if digest.is_none() && rest.starts_with("sha256:") {
        return Ok(());
    }
    let last = rest.rfind('/').map_or(0, |at| at + 1);
    let (path, tag) = match rest[last..].find(':') {
        Some(at) => (&rest[..last + at], Some(&rest[last + at + 1..])),
        None => (rest, None),
    };
    if tag.is_some_and(|tag| !is_tag(tag)) {
        return Err(refused(name, "its tag has other characters than letters, digits, `_`, `.` and `-`"));
    }
    let (host, path) = match path.split_once('/') {
        Some((first, path)) if first.contains(['.', ':']) || first == "localhost" => (Some(first), path),
        _ => (None, path),
    };
    if host.is_some_and(|host| !is_host(host)) {
        return Err(refused(name, "its registry is no host name"));
    }
    match path.split('/').all(is_component) {
        true => Ok(()),
        false => Err(refused(
            name,
            "a part of its path is empty or has other characters than a-z, 0-9 and single separators",
        )),
    }
}

fn is_digest(text: &str) -> bool {
    let hex = text.strip_prefix("sha256:").unwrap_or_default();
    hex.len() == 64 && hex.chars().all(|char| matches!(char, '0'..='9' | 'a'..='f'))
}

fn is_tag(tag: &str) -> bool {
    let plain = |char: char| char.is_ascii_alphanumeric() || "_.-".contains(char);
    (1..=128).contains(&tag.len()) && tag.chars().all(plain) && !tag.starts_with(['.', '-'])
}

fn is_host(host: &str) -> bool {
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    let labels = name.split('.').all(|label| {
        !label.is_empty()
            && label.chars().all(|char| char.is_ascii_alphanumeric() || char == '-')
            && !label.starts_with('-')
    });
    labels && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// Lower-case words joined by `.`, `_`, `__` or any number of `-`.
fn is_component(part: &str) -> bool {
    let word = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit();
    let separators: Vec<&str> = part.split(word).filter(|it| !it.is_empty()).collect();
    part.starts_with(word)
        && part.ends_with(word)
        && separators.iter().all(|it| matches!(*it, "." | "_" | "__") || it.chars().all(|char| char == '-'))
}

fn refused(name: &str, reason: &str) -> SandboxError {
    let shown: String = name.chars().take(MOST).filter(|char| !char.is_control()).collect();
    SandboxError::ImageName { name: shown, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_registries() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for name in [
            "python",
            "python:3.11-slim",
            "localhost:5000/a/b:tag",
            "registry.example.org/a__b/c-d.e:1",
            &digest,
            &format!("x/y:1@{digest}"),
        ] {
            check(name).unwrap();
        }
        for name in [
            "",
            "Python",
            "a b",
            "../x",
            "a//b",
            "a/",
            "a:",
            "a:b c",
            "a@sha256:12",
            "a@md5:0",
            "-a",
            "a..b",
            "a___b",
            "$(id)",
            "a;b",
            "--privileged",
            "host.x:99999999/a",
            "sha256:zz",
            &"a".repeat(300),
            "é",
        ] {
            let error = check(name).unwrap_err();
            assert!(matches!(error, SandboxError::ImageName { .. }) && !error.is_infrastructure(), "{name}");
        }
    }

    #[test]
    fn templates_make_the_names_that_are_published() {
        let of =
            |template: &str, id: &str| ImageTemplate::parse(template).unwrap().of(id).map(|it| it.to_string()).ok();
        assert_eq!(
            of(SWE_BENCH, "Django__django-11099").as_deref(),
            Some("swebench/sweb.eval.x86_64.django_1776_django-11099:latest")
        );
        assert_eq!(of("mine/{id}:v1", "a__b-1").as_deref(), Some("mine/a__b-1:v1"));
        assert_eq!(of("mine/{id}", "a/../b c"), None);
        for template in ["fixed:1", "mine/{id}:{who}", "Mine/{id}"] {
            assert!(ImageTemplate::parse(template).is_err(), "{template}");
        }
    }
}
