// [training] and [model]: how one member is trained.
#pragma once

#include "autosampling/base/names.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace autosampling {

enum class Device { automatic, cpu, cuda };
constexpr auto names_of(Device) {
    return std::array{"auto", "cpu", "cuda"};
}

enum class Precision { fp32, bf16, fp16 };
constexpr auto names_of(Precision) {
    return std::array{"fp32", "bf16", "fp16"};
}

// Of the learning rate.
enum class RateSchedule { constant, step, cosine, one_cycle };
constexpr auto names_of(RateSchedule) {
    return std::array{"constant", "step", "cosine", "one-cycle"};
}

struct ModelOptions {
    std::string name = "resnet20";        // one of network_names(), or torchscript:FILE
    std::string init;                     // state file that the weights start from; empty: random
    bool save_memory = false;             // densenets: concatenations are made again for the backward pass, not kept
    std::int64_t null_parameters = 10000; // null: its parameters, rounded up to a multiple of the outputs
    double null_seconds = 0;              // null: how long a training batch takes
    double null_jitter = 0;               // null: standard deviation of that, as a part of it
    std::string hash;                     // of a TorchScript file, as script_hash gives it; empty: not known, or none
};

struct TrainingOptions {
    double epochs = 240;
    std::int64_t batch_size = 128; // B, images a member
    double learning_rate = 0.1;    // the highest, after warm-up
    double momentum = 0.9;
    bool nesterov = false;
    double weight_decay = 5e-4;
    double label_smoothing = 0;
    RateSchedule schedule = RateSchedule::step;
    std::vector<double> milestones = {60, 120, 180}; // epochs, ascending; step only
    double gamma = 0.1;                              // factor at each milestone
    double warmup_epochs = 0;                        // linear from 0; not with one-cycle, which has its own
};

// What one member's learning rate and weight decay are, times those of [training].
struct HyperparameterFactors {
    double learning_rate = 1;
    double weight_decay = 1;
};

} // namespace autosampling
