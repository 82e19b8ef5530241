// [run], [population], [hyperparameters], [record], [replay], and all options together.
#pragma once

#include "autosampling/base/log.hpp"
#include "autosampling/base/names.hpp"
#include "autosampling/comm/choose_transport.hpp"
#include "autosampling/data/options.hpp"
#include "autosampling/sampling/options.hpp"
#include "autosampling/training/options.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace autosampling {

struct RunOptions {
    std::uint64_t seed = 0;
    std::string output;       // run directory; --output goes before it
    std::int64_t threads = 1; // a rank
    Device device = Device::automatic;
    Precision precision = Precision::fp32;
    bool deterministic = false;       // on a GPU: only operations whose results repeat; a CPU's always do
    bool cuda_graphs = true;          // on a GPU: what is repeated there is recorded once
    double walltime = 0;              // seconds from the start after which the run stops at the end of a cycle; 0: none
    double collective_timeout = 1800; // seconds
    LogLevel log_level = LogLevel::info;
};

enum class SelectionRule { automatic, best, top_k, truncation, tournament, mean, none };
constexpr auto names_of(SelectionRule) {
    return std::array{"auto", "best", "top-k", "truncation", "tournament", "mean", "none"};
}

// On the reward set.
enum class Reward { accuracy, loss };
constexpr auto names_of(Reward) {
    return std::array{"accuracy", "loss"};
}

// Of the evaluations that rewards come from.
enum class RewardPrecision { automatic, fp32, bf16, fp16 };
constexpr auto names_of(RewardPrecision) {
    return std::array{"auto", "fp32", "bf16", "fp16"};
}

struct PopulationOptions {
    std::int64_t members = 0;                           // P; 0: one a rank
    std::int64_t cycle_batches = 20;                    // N_s
    SelectionRule selection = SelectionRule::automatic; // best; mean with policy search
    std::int64_t survivors = 2;                         // k, top-k only
    double fraction = 0.2;                              // of the members at either end, truncation only
    Reward reward = Reward::accuracy;
    RewardPrecision reward_precision = RewardPrecision::automatic;
    std::int64_t max_retries = 3;       // repetitions of a cycle in which no member is finite
    std::int64_t ranks_per_member = 1;  // g, ranks that train a member together, each a part of its batches
    std::int64_t members_at_once = 1;   // of a rank's members
    bool synchronise_statistics = true; // batch norm over the whole batch of a member, not over each rank's part
    TransportKind transport = TransportKind::automatic;
};

enum class Variation { none, factor, resample };
constexpr auto names_of(Variation) {
    return std::array{"none", "factor", "resample"};
}

// Jaderberg et al. (2017): factors 0.8 and 1.2; they leave the probability of resampling open, Ray Tune has 1/4.
struct HyperparameterOptions {
    Variation explore = Variation::none;
    std::int64_t interval_cycles = 0;                    // 0: where the distribution is re-estimated, or a round ends
    std::vector<double> factors = {0.8, 1.2};            // factor only
    double resample_probability = 0.25;                  // resample only, of each of the two
    std::vector<double> learning_rate_range = {0.1, 10}; // low, high: of the factor on training.learning_rate
    std::vector<double> weight_decay_range = {0.1, 10};  // likewise on training.weight_decay
};

struct RecordOptions {
    std::int64_t checkpoint_cycles = 0; // 0: by time alone
    double checkpoint_minutes = 10;     // 0: by cycles alone
    std::int64_t keep_checkpoints = 2;
    bool losses = false; // of the survivors' draws
};

enum class ReplayMode { none, exact, dynamic, fixed, policy };
constexpr auto names_of(ReplayMode) {
    return std::array{"none", "exact", "dynamic", "static", "policy"};
}

struct ReplayOptions {
    ReplayMode mode = ReplayMode::none;
    std::string source;      // the run directory that is replayed
    std::string identity;    // of that run, as identity_of gives it
    std::int64_t cycle = -1; // static: the distribution as learned from so many cycles; −1: from all
};

struct Options {
    RunOptions run;
    DataOptions data;
    ModelOptions model;
    TrainingOptions training;
    PopulationOptions population;
    HyperparameterOptions hyperparameters;
    ExplorationOptions exploration;
    SamplingOptions sampling;
    RecordOptions record;
    ReplayOptions replay;
};

// population.selection, what auto stands for included.
SelectionRule selection_of(const Options& options);
// population.reward_precision likewise.
Precision reward_precision_of(const Options& options);

} // namespace autosampling
