#include "autosampling/comm/mpi_environment.hpp"

#include "autosampling/comm/communicator.hpp"

#include <array>
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <unistd.h>

namespace autosampling {
namespace {

// The number that an environment variable holds, 0 without one.
long number_in(const char* variable) {
    const char* value = std::getenv(variable);
    return value == nullptr ? 0 : std::strtol(value, nullptr, 10);
}

// The variables in which a launcher tells a process of how many it is which. They reach whatever that process starts,
// too. PMI_SIZE says nothing without the connection over which such a launcher talks with the processes it started.
struct Launcher {
    const char* size;
    const char* rank;
    bool needs_connection;
};
constexpr std::array launchers{Launcher{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", false},
                               Launcher{"PMI_SIZE", "PMI_RANK", true},
                               Launcher{"SLURM_STEP_NUM_TASKS", "SLURM_PROCID", false}};

bool pmi_is_connected() {
    return std::getenv("PMI_PORT") != nullptr ||
           (std::getenv("PMI_FD") != nullptr && ::fcntl(static_cast<int>(number_in("PMI_FD")), F_GETFD) >= 0);
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
    // `mpirun -n 1` inside a larger allocation is one job of one rank.
    if (size != 1 || number_in("OMPI_COMM_WORLD_SIZE") == 1 || number_in("PMI_SIZE") == 1) return;
    for (const Launcher& launcher : launchers) {
        const long processes = number_in(launcher.size);
        if (processes <= 1 || (launcher.needs_connection && !pmi_is_connected())) continue;
        const bool surely = launcher.needs_connection || number_in("SLURM_TASK_PID") == ::getpid();
        VALIDATE(!surely || number_in(launcher.rank) == 0, ExitCode::usage, ""); // the first process says it
        throw Error(
            ExitCode::usage,
            text("the launcher started ", processes, " processes that MPI does not see as one job (", launcher.size,
                 " = ", processes, ", MPI size 1): use the launcher of the MPI that autosampling ",
                 "was built with, or srun --mpi=pmix; or, where no launcher started it, unset ", launcher.size));
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
