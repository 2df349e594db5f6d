//! Maps of small repositories.

use repo::RepoPath;

use super::{MapRequest, map, tokens};
use crate::graph::tests::{SHOP, index};

fn request(tokens: usize, focus: &[&str], identifiers: &[&str]) -> MapRequest {
    MapRequest {
        tokens,
        focus: focus.iter().map(|it| RepoPath::new(it).unwrap()).collect(),
        identifiers: identifiers.iter().map(|it| (*it).to_owned()).collect(),
        shows_focus: true,
    }
}

#[test]
fn the_most_used_are_shown_with_what_they_stand_in() {
    let (_directory, index) = index(SHOP);
    insta::assert_snapshot!(map(&index, &request(140, &[], &[])).text);
}

#[test]
fn focus_draws_what_it_uses() {
    let (_directory, index) = index(SHOP);
    let focused = map(&index, &request(60, &["shop/money.py"], &[]));
    assert!(focused.text.starts_with("shop/money.py:\n"), "{}", focused.text);
    let named = map(&index, &request(40, &[], &["quite_unusual"]));
    assert!(named.text.contains("quite_unusual"), "{}", named.text);
    let hidden = map(&index, &MapRequest { shows_focus: false, ..request(200, &["shop/models.py"], &[]) });
    assert!(!hidden.text.contains("shop/models.py") && hidden.text.contains("shop/base.py"), "{}", hidden.text);
}

#[test]
fn no_map_is_larger_than_asked_for_and_more_tokens_show_more() {
    let (_directory, index) = index(SHOP);
    let mut shown = 0;
    for budget in (0..400).step_by(7) {
        let it = map(&index, &request(budget, &[], &[]));
        assert!(it.tokens <= budget, "{} of {budget}", it.tokens);
        assert_eq!(it.tokens, tokens(&it.text));
        assert!(it.symbols >= shown, "{budget}");
        shown = it.symbols;
        assert_eq!(map(&index, &request(budget, &[], &[])), it);
    }
    assert!(shown > 15);
    assert_eq!(map(&index, &request(0, &[], &[])).text, "");
}

#[test]
fn marks_stand_only_where_lines_are_left_out() {
    let (_directory, index) =
        index("=== a.py\nclass A:\n    def b(self): pass\n    def c(self): pass\nA().b()\nA().c()\n");
    let text = map(&index, &request(200, &[], &[])).text;
    assert_eq!(text, "a.py:\n│class A\n│    def b(self)\n│    def c(self)\n⋮\n");
}
