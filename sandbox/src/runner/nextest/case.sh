# Lists the tests of one test program, or runs one of them, for nextest: the program, its arguments.
# nextest takes an exit code of 0 for a pass; here the pass must stand in libtest's log as well. `cases` has a line for each test that
# ran: exit code, source file and name, with tabs between them; and one for each that is marked as ignored, with that word as its code.
. "${0%/*}/start.sh"
libtest=$reports/libtest-${program##*/}
case " $* " in
*" --list "*)
    is_libtest && : >"$libtest"
    listed=$reports/listed-$$
    "$program" "$@" >"$listed" || exit
    if [ -f "$reports/select.txt" ]; then
        wanted | sed 's/$/: test/' | grep -xF -f - "$listed" >"$listed-wanted"
        mv "$listed-wanted" "$listed"
    fi
    case " $* " in
    *" --ignored "*)
        sed -n 's/: test$//p' "$listed" | while IFS= read -r name; do
            printf 'ignored\t%s\t%s\n' "$source" "$name"
        done >>"$reports/cases"
        ;;
    esac
    cat "$listed"
    rm -f "$listed"
    exit 0
    ;;
esac

name=$2
log=$reports/log-$$
[ -f "$libtest" ] && set -- "$@" --logfile "$log"
limited "$each" "$program" "$@"
code=$?
printf '%s\t%s\t%s\n' "$code" "$source" "$name" >>"$reports/cases"
if [ -f "$libtest" ] && [ "$code" -eq 0 ] && ! grep -qxF "ok $name" "$log" 2>/dev/null; then
    code=70
fi
rm -f "$log"
exit "$code"
