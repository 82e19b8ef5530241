#!/usr/bin/env bash
# Jobs of a run, and a replay, that use other instructions of the processor: it is said, and it stands in the record.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
need_python

train 2 "$work/run" --set training.epochs=2
grep -q 'computes\? with' "$work/run.log" && fail "a job on one kind of processor is warned of"
ATEN_CPU_CAPABILITY=default expect 0 'warning: this job computes with .*, DEFAULT, those before it with ' \
    mpi 2 run "$small" --output "$work/run" --resume --set training.epochs=3
ONEDNN_MAX_CPU_ISA=SSE41 expect 0 'warning: the replay computes with .*ONEDNN_MAX_CPU_ISA=SSE41, the run did with .*DEFAULT' \
    mpi 1 replay "$work/run" --exact --output "$work/again"
"$python" - "$work/run/run.h5" <<'EOF' || fail "the record doesn't say what the jobs computed with"
import h5py, sys
with h5py.File(sys.argv[1]) as run:
    capability = run["processor_capability"].asstr()[...]
    print(capability, run["processor_link"][...])
    sys.exit(not (list(run["processor_link"]) == [0, 1] and list(run["processor_ranks"]) == [2, 2]
                  and capability[0] != capability[1] and "family" in run["processor_cpu"].asstr()[0]))
EOF
