#include "autosampling/comm/mpi_environment.hpp"

#include "autosampling/comm/communicator.hpp"

#include <array>
#include <cstdlib>
#include <exception>

namespace autosampling {
namespace {

// The number that an environment variable holds, 0 without one.
long number_in(const char* variable) {
    const char* value = std::getenv(variable);
    return value == nullptr ? 0 : std::strtol(value, nullptr, 10);
}

} // namespace

MpiEnvironment::MpiEnvironment(int& argc, char**& argv) {
    int started = 0;
    check_mpi(MPI_Initialized(&started), "MPI_Initialized");
    if (started != 0) return;
    int provided = 0;
    check_mpi(MPI_Init_thread(&argc, &argv, MPI_THREAD_SERIALIZED, &provided), "MPI_Init_thread");
    owner_ = true;
    VALIDATE(provided >= MPI_THREAD_SERIALIZED, ExitCode::failure,
             "this MPI allows no threads (MPI_THREAD_SERIALIZED is missing): use an MPI built with threads");
}

MpiEnvironment::~MpiEnvironment() {
    // An exception of this rank alone would leave MPI_Finalize waiting for the others for ever.
    if (owner_ && std::uncaught_exceptions() == 0) MPI_Finalize();
}

void refuse_singletons(int size) {
    constexpr const char* open_mpi = "OMPI_COMM_WORLD_SIZE";
    // `mpirun -n 1` inside a larger allocation is one job of one rank.
    if (size != 1 || number_in(open_mpi) == 1) return;
    for (const char* variable : {open_mpi, "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}) {
        VALIDATE(number_in(variable) <= 1, ExitCode::usage, "the launcher started ", number_in(variable),
                 " processes that MPI does not see as one job (", variable, " = ", number_in(variable),
                 ", MPI size 1): use the launcher of the MPI that autosampling was built with, or srun --mpi=pmix");
    }
}

std::string mpi_version() {
    std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> words{};
    int length = 0;
    MPI_Get_library_version(words.data(), &length);
    const std::string all(words.data());
    return all.substr(0, all.find_first_of(",\n"));
}

} // namespace autosampling
