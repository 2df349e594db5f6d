//! Commands that attack what looks after them.

use super::*;

/// Looks for what no command may see. The canary is a variable of the process that started the box; it must not be spelled out here.
const LOOK: &str = "
import os
canary = b'CARGO_PKG_' b'NAME'
found = []
for pid in [name for name in os.listdir('/proc') if name.isdigit()]:
    for part in ['environ', 'cmdline', 'maps']:
        try:
            with open('/proc/%s/%s' % (pid, part), 'rb') as file:
                if canary in file.read(1 << 20): found.append((pid, part))
        except OSError: pass
    if int(pid) == os.getpid(): continue
    # Of the helper, its keepers and whatever else is in the box nothing can be opened.
    for part in ['fd', 'environ', 'mem', 'maps', 'cwd', 'root']:
        path = '/proc/%s/%s' % (pid, part)
        try: found.append((path, os.listdir(path) if part in ('fd', 'cwd', 'root') else open(path, 'rb').close()))
        except OSError: pass
known = {'PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ', 'USER', 'HOSTNAME', 'PWD', 'LC_CTYPE'}
found += sorted(set(os.environ) - known)
descriptors = sorted(int(name) for name in os.listdir('/proc/self/fd'))
print(found, descriptors[:3], len(descriptors))
";

pub(super) async fn nothing_of_this_machine_is_in_sight(station: &Station) {
    assert!(std::env::var_os("CARGO_PKG_NAME").is_some());
    let at = station.make_place("look").await.unwrap();
    // The fourth is the listing itself.
    assert_eq!(printed(station, &at, &python(LOOK)).await, "[] [0, 1, 2] 4\n");
    station.remove(&at).await.unwrap();
}

/// Whatever a command makes of `.git`, the station neither reads it nor sends it.
pub(super) async fn a_repository_of_its_own_is_not_looked_at(station: &Station) {
    let at = station.make_place("repository").await.unwrap();
    let mark = station.mark(&at).await.unwrap();
    let script = "mkdir -p .git/hooks sub/.git objects refs; echo '[core] fsmonitor = touch /tmp/owned' > .git/config; \
        printf '#!/bin/sh\\ntouch /tmp/owned' > .git/hooks/post-checkout; chmod +x .git/hooks/post-checkout; \
        echo 'gitdir: /etc' > sub/.git/x; echo 'ref: x' > HEAD; ln -s / .git/root";
    printed(station, &at, &shell(script)).await;
    let changes = station.changes(&at, &mark, 100).await.unwrap();
    assert_eq!(changes.files.iter().map(|it| it.path.to_string()).collect::<Vec<_>>(), ["HEAD"]);
    assert_eq!(printed(station, &at, &shell("ls /tmp/owned 2>/dev/null || echo none")).await, "none\n");
    station.remove(&at).await.unwrap();
}

/// A command can kill what looks after it, as it runs as the same user; then there is no result, and no further one from that box.
pub(super) async fn killing_the_helper_is_no_result(subject: &Subject) {
    let helper = "import os, signal\n\
        for pid in [name for name in os.listdir('/proc') if name.isdigit()]:\n\
        \x20   try: ours = open('/proc/%s/cmdline' % pid, 'rb').read().startswith(b'/patchwright/station')\n\
        \x20   except OSError: continue\n\
        \x20   if ours and int(pid) != os.getppid(): os.kill(int(pid), 9)\n\
        print('passed')";
    for attack in ["import os; os.kill(os.getppid(), 9); print('passed')", "import os; os.kill(-1, 9)", helper] {
        let station = subject.start().await;
        let at = station.make_place("x").await.unwrap();
        let outcome = station.run(&at, &python(attack)).await.unwrap();
        if attack == helper && station.is_alive() {
            // Where the helper is the first process of its namespace nobody in it can kill it, and nothing has happened.
            assert_eq!((outcome.ending, outcome.output.as_str()), (RunEnding::Complete, "passed\n"));
            assert_eq!(printed(&station, &at, &shell("echo well")).await, "well\n");
            station.close().await.unwrap();
            continue;
        }
        let is_attack = matches!(outcome.ending, RunEnding::Crashed { .. } | RunEnding::Tampered { .. });
        assert!(is_attack && outcome.exit_code.is_none(), "{attack}: {outcome:?}");
        assert!(!station.is_alive());
        station.run(&at, &shell("true")).await.unwrap_err();
        station.read(&at, &path("x"), 1).await.unwrap_err();
        station.close().await.unwrap();
    }
}

pub(super) async fn a_fork_bomb_is_ended(subject: &Subject) {
    let limits = Limits { processes: 64, ..Limits::default() };
    let station = Station::start(subject.backend.as_ref(), &subject.spec(limits)).await.unwrap();
    let at = station.make_place("x").await.unwrap();
    let bomb = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass";
    let request = CommandRequest { total: Duration::from_secs(4), ..python(bomb) };
    let outcome = station.run(&at, &request).await.unwrap();
    assert!(matches!(outcome.ending, RunEnding::ProcessLimit | RunEnding::TotalTimeout), "{outcome:?}");
    // The station survives, and everything of the bomb is dead.
    let count = "import os\nprint(sum(name.isdigit() for name in os.listdir('/proc')))";
    let count: usize = printed(&station, &at, &python(count)).await.trim().parse().unwrap();
    assert!(count < 10, "{count} processes are left");
    station.close().await.unwrap();
}
