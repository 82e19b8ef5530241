# shellcheck shell=bash
# Sourced with PROFILE=cray-ex: a Cray EX (Slingshot network, Cray MPICH, Slurm), with the GNU compilers. Names and
# versions differ from site to site: `module avail` tells them.
module load PrgEnv-gnu cray-hdf5 cray-python

# Cray MPICH comes with its own PMI: no --mpi=pmix.
LAUNCHER=${LAUNCHER:-srun --mpi=cray_shasta --kill-on-bad-exit=1 --cpu-bind=cores --cpus-per-task=${SLURM_CPUS_PER_TASK:-1}}

export FI_CXI_RX_MATCH_MODE=${FI_CXI_RX_MATCH_MODE:-hybrid} # hardware alone can run out of entries
