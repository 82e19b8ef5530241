// The user's own arrays, in one HDF5 file: x (n, …) and y (n) or (n, …), and x_test and y_test where he has split them.
#include "array_file.hpp"
#include "formats.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/data/split.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace autosampling::detail {

namespace {

constexpr std::int64_t most_classes = 1'000'000;
constexpr float most_classes_as_reals = 1000;
constexpr double most_square = 100;           // of the targets, in the mean
constexpr std::uint64_t most_features = 4096; // that may be standardised: their numbers go into the configuration

std::string shape_text(const Array& array) {
    std::string shape;
    for (const auto length : array.shape) shape += (shape.empty() ? "" : " x ") + std::to_string(length);
    return shape;
}

// x or x_test, with the shape of a row.
Shape check_examples(const ArrayFile& file, const Array& x) {
    if (x.rows() < 1 || x.rows() > std::numeric_limits<std::int32_t>::max() || x.row_values() < 1)
        file.refuse(text(x.name, " is ", shape_text(x)), "give at least one example of at least one number");
    std::vector<int> lengths;
    for (std::size_t i = 1; i < x.shape.size(); ++i) lengths.push_back(static_cast<int>(x.shape[i]));
    if (x.is_bytes) {
        if (x.shape.size() != 3 && x.shape.size() != 4)
            file.refuse(text(x.name, " is uint8 of ", shape_text(x)),
                        "give images (n x height x width x channels), or float32 for anything else");
        lengths.resize(3, 1); // one channel
    } else {
        if (x.kind != H5T_FLOAT) file.refuse(x.name + " is neither uint8 nor float32", "convert it");
        if (lengths.empty()) lengths = {1};
    }
    return Shape(lengths);
}

// y or y_test of as many rows as x has.
void check_rows(const ArrayFile& file, const Array& x, const Array& y) {
    if (y.rows() != x.rows())
        file.refuse(text(y.name, " has ", y.rows(), " rows, ", x.name, " ", x.rows()), "give a row of each an example");
    if (y.row_values() < 1) file.refuse(text(y.name, " is ", shape_text(y)), "give at least one number an example");
    if (y.kind == H5T_INTEGER && y.shape.size() > 1 && y.row_values() != 1)
        file.refuse(text(y.name, " is whole numbers of ", shape_text(y)),
                    "give one class an example, or float32 numbers for a regression");
    if (y.kind != H5T_INTEGER && y.kind != H5T_FLOAT)
        file.refuse(y.name + " is neither whole numbers (classes) nor float32 (a regression)", "convert it");
}

std::vector<std::int64_t> read_labels(const ArrayFile& file, const Array& y, std::int64_t classes) {
    std::vector<std::int64_t> labels(y.rows());
    file.read<std::int64_t>(y, labels, [&](std::uint64_t first, std::span<const std::int64_t> values) {
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (values[i] < 0 || values[i] >= classes)
                file.refuse(text(y.name, " has the class ", values[i], " in row ", first + i),
                            text("give 0 to ", classes - 1));
        }
    });
    return labels;
}

// Classes are 0, 1, … without a gap. Throws Error(data) that names a row of the class after the gap.
int count_classes(const ArrayFile& file, const std::vector<std::int64_t>& labels) {
    std::vector<std::int64_t> first_row(static_cast<std::size_t>(*std::ranges::max_element(labels)) + 1, -1);
    for (std::size_t row = labels.size(); row-- > 0;) first_row[labels[row]] = static_cast<std::int64_t>(row);
    for (std::size_t c = 0; c < first_row.size(); ++c) {
        if (first_row[c] >= 0) continue;
        const auto next = std::find_if(first_row.begin() + c, first_row.end(), [](auto row) { return row >= 0; });
        file.refuse(text("y has no class ", c, ", but ", next - first_row.begin(), " in row ", *next),
                    "number the classes from 0 on, without gaps");
    }
    if (first_row.size() < 2) file.refuse("y has one class alone", "give two or more");
    return static_cast<int>(first_row.size());
}

void refuse_bad_numbers(const ArrayFile& file, const Array& array, std::uint64_t first, std::span<const float> values) {
    const auto bad = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
    if (bad == values.end()) return;
    const auto row = first + static_cast<std::uint64_t>(bad - values.begin()) / array.row_values();
    file.refuse(text(array.name, " has the value ", *bad, " in row ", row),
                "leave out that row, or put a number there");
}

void read_numbers(const ArrayFile& file, const Array& array, std::span<float> out) {
    file.read<float>(array, out, [&](std::uint64_t first, std::span<const float> values) {
        refuse_bad_numbers(file, array, first, values);
    });
}

// Mean and deviation over the examples that aren't tested, of every channel of images (in 0…1), else of every number.
void standardise(DatasetPlan& plan, const ArrayFile& file, const Array& x, const std::vector<std::int32_t>& labels) {
    const std::uint64_t values = plan.facts.shape.values();
    const std::uint64_t features =
        plan.facts.is_real() ? values : static_cast<std::uint64_t>(plan.facts.shape.channels());
    VALIDATE(features <= most_features, ExitCode::usage, "data.standardise takes up to ", most_features,
             " numbers an example (x has ", features, "): give data.mean and data.std, one number each");
    std::vector<bool> is_tested(x.rows());
    if (plan.test_examples == 0)
        for (const auto row : draw_test_rows(labels, plan.facts.classes, plan.options, plan.seed))
            is_tested[row] = true;
    std::vector<double> sum(features), squares(features);
    std::vector<float> origin; // the first row, taken off so that large values with small deviations keep their digits
    std::uint64_t count = 0;
    file.read<float>(x, {}, [&](std::uint64_t first, std::span<const float> numbers) {
        refuse_bad_numbers(file, x, first, numbers);
        if (first == 0) origin.assign(numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(features));
        for (std::uint64_t at = 0; at < numbers.size(); at += values, ++first) {
            if (is_tested[first]) continue;
            count += values / features;
            for (std::uint64_t i = 0; i < values; ++i) {
                const double number = static_cast<double>(numbers[at + i]) - origin[i % features];
                sum[i % features] += number;
                squares[i % features] += number * number;
            }
        }
    });
    const double unit = plan.facts.is_real() ? 1 : 255;
    plan.facts.mean.resize(features);
    plan.facts.std.resize(features);
    for (std::uint64_t f = 0; f < features; ++f) {
        const double mean = sum[f] / static_cast<double>(count);
        const double deviation = std::sqrt(std::max(squares[f] / static_cast<double>(count) - mean * mean, 0.0));
        plan.facts.mean[f] = (origin[f] + mean) / unit;
        plan.facts.std[f] = deviation > 0 ? deviation / unit : 1; // a constant stays one
    }
}

// Warns of targets that are classes, or so large that their squares drive a network away.
void look_at_targets(DatasetPlan& plan, const ArrayFile& file, const Array& y) {
    std::vector<bool> seen; // the whole numbers 0, 1, …, as long as there are no others
    bool all_whole = y.row_values() == 1;
    double sum = 0, squares = 0, count = 0;
    file.read<float>(y, {}, [&](std::uint64_t first, std::span<const float> values) {
        refuse_bad_numbers(file, y, first, values);
        for (const float value : values) {
            sum += value;
            squares += double{value} * value;
            ++count;
            all_whole = all_whole && value >= 0 && value < most_classes_as_reals && value == std::floor(value);
            if (!all_whole) continue;
            const auto number = static_cast<std::size_t>(value);
            if (number >= seen.size()) seen.resize(number + 1);
            seen[number] = true;
        }
    });
    if (all_whole && seen.size() > 1 && std::ranges::find(seen, false) == seen.end())
        plan.warnings.push_back(text(plan.options.path, ": y holds the numbers 0 to ", seen.size() - 1,
                                     " as reals (so this is a regression): write classes as whole numbers"));
    const double mean = sum / count;
    if (squares / count > most_square)
        plan.warnings.push_back(text(plan.options.path, ": y has mean ", mean, " and standard deviation ",
                                     std::sqrt(std::max(squares / count - mean * mean, 0.0)),
                                     " (the loss is the squared error, so that training may come apart): scale it to "
                                     "mean 0 and standard deviation 1"));
}

// A second pair of examples and what is known of them must be like the first.
void check_alike(const ArrayFile& file, const Array& x, const Array& y, const DatasetFacts& facts,
                 const std::string& first) {
    check_rows(file, x, y);
    const std::uint64_t numbers = facts.is_regression() ? static_cast<std::uint64_t>(facts.targets) : 1;
    if (check_examples(file, x) != facts.shape || x.is_bytes == facts.is_real())
        file.refuse(text(x.name, " is ", shape_text(x), ", an example of ", first, " ", facts.shape),
                    "give rows of one shape and type");
    if ((y.kind == H5T_FLOAT) != facts.is_regression() || y.row_values() != numbers)
        file.refuse(text(y.name, " is ", shape_text(y), ", not as y in ", first), "give rows of one shape and type");
}

void load_set(const ArrayFile& file, const DatasetPlan& plan, const std::string& suffix, const ExampleSetMemory& out) {
    const Array x = file.array("x" + suffix), y = file.array("y" + suffix);
    if (plan.facts.is_real())
        read_numbers(file, x, {reinterpret_cast<float*>(out.bytes.data()), out.bytes.size() / sizeof(float)});
    else
        file.read<std::uint8_t>(x, out.bytes, [](auto, auto) {});
    if (plan.facts.targets > 0)
        read_numbers(file, y, out.targets);
    else
        std::ranges::copy(read_labels(file, y, plan.facts.classes), out.labels.begin());
}

} // namespace

void plan_arrays(DatasetPlan& plan) {
    VALIDATE(!plan.options.path.empty(), ExitCode::usage,
             "data.path is empty (data.name = \"arrays\" is read from a file): set it to the HDF5 file");
    const ArrayFile file(plan.options.path);
    const Array x = file.array("x"), y = file.array("y");
    DatasetFacts& facts = plan.facts;
    facts.shape = check_examples(file, x);
    facts.storage = x.is_bytes ? Storage::pixels : Storage::numbers;
    check_rows(file, x, y);
    plan.files = {plan.options.path};
    plan.training_examples = x.rows();
    std::vector<std::int32_t> labels(x.rows());
    if (y.kind == H5T_FLOAT) {
        facts.classes = 1;
        facts.targets = static_cast<int>(y.row_values());
        facts.class_names = {"all"};
        look_at_targets(plan, file, y);
    } else {
        const auto found = read_labels(file, y, most_classes);
        facts.classes = count_classes(file, found);
        facts.class_names = file.has("class_name") ? file.strings("class_name") : numbered_classes(facts.classes);
        std::ranges::copy(found, labels.begin());
        if (std::cmp_not_equal(facts.class_names.size(), facts.classes))
            file.refuse(text("class_name has ", facts.class_names.size(), " names, y ", facts.classes, " classes"),
                        "give a name a class");
    }
    if (file.has("x_test") || file.has("y_test")) {
        const Array x_test = file.array("x_test"), y_test = file.array("y_test");
        check_alike(file, x_test, y_test, facts, "x");
        plan.test_examples = x_test.rows();
    }
    const std::size_t channels = facts.is_real() ? 1 : static_cast<std::size_t>(facts.shape.channels());
    facts.mean.assign(channels, 0);
    facts.std.assign(channels, 1);
    if (plan.options.standardise) standardise(plan, file, x, labels);
    if (plan.options.reward_path.empty()) return;
    const ArrayFile reward(plan.options.reward_path, "data.reward_path");
    const Array x_reward = reward.array("x"), y_reward = reward.array("y");
    check_alike(reward, x_reward, y_reward, facts, plan.options.path);
    plan.files.emplace_back(plan.options.reward_path);
    plan.reward_examples = x_reward.rows();
    plan.training_examples += plan.reward_examples;
}

LoadedParts load_arrays(const DatasetPlan& plan, const ExampleSetMemory& training, const ExampleSetMemory& test) {
    const ArrayFile file(plan.files.front());
    const std::size_t all = plan.training_examples, own = all - plan.reward_examples;
    const std::string name = plan.files.front().string();
    LoadedParts parts{{name + " (x)", part_of(training, all, 0, own)}};
    load_set(file, plan, "", parts.back().examples);
    if (plan.reward_examples > 0) {
        parts.push_back({plan.files.at(1).string() + " (x)", part_of(training, all, own, plan.reward_examples)});
        load_set(ArrayFile(plan.files.at(1)), plan, "", parts.back().examples);
    }
    if (plan.test_examples > 0) {
        parts.push_back({name + " (x_test)", test});
        load_set(file, plan, "_test", test);
    }
    return parts;
}

} // namespace autosampling::detail
