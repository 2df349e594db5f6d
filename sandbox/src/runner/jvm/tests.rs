use super::*;
use crate::format::junit::JunitCase;

fn sources() -> Sources {
    Sources::new(
        [
            "./src/main/java/com/acme/Till.java",
            "./src/test/java/com/acme/TillTest.java",
            "./core/src/test/java/com/acme/SameTest.java",
            "./app/src/test/java/com/acme/SameTest.java",
            "./src/test/kotlin/com/acme/KotlinTest.kt",
        ]
        .into_iter(),
    )
}

#[test]
fn ids_name_the_file_only_where_it_is_known_for_sure() {
    for (class, name, module, expected) in [
        ("com.acme.TillTest", "addsUp", "", "src/test/java/com/acme/TillTest.java::TillTest::addsUp"),
        (
            "com.acme.TillTest$WhenFull",
            "keeps()",
            "",
            "src/test/java/com/acme/TillTest.java::TillTest::WhenFull::keeps",
        ),
        ("com.acme.TillTest", "com.acme.TillTest", "", "src/test/java/com/acme/TillTest.java::TillTest"),
        ("com.acme.SameTest", "holds", "app", "app/src/test/java/com/acme/SameTest.java::SameTest::holds"),
        ("com.acme.SameTest", "holds", "", "com.acme.SameTest::holds"),
        ("com.acme.GoneTest", "holds", "", "com.acme.GoneTest::holds"),
        ("acme.TillTest", "holds", "", "acme.TillTest::holds"),
        ("com.acme.KotlinTest", "a name", "", "src/test/kotlin/com/acme/KotlinTest.kt::KotlinTest::a name"),
        ("a.B", "each[Card@1b2c3d4, 5]", "", "a.B::each[Card@, 5]"),
        ("a.B", "mail[x@ab.org]", "", "a.B::mail[x@ab.org]"),
    ] {
        assert_eq!(id(class, name, module, &sources()), expected);
    }
}

#[test]
fn traces_become_steps_inside_the_workspace() {
    let trace = "java.lang.IllegalArgumentException: a negative amount
	at com.acme.Till.add(Till.java:8)
	at app//com.acme.TillTest.refuses(TillTest.java:29)
	at java.base/java.lang.reflect.Method.invoke(Method.java:569)
	at com.acme.TillTest$WhenFull.lambda$keeps$0(TillTest.java:56)
	at com.acme.Native.run(Native Method)
	at broken(
Caused by: java.io.IOException
	at com.acme.Till.add(Till.java:7)
	... 12 more
";
    let found = frames(trace, "", &sources()).into_iter().map(|it| format!("{}:{} {}", it.path, it.line, it.function));
    assert_eq!(
        found.collect::<Vec<_>>(),
        [
            "src/main/java/com/acme/Till.java:7 add",
            "src/test/java/com/acme/TillTest.java:56 lambda$keeps$0",
            "src/test/java/com/acme/TillTest.java:29 refuses",
            "src/main/java/com/acme/Till.java:8 add",
        ]
    );
}

#[track_caller]
fn check_select(ids: &[&str], expected: &[&str]) {
    let ids = ids.iter().map(|id| TestId::from(*id)).collect::<Vec<_>>();
    let shown = wanted(&ids).unwrap().into_iter().map(|it| format!("{}#{}", it.class, it.methods.join("+")));
    assert_eq!(shown.collect::<Vec<_>>(), expected);
}

#[test]
fn ids_are_selected_by_class_and_method() {
    let file = "core/src/test/java/com/acme/TillTest.java";
    check_select(
        &[
            &format!("{file}::TillTest::a"),
            &format!("{file}::TillTest::b[1 cents]"),
            &format!("{file}::TillTest::b[2]"),
        ],
        &["com.acme.TillTest#a+b*"],
    );
    check_select(
        &[&format!("{file}::TillTest::WhenFull::keeps"), &format!("{file}::TillTest::a")],
        &["com.acme.TillTest#"],
    );
    check_select(&[&format!("{file}::TillTest")], &["com.acme.TillTest#"]);
    check_select(&["com.acme.A::x{int}[2]", "com.acme.B$C::y", "D::z"], &["D#z", "com.acme.A#x*", "com.acme.B#"]);
    check_select(&["test/FooTest.java::FooTest::x"], &["FooTest#x"]);
    check_select(&["src/test/kotlin/com/acme/K.kt::K::a name with spaces"], &["com.acme.K#a*"]);
    check_select(&[], &[]);
}

#[test]
fn too_many_tests_are_selected_by_class_or_not_at_all() {
    let methods =
        (0..5000).map(|number| TestId::from(format!("a.B::aVeryLongNameOfAMethod{number}"))).collect::<Vec<_>>();
    assert!(wanted(&methods).unwrap()[0].methods.is_empty());
    let classes =
        (0..5000).map(|number| TestId::from(format!("a.AVeryLongNameOfAClass{number}::x"))).collect::<Vec<_>>();
    assert!(wanted(&classes).is_none());
}

#[test]
fn kinds_of_failures_are_told_apart() {
    for (kind, expected) in [
        ("org.opentest4j.AssertionFailedError", FailureClass::Assertion),
        ("java.lang.AssertionError", FailureClass::Assertion),
        ("java.util.concurrent.TimeoutException", FailureClass::Timeout),
        ("java.lang.OutOfMemoryError", FailureClass::Memory),
        ("java.lang.IllegalStateException", FailureClass::Exception { name: "IllegalStateException".to_owned() }),
    ] {
        let case = JunitCase { kind: kind.to_owned(), ..JunitCase::default() };
        assert_eq!(reason(&case, "", &sources()).class, expected);
    }
}

proptest::proptest! {
    #[test]
    fn nothing_panics(text in "(at |\\(|\\)|:|\\.|/|::|\\$|@|a|Till\\.java|12|\\[|com|ö|\n){0,30}") {
        let _ = frames(&text, &text, &sources());
        let _ = (id(&text, &text, "", &sources()), split(&text));
        let _ = wanted(&[TestId::from(text.as_str())]);
    }
}
