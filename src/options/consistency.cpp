#include "autosampling/options/configuration.hpp"
#include "autosampling/base/error.hpp"
#include "autosampling/data/dataset.hpp"

#include <algorithm>
#include <functional>

namespace autosampling {

namespace {

template<class... Words>
void require(bool condition, const Words&... words) {
    VALIDATE(condition, ExitCode::usage, words...);
}

void check_data(const DataOptions& data) {
    require(!is_read_from_files(data.name) || !data.path.empty(), "data.path is missing (data.name = ", data.name,
            " is read from files): give the folder that holds them, for instance by --set data.path=FOLDER");
}

void check_training(const TrainingOptions& training) {
    require(!training.nesterov || training.momentum > 0,
            "training.nesterov is true (training.momentum is 0): give a momentum, or nesterov = false");
    require(training.schedule != RateSchedule::one_cycle || training.warmup_epochs == 0, "training.warmup_epochs is ",
            training.warmup_epochs, " (schedule = one-cycle has its own warm-up): set it to 0");
    require(training.warmup_epochs < training.epochs, "training.warmup_epochs is ", training.warmup_epochs,
            " (training.epochs is ", training.epochs, "): give a warm-up that is shorter than the run");
    if (training.schedule != RateSchedule::step) return;
    require(!training.milestones.empty(),
            "training.milestones is empty (schedule = step changes the rate there): give some, or schedule = constant");
    require(std::ranges::adjacent_find(training.milestones, std::greater_equal{}) == training.milestones.end(),
            "training.milestones don't ascend (each is one more step in time): give them in order, each once");
}

void check_exploration(const ExplorationOptions& exploration) {
    require(exploration.interval_epochs == 0 || exploration.interval_cycles == 0,
            "exploration.interval_epochs = ", exploration.interval_epochs,
            " and exploration.interval_cycles = ", exploration.interval_cycles,
            " exclude each other (both say when to explore): set one of them to 0");
    const auto goes_with = [&](const char* key, std::int64_t cycles, const char* counts) {
        require((cycles > 0) == (exploration.counts == counts), "exploration.", key, " is ", cycles,
                " (exploration.counts is ", exploration.counts, "): ", key, " of at least 1 and counts = ", counts,
                " go together");
    };
    goes_with("window_cycles", exploration.window_cycles, "window");
    goes_with("half_life_cycles", exploration.half_life_cycles, "decay");
}

void check_hyperparameters(const HyperparameterOptions& hyper) {
    require(!hyper.factors.empty(), "hyperparameters.factors is empty: give what to multiply by, such as [0.8, 1.2]");
    const auto check_range = [](const char* key, const std::vector<double>& range) {
        require(range.size() == 2 && range[0] <= range[1], "hyperparameters.", key,
                " must be two numbers in order: give the lowest and the highest factor, such as [0.1, 10]");
        require(range[0] <= 1 && range[1] >= 1, "hyperparameters.", key, " is ", range[0], " to ", range[1],
                " (without 1, which is [training]'s own value): choose training.learning_rate and weight_decay within "
                "the range");
    };
    check_range("learning_rate_range", hyper.learning_rate_range);
    check_range("weight_decay_range", hyper.weight_decay_range);
}

void check_replay(const ReplayOptions& replay) {
    require(replay.cycle < 0 || replay.mode == ReplayMode::fixed, "replay.cycle is ", replay.cycle, " (replay.mode is ",
            replay.mode, "): only a static replay takes the distribution of a cycle");
}

} // namespace

void check_consistency(const Options& options) {
    check_data(options.data);
    check_training(options.training);
    check_exploration(options.exploration);
    check_hyperparameters(options.hyperparameters);
    check_replay(options.replay);
}

} // namespace autosampling
