# Read first by what stands between cargo and a test program: takes the program off the arguments and finds its source file.
reports=${0%/*}
. "$reports/settings.sh"
program=$1
shift
source=$(grep -F "\"executable\":\"$program\"" "$reports/build.jsonl" | sed -n 's/.*"src_path":"\([^"]*\)".*/\1/p' | head -n 1)
source=${source#"$root"/}

limited() {
    limit=$1
    shift
    if command -v timeout >/dev/null 2>&1; then timeout -k 2 "$limit" "$@"; else "$@"; fi
}

is_libtest() {
    grep -aq RUST_TEST_THREADS "$program"
}

# The names of the selected tests that are in this program.
wanted() {
    while IFS= read -r id; do
        case $id in "$source::"*) printf '%s\n' "${id#"$source::"}" ;; esac
    done <"$reports/select.txt"
}
