use proptest::prelude::*;

use super::*;

fn evidence(text: &str) -> Evidence {
    extract(&IssueText::parse(&format!("title words\n{text}")))
}

#[test]
fn frames_of_every_printer() {
    let check = |text: &str, expected: &[(&str, u32, Option<&str>)]| {
        let found = evidence(text).frames;
        let found: Vec<_> = found.iter().map(|it| (it.path.as_str(), it.line, it.function.as_deref())).collect();
        assert_eq!(found, expected, "in {text:?}");
    };
    check(
        "Traceback (most recent call last):\n  File \"/usr/lib/shop/cart.py\", line 12, in total\n    x()\n  File \"<string>\", line 1, in <module>",
        &[("/usr/lib/shop/cart.py", 12, Some("total")), ("<string>", 1, None)],
    );
    check("  File \"C:\\shop\\cart.py\", line 3, in add", &[("C:/shop/cart.py", 3, Some("add"))]);
    check(
        "/opt/shop/cart.py in total(self, *args)\n     10 def total\n---> 12     return 1\n     13",
        &[("/opt/shop/cart.py", 12, Some("total"))],
    );
    check("File ~/shop/cart.py:44, in Cart.total(self)\n---> 45 x", &[("~/shop/cart.py", 44, Some("Cart.total"))]);
    check(
        "shop/cart.py:7: in total\nshop/tax.py:9: ValueError",
        &[("shop/cart.py", 7, Some("total")), ("shop/tax.py", 9, None)],
    );
    check("nothing in shop/cart.py here", &[]);
}

#[test]
fn paths_in_prose_links_and_tracebacks() {
    let check = |text: &str, expected: &[(&str, Option<u32>)]| {
        let found = evidence(text).paths;
        let found: Vec<_> = found.iter().map(|it| (it.path.as_str(), it.line)).collect();
        assert_eq!(found, expected, "in {text:?}");
    };
    check("the code in ``cart.py``:", &[("cart.py", None)]);
    check("see shop/cart.py:31 and ./shop/tax.py.", &[("shop/cart.py", Some(31)), ("shop/tax.py", None)]);
    check("https://example.org/o/r/blob/0a1b2c/shop/cart.py#L7-L9", &[("shop/cart.py", Some(7))]);
    check("File \"/x/cart.py\", line 4, in f", &[("x/cart.py", Some(4))]);
    check("a happy ending.", &[]);
}

#[test]
fn names_and_their_places() {
    let issue = IssueText::parse(
        "Cart.total() ignores `discount`\nThe my_helper of ShopItem.The end, e.g. plainword.\n```python\nfrom shop import cart as c\nc.Cart(1).pay(x)\n```",
    );
    let names = extract(&issue).names;
    let at = |text: &str| names.iter().find(|name| name.text == text).map(|name| name.places);
    assert_eq!(at("Cart.total"), Some(Places { title: true, ..Places::default() }));
    assert_eq!(at("discount"), Some(Places { title: true, backticks: true, ..Places::default() }));
    assert_eq!(at("my_helper"), Some(Places { prose: true, ..Places::default() }));
    assert_eq!(at("shop.cart.Cart"), Some(Places { code: true, ..Places::default() }));
    assert_eq!(at("plainword"), None);
    assert_eq!(at("e.g"), None);
}

#[test]
fn errors_and_quotes() {
    let found =
        evidence("shop.errors.CartError: total of 'x' is negative\nA ValueError is raised, \"no such item\" it says");
    assert_eq!(
        found.errors,
        [
            ErrorMessage { kind: "shop.errors.CartError".into(), message: "total of 'x' is negative".into() },
            ErrorMessage { kind: "ValueError".into(), message: String::new() },
        ]
    );
    assert_eq!(found.quoted, ["no such item"]);
}

#[test]
fn code_with_its_imports_and_calls() {
    let found = evidence(
        "```py\nimport shop.cart\nfrom shop import tax as t, Item\nt.rate(Item(1))\nshop.cart.total()\ndef mine(): pass\nmine()\n```",
    );
    assert_eq!(found.code.len(), 1);
    assert_eq!(found.code[0].calls, ["shop.tax.rate", "shop.Item", "shop.cart.total"]);
    assert_eq!(found.code[0].imports.len(), 3);
}

#[test]
fn unfenced_code_is_found() {
    let found =
        evidence("Given:\nfrom shop import Item\nclass Mine(Item):\n\tprice = 3\nIt fails.\n\n    Item.load(1)\n");
    let texts: Vec<_> = found.code.iter().map(|block| block.text.as_str()).collect();
    assert_eq!(texts, ["from shop import Item\nclass Mine(Item):\n\tprice = 3\n", "    Item.load(1)\n"]);
}

#[test]
fn prompts_and_answers() {
    let found = evidence(">>> f(1,\n...   2)\n3\n>>> g()\n\nIn [4]: h()\nOut[4]: 'x'\n\nprose");
    let pairs: Vec<_> = found.examples.iter().map(|it| (it.input.as_str(), it.output.as_str())).collect();
    assert_eq!(pairs, [("f(1,\n  2)", "3"), ("g()", ""), ("h()", "'x'")]);
}

#[test]
fn versions_with_and_without_a_package() {
    assert_eq!(
        evidence("Python 3.8.1, numpy: 1.17.0rc1 and since v2.2").versions,
        ["python 3.8.1", "numpy 1.17.0rc1", "2.2"]
    );
}

#[test]
fn plain_words_are_no_evidence() {
    assert!(evidence("it does not work at all").is_empty());
}

#[test]
fn floods_are_capped() {
    let flood: String = (0..5000)
        .map(|n| format!("File \"a{n}.py\", line {n}, in f{n}\nx_{n}.y_{n}(1) raises E{n}Error: m\n"))
        .collect();
    let found = evidence(&flood);
    assert_eq!(found.frames.len(), MAX_ITEMS);
    assert!(found.names.len() <= 4 * MAX_ITEMS);
    assert!(found.paths.len() <= MAX_ITEMS && found.errors.len() <= MAX_ITEMS && found.code.len() <= MAX_ITEMS);
}

proptest! {
    #[test]
    fn any_text_is_survived(text in "(?s).{0,300}", marks in "([`>.:/\\\\\"'# \\n\\t(){}\\[\\]Aa_0éFile, line]){0,200}") {
        let _ = evidence(&text);
        let _ = evidence(&marks);
    }
}
