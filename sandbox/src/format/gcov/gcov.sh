# Turns what an instrumented run recorded into gcov's JSON. Usage: gcov.sh ROOT REPORT
command -v gcov >/dev/null 2>&1 || { echo "gcov is not installed"; exit 1; }
find "$1" -name '*.gcda' -type f -print0 | xargs -0 -r gcov --json-format --stdout >"$2"
