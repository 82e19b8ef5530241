// Start and end of MPI, as the life of an object.
#pragma once

#include <string>

namespace autosampling {

// Calls MPI_Init_thread where MPI isn't started yet (serialized: on a GPU the backward pass, whose batch norm may
// communicate, has a thread of its own), and then MPI_Finalize at the end of its life.
class MpiEnvironment {
  public:
    MpiEnvironment(int& argc, char**& argv);
    ~MpiEnvironment();
    MpiEnvironment(const MpiEnvironment&) = delete;
    MpiEnvironment& operator=(const MpiEnvironment&) = delete;

  private:
    bool owner_ = false;
};

// Throws Error(usage) when a launcher started several processes that MPI doesn't see as one job: the step's or the
// launcher's own size (SLURM_STEP_NUM_TASKS, PMI_SIZE, OMPI_COMM_WORLD_SIZE) is > 1 while `size` is 1, and no launcher
// inside speaks of one process. The message is empty where another of those processes surely says it. Local.
void refuse_singletons(int size);

// Name and version of the MPI library. Local; before MPI starts, too.
std::string mpi_version();

} // namespace autosampling
