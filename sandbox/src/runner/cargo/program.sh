# Runs one test program: the program, its arguments.
# `list` has the names of its tests, `log` what libtest says of them, `again` what came of those that the first run left out.
. "${0%/*}/start.sh"
folder=$reports/programs/$$
mkdir -p "$folder"
echo "$source" >"$folder/source"

# A harness of its own: one test, judged by the exit code.
if ! is_libtest; then
    if [ -f "$reports/select.txt" ] && ! grep -qxF "$source" "$reports/select.txt"; then
        rm -rf "$folder"
        exit 0
    fi
    { limited "$each" "$program" "$@" 2>&1; echo $? >"$folder/own"; } | tee "$folder/out"
    exit "$(cat "$folder/own")"
fi

options=$*
if [ -f "$reports/select.txt" ]; then
    wanted >"$folder/wanted"
    if ! [ -s "$folder/wanted" ]; then
        rm -rf "$folder"
        exit 0
    fi
    set -- "$@" --exact
    while IFS= read -r name; do set -- "$@" "$name"; done <"$folder/wanted"
fi
"$program" "$@" --list --format terse 2>/dev/null | sed -n 's/: test$//p' >"$folder/list"
count=$(wc -l <"$folder/list")
{
    limited $((each * (1 + count / 10))) "$program" "$@" --logfile "$folder/log" 2>&1
    echo $? >"$folder/code"
} | tee "$folder/out"
code=$(cat "$folder/code")
[ -f "$folder/log" ] || exit "$code"
sed 's/.* //' "$folder/log" | sort >"$folder/seen"
sort "$folder/list" | comm -23 - "$folder/seen" | head -n 200 >"$folder/missing"
number=0
while IFS= read -r name; do
    number=$((number + 1))
    # shellcheck disable=SC2086
    limited "$each" "$program" $options --exact "$name" --logfile "$folder/log-$number" >"$folder/out-$number" 2>&1
    echo "$? $number $name" >>"$folder/again"
done <"$folder/missing"
exit "$code"
