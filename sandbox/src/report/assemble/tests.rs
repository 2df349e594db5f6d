use super::*;

fn event(json: &str) -> Vec<u8> {
    let json = json.replace("NONCE", r#""n":"n0""#);
    [&(json.len() as u32).to_be_bytes(), json.as_bytes()].concat()
}

const COLLECTED: &str = r#"{"k":"collected","ids":["a","b"],NONCE}"#;
const A: &str = r#"{"k":"result","id":"a","status":"passed","seconds":0.1,NONCE}"#;
const B: &str = r#"{"k":"result","id":"b","status":"failed","seconds":0.1,"failure":{"class":"assertion","message":"m","frames":[["f.py",3,"f"]]},NONCE}"#;
const END: &str = r#"{"k":"finished","count":2,"collected":2,"code":1,"stopped":null,NONCE}"#;

fn clean() -> Done {
    Done { exit: Some(0), ..Done::default() }
}

fn assemble(events: &[&str], done: &Done) -> Assembled {
    let mut assembler = Assembler::new("n0".to_owned());
    for json in events {
        assembler.feed(&event(json));
    }
    assembler.finish(done)
}

#[track_caller]
fn check(events: &[&str], done: &Done, expected: &str) {
    let ending = assemble(events, done).ending;
    assert!(format!("{ending:?}").starts_with(expected), "{ending:?}");
}

#[test]
fn a_whole_report_is_complete() {
    let assembled = assemble(&[COLLECTED, A, B, END], &clean());
    assert_eq!(assembled.ending, RunEnding::Complete);
    assert_eq!(assembled.results.len(), 2);
    let frames = &assembled.results[1].failure.as_ref().unwrap().frames;
    assert_eq!(frames[0], Frame { path: "f.py".to_owned(), line: 3, function: "f".to_owned() });
}

#[test]
fn whatever_does_not_fit_is_tampering() {
    let other = A.replace("NONCE", r#""n":"other""#);
    let fewer = END.replace("\"count\":2", "\"count\":1");
    let more = END.replace("\"collected\":2", "\"collected\":3");
    let unknown = A.replace("\"a\"", "\"c\"");
    for events in [
        &[COLLECTED, A, B, &other, END][..],
        &[COLLECTED, A, B, A, END],
        &[COLLECTED, A, &unknown, END],
        &[COLLECTED, A, B, &fewer],
        &[COLLECTED, A, B, &more],
        &[COLLECTED, A, END],
        &[COLLECTED, A, B, END, END],
        &[COLLECTED, COLLECTED, A, B, END],
        &[COLLECTED, A, B, "nonsense", END],
        &[COLLECTED, A, B, r#"{"k":"else",NONCE}"#, END],
    ] {
        check(events, &clean(), "Tampered");
    }
    check(&[COLLECTED, A, B, END], &Done { exit: Some(1), ..clean() }, "Tampered");
}

#[test]
fn endings_name_their_cause() {
    let with = |killed| Done { killed: Some(killed), ..Done::default() };
    check(&[COLLECTED, A], &clean(), "Crashed");
    check(&[], &Done { exit: Some(97), ..Done::default() }, "Crashed");
    check(&[COLLECTED, A], &Done { signal: Some(11), ..Done::default() }, "Crashed");
    check(&[COLLECTED, A], &Done { signal: Some(9), ..Done::default() }, "OutOfMemory");
    check(&[COLLECTED, A], &Done { signal: Some(9), oom: Some(false), ..Done::default() }, "Crashed");
    check(&[COLLECTED, A], &Done { exit: Some(1), oom: Some(true), ..Done::default() }, "OutOfMemory");
    check(&[COLLECTED, A], &Done { exit: Some(1), full: true, ..Done::default() }, "DiskFull");
    check(&[COLLECTED, A], &with(Killed::Total), "TotalTimeout");
    check(&[COLLECTED, A], &with(Killed::Silence), "Silence");
    check(&[COLLECTED, A], &with(Killed::Output), "OutputLimit");
    check(&[COLLECTED, A], &with(Killed::Events), "Tampered");
    check(&[r#"{"k":"finished","count":0,"collected":0,"code":5,"stopped":null,NONCE}"#], &clean(), "NoTests");
    let stopped = END.replace("null", "\"1 failures\"");
    check(&[COLLECTED, A, B, &stopped], &clean(), "StoppedEarly");
    let early = END.replace("\"count\":2", "\"count\":1");
    check(&[COLLECTED, A, &early], &clean(), "StoppedEarly");
    let broken = r#"{"k":"result","id":"f.py","status":"error","seconds":0,"extra":true,"failure":{"class":"import","message":"no x","frames":[]},NONCE}"#;
    check(
        &[broken, r#"{"k":"finished","count":1,"collected":0,"code":1,"stopped":null,NONCE}"#],
        &clean(),
        "CollectionFailed { message: \"no x\"",
    );
    let full = B.replace("\"frames\"", "\"flag\":\"disk\",\"frames\"");
    check(&[COLLECTED, A, &full, END], &clean(), "DiskFull");
}

#[test]
fn a_hang_is_a_timeout_of_the_running_test() {
    let start = r#"{"k":"start","id":"b","limit":2.0,NONCE}"#;
    let hung = Done { killed: Some(Killed::Hang), ..Done::default() };
    let assembled = assemble(&[COLLECTED, A, start], &hung);
    assert_eq!(assembled.results[1].status, TestStatus::TimedOut);
    assert_eq!(assembled.left_by_hang, Some(Vec::new()));
    let first = assemble(&[COLLECTED, &start.replace("\"b\"", "\"a\"")], &hung);
    assert_eq!(first.left_by_hang, Some(vec![TestId::from("b")]));
}

#[test]
fn lines_come_out_sorted_and_bounded() {
    let covered =
        A.replace("\"seconds\"", r#""lines":{"x.py":[10,3,1,1],"../evil":[1,1],"y.py":[4294967295,2]},"seconds""#);
    let assembled = assemble(&[COLLECTED, &covered], &clean());
    let lines = &assembled.coverage[0].lines;
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0].1, [1, 10, 11, 12]);
    assert_eq!(lines[1].1, [u32::MAX]);
}

proptest::proptest! {
    #[test]
    fn arbitrary_streams_never_panic_and_never_complete(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300), cut in 0usize..300) {
        let mut assembler = Assembler::new("n0".to_owned());
        let cut = cut.min(bytes.len());
        assembler.feed(&bytes[..cut]);
        assembler.feed(&bytes[cut..]);
        proptest::prop_assert_ne!(assembler.finish(&clean()).ending, RunEnding::Complete);
    }

    #[test]
    fn how_the_stream_is_cut_does_not_matter(cut in 0usize..600) {
        let stream = [COLLECTED, A, B, END].map(event).concat();
        let cut = cut.min(stream.len());
        let mut assembler = Assembler::new("n0".to_owned());
        assembler.feed(&stream[..cut]);
        assembler.feed(&stream[cut..]);
        proptest::prop_assert_eq!(assembler.finish(&clean()).ending, RunEnding::Complete);
    }
}
