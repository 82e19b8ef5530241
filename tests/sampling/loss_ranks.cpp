#include "autosampling/sampling/loss_ranks.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/random.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace autosampling {
namespace {

using testing::ElementsAre;
using Indices = std::vector<std::uint32_t>;
using Losses = std::vector<float>;

// The level of each loss by counting those below and those equal; a negative loss is unknown.
std::vector<std::uint16_t> counted_levels(const Losses& loss) {
    std::vector<std::uint16_t> levels;
    const auto known = std::count_if(loss.begin(), loss.end(), [](float l) { return l >= 0; });
    for (const float own : loss) {
        const auto below = std::count_if(loss.begin(), loss.end(), [&](float l) { return l >= 0 && l < own; });
        const auto equal = std::count(loss.begin(), loss.end(), own);
        const double middle =
            (static_cast<double>(below) + 0.5 * static_cast<double>(equal)) / static_cast<double>(known);
        levels.push_back(own < 0 ? std::uint16_t{0} : static_cast<std::uint16_t>(1 + std::floor(middle * 255)));
    }
    return levels;
}

TEST(LossRanks, a_level_is_the_middle_rank_among_the_known_losses) {
    Losses loss(1000, -1);
    RandomStream random({5, Purpose::split}, 0);
    for (std::size_t x = 0; x < loss.size(); ++x)
        if (x % 4 != 3)
            loss[x] =
                static_cast<float>(std::ldexp(1 + random.below(64) / 64.0, static_cast<int>(random.below(8)) - 6));
    LossRanks ranks(1000);
    EXPECT_THAT(ranks.levels(), testing::Each(0));
    for (std::uint32_t x = 0; x < loss.size(); ++x)
        if (loss[x] >= 0) ranks.observe(Indices{x}, Losses{loss[x]});
    EXPECT_THAT(ranks.levels(), testing::Each(0)); // until the round is over
    ranks.close_round();
    EXPECT_EQ(ranks.levels(), counted_levels(loss));
}

TEST(LossRanks, levels_stand_for_ranks_from_minus_one_to_one) {
    EXPECT_EQ(LossRanks::rank(0), 0);
    EXPECT_EQ(LossRanks::rank(128), 0); // all losses equal
    EXPECT_DOUBLE_EQ(LossRanks::rank(1), -LossRanks::rank(255));
    double sum = 0;
    for (std::uint32_t level = 1; level <= 255; ++level) sum += LossRanks::rank(level) * LossRanks::rank(level);
    EXPECT_NEAR(sum / 255, 1.0 / 3, 1e-4); // as of a uniform distribution
    LossRanks ranks(3);
    ranks.observe(Indices{0, 1, 2}, Losses{0, 0, 0});
    ranks.close_round();
    EXPECT_THAT(ranks.levels(), ElementsAre(128, 128, 128));
}

TEST(LossRanks, a_loss_is_the_mean_over_the_draws_of_the_last_round_that_drew_the_example) {
    LossRanks ranks(3);
    ranks.observe(Indices{0, 1, 2}, Losses{5, 2, 3});
    ranks.close_round();
    EXPECT_THAT(ranks.levels(), ElementsAre(213, 43, 128));
    ranks.observe(Indices{0, 0, 0, 2}, Losses{0, 8, 0.1F, 2.5F}); // means 2.7 and 2.5; 1 keeps its 2
    ranks.close_round();
    EXPECT_THAT(ranks.levels(), ElementsAre(213, 43, 128));
    ranks.observe(Indices{0, 0, 0}, Losses{0, 4, 0.1F}); // 1.37
    ranks.close_round();
    EXPECT_THAT(ranks.levels(), ElementsAre(43, 128, 213));
    ranks.close_round(); // a round that drew nothing
    EXPECT_THAT(ranks.levels(), ElementsAre(43, 128, 213));
}

TEST(LossRanks, losses_too_large_and_many_to_be_added_up_keep_their_mean) {
    LossRanks ranks(2);
    for (int draw = 0; draw < 5000; ++draw) ranks.observe(Indices{0, 1}, Losses{1e6F, 9e5F});
    ranks.close_round();
    EXPECT_THAT(ranks.levels(), ElementsAre(192, 64));
}

TEST(LossRanks, the_order_of_the_draws_does_not_matter) {
    const Losses loss{0.1F, 1e-7F, 2.3F, 1e5F, 0.3F, 2e30F};
    LossRanks forwards(2), backwards(2);
    forwards.observe(Indices{0, 1, 0, 1, 0, 0}, loss);
    backwards.observe(Indices{0, 0, 1, 0, 1, 0}, Losses(loss.rbegin(), loss.rend()));
    NamedArrays one, other;
    forwards.save(one);
    backwards.save(other);
    EXPECT_EQ(one, other);
}

TEST(LossRanks, what_was_saved_inside_a_round_goes_on_as_if_it_had_not_been) {
    LossRanks ranks(4), again(4);
    ranks.observe(Indices{0, 1, 2}, Losses{5, 2, 3});
    ranks.close_round();
    ranks.observe(Indices{2, 3}, Losses{1, 4});
    NamedArrays saved;
    ranks.save(saved);
    again.load(saved);
    for (LossRanks* either : {&ranks, &again}) {
        either->observe(Indices{2, 3}, Losses{9, 4});
        either->close_round();
    }
    EXPECT_EQ(again.levels(), ranks.levels());
    EXPECT_THAT(ranks.levels(), testing::Not(testing::Contains(0)));

    std::get<std::vector<double>>(saved["known_loss"])[1] = std::nan("");
    EXPECT_THROW(again.load(saved), Error);
}

} // namespace
} // namespace autosampling
