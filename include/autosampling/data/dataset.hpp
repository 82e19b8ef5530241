// A data set in memory, as its files have it: one copy a node.
//
// Letters: n images of a file, H height, W width, C channels.
#pragma once

#include "autosampling/data/options.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace autosampling {

struct ImageShape {
    int height = 0;   // H
    int width = 0;    // W
    int channels = 0; // C
    std::size_t pixels() const { return static_cast<std::size_t>(height) * width * channels; }
    friend bool operator==(const ImageShape&, const ImageShape&) = default;
};

// What a data set will be, known from its files' headers and sizes alone.
struct DatasetPlan {
    DataOptions options;
    std::uint64_t seed = 0; // synthetic only
    ImageShape shape;
    int classes = 0;
    std::size_t training_images = 0; // in the training files
    std::size_t test_images = 0;
    std::vector<double> mean;                 // (C) of pixels in 0…1
    std::vector<double> std;                  // (C)
    std::vector<std::string> class_names;     // (classes)
    std::vector<std::filesystem::path> files; // that will be read, as found

    // Bytes that load_dataset fills: images as uint8, labels as int32, each block at a multiple of 64.
    std::size_t bytes() const;
};

struct ImageSet {
    std::span<const std::uint8_t> images; // (n, H, W, C) u8
    std::span<const std::int32_t> labels; // (n) i32, in 0 … classes−1
};

// Views of memory that load_dataset has filled.
struct Dataset {
    ImageShape shape;
    int classes = 0;
    std::vector<double> mean, std;        // (C)
    std::vector<std::string> class_names; // (classes)
    ImageSet training;                    // what the training and the reward set are taken from
    ImageSet test;
};

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

// Hash of all images and labels, in order.
std::uint64_t hash_dataset(const Dataset& dataset);

} // namespace autosampling
