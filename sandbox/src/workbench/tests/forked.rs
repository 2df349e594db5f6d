//! Candidates that are forked from a waiting pytest: what they can do to it, and what is said of their failures.

use super::*;

const TEST: &str = "from code_under import f\n\ndef test_f():\n    assert f(1) == 2\n";
const GOOD: &str = "def f(x):\n    return x + 1\n";
/// The processes beside this one: the waiting pytest, and the fork of it for the next request.
const SIBLINGS: &str = "import os\n\ndef siblings():\n    for name in os.listdir('/proc'):\n        if name.isdigit() and int(name) != os.getpid():\n            try:\n                parent = open('/proc/%s/stat' % name).read().rsplit(')')[-1].split()[1]\n            except OSError:\n                continue\n            if parent == str(os.getppid()):\n                yield int(name)\n\n";

/// A case in whose box a pytest waits.
async fn forked(bench: Option<Workbench>) -> Option<Case> {
    let Case { bench: usual, request } = pytest(&[]).await?;
    let mut case = Case { bench: bench.unwrap_or(usual), request };
    case.bench.put(vec![file("code_under.py", GOOD), file("test_f.py", TEST)]).await.unwrap();
    assert!(case.run().await.all_passed());
    assert!(case.with(&[over("code_under.py", &format!("{GOOD}#\n"))]).await.all_passed());
    Some(case)
}

#[tokio::test]
async fn a_candidate_that_stops_the_next_ones_process_gains_nothing() {
    let Some(mut case) = forked(None).await else { return };
    let stops = format!("{SIBLINGS}import signal\nfor it in siblings():\n    os.kill(it, signal.SIGSTOP)\n{GOOD}");
    let report = case.with(&[over("code_under.py", &stops)]).await;
    assert_eq!(report.results.len(), 1, "{report:#?}");
    for round in 0..2 {
        let report = case.with(&[over("code_under.py", &format!("{GOOD}# {round}\n"))]).await;
        assert!(report.all_passed(), "{report:#?}");
        let report = case.with(&[over("code_under.py", &format!("def f(x):\n    return {round}\n"))]).await;
        assert_eq!(find(&report, "test_f").status, TestStatus::Failed, "{report:#?}");
    }
}

/// The next candidate's process waits beside this one and must be out of its reach.
async fn closed(kind: BackendKind) {
    let Some(bench) = real(kind, Limits::default()).await else { return };
    let Some(mut case) = forked(Some(bench)).await else { return };
    let pries = format!(
        "{SIBLINGS}{GOOD}\nimport time\nuntil = time.monotonic() + 10\nwhile len(list(siblings())) < 2:\n    assert time.monotonic() < until, 'only one process waits'\nfor it in siblings():\n    for place, how in (('mem', 'r+b'), ('environ', 'rb')):\n        try:\n            open('/proc/%d/%s' % (it, place), how)\n        except OSError:\n            continue\n        raise SystemExit('%s can be opened' % place)\n    try:\n        os.listdir('/proc/%d/fd' % it)\n    except OSError:\n        continue\n    raise SystemExit('its descriptors can be listed')\n"
    );
    for _ in 0..3 {
        let report = case.with(&[over("code_under.py", &pries)]).await;
        assert!(report.all_passed(), "{kind}: {report:#?}");
    }
    case.bench.close().await.unwrap();
}

#[tokio::test]
async fn waiting_processes_are_closed_in_process_boxes() {
    closed(BackendKind::Process).await;
}

#[tokio::test]
async fn waiting_processes_are_closed_in_docker_boxes() {
    closed(BackendKind::Docker).await;
}

#[tokio::test]
async fn failures_are_explained_by_their_own_frames() {
    let Some(mut case) = forked(None).await else { return };
    let chained = "def inner(x):\n    raise KeyError('deep')\n\ndef f(x):\n    try:\n        inner(x)\n    except KeyError as error:\n        raise ValueError('outer') from error\n";
    let report = case.with(&[over("code_under.py", chained)]).await;
    for part in [
        "line 2, in inner\n    raise KeyError('deep')\nKeyError: 'deep'\n",
        "direct cause",
        "in test_f\n    assert f(1) == 2\n",
        "in f\n    raise ValueError('outer') from error\nValueError: outer\n",
        "FAILED test_f.py::test_f - ValueError: outer",
    ] {
        assert!(report.output.contains(part), "{part:?} in {}", report.output);
    }
    let report = case.with(&[over("code_under.py", "def f(x):\n    return f(x)\n")]).await;
    assert!(report.output.contains("frames left out") && report.output.len() < 10_000, "{}", report.output);
    let broken = case.with(&[over("code_under.py", "def f(x:\n")]).await;
    assert!(matches!(broken.ending, RunEnding::CollectionFailed { .. }), "{broken:#?}");
    assert!(broken.output.contains("from code_under import f") && broken.output.contains("SyntaxError"));
    let group = "def f(x):\n    raise ExceptionGroup('many', [ValueError('one'), KeyError('two')])\n";
    let report = case.with(&[over("code_under.py", group)]).await;
    // Python has them since 3.11; before, the name is not known.
    assert!(report.output.contains("two") || report.output.contains("NameError"), "{}", report.output);
    for output in [&report.output, &broken.output] {
        // Neither frames of the machinery, nor what it printed when it was loaded.
        assert!(!output.contains("importlib") && !output.contains("passed in"), "{output}");
    }
}

#[tokio::test]
async fn a_text_that_cannot_be_made_does_not_hide_the_failure() {
    let Some(mut case) = forked(None).await else { return };
    let mute = "class Mute(Exception):\n    def __str__(self):\n        raise RuntimeError('no text')\n\ndef f(x):\n    raise Mute()\n";
    let report = case.with(&[over("code_under.py", mute)]).await;
    assert_eq!(statuses(&report), [("test_f.py::test_f", TestStatus::Failed)], "{report:#?}");
    assert!(report.ending == RunEnding::Complete, "{report:#?}");
}
