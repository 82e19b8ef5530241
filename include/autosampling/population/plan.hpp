// What a run will be, before anything is trained: sizes, cycles, memory.
#pragma once

#include "autosampling/data/split.hpp"
#include "autosampling/options/options.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace autosampling {

// The options with everything filled in that depends on the number of ranks, the data set or other options: members,
// reward_images, mean and std, the exploration's defaults. Throws Error(usage) where options don't go together.
Options resolve(const Options& options, int ranks, const DatasetPlan& data);

// Throws Error(usage) where so many ranks can't train members of several ranks; a resumed run, like an exact replay,
// has no choice of options left. `options` resolved.
void check_ranks(const Options& options, int ranks, bool resumed);

// The seed of the split, label noise and synthetic images: data.seed, or run.seed where that is −1.
std::uint64_t data_seed(const Options& options);

struct Plan {
    std::int64_t members = 0;         // P
    std::int64_t training_images = 0; // N
    std::int64_t reward_images = 0;
    std::int64_t reward_images_per_cycle = 0;
    std::int64_t test_images = 0;
    Shape shape; // of an example
    std::int64_t classes = 0;
    std::int64_t targets = 0;           // numbers to predict, of a regression
    std::int64_t batches_per_cycle = 0; // N_s
    std::int64_t draws = 0;             // K = B · N_s
    std::int64_t cycles = 0;
    std::int64_t rounds = 0;           // of policy search
    std::int64_t total_batches = 0;    // of one member
    std::int64_t state_length = 0;     // D floats, padding included
    std::int64_t gradients = 0;        // W floats, likewise
    std::int64_t parameters = 0;       // trainable
    std::int64_t data_bytes = 0;       // once a node
    std::int64_t rank_bytes = 0;       // on rank 0, beside LibTorch, the activations and the data set
    std::int64_t state_file_bytes = 0; // of one member's state in a checkpoint
};

// `options` resolved. Throws Error(usage), for instance for a cycle longer than an epoch.
Plan make_plan(const Options& options, int ranks, const DatasetPlan& data, const Split& split);

// The plan in lines, for `check` and the log.
std::vector<std::string> describe(const Plan& plan, const Options& options);

} // namespace autosampling
