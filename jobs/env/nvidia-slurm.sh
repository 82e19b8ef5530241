# shellcheck shell=bash
# Sourced with PROFILE=nvidia-slurm: a Slurm cluster of NVIDIA GPUs with Open MPI. Take one rank a GPU, as with
#
#   PROFILE=nvidia-slurm sbatch --gpus-per-node=4 --ntasks-per-node=4 --cpus-per-task=8 jobs/slurm.sh CONFIG DIR
module load gcc openmpi hdf5 boost

# Every rank sees all GPUs of its node and takes the one of its number there; the cores of a rank lie side by side.
LAUNCHER=${LAUNCHER:-srun --mpi=pmix --kill-on-bad-exit=1 --gpu-bind=none --cpu-bind=cores --cpus-per-task=${SLURM_CPUS_PER_TASK:-1}}
