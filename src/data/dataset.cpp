#include "autosampling/data/dataset.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/hash.hpp"
#include "formats.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace autosampling {

namespace {

struct Format {
    std::string_view name;
    bool from_files;
    void (*plan)(DatasetPlan&);
    void (*load)(const DatasetPlan&, const detail::ExampleSetMemory& training, const detail::ExampleSetMemory& test);
};

constexpr std::array formats{Format{"mnist", true, detail::plan_mnist, detail::load_mnist},
                             Format{"cifar10", true, detail::plan_cifar, detail::load_cifar},
                             Format{"cifar100", true, detail::plan_cifar, detail::load_cifar},
                             Format{"synthetic", false, detail::plan_synthetic, detail::load_synthetic}};

const Format& format_of(const std::string& name) {
    const auto found = std::ranges::find(formats, name, &Format::name);
    std::string known;
    for (const auto& each : dataset_names()) known += (known.empty() ? "" : ", ") + each;
    VALIDATE(found != formats.end(), ExitCode::usage, "data.name = \"", name, "\" is unknown: choose one of ", known);
    return *found;
}

// One value for all channels, or one a channel, in place of the data set's own.
void override_with(std::vector<double>& values, const std::vector<double>& given, const char* option, bool positive) {
    if (given.empty()) return;
    const auto channels = values.size();
    VALIDATE(given.size() == 1 || given.size() == channels, ExitCode::usage, "data.", option, " has ", given.size(),
             " values (the images have ", channels, " channels): give 1 or ", channels);
    for (const double value : given) {
        VALIDATE(std::isfinite(value) && (!positive || value > 0), ExitCode::usage, "data.", option, " has the value ",
                 value, ": give ", positive ? "positive" : "finite", " numbers (of pixels in 0 to 1)");
    }
    values = given;
    values.resize(channels, given.front());
}

// Where each block begins, in bytes.
struct Layout {
    std::size_t training, training_labels, test, test_labels, end;
};

Layout layout_of(const DatasetPlan& plan) {
    const auto block = [](std::size_t bytes) { return (bytes + 63) / 64 * 64; };
    const auto values = plan.facts.shape.values();
    Layout at{};
    at.training_labels = at.training + block(plan.training_examples * values);
    at.test = at.training_labels + block(plan.training_examples * sizeof(std::int32_t));
    at.test_labels = at.test + block(plan.test_examples * values);
    at.end = at.test_labels + block(plan.test_examples * sizeof(std::int32_t));
    return at;
}

template<class T, class Byte>
std::span<T> values_at(std::span<Byte> memory, std::size_t offset, std::size_t count) {
    return {reinterpret_cast<T*>(memory.data() + offset), count};
}

} // namespace

std::vector<std::string> dataset_names() {
    std::vector<std::string> names;
    for (const Format& format : formats) names.emplace_back(format.name);
    return names;
}

bool is_read_from_files(const std::string& name) {
    return format_of(name).from_files;
}

std::size_t DatasetPlan::bytes() const {
    return layout_of(*this).end;
}

DatasetPlan plan_dataset(const DataOptions& options, std::uint64_t seed) {
    DatasetPlan plan;
    plan.options = options;
    plan.seed = seed;
    format_of(options.name).plan(plan);
    override_with(plan.facts.mean, options.mean, "mean", false);
    override_with(plan.facts.std, options.std, "std", true);
    ENSURE(plan.facts.class_names.size() == static_cast<std::size_t>(plan.facts.classes));
    return plan;
}

void load_dataset(const DatasetPlan& plan, std::span<std::byte> memory) {
    EXPECT(memory.size() >= plan.bytes());
    const auto at = layout_of(plan);
    const auto set = [&](std::size_t bytes, std::size_t labels, std::size_t n) -> detail::ExampleSetMemory {
        return {values_at<std::uint8_t>(memory, bytes, n * plan.facts.shape.values()),
                values_at<std::int32_t>(memory, labels, n)};
    };
    format_of(plan.options.name)
        .load(plan, set(at.training, at.training_labels, plan.training_examples),
              set(at.test, at.test_labels, plan.test_examples));
}

Dataset view_dataset(const DatasetPlan& plan, std::span<const std::byte> memory) {
    EXPECT(memory.size() >= plan.bytes());
    const auto at = layout_of(plan);
    const auto set = [&](std::size_t bytes, std::size_t labels, std::size_t n) -> ExampleSet {
        const auto images = values_at<const std::uint8_t>(memory, bytes, n * plan.facts.shape.values());
        return {images, values_at<const std::int32_t>(memory, labels, n),
                make_image_source(images, plan.facts, plan.options.augmentation)};
    };
    return {plan.facts, set(at.training, at.training_labels, plan.training_examples),
            set(at.test, at.test_labels, plan.test_examples)};
}

std::uint64_t hash_dataset(const Dataset& dataset) {
    std::uint64_t hash = hash_of(dataset.training.bytes);
    hash = combine_hashes(hash, hash_of(dataset.training.labels));
    hash = combine_hashes(hash, hash_of(dataset.test.bytes));
    return combine_hashes(hash, hash_of(dataset.test.labels));
}

namespace detail {

std::vector<std::string> numbered_classes(int classes) {
    std::vector<std::string> names;
    for (int c = 0; c < classes; ++c) names.push_back(std::to_string(c));
    return names;
}

void expect_sizes(DatasetPlan& plan, std::size_t training, std::size_t test) {
    if (plan.training_examples == training && plan.test_examples == test) return;
    plan.warnings.push_back(text(plan.options.path, ": ", plan.training_examples, " training and ", plan.test_examples,
                                 " test images (", plan.options.name, " has ", training, " and ", test,
                                 "): are files missing, doubled or exchanged?"));
}

void check_label(const CompressedFile& file, std::uint64_t offset, int label, int classes) {
    if (label >= classes) file.refuse(offset, text("label ", label), text("0 to ", classes - 1));
}

} // namespace detail

} // namespace autosampling
