// A data set with its split, in memory that it owns, and trainers for it.
#pragma once

#include "autosampling/training/trainer.hpp"

#include <ATen/Parallel.h>

#include <cstddef>
#include <numeric>
#include <vector>

namespace autosampling {

class Images {
  public:
    explicit Images(const DataOptions& options, std::uint64_t seed = 1) {
        at::set_num_threads(1); // tests run side by side
        const DatasetPlan plan = plan_dataset(options, seed);
        memory_.resize(plan.bytes());
        load_dataset(plan, memory_);
        dataset = view_dataset(plan, memory_);
        split = split_dataset(dataset, options, seed);
    }

    // Small and quick: 600 images of 16 × 16 pixels.
    static DataOptions small() {
        DataOptions options;
        options.name = "synthetic";
        options.synthetic_images = 600;
        options.synthetic_size = 16;
        return options;
    }

    static DataOptions mnist() {
        DataOptions options;
        options.path = TEST_DATA "/mnist-10k";
        return options;
    }

  private:
    std::vector<std::byte> memory_;

  public:
    Dataset dataset;
    Split split;
};

inline TrainerOptions trainer_options(const std::string& network, std::int64_t batch_size) {
    TrainerOptions options;
    options.model.name = network;
    options.training.batch_size = batch_size;
    options.training.schedule = RateSchedule::constant;
    options.training.learning_rate = 0.05;
    options.total_batches = 1'000'000;
    options.seed = 7;
    return options;
}

// 0 … count − 1.
inline std::vector<std::uint32_t> first_indices(std::size_t count) {
    std::vector<std::uint32_t> indices(count);
    std::iota(indices.begin(), indices.end(), 0U);
    return indices;
}

// `count` indices below `bound`, with repetition.
inline std::vector<std::uint32_t> drawn_indices(std::size_t count, std::size_t bound, std::uint32_t cycle) {
    RandomStream stream({.seed = 3, .purpose = Purpose::learned, .cycle = cycle}, 0);
    std::vector<std::uint32_t> indices(count);
    for (std::uint32_t& index : indices) index = stream.below(static_cast<std::uint32_t>(bound));
    return indices;
}

inline std::vector<float> state_of(Trainer& trainer) {
    const std::span<float> state = trainer.state().host();
    return {state.begin(), state.end()};
}

} // namespace autosampling
