//! Documentation without its XML.

use crate::facts::FileFacts;

/// What the attributes that name something are called.
const NAMING: &[&str] = &["cref", "name", "langword", "href"];

/// Takes the tags out of all documentation; what says nothing else is no documentation.
pub(super) fn without_tags(mut facts: FileFacts) -> FileFacts {
    for it in &mut facts.docs {
        it.text = plain(&it.text);
    }
    facts.docs.retain(|it| !it.text.is_empty());
    for it in &mut facts.symbols {
        it.doc = it.doc.take().map(|it| plain(&it)).filter(|it| !it.is_empty());
    }
    facts
}

/// Returns a text without tags, but with what they name; lines that held nothing else are left out.
fn plain(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        words.push_str(before);
        let is_tag = after.starts_with(|it: char| it == '/' || it == '!' || it.is_ascii_alphabetic());
        let Some((tag, after_tag)) = after.split_once('>').filter(|_| is_tag) else {
            words.push('<');
            rest = after;
            continue;
        };
        let name = named(tag);
        words.push_str(name);
        if !name.is_empty() && !after_tag.is_empty() && !tag.ends_with('/') {
            words.push(' ');
        }
        rest = after_tag;
    }
    words.push_str(rest);
    let words = words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    words.lines().map(str::trim).filter(|it| !it.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Returns what a tag names: `T:A.B` is `A.B`.
fn named(tag: &str) -> &str {
    let value = NAMING.iter().find_map(|it| {
        let after = tag.split_once(it)?.1.trim_start().strip_prefix('=')?.trim_start();
        after.get(1..)?.split(['"', '\'']).next()
    });
    let value = value.unwrap_or_default();
    value.split_once(':').filter(|it| it.0.len() == 1).map_or(value, |it| it.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_taken_out_and_what_they_name_is_kept() {
        let table = [
            ("<summary>\nKeeps <see cref=\"T:Shop.Job\"/> at most.\n</summary>", "Keeps Shop.Job at most."),
            ("<param name=\"key\">the key</param>", "key the key"),
            ("a < b and List&lt;int&gt;", "a < b and List<int>"),
            ("<broken", "<broken"),
            ("<see cref=", "<see cref="),
            ("<see cref=>x", "x"),
            ("</summary>", ""),
        ];
        for (text, expected) in table {
            assert_eq!(plain(text), expected, "{text}");
        }
    }
}
