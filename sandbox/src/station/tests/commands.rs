//! Commands, and what is left of them.

use super::*;

pub(super) async fn run_where_they_should(station: &Station) {
    let at = station.make_place("commands").await.unwrap();
    station.put(&at, &[file("sub/file", "here")]).await.unwrap();
    let request = CommandRequest {
        cwd: "sub".to_owned(),
        env: vec![("NAME".to_owned(), "value".to_owned())],
        ..shell("pwd; cat file; echo $NAME; echo $HOME $TMPDIR | grep -c run-; cat; exit 3")
    };
    let outcome = station.run(&at, &request).await.unwrap();
    assert_eq!((outcome.exit_code, &outcome.ending), (Some(3), &RunEnding::Complete));
    assert_eq!(outcome.output, format!("{}/sub\nherevalue\n1\n", at.path()));
    let missing = station.run(&at, &command(&["no-such-program"])).await.unwrap();
    assert_eq!(missing.exit_code, Some(127), "{missing:?}");
    assert!(missing.output.contains("no-such-program: No such file"), "{missing:?}");
    let refused = station.run(&at, &command(&["./sub/file"])).await.unwrap();
    assert_eq!(refused.exit_code, Some(126), "{refused:?}");
    for cwd in ["absent", "..", "sub/../sub", "sub/file"] {
        station.run(&at, &CommandRequest { cwd: cwd.to_owned(), ..shell("true") }).await.unwrap_err();
    }
    station.run(&at, &command(&[])).await.unwrap_err();
    let killed = station.run(&at, &shell("kill -15 $$")).await.unwrap();
    assert!(matches!(&killed.ending, RunEnding::Crashed { detail } if detail.contains("15")), "{killed:?}");
    let edited = CommandRequest { overlay: vec![over("sub/file", "there")], ..shell("cat sub/file") };
    assert_eq!(printed(station, &at, &edited).await, "there");
    let home = "echo kept > $HOME/x; echo kept > $TMPDIR/x";
    printed(station, &at, &shell(home)).await;
    assert_eq!(printed(station, &at, &shell("cat $HOME/x $TMPDIR/x 2>/dev/null || echo new")).await, "new\n");
    station.remove(&at).await.unwrap();
}

pub(super) async fn keep_the_order_of_their_output(station: &Station) {
    let at = station.make_place("order").await.unwrap();
    let script = "import os\nfor i in range(300): os.write(1 + i % 2, b'%d ' % i)";
    let expected: String = (0..300).map(|number| format!("{number} ")).collect();
    assert_eq!(printed(station, &at, &python(script)).await, expected);
    let apart = station.execute(&at, &shell("echo out; echo err >&2; echo more"), Streams::Apart).await.unwrap();
    assert_eq!((apart.stdout, apart.stderr), (b"out\nmore\n".to_vec(), b"err\n".to_vec()));
    station.remove(&at).await.unwrap();
}

/// Eight commands that each wait for the other seven.
pub(super) async fn run_side_by_side(station: &Station) {
    let at = station.make_place("together").await.unwrap();
    let meet = |number: usize| {
        let script = format!("touch {number}; until [ $(ls | wc -l) -ge 8 ]; do :; done; echo met");
        let at = &at;
        async move { printed(station, at, &shell(&script)).await }
    };
    let met = futures_util::future::join_all((0..8).map(meet)).await;
    assert_eq!(met, ["met\n"; 8]);
    station.remove(&at).await.unwrap();
}

/// Detaches as far as a process can, ignores what it can, and goes on writing.
const STUBBORN: &str = "
import os, signal, sys
for number in set(range(1, 32)) - {signal.SIGCHLD}:
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
r, w = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        os.write(w, b'x')
        while True:
            with open('written', 'a') as file: file.write('x')
    os._exit(0)
os.wait()
os.read(r, 1)
print('up', flush=True)
";

/// Prints how many bytes were written, and how many processes of the kind above there are. It must not spell out what it looks for.
const LEFT: &str = "
import os
found = 0
for name in os.listdir('/proc'):
    try: found += b'file.' b'write' in open('/proc/%s/cmdline' % name, 'rb').read()
    except OSError: pass
print(os.path.getsize('written'), found)
";

pub(super) async fn leave_no_process(station: &Station) {
    let at = station.make_place("stubborn").await.unwrap();
    let look = python(LEFT);
    for (tail, ending) in [
        ("", RunEnding::Complete),
        ("signal.pause()", RunEnding::TotalTimeout),
        ("os.write(1, b'x' * (1 << 16))\nwhile True: signal.pause()", RunEnding::Silence),
    ] {
        let mut request = python(&format!("{STUBBORN}\n{tail}"));
        match ending {
            RunEnding::TotalTimeout => request.total = Duration::from_millis(700),
            _ => request.silence = Duration::from_secs(1),
        }
        let outcome = station.run(&at, &request).await.unwrap();
        assert_eq!(outcome.ending, ending, "{outcome:?}");
        assert!(outcome.output.starts_with("up\n"), "{outcome:?}");
        // Nothing of the kind is left, and nothing writes any more.
        let first = printed(station, &at, &look).await;
        let second = printed(station, &at, &look).await;
        assert_eq!(first, second);
        assert!(first.ends_with(" 0\n"), "{first}");
    }
    station.remove(&at).await.unwrap();
}

pub(super) async fn end_when_nobody_waits(station: &Station) {
    let at = station.make_place("dropped").await.unwrap();
    let request = shell("touch started; exec sleep 1234567");
    {
        let running = station.run(&at, &request);
        let started = async {
            while station.read(&at, &path("started"), 1).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            outcome = running => panic!("it ended: {outcome:?}"),
            () = started => {}
        }
    }
    let look = "import os\nprint(sum(b'1234' b'567' in open('/proc/%s/cmdline' % it, 'rb').read() for it in os.listdir('/proc') if it.isdigit()))";
    let gone = async {
        loop {
            let outcome = station.run(&at, &python(look)).await.unwrap();
            // A process that ends while it is looked at is looked at again.
            if outcome.exit_code == Some(0) && outcome.output == "0\n" {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.unwrap();
    station.remove(&at).await.unwrap();
}

pub(super) async fn print_within_bounds(station: &Station) {
    let at = station.make_place("printing").await.unwrap();
    let script = "import os\nwhile True: os.write(1, b'\\x1b]0;title\\x07\\x1b[31mred\\0\\n' * 1000)";
    let endless = station.run(&at, &python(script)).await.unwrap();
    assert_eq!(endless.ending, RunEnding::OutputLimit);
    assert!(endless.output.len() <= Limits::default().output_bytes + 100, "{}", endless.output.len());
    assert!(endless.output.starts_with("red\nred\n") && !endless.output.contains(['\u{1b}', '\0']));
    let script =
        "import os\nos.write(1, b'head')\nfor _ in range(30): os.write(1, b'x' * (1 << 20))\nos.write(2, b'tail')";
    let long = printed(station, &at, &python(script)).await;
    assert!(long.starts_with("headxxx") && long.ends_with("xxxtail") && long.contains("bytes left out"));
    station.remove(&at).await.unwrap();
}
