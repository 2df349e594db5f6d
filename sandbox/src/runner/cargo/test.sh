# Runs the test programs that build.sh built, each through program.sh, or by nextest through case.sh: cargo and the options.
reports=${0%/*}
cargo=$1
shift
case ${1-} in
+*) cargo="$cargo $1"; shift ;;
esac
. "$reports/settings.sh"
set_behind
mkdir -p "$reports/programs"
between="target.'cfg(all())'.runner=['/bin/sh','$reports/$between']"
options="$(cat "$reports/targets") --no-fail-fast --config \"\$between\""
if [ "$verb" = test ]; then
    eval "$cargo test \"\$@\" $options -- $behind"
else
    export NEXTEST_EXPERIMENTAL_LIBTEST_JSON=1
    eval "$cargo nextest run \"\$@\" $options --retries 0 --message-format libtest-json-plus -- $behind" >"$reports/events.jsonl"
fi
