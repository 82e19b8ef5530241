#include "autosampling/data/split.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/narrow.hpp"
#include "autosampling/base/random.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <numeric>
#include <utility>

namespace autosampling {

namespace {

using Rows = std::vector<std::uint32_t>; // of the training file, ascending

// `count` of the rows, each subset equally likely: those with the smallest random numbers, which belong to the row and
// not to its place. Returns the chosen and the rest.
std::pair<Rows, Rows> choose(const Rows& rows, std::size_t count, const RandomKey& key) {
    EXPECT(count <= rows.size());
    std::vector<std::pair<std::uint64_t, std::uint32_t>> order;
    order.reserve(rows.size());
    for (const auto row : rows) {
        RandomStream stream(key, row);
        const std::uint64_t high = stream.bits();
        order.emplace_back(high << 32 | stream.bits(), row);
    }
    const auto middle = order.begin() + static_cast<std::ptrdiff_t>(count);
    std::nth_element(order.begin(), middle, order.end());
    const auto ascending = [](auto first, auto last) {
        Rows result;
        std::transform(first, last, std::back_inserter(result), [](const auto& entry) { return entry.second; });
        std::sort(result.begin(), result.end());
        return result;
    };
    return {ascending(order.begin(), middle), ascending(middle, order.end())};
}

// Seats for each class in proportion to its size, by largest remainders (ties: the lower class), but at most size − 1
// as long as that is possible, so that classes keep an example.
std::vector<std::size_t> apportion(const std::vector<Rows>& rows_by_class, std::size_t seats, std::size_t total) {
    const auto classes = rows_by_class.size();
    std::vector<std::size_t> taken(classes);
    std::vector<std::uint64_t> remainder(classes);
    for (std::size_t c = 0; c < classes; ++c) {
        const std::uint64_t share = std::uint64_t{seats} * rows_by_class[c].size();
        taken[c] = share / total;
        remainder[c] = share % total;
    }
    std::vector<std::size_t> order(classes);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return remainder[a] > remainder[b]; });
    auto left = seats - std::accumulate(taken.begin(), taken.end(), std::size_t{0});
    for (const std::size_t kept : {1, 0}) {
        for (auto before = left + 1; left > 0 && left < before;) {
            before = left;
            for (const auto c : order) {
                if (left == 0 || taken[c] + kept >= rows_by_class[c].size()) continue;
                ++taken[c];
                --left;
            }
        }
    }
    return taken;
}

// `count` of the rows, stratified by class; removes them from rows_by_class. Ascending.
Rows take(std::vector<Rows>& rows_by_class, std::size_t count, std::size_t total, const RandomKey& key) {
    const auto taken_by_class = apportion(rows_by_class, count, total);
    Rows taken;
    for (std::size_t c = 0; c < rows_by_class.size(); ++c) {
        auto [chosen, rest] = choose(rows_by_class[c], taken_by_class[c], key);
        taken.insert(taken.end(), chosen.begin(), chosen.end());
        rows_by_class[c] = std::move(rest);
    }
    std::sort(taken.begin(), taken.end());
    return taken;
}

std::vector<Rows> group_by_class(std::span<const std::int32_t> labels, int classes) {
    std::vector<Rows> rows_by_class(classes);
    for (std::size_t row = 0; row < labels.size(); ++row)
        rows_by_class[labels[row]].push_back(narrow<std::uint32_t>(row));
    return rows_by_class;
}

// Removes rows that are there, ascending, from those of their classes.
void remove(std::vector<Rows>& rows_by_class, const Rows& rows) {
    for (Rows& of_class : rows_by_class)
        std::erase_if(of_class, [&](std::uint32_t row) { return std::binary_search(rows.begin(), rows.end(), row); });
}

std::size_t size_of(const std::vector<Rows>& rows_by_class) {
    return std::accumulate(rows_by_class.begin(), rows_by_class.end(), std::size_t{0},
                           [](std::size_t sum, const Rows& rows) { return sum + rows.size(); });
}

// The reward set's size, of so many images that aren't tested.
std::size_t reward_size(const DataOptions& options, const std::vector<Rows>& rows_by_class) {
    VALIDATE(options.reward_images >= 0, ExitCode::usage, "data.reward_images = ", options.reward_images,
             " is negative: give a number of images, or 0 for a tenth of the training file");
    const std::size_t images = size_of(rows_by_class);
    const std::size_t wanted =
        options.reward_images == 0 ? std::max<std::size_t>(images / 10, 1) : to_size(options.reward_images);
    const auto divisible = to_size(
        std::count_if(rows_by_class.begin(), rows_by_class.end(), [](const Rows& rows) { return rows.size() > 1; }));
    const std::size_t kept = std::max<std::size_t>(divisible, 1);
    VALIDATE(wanted + kept <= images, ExitCode::usage, "data.reward_images = ", options.reward_images, " takes ",
             wanted, " of ", images, " training images (some of the ", divisible,
             " classes would keep no training example): take at most ", images > kept ? images - kept : 0);
    return wanted;
}

void check_reward_subset(const DataOptions& options, std::size_t reward_images) {
    VALIDATE(options.reward_images_per_cycle >= 0 &&
                 std::cmp_less_equal(options.reward_images_per_cycle, reward_images),
             ExitCode::usage, "data.reward_images_per_cycle = ", options.reward_images_per_cycle,
             " (the reward set has ", reward_images, " images): choose 0 (all) to ", reward_images);
}

// The rows that the user lists, of a training file of so many.
Rows listed_rewards(const DataOptions& options, std::vector<Rows>& rows_by_class, std::size_t rows) {
    Rows listed = read_reward_rows(options.reward_rows);
    VALIDATE(listed.back() < rows, ExitCode::data, options.reward_rows, ": lists row ", listed.back(),
             " (the training file has rows 0 to ", rows - 1, "): correct the list");
    remove(rows_by_class, listed);
    VALIDATE(size_of(rows_by_class) > 0, ExitCode::data, options.reward_rows,
             ": lists every row: leave some to train on");
    VALIDATE(options.reward_images == 0 || std::cmp_equal(options.reward_images, listed.size()), ExitCode::usage,
             "data.reward_images = ", options.reward_images, " (", options.reward_rows, " lists ", listed.size(),
             " rows): leave it at 0");
    return listed;
}

// The reward examples' rows, which rows_by_class no longer has then: a reward file's, as listed, or drawn.
Rows reward_rows(const Dataset& dataset, const DataOptions& options, std::vector<Rows>& rows_by_class,
                 std::uint64_t seed) {
    if (dataset.reward_examples == 0)
        return options.reward_rows.empty() ? take(rows_by_class, reward_size(options, rows_by_class),
                                                  size_of(rows_by_class), {seed, Purpose::split})
                                           : listed_rewards(options, rows_by_class, dataset.training.rows);
    VALIDATE(options.reward_images == 0 || std::cmp_equal(options.reward_images, dataset.reward_examples),
             ExitCode::usage, "data.reward_images = ", options.reward_images, " (", options.reward_path, " has ",
             dataset.reward_examples, " examples): leave it at 0");
    Rows rows(dataset.reward_examples);
    std::iota(rows.begin(), rows.end(), narrow<std::uint32_t>(dataset.training.rows - rows.size()));
    return rows;
}

// Examples that class c of C keeps: size · ratio^(−c/(C−1)), rounded down as in Cao et al. The factor lifts exact whole
// numbers over the rounding of pow, which isn't the same on every machine.
std::size_t thinned_size(std::size_t size, double ratio, std::size_t c, std::size_t classes) {
    if (size == 0 || classes == 1) return size;
    const double share = std::pow(ratio, -static_cast<double>(c) / static_cast<double>(classes - 1));
    const auto kept = static_cast<std::size_t>(static_cast<double>(size) * share * (1 + 1e-12));
    return std::clamp<std::size_t>(kept, 1, size);
}

// The part of these rows, with exactly round(noise · n) labels redrawn.
Part make_part(Rows rows, std::span<const std::int32_t> labels, int classes, double noise, const RandomKey& key) {
    Part part;
    part.source = std::move(rows);
    for (const auto row : part.source) part.true_label.push_back(labels[row]);
    part.label = part.true_label;
    const auto redrawn = to_size(std::llround(noise * static_cast<double>(part.source.size())));
    const auto noisy = choose(part.source, redrawn, key).first;
    auto place = part.source.begin();
    for (const auto row : noisy) {
        place = std::lower_bound(place, part.source.end(), row);
        RandomStream stream(key, row);
        for (int skip = 0; skip < 2; ++skip) stream.bits(); // those that chose the row
        part.label[place - part.source.begin()] = narrow<std::int32_t>(stream.below(narrow<std::uint32_t>(classes)));
    }
    return part;
}

// Both parts' examples, sources ascending.
Part merge(const Part& first, const Part& second) {
    Part merged;
    std::size_t a = 0, b = 0;
    while (a < first.source.size() || b < second.source.size()) {
        const bool from_first =
            b == second.source.size() || (a < first.source.size() && first.source[a] < second.source[b]);
        const Part& part = from_first ? first : second;
        const std::size_t place = from_first ? a++ : b++;
        merged.source.push_back(part.source[place]);
        merged.label.push_back(part.label[place]);
        merged.true_label.push_back(part.true_label[place]);
    }
    return merged;
}

void check_options(const DataOptions& options, bool regression) {
    const auto check_fraction = [](const char* name, double value) {
        VALIDATE(value >= 0 && value <= 1, ExitCode::usage, "data.", name, " = ", value,
                 " (a fraction of the labels): choose 0 to 1");
    };
    check_fraction("label_noise", options.label_noise);
    check_fraction("reward_label_noise", options.reward_label_noise);
    VALIDATE(std::isfinite(options.imbalance) && options.imbalance >= 1, ExitCode::usage,
             "data.imbalance = ", options.imbalance,
             " (examples of the most frequent class for one of the rarest): choose 1 or more");
    VALIDATE(!regression || (options.label_noise == 0 && options.reward_label_noise == 0 && options.imbalance == 1),
             ExitCode::usage,
             "label noise and imbalance are for classes (y is real numbers, a regression): leave them away");
}

} // namespace

Rows draw_test_rows(std::span<const std::int32_t> labels, int classes, const DataOptions& options, std::uint64_t seed) {
    const auto wanted =
        options.test_images > 0 ? to_size(options.test_images) : std::max<std::size_t>(labels.size() / 10, 1);
    auto rows_by_class = group_by_class(labels, classes);
    if (!options.reward_rows.empty()) remove(rows_by_class, read_reward_rows(options.reward_rows));
    const std::size_t rows = size_of(rows_by_class), kept = options.reward_rows.empty() ? 2 : 1;
    VALIDATE(wanted + kept <= rows, ExitCode::usage, "data.test_images = ", options.test_images, " takes ", wanted,
             " of ", rows, " images (one is left to train on and one for the reward at least): take fewer");
    return take(rows_by_class, wanted, rows, {.seed = seed, .purpose = Purpose::split, .member = 1});
}

Rows read_reward_rows(const std::string& path) {
    std::ifstream file(path);
    std::error_code unknown;
    VALIDATE(file && !std::filesystem::is_directory(path, unknown), ExitCode::data, path,
             ": cannot be read (data.reward_rows): give a text file of row numbers");
    Rows rows;
    for (std::string word; file >> word;) {
        std::uint32_t row = 0;
        const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), row);
        VALIDATE(error == std::errc() && end == word.data() + word.size(), ExitCode::data, path, ": \"", word,
                 "\" is no row number: give whole numbers from 0 on, separated by white space");
        rows.push_back(row);
    }
    VALIDATE(!rows.empty(), ExitCode::data, path, ": lists no row (data.reward_rows): give one at least");
    std::sort(rows.begin(), rows.end());
    const auto twice = std::adjacent_find(rows.begin(), rows.end());
    VALIDATE(twice == rows.end(), ExitCode::data, path, ": lists row ", *twice, " twice: list each once");
    return rows;
}

Split split_dataset(const Dataset& dataset, const DataOptions& options, std::uint64_t seed) {
    const bool regression = dataset.facts.is_regression();
    check_options(options, regression);
    const std::vector<std::int32_t> zeros(regression ? dataset.training.rows : 0);
    const auto labels = regression ? std::span<const std::int32_t>(zeros) : dataset.training.labels;
    const auto own = labels.first(labels.size() - dataset.reward_examples); // without those of a reward file
    const int classes = dataset.facts.classes;
    auto rows_by_class = group_by_class(own, classes);

    Split split;
    if (dataset.test.rows == 0) {
        split.test.source = draw_test_rows(own, classes, options, seed);
        remove(rows_by_class, split.test.source);
        for (const auto row : split.test.source) split.test.label.push_back(labels[row]);
    } else {
        split.test.source.resize(dataset.test.rows);
        std::iota(split.test.source.begin(), split.test.source.end(), 0U);
        split.test.label.assign(dataset.test.labels.begin(), dataset.test.labels.end());
        split.test.label.resize(dataset.test.rows); // zeros in a regression
    }
    split.test.true_label = split.test.label;

    Rows reward = reward_rows(dataset, options, rows_by_class, seed);
    check_reward_subset(options, reward.size());
    Rows training;
    for (std::size_t c = 0; c < rows_by_class.size(); ++c) {
        const auto kept_n = thinned_size(rows_by_class[c].size(), options.imbalance, c, rows_by_class.size());
        const auto kept = choose(rows_by_class[c], kept_n, {seed, Purpose::imbalance}).first;
        training.insert(training.end(), kept.begin(), kept.end());
    }
    std::sort(training.begin(), training.end());

    // Rows are distinct over both parts, so that one key serves both.
    const RandomKey noise_key{seed, Purpose::label_noise};
    split.training = make_part(std::move(training), labels, classes, options.label_noise, noise_key);
    split.reward = make_part(std::move(reward), labels, classes, options.reward_label_noise, noise_key);
    if (options.train_on_reward) split.training = merge(split.training, split.reward);
    return split;
}

} // namespace autosampling
