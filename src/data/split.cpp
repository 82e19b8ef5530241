#include "autosampling/data/split.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/random.hpp"

#include <algorithm>
#include <cmath>
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

// Seats for each class in proportion to its size, by largest remainders (ties: the lower class), but at most size − 1,
// so that each class keeps an example.
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
    while (left > 0) {
        for (const auto c : order) {
            if (left == 0 || taken[c] + 1 >= rows_by_class[c].size()) continue;
            ++taken[c];
            --left;
        }
    }
    return taken;
}

std::size_t reward_size(const DataOptions& options, std::size_t images, std::size_t classes_there) {
    VALIDATE(options.reward_images >= 0, ExitCode::usage, "data.reward_images = ", options.reward_images,
             " is negative: give a number of images, or 0 for a tenth of the training file");
    const std::size_t wanted = options.reward_images == 0 ? std::max<std::size_t>(images / 10, 1)
                                                          : static_cast<std::size_t>(options.reward_images);
    VALIDATE(wanted + classes_there <= images, ExitCode::usage, "data.reward_images = ", options.reward_images,
             " takes ", wanted, " of ", images, " training images (some of the ", classes_there,
             " classes would keep no training example): take at most ",
             images > classes_there ? images - classes_there : 0);
    VALIDATE(options.reward_images_per_cycle >= 0 && std::cmp_less_equal(options.reward_images_per_cycle, wanted),
             ExitCode::usage, "data.reward_images_per_cycle = ", options.reward_images_per_cycle,
             " (the reward set has ", wanted, " images): choose 0 (all) to ", wanted);
    return wanted;
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
    const auto redrawn = static_cast<std::size_t>(std::llround(noise * static_cast<double>(part.source.size())));
    const auto noisy = choose(part.source, redrawn, key).first;
    auto place = part.source.begin();
    for (const auto row : noisy) {
        place = std::lower_bound(place, part.source.end(), row);
        RandomStream stream(key, row);
        for (int skip = 0; skip < 2; ++skip) stream.bits(); // those that chose the row
        part.label[place - part.source.begin()] =
            static_cast<std::int32_t>(stream.below(static_cast<std::uint32_t>(classes)));
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

void check_options(const DataOptions& options) {
    const auto check_fraction = [](const char* name, double value) {
        VALIDATE(value >= 0 && value <= 1, ExitCode::usage, "data.", name, " = ", value,
                 " (a fraction of the labels): choose 0 to 1");
    };
    check_fraction("label_noise", options.label_noise);
    check_fraction("reward_label_noise", options.reward_label_noise);
    VALIDATE(std::isfinite(options.imbalance) && options.imbalance >= 1, ExitCode::usage,
             "data.imbalance = ", options.imbalance,
             " (examples of the most frequent class for one of the rarest): choose 1 or more");
}

} // namespace

Split split_dataset(const Dataset& dataset, const DataOptions& options, std::uint64_t seed) {
    check_options(options);
    const auto labels = dataset.training.labels;
    std::vector<Rows> rows_by_class(dataset.facts.classes);
    for (std::size_t row = 0; row < labels.size(); ++row) {
        rows_by_class[labels[row]].push_back(static_cast<std::uint32_t>(row));
    }
    const auto classes_there = static_cast<std::size_t>(
        std::count_if(rows_by_class.begin(), rows_by_class.end(), [](const Rows& rows) { return !rows.empty(); }));
    const auto reward_n = reward_size(options, labels.size(), classes_there);
    const auto reward_by_class = apportion(rows_by_class, reward_n, labels.size());

    Rows reward, training;
    for (std::size_t c = 0; c < rows_by_class.size(); ++c) {
        const auto [held_out, rest] = choose(rows_by_class[c], reward_by_class[c], {seed, Purpose::split});
        const auto kept_n = thinned_size(rest.size(), options.imbalance, c, rows_by_class.size());
        const auto kept = choose(rest, kept_n, {seed, Purpose::imbalance}).first;
        reward.insert(reward.end(), held_out.begin(), held_out.end());
        training.insert(training.end(), kept.begin(), kept.end());
    }
    std::sort(reward.begin(), reward.end());
    std::sort(training.begin(), training.end());
    ENSURE(reward.size() == reward_n);

    Split split;
    // Rows are distinct over both parts, so that one key serves both.
    const RandomKey noise_key{seed, Purpose::label_noise};
    split.training = make_part(std::move(training), labels, dataset.facts.classes, options.label_noise, noise_key);
    split.reward = make_part(std::move(reward), labels, dataset.facts.classes, options.reward_label_noise, noise_key);
    if (options.train_on_reward) split.training = merge(split.training, split.reward);
    split.test.source.resize(dataset.test.labels.size());
    std::iota(split.test.source.begin(), split.test.source.end(), 0U);
    split.test.label.assign(dataset.test.labels.begin(), dataset.test.labels.end());
    split.test.true_label = split.test.label;
    return split;
}

} // namespace autosampling
