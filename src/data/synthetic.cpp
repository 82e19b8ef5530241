// A made data set that can be learnt: a random pattern a class (a coarse grid of cells, which survives a crop), and
// noise. Integer arithmetic alone, so that it is the same on every machine.
#include "formats.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/random.hpp"

#include <algorithm>

namespace autosampling::detail {

namespace {

constexpr int grid = 4; // cells a side

enum Stream : std::uint32_t { patterns, training_noise, test_noise };

RandomKey key_of(const DatasetPlan& plan, Stream stream, int row) {
    return {plan.seed, Purpose::synthetic, stream, static_cast<std::uint32_t>(row), 0};
}

// (classes, grid, grid, C): the mean value of the pixels in each cell.
std::vector<int> make_patterns(const DatasetPlan& plan) {
    const std::size_t values = static_cast<std::size_t>(grid) * grid * plan.facts.shape.channels();
    std::vector<int> pattern(plan.facts.classes * values);
    for (int c = 0; c < plan.facts.classes; ++c) {
        RandomStream stream(key_of(plan, patterns, 0), static_cast<std::uint32_t>(c));
        for (std::size_t i = 0; i < values; ++i) pattern[c * values + i] = 96 + static_cast<int>(stream.below(64));
    }
    return pattern;
}

// About normal with mean 0 and standard deviation 58: the sum of four bytes.
int noise(std::uint32_t bits) {
    const auto sum = (bits & 255) + (bits >> 8 & 255) + (bits >> 16 & 255) + (bits >> 24);
    return (static_cast<int>(sum) - 510) * 100 / 256;
}

void fill(const DatasetPlan& plan, const std::vector<int>& pattern, Stream part, const ExampleSetMemory& out) {
    const Shape& shape = plan.facts.shape;
    const int height = shape.height(), width = shape.width(), channels = shape.channels();
    std::uint8_t* pixel = out.bytes.data();
    for (std::size_t i = 0; i < out.labels.size(); ++i) {
        const int label = static_cast<int>(i % plan.facts.classes);
        out.labels[i] = label;
        for (int y = 0; y < height; ++y) {
            RandomStream stream(key_of(plan, part, y), static_cast<std::uint32_t>(i));
            const int cell_row = (label * grid + y * grid / height) * grid;
            for (int x = 0; x < width; ++x) {
                const int* const cell = pattern.data() + (cell_row + x * grid / width) * channels;
                for (int c = 0; c < channels; ++c)
                    *pixel++ = static_cast<std::uint8_t>(std::clamp(cell[c] + noise(stream.bits()), 0, 255));
            }
        }
    }
}

int check_range(const char* name, std::int64_t value, std::int64_t least, std::int64_t most) {
    VALIDATE(value >= least && value <= most, ExitCode::usage, "data.", name, " = ", value, " (expected ", least,
             " to ", most, "): choose another number");
    return static_cast<int>(value);
}

} // namespace

void plan_synthetic(DatasetPlan& plan) {
    const auto& options = plan.options;
    const int side = check_range("synthetic_size", options.synthetic_size, 1, 1024);
    const int channels = check_range("synthetic_channels", options.synthetic_channels, 1, 16);
    plan.facts.shape = {side, side, channels};
    plan.facts.classes = check_range("synthetic_classes", options.synthetic_classes, 2, 100000);
    // A fifth of them are tested, and every class is tested at least once.
    check_range("synthetic_images", options.synthetic_images, 5 * std::int64_t{plan.facts.classes}, INT32_MAX);
    plan.training_examples = static_cast<std::size_t>(options.synthetic_images);
    plan.test_examples = plan.training_examples / 5;
    plan.facts.class_names = numbered_classes(plan.facts.classes);
    plan.facts.mean.assign(channels, 0.5);
    plan.facts.std.assign(channels, 0.25);
}

LoadedParts load_synthetic(const DatasetPlan& plan, const ExampleSetMemory& training, const ExampleSetMemory& test) {
    const auto pattern = make_patterns(plan);
    fill(plan, pattern, training_noise, training);
    fill(plan, pattern, test_noise, test);
    return {};
}

} // namespace autosampling::detail
