# shellcheck shell=bash
# Sourced with PROFILE=debian: Debian or Ubuntu with their own packages, be it one machine or a small cluster. Nothing is
# to be loaded. Root, as in containers, has to allow itself to Open MPI.
if [[ $(id -u) == 0 ]]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
