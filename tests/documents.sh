#!/usr/bin/env bash
# tests/documents.sh PROGRAM: runs the commands that README.md and INSTALL.md show, line by line, in a folder of its own
# with a space in its name, or says which test does. A command that this script doesn't know is a failure.
set -euo pipefail
program=$1
top=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/documents test.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd -- "$work"
ln -s "$top/jobs" jobs
ln -s "$top/tests" tests
mkdir bin && ln -s "$program" bin/autosampling
export PATH=$work/bin:$PATH OMP_NUM_THREADS=1
if [ "$(id -u)" = 0 ]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
mpirun() { command mpirun --oversubscribe --bind-to none "$@"; }

# Stands for data that can't be had here: CIFAR-10's commands run on a small synthetic set.
small=(--set data.name=synthetic --set data.synthetic_images=600 --set training.batch_size=16 --set population.members=2
    --set population.cycle_batches=2 --set training.epochs=1 --set exploration.first_epoch=0)

failures=0
unknown() {
    printf 'UNKNOWN in %s: %s\n' "$1" "$2"
    failures=$((failures + 1))
}

# What to do with a documented line: run it, run it on less, or name the test that runs it.
obey() {
    local document=$1 line=${2%%#*}
    line=${line%"${line##*[![:space:]]}"}
    case $line in
    '' | 'export PATH='* | 'export LibTorch_ROOT='*) ;;
    'module load '*) ;; # a cluster's
    'bash jobs/quickstart.sh') ;; # e2e.quickstart
    'bash tests/run.sh'* | 'bash jobs/setup.sh'* | 'cmake --preset release'* | 'cmake --build --preset release') ;; # this run
    'cmake --preset cuda' | 'cmake --build --preset cuda') ;; # tests/run.sh --cuda, but for its options
    'cmake --install '*) ;; # e2e.install
    'bash tests/format.sh --fix' | 'bash tests/python.sh --fix') ;; # style.format, style.python
    'bash jobs/get-data.sh cifar10') ;; # data.get_data
    'mpirun -n 2 autosampling run jobs/configs/arrays.toml '* | 'autosampling pack '*) ;; # e2e.own_data
    'sbatch '* | 'LAUNCHER=mpirun '* | 'qsub '* | 'CONFIG=my.toml DIR=runs/first bsub '* | 'flux batch '*) ;; # e2e.slurm, e2e.schedulers
    '.venv/bin/autosampling-analyse report run-quickstart --output report') ;; # below
    *'autosampling info') run autosampling info ;;
    'autosampling defaults'*) run autosampling defaults ;;
    'autosampling check jobs/configs/cifar10-resnet8.toml') run ${line} "${small[@]}" ;;
    'mpirun -n 2 autosampling run jobs/configs/cifar10-resnet8.toml --output runs/cifar10') run ${line} "${small[@]}" ;;
    'mpirun -n 1 autosampling replay runs/cifar10 '*) run ${line} ;;
    'autosampling history runs/cifar10') run ${line} ;;
    'bash jobs/compare.sh jobs/configs/mnist-noisy.toml '*) ;; # e2e.compare
    'RANKS='*' jobs/scaling/'* | 'autosampling-analyse scaling '*) ;; # e2e.scaling
    *) unknown "$document" "$line" ;;
    esac
}

run() {
    if "$@" >output.log 2>&1 </dev/null; then
        printf 'ok: %s\n' "$*"
    else
        printf 'FAILED (%s): %s\n' "$?" "$*"
        tail -n 5 output.log
        failures=$((failures + 1))
    fi
}

for document in README.md INSTALL.md; do
    while IFS= read -r line; do obey "$document" "$line"; done \
        < <(awk '/^```/ { plain = !fenced && $0 == "```"; fenced = !fenced; next } plain' "$top/$document" |
            grep -v -E '^ |\||->|^$')
done

# README's way to read a record, on the run above.
mkdir -p run-quickstart && cp runs/cifar10/run.h5 run-quickstart/
awk '/^```python/ { inside = 1; next } /^```/ { inside = 0 } inside' "$top/README.md" >read.py
run "$top/.venv/bin/python3" read.py
run "$top/.venv/bin/autosampling-analyse" report run-quickstart --output report

# The exit codes of README.md are those of the help.
codes() { awk '/^(\| exit code|Exit codes:)/ { inside = 1; next } inside && !/^[| ] / { exit } inside && $0 ~ /[0-9]/ { sub(/^[| ]+/, ""); print $1 }'; }
if ! diff <(codes <"$top/README.md") <(autosampling --help | codes); then
    printf 'README.md has other exit codes than the help\n'
    failures=$((failures + 1))
fi

if ((failures > 0)); then exit 1; fi
