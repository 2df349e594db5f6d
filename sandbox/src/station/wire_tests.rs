//! The wire format, from both sides.

use proptest::prelude::*;

use super::wire::{self, Field, Malformed, Reply, Request};

fn fields<'a>(message: &impl Field<'a>) -> Vec<u8> {
    wire::frame(7, message)[wire::HEAD..].to_vec()
}

#[test]
fn messages_survive_the_way() {
    let run = Request::Run(wire::Run {
        at: b"/workspace/x",
        cwd: b"",
        argv: vec![b"sh", b"-c", b"exit \xff"],
        env: vec![wire::Variable { name: b"A", value: b"" }],
        total_ms: u64::MAX,
        silence_ms: 1,
        kept: 2,
        printed: 3,
        apart: true,
        processes: 4,
        cpu_ms: 5,
        open_files: 6,
        file_bytes: 7,
    });
    let bytes = fields(&run);
    assert_eq!(wire::message::<Request<'_>>(&bytes), Ok(run));
    for cut in 0..bytes.len() {
        assert_eq!(wire::message::<Request<'_>>(&bytes[..cut]), Err(Malformed), "cut at {cut}");
    }
    let longer = [&bytes[..], b"x"].concat();
    assert_eq!(wire::message::<Request<'_>>(&longer), Err(Malformed));
    let edits = vec![wire::EditFile { path: b"a", bytes: None }, wire::EditFile { path: b"b", bytes: Some(b"") }];
    let apply = Request::Apply(wire::Apply { at: b"/x", newest: None, edits });
    assert_eq!(wire::message::<Request<'_>>(&fields(&apply)), Ok(apply));
    assert_eq!(wire::message::<Reply<'_>>(&fields(&Reply::Done(()))), Ok(Reply::Done(())));
    assert_eq!(fields(&Reply::Fatal(b"why"))[0], wire::FATAL);
}

#[test]
fn lengths_are_refused_before_anything_is_allocated() {
    let head = |length: u32| wire::head([&length.to_be_bytes()[..], &[0, 0, 0, 9]].concat().try_into().unwrap());
    assert_eq!(head(4), Some((0, 9)));
    assert_eq!(head(u32::try_from(wire::MAX_FRAME).unwrap()), Some((wire::MAX_FRAME - 4, 9)));
    for length in [0, 3, u32::try_from(wire::MAX_FRAME).unwrap() + 1, u32::MAX] {
        assert_eq!(head(length), None, "{length}");
    }
    // A list says how long it is; only what is there counts.
    let list = [&[5_u8][..], &u32::MAX.to_be_bytes(), &[0]].concat();
    assert_eq!(wire::message::<Reply<'_>>(&list), Err(Malformed));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = wire::message::<Request<'_>>(&bytes);
        let _ = wire::message::<Reply<'_>>(&bytes);
    }
}
