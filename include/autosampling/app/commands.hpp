// What the program can be asked for, one function a command.
#pragma once

#include "autosampling/base/error.hpp"
#include "autosampling/comm/communicator.hpp"
#include "autosampling/data/absent.hpp"
#include "autosampling/data/pack.hpp"
#include "autosampling/options/options.hpp"
#include "autosampling/record/run_directory.hpp"

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace autosampling {

// The command line of `run`, `replay` and `check`.
struct RunArguments {
    std::filesystem::path configuration; // a file; the run directory that is replayed
    std::vector<std::string> settings;   // section.key=value
    std::string output;                  // empty: run.output of the configuration
    Opening opening = Opening::fresh;
    // `check` alone: whether to time a batch here, and else how many examples a second a device trains (0: not said).
    bool measure = false;
    double rate = 0;
    std::optional<SetSizes> without_data; // likewise: the sizes of data that it plans for and doesn't read
};

// The population search. The configuration is read on the root alone. Collective. Throws Error.
ExitCode run_command(Communicator& comm, const RunArguments& arguments, const volatile std::sig_atomic_t& stop);
// One fresh model on what a run has learned. Collective. Throws Error.
ExitCode replay_command(Communicator& comm, const RunArguments& arguments, ReplayMode mode,
                        const volatile std::sig_atomic_t& stop);

// Local, without MPI; they print to standard output. Throw Error.
void check_command(const RunArguments& arguments);
void finish_command(const std::filesystem::path& run);
void history_command(const std::filesystem::path& run, std::int64_t every);
void pack_command(const PackOptions& options, const volatile std::sig_atomic_t& stop);
void info_command();

// Runs a collective action under MPI and returns the exit code. An error that all ranks share is said once, by the
// root, and MPI ends in order; any other ends the job by MPI_Abort with the error's code, after rank, host and cause
// were said.
ExitCode run_under_mpi(int argc, char** argv, const std::function<ExitCode(Communicator&)>& action);

} // namespace autosampling
