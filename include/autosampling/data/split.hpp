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
    Part test;     // all of the test file, in its order; without one, rows of the training file
};

// The rows of a training file that are held out for tests where there is no test file: data.test_images of them, or a
// tenth, stratified; none that data.reward_rows lists. labels (n), of a regression n zeros. Throws Error(usage, data).
std::vector<std::uint32_t> draw_test_rows(std::span<const std::int32_t> labels, int classes, const DataOptions& options,
                                          std::uint64_t seed);

// The rows that the file data.reward_rows lists, separated by white space, in ascending order. Throws Error(data).
std::vector<std::uint32_t> read_reward_rows(const std::string& path);

// A pure function of the labels, the options and the seed: first what data.reward_rows lists is set aside, then the
// test set is drawn where there is no test file, then the reward set where it isn't listed (both stratified by largest
// remainders, so that their sizes are exact; a class of one example goes to one of the parts), then the training part
// is thinned (`imbalance`: class c of C keeps n_c · ratio^(−c/(C−1)), at least one; Cao et al., 2019), then exactly
// round(fraction · n) labels are redrawn, uniformly over all classes. Sources ascend in every part. Throws Error(usage)
// where a part would be empty.
Split split_dataset(const Dataset& dataset, const DataOptions& options, std::uint64_t seed);

} // namespace autosampling
