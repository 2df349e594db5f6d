# Builds the test programs: cargo and the options. What cargo says of them is in build.jsonl, which of them are wanted in targets.
reports=${0%/*}
. "$reports/settings.sh"
cargo=$1
shift
case ${1-} in
+*) cargo="$cargo $1"; shift ;;
esac
build() {
    {
        # shellcheck disable=SC2086
        $cargo test --no-run --message-format=json "$@" 2>&1 >&3 3>&-
        echo $? >"$reports/code"
    } 3>"$reports/build.jsonl" | tee "$reports/build.err" >&2
    return "$(cat "$reports/code")"
}
if [ -n "$narrow" ]; then
    eval "build \"\$@\" $narrow"
    code=$?
    if [ $code -eq 0 ]; then
        echo "$narrow" >"$reports/targets"
        exit 0
    fi
    grep -q 'no .*target' "$reports/build.err" || exit $code
fi
echo "$targets" >"$reports/targets"
eval "build \"\$@\" $targets"
