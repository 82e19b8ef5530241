#include "autosampling/data/dataset.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/hash.hpp"
#include "formats.hpp"
#include "packed_file.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace autosampling {

namespace {

struct Format {
    std::string_view name;
    bool from_files;
    void (*plan)(DatasetPlan&);
    detail::LoadedParts (*load)(const DatasetPlan&, const detail::ExampleSetMemory& training,
                                const detail::ExampleSetMemory& test);
};

constexpr std::array formats{Format{"mnist", true, detail::plan_mnist, detail::load_mnist},
                             Format{"cifar10", true, detail::plan_cifar10, detail::load_cifar10},
                             Format{"cifar100", true, detail::plan_cifar100, detail::load_cifar100},
                             Format{"arrays", true, detail::plan_arrays, detail::load_arrays},
                             Format{"packed", true, detail::plan_packed, detail::load_packed},
                             Format{"synthetic", false, detail::plan_synthetic, detail::load_synthetic}};

const Format& format_of(const std::string& name) {
    const auto found = std::ranges::find(formats, name, &Format::name);
    std::string known;
    for (const auto& each : dataset_names()) known += (known.empty() ? "" : ", ") + each;
    VALIDATE(found != formats.end(), ExitCode::usage, "data.name = \"", name, "\" is unknown: choose one of ", known);
    return *found;
}

template<class T, class Byte>
std::span<T> values_at(std::span<Byte> memory, std::size_t offset, std::size_t count) {
    return {reinterpret_cast<T*>(memory.data() + offset), count};
}

template<class T>
std::span<const T> values_of(std::span<const std::uint8_t> bytes) {
    return values_at<const T>(bytes, 0, bytes.size() / sizeof(T));
}

void check_augmentation(const DataOptions& options, Storage storage) {
    const Augmentation fits = storage == Storage::pixels   ? Augmentation::crop_flip
                              : storage == Storage::packed ? Augmentation::resized_crop
                                                           : Augmentation::none;
    VALIDATE(options.augmentation == Augmentation::none || options.augmentation == fits, ExitCode::usage,
             "data.augmentation = ", options.augmentation, " does not go with data.name = ", options.name,
             " (its examples allow ", fits, "): set it to none");
}

// One value for all channels or numbers, or one for each, in place of the data set's own.
void override_with(std::vector<double>& values, const std::vector<double>& given, const char* option, bool positive,
                   const DatasetFacts& facts) {
    if (given.empty()) return;
    const auto all = facts.is_real() ? facts.shape.values() : static_cast<std::size_t>(facts.shape.channels());
    VALIDATE(given.size() == 1 || given.size() == all, ExitCode::usage, "data.", option, " has ", given.size(),
             " values (an example has ", all, facts.is_real() ? " numbers" : " channels", "): give 1 or ", all);
    for (const double value : given) {
        VALIDATE(std::isfinite(value) && (!positive || value > 0), ExitCode::usage, "data.", option, " has the value ",
                 value, ": give ", positive ? "positive" : "finite", " numbers");
        VALIDATE(facts.is_real() || positive || (value >= 0 && value <= 1), ExitCode::usage, "data.", option,
                 " has the value ", value, ": give numbers from 0 to 1, as pixels are");
    }
    values = given;
    if (!facts.is_real()) values.resize(all, given.front());
}

// Bytes of an example in memory.
std::size_t example_bytes(const DatasetFacts& facts) {
    switch (facts.storage) {
    case Storage::pixels:
        return facts.shape.values();
    case Storage::numbers:
        return facts.shape.values() * sizeof(float);
    case Storage::packed:
        return sizeof(detail::PackedImage);
    }
    return 0;
}

std::unique_ptr<Source> make_source(const DatasetPlan& plan, std::span<const std::uint8_t> bytes) {
    switch (plan.facts.storage) {
    case Storage::pixels:
        return make_image_source(bytes, plan.facts, plan.options.augmentation);
    case Storage::numbers:
        return make_array_source(values_of<float>(bytes), plan.facts);
    case Storage::packed:
        return detail::make_packed_source(values_of<detail::PackedImage>(bytes), plan.files, plan.facts, plan.options);
    }
    return nullptr;
}

// Whether they are the same examples in the same order: images by themselves, numbers with what belongs to them, since
// a regression may measure twice at the same places.
bool are_same(const detail::ExampleSetMemory& a, const detail::ExampleSetMemory& b, Storage storage) {
    switch (storage) {
    case Storage::pixels:
        return std::ranges::equal(a.bytes, b.bytes);
    case Storage::numbers:
        return std::ranges::equal(a.bytes, b.bytes) && std::ranges::equal(a.labels, b.labels) &&
               std::ranges::equal(a.targets, b.targets);
    case Storage::packed:
        return std::ranges::equal(values_of<detail::PackedImage>(a.bytes), values_of<detail::PackedImage>(b.bytes), {},
                                  &detail::PackedImage::hash, &detail::PackedImage::hash);
    }
    return false;
}

// Two files of other examples differ in length or soon, so this takes next to no time.
void refuse_copies(const detail::LoadedParts& parts, const DatasetFacts& facts) {
    for (auto part = parts.begin(); part != parts.end(); ++part)
        for (auto earlier = parts.begin(); earlier != part; ++earlier)
            VALIDATE(part->examples.bytes.empty() || !are_same(part->examples, earlier->examples, facts.storage),
                     ExitCode::data, part->name, ": holds the same ", facts.is_real() ? "examples" : "images", " as ",
                     earlier->name, " (one of them is a copy of the other): get the files again, or make them anew");
}

// Where each block begins, in bytes.
struct Layout {
    std::size_t training, training_labels, test, test_labels, end;
};

Layout layout_of(const DatasetPlan& plan) {
    const auto block = [](std::size_t bytes) { return (bytes + 63) / 64 * 64; };
    const auto example = example_bytes(plan.facts);
    static_assert(sizeof(float) == sizeof(std::int32_t));
    const auto label = sizeof(float) * std::max<std::size_t>(1, plan.facts.targets);
    Layout at{};
    at.training_labels = at.training + block(plan.training_examples * example);
    at.test = at.training_labels + block(plan.training_examples * label);
    at.test_labels = at.test + block(plan.test_examples * example);
    at.end = at.test_labels + block(plan.test_examples * label);
    return at;
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
    VALIDATE(options.reward_path.empty() || options.name == "arrays" || options.name == "packed", ExitCode::usage,
             "data.reward_path is for data.name = arrays and packed (", options.name,
             " has one training file): list rows in data.reward_rows, or leave it away");
    VALIDATE(options.reward_path.empty() || options.reward_rows.empty(), ExitCode::usage,
             "data.reward_path and data.reward_rows both say what the reward set is: leave one away");
    format_of(options.name).plan(plan);
    detail::apply_options(plan);
    if (options.test_images > 0 && plan.test_examples > 0)
        plan.warnings.push_back(text("data.test_images = ", options.test_images, " has no effect (the data have ",
                                     plan.test_examples, " test examples): leave it away"));
    ENSURE(plan.facts.class_names.size() == static_cast<std::size_t>(plan.facts.classes));
    return plan;
}

void load_dataset(const DatasetPlan& plan, std::span<std::byte> memory) {
    EXPECT(memory.size() >= plan.bytes());
    const auto at = layout_of(plan);
    const auto& facts = plan.facts;
    const auto set = [&](std::size_t bytes, std::size_t labels, std::size_t n) -> detail::ExampleSetMemory {
        return {values_at<std::uint8_t>(memory, bytes, n * example_bytes(facts)),
                values_at<std::int32_t>(memory, labels, facts.is_regression() ? 0 : n),
                values_at<float>(memory, labels, n * facts.targets)};
    };
    const auto parts = format_of(plan.options.name)
                           .load(plan, set(at.training, at.training_labels, plan.training_examples),
                                 set(at.test, at.test_labels, plan.test_examples));
    refuse_copies(parts, facts);
}

Dataset view_dataset(const DatasetPlan& plan, std::span<const std::byte> memory) {
    EXPECT(memory.size() >= plan.bytes());
    const auto at = layout_of(plan);
    const auto& facts = plan.facts;
    const auto set = [&](std::size_t offset, std::size_t labels, std::size_t n) {
        ExampleSet examples;
        examples.rows = n;
        examples.bytes = values_at<const std::uint8_t>(memory, offset, n * example_bytes(facts));
        if (facts.is_regression())
            examples.targets = values_at<const float>(memory, labels, n * facts.targets);
        else
            examples.labels = values_at<const std::int32_t>(memory, labels, n);
        examples.source = make_source(plan, examples.bytes);
        return examples;
    };
    return {facts, set(at.training, at.training_labels, plan.training_examples),
            set(at.test, at.test_labels, plan.test_examples), plan.reward_examples};
}

std::uint64_t hash_dataset(const Dataset& dataset) {
    std::uint64_t hash = hash_of(dataset.training.bytes);
    const auto hash_labels = [](const ExampleSet& set) {
        return set.targets.empty() ? hash_of(set.labels) : hash_of(set.targets);
    };
    hash = combine_hashes(hash, hash_labels(dataset.training));
    hash = combine_hashes(hash, hash_of(dataset.test.bytes));
    return combine_hashes(hash, hash_labels(dataset.test));
}

namespace detail {

void apply_options(DatasetPlan& plan) {
    const DataOptions& options = plan.options;
    override_with(plan.facts.mean, options.mean, "mean", false, plan.facts);
    override_with(plan.facts.std, options.std, "std", true, plan.facts);
    check_augmentation(options, plan.facts.storage);
    VALIDATE(!options.standardise || options.name == "arrays", ExitCode::usage,
             "data.standardise is for data.name = arrays (", options.name,
             " has its own mean and std): set it to false");
}

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
