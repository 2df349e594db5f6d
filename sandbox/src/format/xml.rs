//! XML as test tools write it, as a tree of elements.
//!
//! Only what their reports need: elements, attributes, text, CDATA, the five named entities and character references. A document type
//! is skipped and its inner part refused, so nothing is ever expanded or fetched. The reader does not recurse, and depth and number of
//! elements are capped. A document that ends too early is an error: half a report is not a report.

use std::borrow::Cow;

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 128;
/// Most elements that are read.
const MAX_ELEMENTS: usize = 4_000_000;
/// Longest name of an entity.
const MAX_ENTITY: usize = 10;

/// One element.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Element<'a> {
    /// Its name without a namespace's prefix.
    pub(crate) name: &'a str,
    attributes: Vec<(&'a str, Cow<'a, str>)>,
    /// The text directly in it, CDATA included.
    pub(crate) text: Cow<'a, str>,
    /// The elements directly in it.
    pub(crate) children: Vec<Element<'a>>,
}

impl<'a> Element<'a> {
    /// Returns an attribute's value.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_ref())
    }

    /// Returns an attribute's value as a number.
    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.attribute(name)?.trim().parse().ok()
    }

    /// Returns the first element directly in it with this name.
    pub(crate) fn child(&self, name: &str) -> Option<&Element<'a>> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Returns the elements directly in it with this name.
    pub(crate) fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Element<'a>> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// Returns it and all elements below it, in document order.
    pub(crate) fn descendants<'e>(&'e self) -> impl Iterator<Item = &'e Element<'a>> {
        let mut left = vec![self];
        std::iter::from_fn(move || {
            let next = left.pop()?;
            left.extend(next.children.iter().rev());
            Some(next)
        })
    }
}

/// Why a document is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub(crate) struct XmlError {
    what: &'static str,
    at: usize,
}

/// Reads a document.
pub(crate) fn parse(text: &str) -> Result<Element<'_>, XmlError> {
    let mut reader = Reader { text, at: 0, open: Vec::new(), root: None, elements: 0 };
    while reader.step()? {}
    match (reader.root, reader.open.is_empty()) {
        (Some(root), true) => Ok(root),
        (_, false) => Err(XmlError { what: "the document ends inside an element", at: text.len() }),
        (None, true) => Err(XmlError { what: "there is no element", at: text.len() }),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    open: Vec<Element<'a>>,
    root: Option<Element<'a>>,
    elements: usize,
}

impl<'a> Reader<'a> {
    /// Reads one piece; `false` at the end.
    fn step(&mut self) -> Result<bool, XmlError> {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return Ok(false);
        }
        let Some(markup) = rest.strip_prefix('<') else {
            let end = rest.find('<').unwrap_or(rest.len());
            self.push_text(unescape(&rest[..end]))?;
            self.at += end;
            return Ok(true);
        };
        if let Some(cdata) = markup.strip_prefix("![CDATA[") {
            let end = cdata.find("]]>").ok_or(self.error("CDATA does not end"))?;
            self.push_text(Cow::Borrowed(&cdata[..end]))?;
            self.at += "<![CDATA[".len() + end + "]]>".len();
        } else if markup.starts_with("!--") {
            self.skip_behind("-->")?;
        } else if markup.starts_with('?') {
            self.skip_behind("?>")?;
        } else if markup.starts_with('!') {
            let end = rest.find('>').ok_or(self.error("a declaration does not end"))?;
            if rest[..end].contains('[') {
                return Err(self.error("a document type with an inner part"));
            }
            self.at += end + 1;
        } else if let Some(end_tag) = markup.strip_prefix('/') {
            let end = end_tag.find('>').ok_or(self.error("an end tag does not end"))?;
            self.close(local(end_tag[..end].trim()))?;
            self.at += "</>".len() + end;
        } else {
            self.start_tag()?;
        }
        Ok(true)
    }

    fn error(&self, what: &'static str) -> XmlError {
        XmlError { what, at: self.at }
    }

    fn skip_behind(&mut self, end: &str) -> Result<(), XmlError> {
        let length = self.text[self.at..].find(end).ok_or(self.error("a comment or instruction does not end"))?;
        self.at += length + end.len();
        Ok(())
    }

    fn push_text(&mut self, text: Cow<'a, str>) -> Result<(), XmlError> {
        let Some(open) = self.open.last_mut() else {
            let blank = text.chars().all(|char| char.is_whitespace() || char == '\u{feff}');
            return if blank { Ok(()) } else { Err(self.error("text outside of the document")) };
        };
        if open.text.is_empty() {
            open.text = text;
        } else if !text.is_empty() {
            open.text.to_mut().push_str(&text);
        }
        Ok(())
    }

    fn start_tag(&mut self) -> Result<(), XmlError> {
        self.elements += 1;
        if self.elements > MAX_ELEMENTS || self.open.len() >= MAX_DEPTH {
            return Err(self.error("too many elements, or nested too deeply"));
        }
        if self.root.is_some() {
            return Err(self.error("a second document"));
        }
        let rest = &self.text[self.at + 1..];
        let name_end = rest.find(|char: char| char.is_whitespace() || matches!(char, '/' | '>' | '<' | '='));
        let name_end = name_end.filter(|end| *end > 0).ok_or(self.error("a tag without a name or an end"))?;
        let mut element = Element { name: local(&rest[..name_end]), ..Element::default() };
        self.at += 1 + name_end;
        loop {
            let rest = &self.text[self.at..];
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if let Some(after) = trimmed.strip_prefix('>') {
                self.at = self.text.len() - after.len();
                self.open.push(element);
                return Ok(());
            }
            if let Some(after) = trimmed.strip_prefix("/>") {
                self.at = self.text.len() - after.len();
                self.open.push(element);
                return self.close_top();
            }
            let attribute = self.attribute(trimmed)?;
            element.attributes.push(attribute);
        }
    }

    fn attribute(&mut self, rest: &'a str) -> Result<(&'a str, Cow<'a, str>), XmlError> {
        let (name, after) = rest.split_once('=').ok_or(self.error("an attribute without a value"))?;
        let name = name.trim_end();
        if name.is_empty() || name.contains(|char: char| char.is_whitespace() || matches!(char, '<' | '>' | '"' | '\''))
        {
            return Err(self.error("an attribute without a value"));
        }
        let after = after.trim_start();
        let quote = after.chars().next().filter(|char| matches!(char, '"' | '\''));
        let quote = quote.ok_or(self.error("an attribute's value without quotes"))?;
        let (value, after) = after[1..].split_once(quote).ok_or(self.error("an attribute's value does not end"))?;
        self.at = self.text.len() - after.len();
        Ok((local(name), unescape(value)))
    }

    fn close(&mut self, name: &str) -> Result<(), XmlError> {
        if self.open.last().is_none_or(|open| open.name != name) {
            return Err(self.error("an end tag that ends nothing"));
        }
        self.close_top()
    }

    fn close_top(&mut self) -> Result<(), XmlError> {
        let Some(done) = self.open.pop() else { return Ok(()) };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(done),
            None => self.root = Some(done),
        }
        Ok(())
    }
}

/// The name without its namespace's prefix.
fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// Replaces the named entities and character references; what is neither stays as it is.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        // Only so far: a search to the end for each of many `&` would take quadratic time.
        let end = rest.bytes().skip(1).take(MAX_ENTITY + 1).position(|byte| byte == b';');
        let known = end.and_then(|end| Some((entity(&rest[1..=end])?, end)));
        match known {
            Some((char, end)) => {
                plain.push(char);
                rest = &rest[end + 2..];
            }
            None => {
                plain.push('&');
                rest = &rest[1..];
            }
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

fn entity(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => digits.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(element: &Element<'_>) -> String {
        let attributes =
            element.attributes.iter().map(|(name, value)| format!(" {name}={value:?}")).collect::<String>();
        let children = element.children.iter().map(show).collect::<String>();
        format!("({}{attributes} {:?}{children})", element.name, element.text)
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(parse(text).map_or_else(|error| error.to_string(), |root| show(&root)), expected, "{text}");
    }

    #[test]
    fn documents_are_read() {
        check("<a/>", "(a \"\")");
        check(
            "\u{feff}<?xml version='1.0'?>\n<!-- c --><a x='1' y = \"&lt;&#65;&#x42;&quot;\"> t </a>\n",
            "(a x=\"1\" y=\"<AB\\\"\" \" t \")",
        );
        check("<a>1<b>2</b>3<![CDATA[<&]]>4</a>", "(a \"13<&4\"(b \"2\"))");
        check("<n:a xmlns:n='u' n:k='v'><n:b/></n:a>", "(a n=\"u\" k=\"v\" \"\"(b \"\"))");
        check("<!DOCTYPE report PUBLIC \"-//X//EN\" \"r.dtd\"><a/>", "(a \"\")");
        check("<a>&unknown; &amp;lt; & &;</a>", "(a \"&unknown; &lt; & &;\")");
        check("<a>&#xD800;&#1114112;</a>", "(a \"&#xD800;&#1114112;\")");
        check("<a b='x>y'></a >", "(a b=\"x>y\" \"\")");
    }

    #[test]
    fn half_documents_are_refused() {
        check("", "there is no element at byte 0");
        check("<a><b></b>", "the document ends inside an element at byte 10");
        check("<a><b></a>", "an end tag that ends nothing at byte 6");
        check("<a", "a tag without a name or an end at byte 0");
        check("<a x='1", "an attribute's value does not end at byte 3");
        check("<a x>", "an attribute without a value at byte 3");
        check("<a><![CDATA[x]]", "CDATA does not end at byte 3");
        check("<a/><b/>", "a second document at byte 4");
        check("<a/>x", "text outside of the document at byte 4");
        check("<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", "a document type with an inner part at byte 0");
    }

    #[test]
    fn depth_is_capped() {
        let deep = "<a>".repeat(100_000);
        assert!(parse(&deep).is_err_and(|error| error.what.contains("too deeply")));
    }

    #[test]
    fn many_ampersands_take_no_time() {
        let text = format!("<a>{}</a>", "&".repeat(1 << 20));
        assert_eq!(parse(&text).unwrap().text.len(), 1 << 20);
    }

    #[test]
    fn descendants_come_in_document_order() {
        let root = parse("<a><b><c/></b><d/></a>").unwrap();
        assert_eq!(root.descendants().map(|element| element.name).collect::<String>(), "abcd");
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "(<|>|/|!|\\[|\\]|-|\\?|&|;|#|x|a|b|=|'|\"| |ö|CDATA|<a>|</a>|<a b='|&#){0,40}") {
            let _ = parse(&text);
        }
    }
}
