#include "autosampling/population/selection.hpp"

#include "harness/test_name.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace autosampling {
namespace {

Outcome outcome(std::int32_t member, double reward, double loss, bool finite = true) {
    Outcome o;
    o.member = member;
    o.reward = reward;
    o.reward_loss = loss;
    o.finite = finite;
    return o;
}

Selection run(SelectionRule rule, const std::vector<Outcome>& outcomes, std::int64_t survivors = 2,
              double fraction = 0.25, std::int64_t cycle = 0) {
    PopulationOptions options;
    options.selection = rule;
    options.members = std::ssize(outcomes);
    options.survivors = survivors;
    options.fraction = fraction;
    return select(options, outcomes, 1, cycle);
}

using Members = std::vector<std::int32_t>;

TEST(Selection, mean_has_no_winner_and_keeps_all_that_are_finite) {
    PopulationOptions options;
    options.selection = SelectionRule::mean;
    std::vector<Outcome> outcomes(4);
    for (std::int32_t member = 0; member < 4; ++member) {
        outcomes[static_cast<std::size_t>(member)].member = member;
        outcomes[static_cast<std::size_t>(member)].finite = member != 2;
        outcomes[static_cast<std::size_t>(member)].reward = -member;
    }
    const Selection selection = select(options, outcomes, 1, 0);
    EXPECT_EQ(selection.winner, -1);
    EXPECT_EQ(selection.survivors, (std::vector<std::int32_t>{0, 1, 3}));
    for (Outcome& outcome : outcomes) outcome.finite = 0;
    EXPECT_TRUE(select(options, outcomes, 1, 0).survivors.empty());
}

TEST(Selection, best_reward_wins_and_everyone_takes_its_state) {
    const std::vector<Outcome> outcomes{outcome(0, 0.5, 1), outcome(1, 0.7, 2), outcome(2, 0.6, 0)};
    const Selection s = run(SelectionRule::best, outcomes);
    EXPECT_EQ(s.winner, 1);
    EXPECT_EQ(s.parent, (std::vector<std::int32_t>{1, 1, 1}));
    EXPECT_EQ(s.survivors, std::vector<std::int32_t>{1});
}

TEST(Selection, ties_go_to_the_lower_loss_then_to_the_lower_member) {
    EXPECT_EQ(run(SelectionRule::best, std::vector{outcome(0, 0.7, 2), outcome(1, 0.7, 1)}).winner, 1);
    EXPECT_EQ(run(SelectionRule::best, std::vector{outcome(0, 0.7, 1), outcome(1, 0.7, 1)}).winner, 0);
}

TEST(Selection, members_that_are_not_finite_never_win) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    EXPECT_EQ(run(SelectionRule::best, std::vector{outcome(0, 9, 0, false), outcome(1, 0.1, 9)}).winner, 1);
    EXPECT_EQ(run(SelectionRule::best, std::vector{outcome(0, nan, nan, false), outcome(1, -1, 9)}).winner, 1);
    EXPECT_EQ(run(SelectionRule::best, std::vector{outcome(0, nan, nan, false), outcome(1, nan, nan, false)}).winner,
              -1);
}

TEST(Selection, order_is_strict_and_total_with_nans) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const std::vector<Outcome> all{outcome(0, 0.5, 1),  outcome(1, 0.5, 1),          outcome(2, 0.5, 0.5),
                                   outcome(3, 0.75, 3), outcome(4, nan, nan, false), outcome(5, 1, nan, false)};
    for (const Outcome& a : all)
        for (const Outcome& b : all) {
            EXPECT_EQ(ahead(a, b) || ahead(b, a), a.member != b.member) << a.member << " and " << b.member;
            EXPECT_FALSE(ahead(a, b) && ahead(b, a)) << a.member << " and " << b.member;
            for (const Outcome& c : all) EXPECT_TRUE(!(ahead(a, b) && ahead(b, c)) || ahead(a, c));
        }
}

TEST(Selection, top_k_losers_take_survivors_round_robin_by_place) {
    const std::vector<Outcome> outcomes{outcome(0, 0.1, 1), outcome(1, 0.9, 1), outcome(2, 0.3, 1), outcome(3, 0.8, 1),
                                        outcome(4, 0.2, 1)};
    // Places: 1 3 | 2 4 0
    const Selection s = run(SelectionRule::top_k, outcomes, 2);
    EXPECT_EQ(s.parent, (Members{1, 1, 1, 3, 3}));
    EXPECT_EQ(s.survivors, (Members{1, 3}));
    EXPECT_EQ(run(SelectionRule::top_k, outcomes, 1).parent, run(SelectionRule::best, outcomes).parent);
    EXPECT_EQ(run(SelectionRule::top_k, outcomes, 5).parent, (Members{0, 1, 2, 3, 4}));
}

TEST(Selection, top_k_with_fewer_finite_members_than_k) {
    const std::vector<Outcome> outcomes{outcome(0, 0, 0, false), outcome(1, 0.9, 1), outcome(2, 0, 0, false)};
    EXPECT_EQ(run(SelectionRule::top_k, outcomes, 2).parent, (Members{1, 1, 1}));
}

TEST(Selection, truncation_copies_from_the_best_fraction_to_the_worst) {
    std::vector<Outcome> outcomes;
    for (std::int32_t m = 0; m < 8; ++m) outcomes.push_back(outcome(m, 0.1 * m, 1));
    const Selection s = run(SelectionRule::truncation, outcomes, 2, 0.25);
    EXPECT_EQ(s.parent, (Members{7, 6, 2, 3, 4, 5, 6, 7}));
    EXPECT_EQ(s.survivors, (Members{2, 3, 4, 5, 6, 7}));
    EXPECT_EQ(run(SelectionRule::truncation, {outcome(0, 1, 1)}).parent, Members{0});
    EXPECT_EQ(run(SelectionRule::truncation, {outcome(0, 1, 1), outcome(1, 2, 1)}, 2, 0.5).parent, (Members{1, 1}));
}

TEST(Selection, tournament_losers_take_the_winner_of_their_pair_and_pairs_change) {
    std::vector<Outcome> outcomes;
    for (std::int32_t m = 0; m < 7; ++m) outcomes.push_back(outcome(m, 0.1 * m, 1));
    std::vector<Members> seen;
    for (std::int64_t cycle = 0; cycle < 20; ++cycle) {
        const Selection s = run(SelectionRule::tournament, outcomes, 2, 0.25, cycle);
        EXPECT_EQ(s.survivors.size(), 4U); // three winners and the odd one out
        for (std::int32_t m = 0; m < 7; ++m) EXPECT_GE(s.parent[static_cast<std::size_t>(m)], m);
        if (std::find(seen.begin(), seen.end(), s.parent) == seen.end()) seen.push_back(s.parent);
    }
    EXPECT_GT(seen.size(), 10U);
}

TEST(Selection, independent_members_go_on_as_they_are_unless_not_finite) {
    const Selection s = run(SelectionRule::none, {outcome(0, 0.1, 1), outcome(1, 0.9, 1), outcome(2, 0, 0, false)});
    EXPECT_EQ(s.parent, (Members{0, 1, 1}));
    EXPECT_EQ(s.winner, 1);
}

class EveryRule : public ::testing::TestWithParam<SelectionRule> {};
INSTANTIATE_TEST_SUITE_P(Selection, EveryRule,
                         ::testing::Values(SelectionRule::best, SelectionRule::top_k, SelectionRule::truncation,
                                           SelectionRule::tournament, SelectionRule::none),
                         [](const auto& rule) { return test_name(rule.param); });

TEST_P(EveryRule, single_member_goes_on_as_it_is) {
    EXPECT_EQ(run(GetParam(), {outcome(0, 0.5, 1)}, 1).parent, Members{0});
    EXPECT_EQ(run(GetParam(), {outcome(0, 0.5, 1, false)}, 1).winner, -1);
}

TEST_P(EveryRule, survivors_are_finite_and_their_own_parents_and_the_winner_survives) {
    for (unsigned pattern = 0; pattern < 3 * 3 * 3 * 3 * 3; ++pattern) { // each member: not finite, low, high
        std::vector<Outcome> outcomes;
        unsigned digits = pattern;
        for (std::int32_t m = 0; m < 5; ++m, digits /= 3) outcomes.push_back(outcome(m, digits % 3, 1, digits % 3 > 0));
        for (std::int64_t k = 1; k <= 5; ++k) {
            const Selection s = run(GetParam(), outcomes, k, 0.1 * static_cast<double>(k), pattern);
            if (pattern == 0) {
                EXPECT_EQ(s.winner, -1);
                continue;
            }
            EXPECT_TRUE(std::binary_search(s.survivors.begin(), s.survivors.end(), s.winner));
            for (const std::int32_t survivor : s.survivors) {
                EXPECT_TRUE(outcomes[static_cast<std::size_t>(survivor)].finite);
                EXPECT_EQ(s.parent[static_cast<std::size_t>(survivor)], survivor);
            }
            for (const std::int32_t parent : s.parent)
                EXPECT_TRUE(std::binary_search(s.survivors.begin(), s.survivors.end(), parent));
            for (const Outcome& o : outcomes) EXPECT_FALSE(ahead(o, outcomes[static_cast<std::size_t>(s.winner)]));
        }
    }
}

} // namespace
} // namespace autosampling
