# Starts one test program and keeps where it ran, how it ended, and whether `testing` came to its end: only then is the profile written.
folder=${0%/*}/programs/$$
mkdir -p "$folder"
pwd >"$folder/folder"
program=$1
shift
"$program" -test.mutexprofile="$folder/ended" -test.mutexprofilefraction=1000000 "$@"
code=$?
echo $code >"$folder/code"
exit $code
