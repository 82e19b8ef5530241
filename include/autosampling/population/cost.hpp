// What a run takes of its devices' time.
#pragma once

#include "autosampling/data/absent.hpp"
#include "autosampling/population/plan.hpp"

#include <optional>
#include <string>

namespace autosampling {

// Of one device.
struct Speed {
    double step_seconds = 0;       // of training, a rank's part of a batch
    double evaluation_seconds = 0; // of Trainer::evaluation_batch examples
};

// What `check` is to say of a run's device hours.
struct CostQuestion {
    bool measure = false;                 // by timing a batch here
    double rate = 0;                      // else, by so many examples a second that a device trains; 0: nothing
    std::optional<SetSizes> without_data; // plans for a data set of such sizes, without reading it
};

// As it is here: the medians of a few steps and evaluations on this process's device, in the run's own way. Local.
Speed measure_speed(const Options& options, const Plan& plan, const Dataset& dataset, const Split& split);

// Of a device that trains so many examples a second. Evaluation takes a third of training's time: the forward pass.
Speed speed_at(double examples_per_second, const Options& options);

// Of all members: training, rewards and tests, without exchange, waiting and files.
double device_hours(const Options& options, const Plan& plan, const Speed& speed);

// The line for `check`.
std::string describe(const Options& options, const Plan& plan, const Speed& speed);

} // namespace autosampling
