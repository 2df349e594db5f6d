use super::*;

const REPORTS: &str = "/reports-1";

fn line(at: usize, event: &str) -> String {
    format!("{{\"n\":\"{}\",\"s\":{at},{event}}}\n", token(REPORTS))
}

fn journal(events: &[&str]) -> String {
    events.iter().enumerate().map(|(at, event)| line(at, event)).collect()
}

fn show(texts: &[&[u8]]) -> String {
    let file = |bytes: &&[u8]| Collected::report("events-1.jsonl", bytes);
    let files = texts.iter().map(file).collect::<Vec<_>>();
    let journal = read(&files, REPORTS, Base::new("/work", ""));
    let mut lines =
        journal.results.iter().map(|result| format!("{:?} {}", result.status, result.id)).collect::<Vec<_>>();
    lines.extend(journal.running.iter().map(|id| format!("running {id}")));
    lines.extend(journal.fault.map(|fault| format!("fault: {fault}")));
    lines.push(if journal.ended { "ended" } else { "cut" }.to_owned());
    lines.join("\n")
}

const BEGIN: &str = r#""k":"begin""#;
const PASS: &str = r#""k":"test","file":"/work/a.js","names":["x","y"],"status":"passed","ms":1"#;
const FAIL: &str =
    r#""k":"test","file":"/work/a.js","names":["x","y"],"status":"failed","ms":1,"error":{"message":"no"}"#;
const START: &str = r#""k":"start","file":"/work/a.js","names":["x","z"]"#;

fn end(tests: u32, failed: u32) -> String {
    format!(r#""k":"end","tests":{tests},"failed":{failed}"#)
}

#[test]
fn a_journal_is_read_to_its_end() {
    let whole = journal(&[BEGIN, PASS, FAIL, &end(2, 1)]);
    assert_eq!(show(&[whole.as_bytes()]), "Passed a.js::x::y\nFailed a.js::x::y (2)\nended");
    let two = journal(&[BEGIN, PASS, &end(1, 0)]);
    assert_eq!(show(&[two.as_bytes(), two.as_bytes()]), "Passed a.js::x::y\nPassed a.js::x::y (2)\nended");
    assert_eq!(show(&[]), "cut");
}

#[test]
fn what_is_cut_or_does_not_count_up_is_not_trusted() {
    let cut = journal(&[BEGIN, PASS, START]);
    assert_eq!(show(&[cut.as_bytes()]), "Passed a.js::x::y\nrunning a.js::x::z\ncut");
    assert_eq!(show(&[&cut.as_bytes()[..cut.len() - 5]]), "Passed a.js::x::y\ncut");
    let wrong = journal(&[BEGIN, PASS, &end(2, 0)]);
    let fault = "fault: the tool counts 2 tests and 0 failures, its report has 1 and 0";
    assert_eq!(show(&[wrong.as_bytes()]), format!("Passed a.js::x::y\n{fault}\nended"));
}

#[test]
fn a_strange_line_is_a_fault() {
    let begin = journal(&[BEGIN]);
    let strange = "fault: a line of the report is not the reporter's";
    for line in [
        &b"{\"n\":\"guess\",\"s\":1,\"k\":\"begin\"}\n"[..],
        b"\0\x1b[31m\xff\n",
        b"\n",
        line(2, PASS).as_bytes(),
        line(0, PASS).as_bytes(),
        line(1, r#""k":"other""#).as_bytes(),
        &[&vec![b'x'; 3 << 20][..], b"\n"].concat(),
    ] {
        let text = [begin.as_bytes(), line].concat();
        assert_eq!(show(&[&text]), format!("{strange}\ncut"), "{:?}", String::from_utf8_lossy(&text[..100]));
    }
    let after = journal(&[BEGIN, &end(0, 0), PASS]);
    assert_eq!(show(&[after.as_bytes()]), format!("{strange}\nended"));
}

#[test]
fn the_worse_of_two_outcomes_counts() {
    let late = r#""k":"broken","file":"/work/a.js","names":["x","y"],"error":{"message":"late"}"#;
    let ended = r#""k":"end","tests":1,"failed":0,"broken":1"#;
    let text = journal(&[BEGIN, PASS, late, ended]);
    assert_eq!(show(&[text.as_bytes()]), "Failed a.js::x::y\nended");
}

#[test]
fn names_are_text_without_controls() {
    let odd = r#""k":"test","file":"/etc/passwd","names":["a\u0000\u001b[31m\nb"],"status":"passed""#;
    let text = journal(&[BEGIN, odd, &end(1, 0)]);
    assert_eq!(show(&[text.as_bytes()]), "Passed a b\nended");
}

#[test]
fn the_token_cannot_be_found_from_the_folder() {
    assert_ne!(token("/a"), token("/b"));
    assert_eq!(token("/a"), token("/a"));
    assert!(!with_token("x @TOKEN@", "/a").ends_with(b"@TOKEN@"));
}

#[test]
fn failures_have_classes() {
    let check = |name: &str, message: &str, code: &str, expected: FailureClass| {
        let error = RawError {
            name: name.to_owned(),
            message: message.to_owned(),
            code: code.to_owned(),
            ..RawError::default()
        };
        assert_eq!(failure(&error, Base::new("/work", "")).class, expected, "{name} {message} {code}");
    };
    check("AssertionError", "x", "", FailureClass::Assertion);
    check("Error", "Timeout of 2000ms exceeded.", "ERR_MOCHA_TIMEOUT", FailureClass::Timeout);
    check("Error", "thrown: \"Exceeded timeout of 5000 ms for a test.", "", FailureClass::Timeout);
    check("Error", "Cannot find module './x'", "MODULE_NOT_FOUND", FailureClass::Import);
    check("SyntaxError", "Unexpected token", "", FailureClass::Build);
    check("Error", "write ENOSPC", "ENOSPC", FailureClass::Environment);
    check("TypeError", "x", "", FailureClass::Exception { name: "TypeError".to_owned() });
    check("", "x", "", FailureClass::Exception { name: "Error".to_owned() });
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        show(&[&bytes]);
    }

    #[test]
    fn no_event_panics(file in "[a-z/.]{0,9}", name in ".{0,20}", message in ".{0,40}", ms in proptest::prelude::any::<f64>()) {
        let quoted = |text: &str| serde_json::to_string(text).unwrap();
        let test = format!(r#""k":"test","file":{},"names":[{}],"status":"failed","ms":{ms:?},"error":{{"message":{}}}"#, quoted(&file), quoted(&name), quoted(&message));
        show(&[journal(&[BEGIN, &test, &end(1, 1)]).as_bytes()]);
    }
}
