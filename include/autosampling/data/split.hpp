// Training, reward and test: which example steers what. A test example can influence nothing but the test figures.
#pragma once

#include "autosampling/data/dataset.hpp"

#include <cstdint>
#include <vector>

namespace autosampling {

// One part of a data set. Index x of the part is row source[x] of the file.
struct Part {
    std::vector<std::uint32_t> source;    // (n) u32, row in the training (or test) file
    std::vector<std::int32_t> label;      // (n) i32, given: what is trained on or rewarded
    std::vector<std::int32_t> true_label; // (n) i32, before label noise
};

struct Split {
    Part training; // N examples: a training index is a place in here
    Part reward;   // held out of training (unless train_on_reward), stratified by true label
    Part test;     // all of the test file, in its order
};

// A pure function of the labels, the options and the seed: first the reward set is drawn (stratified by largest
// remainders, so that its size is exact), then the training part is thinned (`imbalance`: class c of C keeps
// n_c · ratio^(−c/(C−1)), at least one; Cao et al., 2019), then exactly round(fraction · n) labels are redrawn,
// uniformly over all classes. Sources ascend in every part. Throws Error(usage) where a part would be empty.
Split split_dataset(const Dataset& dataset, const DataOptions& options, std::uint64_t seed);

} // namespace autosampling
