#!/usr/bin/env bash
# Jobs of a run, and a replay, that use other instructions of the processor: it is said, and it stands in the record. So
# does how a job was started.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
need_python

train 2 "$work/run" --set training.epochs=2
grep -q 'computes\? with' "$work/run.log" && fail "a job on one kind of processor is warned of"
ATEN_CPU_CAPABILITY=default expect 0 'warning: this job computes with .*, DEFAULT, those before it with ' \
    mpi 2 run "$small" --output "$work/run" --resume --set training.epochs=3
LOADEDMODULES="gcc/12:it's" SLURM_JOB_ID=17 SLURM_JWT=secret ONEDNN_MAX_CPU_ISA=SSE41 expect 0 'warning: the replay computes with .*ONEDNN_MAX_CPU_ISA=SSE41, the run did with .*DEFAULT' \
    mpi 1 replay "$work/run" --exact --output "$work/again"
"$python" - "$work/run/run.h5" <<'EOF' || fail "the record doesn't say what the jobs computed with"
import h5py, sys
with h5py.File(sys.argv[1]) as run:
    capability = run["processor_capability"].asstr()[...]
    print(capability, run["processor_link"][...])
    sys.exit(not (list(run["processor_link"]) == [0, 1] and list(run["processor_ranks"]) == [2, 2]
                  and capability[0] != capability[1] and "family" in run["processor_cpu"].asstr()[0]))
EOF
"$python" - "$work/again/run.h5" "$program replay '$work/run' --exact --output '$work/again'" "${mpirun[*]} -n 1" <<'EOF' ||
import h5py, sys
with h5py.File(sys.argv[1]) as run:
    program, launcher = run["command"].asstr()[...]
    environment = set(run["environment"].asstr()[...])
    print(program, launcher, environment)
    sys.exit(not (program == sys.argv[2] and launcher == f"{sys.argv[3]} {sys.argv[2]}"
                  and {"LOADEDMODULES=gcc/12:it's", "SLURM_JOB_ID=17", "OMP_NUM_THREADS=1"} <= environment
                  and "secret" not in str(environment)))
EOF
    fail "the record doesn't say how the replay was started"
