// What the data sets differ in: which files, what they must look like, how they come into memory.
//
// Letters: n images of a file, H height, W width, C channels.
#pragma once

#include "autosampling/data/dataset.hpp"
#include "compressed_file.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace autosampling::detail {

// An ExampleSet while it is filled.
struct ExampleSetMemory {
    std::span<std::uint8_t> bytes;  // (n, shape) u8 or f32
    std::span<std::int32_t> labels; // (n) i32
    std::span<float> targets;       // (n, targets) f32, in place of labels
};

// Examples `first` to `first + rows` of so many in all.
inline ExampleSetMemory part_of(const ExampleSetMemory& set, std::size_t all, std::size_t first, std::size_t rows) {
    const auto cut = [&](auto span) { return span.subspan(first * (span.size() / all), rows * (span.size() / all)); };
    return {cut(set.bytes), cut(set.labels), cut(set.targets)};
}

struct PackedImage;
// Images in packed files, decoded as they are asked for; places count on from one file to the next. `images` must
// outlive it.
std::unique_ptr<Source> make_packed_source(std::span<const PackedImage> images,
                                           const std::vector<std::filesystem::path>& files, const DatasetFacts& facts,
                                           const DataOptions& options);

// The most images that one file may have; a compressed file isn't read further than that.
inline constexpr std::uint64_t max_images = 1 << 24;

// Each fills the facts (mean and std of C channels, whatever the options say), the numbers of examples and the files.
void plan_mnist(DatasetPlan& plan);
void plan_cifar10(DatasetPlan& plan);
void plan_cifar100(DatasetPlan& plan);
void plan_synthetic(DatasetPlan& plan);
void plan_arrays(DatasetPlan& plan);
void plan_packed(DatasetPlan& plan);

// Lets the options say what they say of the facts. Throws Error(usage) where they don't go with the data set.
void apply_options(DatasetPlan& plan);

// What came from one file, or from one part of it.
struct LoadedPart {
    std::string name; // begins with the file's
    ExampleSetMemory examples;
};

// Each fills both sets, and says what came from where.
using LoadedParts = std::vector<LoadedPart>;
LoadedParts load_mnist(const DatasetPlan& plan, const ExampleSetMemory& training, const ExampleSetMemory& test);
LoadedParts load_cifar10(const DatasetPlan& plan, const ExampleSetMemory& training, const ExampleSetMemory& test);
LoadedParts load_cifar100(const DatasetPlan& plan, const ExampleSetMemory& training, const ExampleSetMemory& test);
LoadedParts load_synthetic(const DatasetPlan& plan, const ExampleSetMemory& training, const ExampleSetMemory& test);
LoadedParts load_arrays(const DatasetPlan& plan, const ExampleSetMemory& training, const ExampleSetMemory& test);
LoadedParts load_packed(const DatasetPlan& plan, const ExampleSetMemory& training, const ExampleSetMemory& test);

// Warns where the numbers of examples aren't those of the whole data set.
void expect_sizes(DatasetPlan& plan, std::size_t training, std::size_t test);

// The names "0", "1", … .
std::vector<std::string> numbered_classes(int classes);

// The names that a file may have, the preferred one first; each also with an ending added (name.gz, …).
using FileNames = std::vector<std::string>;

// Finds all of the plan's files in one folder: data.path itself or a usual sub-folder of it. Throws Error(data) that
// names what was looked for and where.
void find_files(DatasetPlan& plan, const std::vector<std::string>& sub_folders, const std::vector<FileNames>& wanted);

// Checks a label read at `offset` of a file. Throws Error(data).
void check_label(const CompressedFile& file, std::uint64_t offset, int label, int classes);

} // namespace autosampling::detail
