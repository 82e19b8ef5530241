// [training] and [model]: how one member is trained.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace autosampling {

struct ModelOptions {
    // resnet8, resnet20, resnet18, imagenet-resnet18, imagenet-resnet34, convnet, mlp
    std::string name = "resnet20";
    std::string init; // state file that the weights start from; empty: random
};

struct TrainingOptions {
    double epochs = 240;
    std::int64_t batch_size = 128; // B, images a member
    double learning_rate = 0.1;    // the highest, after warm-up
    double momentum = 0.9;
    bool nesterov = false;
    double weight_decay = 5e-4;
    double label_smoothing = 0;
    std::string schedule = "step";                   // constant, step, cosine, one-cycle
    std::vector<double> milestones = {60, 120, 180}; // epochs, ascending; step only
    double gamma = 0.1;                              // factor at each milestone
    double warmup_epochs = 0;                        // linear from 0; not with one-cycle, which has its own
};

// What one member's learning rate and weight decay are, times those of [training].
struct HyperparameterFactors {
    double learning_rate = 1;
    double weight_decay = 1;
};

enum class Precision { fp32, bf16 };

} // namespace autosampling
