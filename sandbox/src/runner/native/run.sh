# Runs a test program with a report of its own. Usage: run.sh REPORTS PROGRAM [ARGUMENT…]
# Which framework it is made with is asked of the program itself.
reports=$1
shift
brief=$(command -v timeout >/dev/null 2>&1 && echo "timeout 20" || true)
help=$($brief "$1" --help 2>/dev/null </dev/null | head -c 65536 | tr -d '\0')
case $help in
*gtest_output*)
    [ -f "$reports/gtest-filter" ] && set -- "$@" "--gtest_filter=$(cat "$reports/gtest-filter")"
    exec "$@" "--gtest_output=xml:$reports/gtest.xml"
    ;;
*"Catch v"* | *"Catch2 v"*)
    [ -f "$reports/catch2-names" ] && set -- "$@" --input-file "$reports/catch2-names"
    exec "$@" --reporter xml --out "$reports/catch2.xml" --durations yes
    ;;
*)
    : >"$reports/plain"
    exec "$@"
    ;;
esac
