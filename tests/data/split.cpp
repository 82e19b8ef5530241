#include "autosampling/data/split.hpp"
#include "data_files.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace autosampling {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using Labels = std::vector<std::int32_t>;

// A data set of labels alone: all that a split looks at.
const Labels one_test{0};
Dataset labels_only(const Labels& training, int classes, const Labels& test = one_test) {
    Dataset dataset;
    dataset.facts.classes = classes;
    dataset.training.labels = training;
    dataset.training.rows = training.size();
    dataset.test.labels = test;
    dataset.test.rows = test.size();
    return dataset;
}

// n labels, class by class in turn.
Labels balanced(std::size_t n, int classes) {
    Labels labels(n);
    for (std::size_t i = 0; i < n; ++i) labels[i] = static_cast<std::int32_t>(i % classes);
    return labels;
}

std::vector<std::size_t> histogram(const Labels& labels, int classes) {
    std::vector<std::size_t> counts(classes);
    for (const auto label : labels) ++counts[label];
    return counts;
}

bool equal(const Part& a, const Part& b) {
    return a.source == b.source && a.label == b.label && a.true_label == b.true_label;
}

std::size_t redrawn(const Part& part) {
    std::size_t n = 0;
    for (std::size_t i = 0; i < part.label.size(); ++i) n += part.label[i] != part.true_label[i];
    return n;
}

TEST(Split, training_and_reward_share_nothing_and_leave_nothing) {
    const auto labels = balanced(1003, 7);
    DataOptions options;
    options.reward_images = 250;
    const auto split = split_dataset(labels_only(labels, 7, {3, 1, 2}), options, 11);
    std::set<std::uint32_t> rows(split.training.source.begin(), split.training.source.end());
    EXPECT_EQ(rows.size(), 753U);
    rows.insert(split.reward.source.begin(), split.reward.source.end());
    EXPECT_EQ(rows.size(), 1003U);
    EXPECT_EQ(*rows.rbegin(), 1002U);
    for (const Part* part : {&split.training, &split.reward}) {
        EXPECT_TRUE(std::is_sorted(part->source.begin(), part->source.end()));
        EXPECT_EQ(part->label, part->true_label);
        for (std::size_t i = 0; i < part->source.size(); ++i) ASSERT_EQ(part->label[i], labels[part->source[i]]);
    }
    EXPECT_EQ(split.test.source, (std::vector<std::uint32_t>{0, 1, 2}));
    EXPECT_EQ(split.test.label, (Labels{3, 1, 2}));
}

TEST(Split, training_on_the_reward_set_adds_its_examples_with_their_labels) {
    DataOptions options;
    options.reward_images = 250;
    options.label_noise = 0.4;
    const auto labels = balanced(1003, 7);
    const auto apart = split_dataset(labels_only(labels, 7), options, 11);
    options.train_on_reward = true;
    const auto together = split_dataset(labels_only(labels, 7), options, 11);
    EXPECT_TRUE(equal(together.reward, apart.reward));
    ASSERT_EQ(together.training.source.size(), 1003U);
    for (const Part* part : {&apart.training, &apart.reward})
        for (std::size_t i = 0; i < part->source.size(); ++i) {
            const std::size_t row = part->source[i]; // all rows are there, in order
            EXPECT_EQ(together.training.source[row], row);
            EXPECT_EQ(together.training.label[row], part->label[i]);
            EXPECT_EQ(together.training.true_label[row], part->true_label[i]);
        }
}

TEST(Split, reward_set_is_stratified_and_exact) {
    Labels labels;
    const std::vector<int> sizes{500, 3, 77, 120, 1, 0, 299};
    for (int c = 0; c < 7; ++c) labels.insert(labels.end(), sizes[c], c);
    for (const int wanted : {1, 2, 10, 99, 500, 993, 994}) {
        DataOptions options;
        options.reward_images = wanted;
        const auto split = split_dataset(labels_only(labels, 7), options, 3);
        ASSERT_EQ(split.reward.source.size(), static_cast<std::size_t>(wanted));
        const auto reward = histogram(split.reward.label, 7), training = histogram(split.training.label, 7);
        for (int c = 0; c < 7; ++c) {
            EXPECT_TRUE(sizes[c] == 0 || training[c] > 0) << "class " << c << " of " << wanted;
            const double share = static_cast<double>(wanted) * sizes[c] / 1000;
            if (wanted < 500) {
                EXPECT_LE(std::abs(static_cast<double>(reward[c]) - share), 1) << "class " << c;
            }
        }
    }
}

TEST(Split, reward_set_is_a_tenth_by_default) {
    for (const std::size_t n : {20, 109, 8000}) {
        EXPECT_EQ(split_dataset(labels_only(balanced(n, 4), 4), {}, 0).reward.source.size(), n / 10);
    }
}

TEST(Split, is_a_pure_function_of_the_seed) {
    const auto labels = balanced(500, 5);
    const auto dataset = labels_only(labels, 5);
    DataOptions options;
    options.label_noise = 0.3;
    options.imbalance = 4;
    const auto first = split_dataset(dataset, options, 1), again = split_dataset(dataset, options, 1);
    EXPECT_TRUE(equal(first.training, again.training) && equal(first.reward, again.reward));
    EXPECT_NE(first.reward.source, split_dataset(dataset, options, 2).reward.source);
    EXPECT_NE(first.reward.source, split_dataset(dataset, options, std::uint64_t{1} << 32 | 1).reward.source);
}

// Rows of one class are held out equally often: chi-square with 99 degrees of freedom at 10^-6. A tenth of the rows
// held out 20 % too often would be found with probability 0.97.
TEST(Split, each_example_is_held_out_equally_often) {
    constexpr int seeds = 3000, n = 100, held_out = 10;
    const auto labels = balanced(n, 1);
    std::vector<double> times(n);
    DataOptions options;
    options.reward_images = held_out;
    for (int seed = 0; seed < seeds; ++seed) {
        for (const auto row : split_dataset(labels_only(labels, 1), options, seed).reward.source) ++times[row];
    }
    const double p = static_cast<double>(held_out) / n, expected = seeds * p;
    double statistic = 0;
    for (const double t : times) statistic += (t - expected) * (t - expected) / (expected * (1 - p)) * (n - 1) / n;
    EXPECT_LT(statistic, 181);
    EXPECT_GT(statistic, 45); // and not more evenly than chance does
}

// CIFAR-10-LT at 100 : 1 (Cao et al., 2019).
TEST(Split, imbalance_has_the_published_profile) {
    const auto labels = balanced(50010, 10);
    DataOptions options;
    options.reward_images = 10;
    options.imbalance = 100;
    const auto split = split_dataset(labels_only(labels, 10), options, 0);
    EXPECT_EQ(histogram(split.training.label, 10),
              (std::vector<std::size_t>{5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50}));
    EXPECT_EQ(histogram(split.reward.label, 10), std::vector<std::size_t>(10, 1));
    EXPECT_TRUE(std::is_sorted(split.training.source.begin(), split.training.source.end()));
}

TEST(Split, thinned_class_keeps_an_example_and_the_reward_set_is_as_before) {
    const auto labels = balanced(100, 10);
    DataOptions options;
    const auto plain = split_dataset(labels_only(labels, 10), options, 9);
    options.imbalance = 1e6;
    const auto thinned = split_dataset(labels_only(labels, 10), options, 9);
    EXPECT_TRUE(equal(plain.reward, thinned.reward));
    EXPECT_EQ(histogram(thinned.training.label, 10), (std::vector<std::size_t>{9, 1, 1, 1, 1, 1, 1, 1, 1, 1}));
    EXPECT_TRUE(std::includes(plain.training.source.begin(), plain.training.source.end(),
                              thinned.training.source.begin(), thinned.training.source.end()));
}

TEST(Split, exactly_the_given_fraction_of_labels_is_redrawn) {
    // With so many classes a redrawn label is hardly ever the old one.
    constexpr int classes = 1 << 20;
    const Labels labels(1000, 0);
    DataOptions options;
    for (const double noise : {0.0, 0.001, 0.4, 0.9995, 1.0}) {
        options.label_noise = noise;
        const auto split = split_dataset(labels_only(labels, classes), options, 1);
        EXPECT_EQ(redrawn(split.training), static_cast<std::size_t>(std::llround(noise * 900)));
        EXPECT_EQ(redrawn(split.reward), 0U);
    }
}

TEST(Split, reward_labels_have_their_own_noise) {
    const Labels labels(1000, 0);
    DataOptions options;
    const auto clean = split_dataset(labels_only(labels, 100000), options, 1);
    options.reward_label_noise = 0.5;
    const auto noisy = split_dataset(labels_only(labels, 100000), options, 1);
    EXPECT_TRUE(equal(clean.training, noisy.training));
    EXPECT_EQ(clean.reward.source, noisy.reward.source);
    EXPECT_EQ(redrawn(noisy.reward), 50U);
}

// Redrawn labels are uniform whatever the true one: chi-square over (true, given) with 90 degrees of freedom at 10^-6.
// True labels kept 10 % too often would be found with probability 0.99.
TEST(Split, redrawn_labels_are_uniform_over_all_classes) {
    const auto labels = balanced(200000, 10);
    DataOptions options;
    options.label_noise = 1;
    const auto training = split_dataset(labels_only(labels, 10), options, 5).training;
    std::vector<double> times(100);
    for (std::size_t i = 0; i < training.label.size(); ++i) ++times[training.true_label[i] * 10 + training.label[i]];
    const double expected = static_cast<double>(training.label.size()) / 100;
    double statistic = 0;
    for (const double t : times) statistic += (t - expected) * (t - expected) / expected;
    EXPECT_LT(statistic, 169);
    EXPECT_GT(statistic, 40);
}

// The numbers that choose the rows do not choose the labels: chi-square with 9 degrees of freedom at 10^-6 over tenths
// of the classes.
TEST(Split, redrawn_labels_are_uniform_where_only_some_are_redrawn) {
    constexpr int classes = 1 << 16;
    DataOptions options;
    options.label_noise = 0.25;
    const Labels labels(100000, 0);
    std::vector<double> times(10);
    double n = 0;
    for (const auto label : split_dataset(labels_only(labels, classes), options, 6).training.label) {
        if (label == 0) continue; // not redrawn, but for one in 65,536
        ++times[label * 10 / classes];
        ++n;
    }
    double statistic = 0;
    for (const double t : times) statistic += (t - n / 10) * (t - n / 10) / (n / 10);
    EXPECT_LT(statistic, 46);
}

// Which labels are noisy has nothing to do with which rows are held out or how large the reward set is.
TEST(Split, noise_hits_all_rows_equally) {
    constexpr int n = 20000;
    DataOptions options;
    options.label_noise = 0.25;
    const Labels labels(n, 0);
    const auto training = split_dataset(labels_only(labels, 1 << 16), options, 2).training;
    std::size_t in_first_half = 0;
    for (std::size_t i = 0; i < training.label.size() / 2; ++i) in_first_half += training.label[i] != 0;
    EXPECT_NEAR(static_cast<double>(in_first_half), 2250, 5 * std::sqrt(9000 * 0.25 * 0.75 / 2));
}

TEST(Split, test_set_changes_nothing_else) {
    TemporaryFolder folder;
    const std::filesystem::path real = std::filesystem::path(TEST_DATA) / "mnist-10k";
    for (const auto* name : {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"}) {
        std::filesystem::copy_file(real / name, folder.path() / name);
    }
    auto options = options_for("mnist", real);
    options.label_noise = 0.2;
    options.imbalance = 3;
    const auto before = load(options);
    options.path = folder.path().string();
    auto images = idx_images(13, 28, 28);
    write_bytes(folder.path() / "t10k-images-idx3-ubyte", images);
    write_bytes(folder.path() / "t10k-labels-idx1-ubyte", idx_labels(13));
    const auto after = load(options);
    const auto split_before = split_dataset(before.dataset, options, 4);
    const auto split_after = split_dataset(after.dataset, options, 4);
    EXPECT_TRUE(equal(split_before.training, split_after.training));
    EXPECT_TRUE(equal(split_before.reward, split_after.reward));
    EXPECT_TRUE(std::ranges::equal(before.dataset.training.bytes, after.dataset.training.bytes));
    EXPECT_EQ(before.dataset.facts.mean, after.dataset.facts.mean);
    EXPECT_EQ(split_after.test.label.size(), 13U);
}

TEST(Split, without_a_test_file_tests_are_drawn_from_the_training_file_by_class) {
    const auto labels = balanced(1000, 4);
    DataOptions options;
    options.test_images = 100;
    const auto split = split_dataset(labels_only(labels, 4, {}), options, 2);
    EXPECT_EQ(histogram(split.test.label, 4), (std::vector<std::size_t>(4, 25)));
    EXPECT_EQ(split.reward.source.size(), 90U);
    std::set<std::uint32_t> rows(split.test.source.begin(), split.test.source.end());
    rows.insert(split.reward.source.begin(), split.reward.source.end());
    rows.insert(split.training.source.begin(), split.training.source.end());
    EXPECT_EQ(rows.size(), 1000U);
    EXPECT_EQ(split.test.source, draw_test_rows(labels, 4, options, 2));
    EXPECT_NE(split.test.source, draw_test_rows(labels, 4, options, 3));
    options.test_images = 999;
    EXPECT_THAT(refusal(ExitCode::usage, [&] { split_dataset(labels_only(labels, 4, {}), options, 2); }),
                HasSubstr("data.test_images = 999"));
}

TEST(Split, class_of_one_example_goes_to_one_part) {
    Labels labels(30);
    std::iota(labels.begin(), labels.end(), 0);
    DataOptions options;
    options.reward_images = 6;
    const auto split = split_dataset(labels_only(labels, 30, {}), options, 0);
    EXPECT_EQ(split.test.source.size(), 3U);
    EXPECT_EQ(split.reward.source.size(), 6U);
    EXPECT_EQ(split.training.source.size(), 21U);
}

TEST(Split, sizes_that_do_not_fit_are_usage_errors) {
    const auto labels = balanced(100, 10);
    const auto refuse = [&](const DataOptions& options) {
        return refusal(ExitCode::usage, [&] { split_dataset(labels_only(labels, 10), options, 0); });
    };
    DataOptions options;
    options.reward_images = 91;
    EXPECT_THAT(refuse(options), ::testing::AllOf(HasSubstr("data.reward_images = 91"), HasSubstr("at most 90")));
    options.reward_images = 90;
    EXPECT_EQ(split_dataset(labels_only(labels, 10), options, 0).training.label.size(), 10U);
    options.reward_images = INT64_MAX;
    EXPECT_THAT(refuse(options), HasSubstr("data.reward_images"));
    options.reward_images = -1;
    EXPECT_THAT(refuse(options), HasSubstr("data.reward_images"));
    options.reward_images = 20;
    options.reward_images_per_cycle = 21;
    EXPECT_THAT(refuse(options), HasSubstr("data.reward_images_per_cycle = 21"));
    for (const double bad : {-0.1, 1.1, std::nan("")}) {
        DataOptions noisy;
        noisy.label_noise = bad;
        EXPECT_THAT(refuse(noisy), HasSubstr("data.label_noise"));
    }
    for (const double bad : {0.5, std::nan(""), HUGE_VAL}) {
        DataOptions imbalanced;
        imbalanced.imbalance = bad;
        EXPECT_THAT(refuse(imbalanced), HasSubstr("data.imbalance"));
    }
    const Labels one{0};
    EXPECT_THAT(refusal(ExitCode::usage, [&] { split_dataset(labels_only(one, 2), {}, 0); }),
                HasSubstr("data.reward_images"));
}

} // namespace
} // namespace autosampling
