#include "autosampling/sampling/credit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace autosampling {
namespace {

using testing::Each;
using testing::ElementsAre;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::vector<std::int32_t> of(const std::vector<double>& reward, const std::vector<std::uint8_t>& finite) {
    return advantage(reward, finite);
}

TEST(Advantage, equals_values_computed_by_hand) {
    // mean 2, sd √(2/3), z = ∓√1.5 = ∓1.2247449, times 65536 = 80264.88
    EXPECT_THAT(of({1, 2, 3}, {1, 1, 1}), ElementsAre(-80265, 0, 80265));
    // mean −2, squares 4 0 4 64 64, sd √27.2 = 5.2153619; 65536·2/sd = 25131.9
    EXPECT_THAT(of({-4, -2, 0, 6, -10}, {1, 1, 1, 1, 1}), ElementsAre(-25132, 0, 25132, 100528, -100528));
    EXPECT_THAT(of({5, 7}, {1, 1}), ElementsAre(-65536, 65536));
}

TEST(Advantage, leaves_out_members_that_are_not_finite) {
    EXPECT_THAT(of({1, nan, 2, 3, -nan}, {1, 0, 1, 1, 0}), ElementsAre(-80265, 0, 0, 80265, 0));
    EXPECT_THAT(of({1, 1e300, 2, 3}, {1, 0, 1, 1}), ElementsAre(-80265, 0, 0, 80265));
}

TEST(Advantage, is_zero_with_fewer_than_two_finite_members) {
    EXPECT_THAT(of({nan, 3, nan}, {0, 1, 0}), Each(0));
    EXPECT_THAT(of({nan, nan}, {0, 0}), Each(0));
    EXPECT_THAT(of({3}, {1}), Each(0));
    EXPECT_TRUE(of({}, {}).empty());
}

TEST(Advantage, is_zero_for_equal_rewards_whatever_they_round_to) {
    for (const double reward : {0.0, 0.1, -2.302585, 1.0 / 3, 1e-300, 1e300})
        for (std::size_t members = 2; members <= 21; ++members) {
            EXPECT_THAT(of(std::vector<double>(members, reward), std::vector<std::uint8_t>(members, 1)), Each(0))
                << members << " times " << reward;
        }
}

TEST(Advantage, does_not_depend_on_the_scale_and_origin_of_the_reward) {
    const std::vector<std::uint8_t> all(4, 1);
    EXPECT_EQ(of({-3, 1, 2, 8}, all), of({-3 * 4 + 1024, 1 * 4 + 1024, 2 * 4 + 1024, 8 * 4 + 1024}, all));
}

TEST(Advantage, sums_to_zero_within_rounding_and_is_within_half_a_unit_of_the_formula) {
    std::mt19937 random(1);
    std::normal_distribution<double> normal(-1.5, 0.01);
    for (int round = 0; round < 200; ++round) {
        std::vector<double> reward(2 + random() % 30);
        for (double& r : reward) r = normal(random);
        const auto z = of(reward, std::vector<std::uint8_t>(reward.size(), 1));
        long double mean = 0, squares = 0;
        for (const double r : reward) mean += r / static_cast<long double>(reward.size());
        for (const double r : reward) squares += (r - mean) * (r - mean) / static_cast<long double>(reward.size());
        for (std::size_t i = 0; i < z.size(); ++i)
            EXPECT_NEAR(z[i], static_cast<double>((reward[i] - mean) / std::sqrt(squares) * 65536), 0.5 + 1e-6);
        EXPECT_LE(std::abs(std::accumulate(z.begin(), z.end(), 0)), static_cast<int>(z.size()) / 2 + 1);
    }
}

TEST(Score, is_the_credit_over_the_root_of_the_draws) {
    EXPECT_EQ(score(0, 0), 0);
    EXPECT_EQ(score(65536, 1), 1);
    EXPECT_EQ(score(-3 * 65536, 9), -1);
    EXPECT_DOUBLE_EQ(score(65536, 2), std::sqrt(0.5));
    EXPECT_DOUBLE_EQ(score(std::int64_t{1} << 40, 1U << 20), 16384.0);
}

TEST(ScoreLevel, neutral_is_exact) {
    EXPECT_EQ(score_level(0), neutral_level);
    EXPECT_EQ(scaled_score_of(neutral_level), 0);
    EXPECT_EQ(std::exp(scaled_score_of(neutral_level)), 1);
}

TEST(ScoreLevel, is_monotone_symmetric_clipped_and_within_half_a_step) {
    constexpr double step = 3.0 / 31;
    std::uint32_t previous = score_level(-10);
    EXPECT_EQ(previous, neutral_level - 31);
    for (int i = -10'000; i <= 10'000; ++i) {
        const double scaled = i * 1e-3;
        const std::uint32_t level = score_level(scaled);
        ASSERT_LT(level, score_levels);
        ASSERT_GE(level, previous);
        ASSERT_EQ(level - neutral_level, neutral_level - score_level(-scaled));
        ASSERT_NEAR(scaled_score_of(level), std::min(3.0, std::max(-3.0, scaled)), step / 2 + 1e-12);
        previous = level;
    }
    EXPECT_EQ(previous, score_levels - 1);
    EXPECT_EQ(score_level(std::numeric_limits<double>::infinity()), score_levels - 1);
}

TEST(ScoreLevel, every_level_stands_for_a_score_that_has_this_level) {
    for (std::uint32_t level = neutral_level - 31; level < score_levels; ++level)
        EXPECT_EQ(score_level(scaled_score_of(level)), level);
    EXPECT_DOUBLE_EQ(scaled_score_of(score_levels - 1), 3);
    EXPECT_DOUBLE_EQ(scaled_score_of(neutral_level - 31), -3);
}

} // namespace
} // namespace autosampling
