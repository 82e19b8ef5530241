// The commands that train: one call.
#pragma once

#include "autosampling/base/log.hpp"
#include "autosampling/comm/communicator.hpp"
#include "autosampling/comm/transport.hpp"
#include "autosampling/options/options.hpp"
#include "autosampling/record/run_directory.hpp"

#include <csignal>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace autosampling {

class TeamExchange;
class Trainer;

// What tests do to a member after it was trained: (member, cycle, attempt, trainer).
using AfterTraining = std::function<void(std::int32_t, std::int64_t, int, Trainer&)>;

// What tests have in place of the carriers that the options choose, each where it isn't empty. Collective.
struct CarrierMakers {
    std::function<std::unique_ptr<Transport>(const Communicator&, AverageSize)> transport;
    std::function<std::unique_ptr<TeamExchange>(const Communicator& team)> team_exchange;
};

// Trains a population (a single member, or a replay: of one): loads the data, makes or resumes the run directory
// `options.run.output`, runs cycle by cycle, records, checkpoints, and makes run.h5 at the end. Every rank passes equal
// options. `stop` is set by a signal handler; one rank that has it is enough. `after_training` and
// `make_carriers` are for tests. Returns finished or stopped. Throws Error. Collective.
ExitCode run_population(const Communicator& comm, const Options& options, Opening opening,
                        const volatile std::sig_atomic_t& stop, Log& log, const AfterTraining& after_training = {},
                        const CarrierMakers& make_carriers = {});

} // namespace autosampling
