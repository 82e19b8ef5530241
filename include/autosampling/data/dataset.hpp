// A data set in memory, as its files have it: one copy a node.
//
// Letters: n examples of a file.
#pragma once

#include "autosampling/data/facts.hpp"
#include "autosampling/data/options.hpp"
#include "autosampling/data/source.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace autosampling {

// What a data set will be, known from its files' headers and sizes alone.
struct DatasetPlan {
    DataOptions options;
    std::uint64_t seed = 0; // synthetic only
    DatasetFacts facts;
    std::size_t training_examples = 0;        // in the training files, those of a reward file after them
    std::size_t reward_examples = 0;          // of these in the reward file
    std::size_t test_examples = 0;            // in the test files; 0: they are drawn from the training files
    std::vector<std::filesystem::path> files; // that will be read, as found; or copies of them
    std::vector<std::string> warnings;        // of what is odd about them

    // Bytes that load_dataset fills: examples, labels or targets, each block at a multiple of 64.
    std::size_t bytes() const;
};

// The examples of the training or the test files.
struct ExampleSet {
    std::size_t rows = 0;                 // n
    std::span<const std::uint8_t> bytes;  // (n, shape) u8 or f32, or what is packed
    std::span<const std::int32_t> labels; // (n) i32, in 0 … classes−1; none in a regression
    std::span<const float> targets;       // (n, targets) f32, of a regression
    std::shared_ptr<Source> source;       // makes batches of them
};

// Views of memory that load_dataset has filled.
struct Dataset {
    DatasetFacts facts;
    ExampleSet training; // what the training and the reward set are taken from
    ExampleSet test;     // without rows: the test set is taken from `training`, too
    std::size_t reward_examples =
        0; // the last rows of `training`, if they are the reward set; 0: it is drawn or listed
};

// The names that plan_dataset knows.
std::vector<std::string> dataset_names();
// Whether the data set of this name is read from files.
bool is_read_from_files(const std::string& name);

// Finds the files and checks names, headers and sizes; compressed files are read through once to have their true sizes.
// Files are recognised by content, plain or compressed (gzip, bzip2, xz, zstd), whatever the ending. Throws Error(data)
// that names file, offset, what was found and what was expected, and Error(usage) for options that do not fit the data
// set. Local.
DatasetPlan plan_dataset(const DataOptions& options, std::uint64_t seed);

// Reads everything into `memory` (plan.bytes() bytes, aligned for int32) and checks it: lengths, label ranges. Throws
// Error(data). Local; once a node.
void load_dataset(const DatasetPlan& plan, std::span<std::byte> memory);

// The views of such memory.
Dataset view_dataset(const DatasetPlan& plan, std::span<const std::byte> memory);

// Hash of all examples and labels, in order.
std::uint64_t hash_dataset(const Dataset& dataset);

} // namespace autosampling
