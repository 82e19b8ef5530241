// What a population works with.
#pragma once

#include "autosampling/base/log.hpp"
#include "autosampling/comm/communicator.hpp"
#include "autosampling/comm/transport.hpp"
#include "autosampling/options/options.hpp"
#include "autosampling/population/feed.hpp"
#include "autosampling/population/plan.hpp"
#include "autosampling/population/progress.hpp"
#include "autosampling/population/recorder.hpp"
#include "autosampling/population/run.hpp"
#include "autosampling/sampling/sampler.hpp"
#include "autosampling/training/lanes.hpp"

#include <chrono>
#include <optional>

namespace autosampling {

// All of it outlives the population. `options` resolved, equal on all ranks.
struct Context {
    Communicator& comm;
    Communicator& team; // the ranks that train members together with this one; the trainer's, too
    const Options& options;
    const Plan& plan;
    Lanes& lanes; // where its members are trained
    Sampler& sampler;
    Feed& feed; // the sampler's, but in a replay or with another rule
    Transport& transport;
    Recorder& recorder;
    Progress& progress;
    Log& log;
    std::optional<std::chrono::steady_clock::time_point> wall; // when this job must have ended its cycles
    const AfterTraining& after_training;

    // For what is done with one network.
    Trainer& trainer() const { return lanes.first(); }
};

} // namespace autosampling
