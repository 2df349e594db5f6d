# Runs the test programs that build.sh built, each through program.sh: cargo and the options.
reports=${0%/*}
cargo=$1
shift
case ${1-} in
+*) cargo="$cargo $1"; shift ;;
esac
. "$reports/settings.sh"
set_behind
mkdir -p "$reports/programs"
runner="target.'cfg(all())'.runner=['/bin/sh','$reports/program.sh']"
eval "$cargo test \"\$@\" $(cat "$reports/targets") --no-fail-fast --config \"\$runner\" -- $behind"
