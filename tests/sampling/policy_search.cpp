// The search for a policy's weights, against METHOD.md's formulas.
#include "autosampling/sampling/policy_search.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/random.hpp"
#include "sampling/statistics.hpp"

#include <boost/math/distributions/normal.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace autosampling {
namespace {

using testing::DoubleNear;
using testing::Each;
using testing::Pointwise;
using Flags = std::vector<std::uint8_t>;
using Reals = std::vector<double>;

const Reals scale{1, 0.7, 1, 1};
const Flags all_vary{1, 1, 1, 1};

PolicySearch make_search(std::uint32_t members, const ExplorationOptions& options = {}, std::uint64_t seed = 7) {
    return {options, seed, members, scale};
}

// Rewards that say nothing, the same for the same (round, member).
Reals noise(std::int64_t round, std::uint32_t members) {
    Reals reward;
    for (std::uint32_t member = 0; member < members; ++member)
        reward.push_back(RandomStream({9, Purpose::synthetic, member, static_cast<std::uint32_t>(round), 0}, 0).real() -
                         3);
    return reward;
}

TEST(PolicySearch, members_are_perturbed_in_antithetic_pairs_and_an_odd_last_one_is_not) {
    for (const std::uint32_t members : {2U, 5U, 8U}) {
        PolicySearch search = make_search(members);
        for (int round = 0; round < 3; ++round) {
            std::set<Reals> different;
            for (std::uint32_t member = 0; member + 1 < members; member += 2) {
                const Reals one = search.perturbation(member), other = search.perturbation(member + 1);
                for (std::size_t j = 0; j < one.size(); ++j) EXPECT_EQ(one[j], -other[j]);
                different.insert(one);
                different.insert(other);
            }
            EXPECT_EQ(different.size(), members / 2 * 2);
            if (members % 2 == 1) {
                EXPECT_THAT(search.perturbation(members - 1), Each(0));
            }
            const Reals before = search.perturbation(0);
            search.close_round(noise(round, members), Flags(members, 1), all_vary);
            EXPECT_NE(search.perturbation(0), before);
        }
    }
    EXPECT_NE(make_search(4, {}, 1).perturbation(0), make_search(4, {}, 2).perturbation(0));
    EXPECT_EQ(make_search(4).perturbation(0), make_search(8).perturbation(0));
}

// 16,000 perturbations in 20 equally probable cells for each weight; a scale of 0.95 instead of 1 is refused.
TEST(PolicySearch, perturbations_are_standard_normal_times_the_scale) {
    const boost::math::normal standard;
    std::vector<std::vector<std::int64_t>> cells(scale.size(), std::vector<std::int64_t>(20, 0)), narrow(cells);
    PolicySearch search = make_search(40);
    for (int round = 0; round < 800; ++round) {
        for (std::uint32_t member = 0; member < 40; member += 2) {
            const Reals epsilon = search.perturbation(member);
            for (std::size_t j = 0; j < epsilon.size(); ++j) {
                ++cells[j][static_cast<std::size_t>(20 * cdf(standard, epsilon[j] / scale[j]))];
                ++narrow[j][static_cast<std::size_t>(20 * cdf(standard, 0.95 * epsilon[j] / scale[j]))];
            }
        }
        search.close_round(noise(round, 40), Flags(40, 0), all_vary);
    }
    for (std::size_t j = 0; j < scale.size(); ++j) {
        EXPECT_GT(statistics::uniform_p(cells[j]), statistics::false_alarm) << j;
        EXPECT_LT(statistics::uniform_p(narrow[j]), statistics::false_alarm) << j;
    }
}

TEST(PolicySearch, a_members_weights_are_the_policys_and_sigma_times_its_perturbation) {
    ExplorationOptions options;
    options.sigma = 0.3;
    PolicySearch search = make_search(4, options);
    search.close_round(Reals{1, -1, 1, -1}, Flags(4, 1), all_vary);
    for (std::uint32_t member = 0; member < 4; ++member)
        for (std::size_t j = 0; j < scale.size(); ++j)
            EXPECT_DOUBLE_EQ(search.weight_of(member)[j], search.weight()[j] + 0.3 * search.perturbation(member)[j]);
}

// METHOD.md, "Policy search", 1 to 3, as it stands there.
struct Method {
    double sigma, alpha, tau, lambda;
    Reals w = Reals(4, 0), m = Reals(4, 0), v = Reals(4, 0);
    double d = 0;
    int r = 0;

    void round(const Reals& reward, const Flags& counts, const std::vector<Reals>& epsilon) {
        Reals finite;
        for (std::size_t i = 0; i < reward.size(); ++i)
            if (counts[i]) finite.push_back(reward[i]);
        const double n = static_cast<double>(finite.size());
        const double mean = std::accumulate(finite.begin(), finite.end(), 0.0) / n;
        double variance = 0;
        for (const double f : finite) variance += (f - mean) * (f - mean) / n;
        d = r == 0 ? std::sqrt(variance) : 0.7 * d + 0.3 * std::sqrt(variance);
        ++r;
        double v_hat = 0;
        for (std::size_t j = 0; j < 4; ++j) {
            double g = 0;
            for (std::size_t i = 0; i < reward.size(); ++i)
                if (counts[i]) g += (reward[i] - mean) / d * epsilon[i][j] / n;
            m[j] = 0.8 * m[j] + 0.2 * g;
            v[j] = 0.9 * v[j] + 0.1 * g * g;
            v_hat += v[j] / (1 - std::pow(0.9, r)) / 4;
        }
        const double S = 0.04 * (1 - std::pow(0.8, 2 * r)) / (0.36 * std::pow(1 - std::pow(0.8, r), 2));
        for (std::size_t j = 0; j < 4; ++j) {
            const double q = m[j] / (1 - std::pow(0.8, r)) / std::sqrt(v_hat);
            const double step = alpha * scale[j] * q * std::max(0.0, 1 - tau * tau * S / (q * q));
            w[j] = std::clamp((1 - lambda) * w[j] + step, -4.0, 4.0);
        }
    }
};

TEST(PolicySearch, weights_move_after_the_formula) {
    for (const double tau : {0.0, 1.0})
        for (const std::uint32_t members : {2U, 7U, 8U}) {
            ExplorationOptions options;
            options.tau = tau;
            options.alpha = 0.6;
            options.lambda = 0.05;
            PolicySearch search = make_search(members, options);
            Method method{options.sigma, options.alpha, options.tau, options.lambda};
            for (int round = 0; round < 60; ++round) {
                std::vector<Reals> epsilon;
                Reals reward = noise(round, members);
                Flags counts(members, 1);
                if (round % 5 == 4 && members > 2) counts[static_cast<std::size_t>(round) % members] = 0;
                for (std::uint32_t member = 0; member < members; ++member) {
                    epsilon.push_back(search.perturbation(member));
                    reward[member] += 0.3 * epsilon.back()[0] - 0.2 * epsilon.back()[1];
                }
                method.round(reward, counts, epsilon);
                search.close_round(reward, counts, all_vary);
                ASSERT_THAT(Reals(search.weight().begin(), search.weight().end()),
                            Pointwise(DoubleNear(1e-9), method.w))
                    << "round " << round;
            }
            EXPECT_GT(search.weight()[0], 0.5);
            EXPECT_LT(search.weight()[1], -0.2);
        }
}

TEST(PolicySearch, the_null_variance_is_that_of_q_where_rewards_say_nothing) {
    // By its definition: q is a weighted mean of r independent numbers of variance 1.
    for (const int r : {1, 2, 5, 40}) {
        double sum = 0, squares = 0;
        for (int age = 0; age < r; ++age) {
            sum += std::pow(0.8, age);
            squares += std::pow(0.64, age);
        }
        EXPECT_NEAR(null_variance(r), squares / (sum * sum), 1e-12) << r;
    }
}

TEST(PolicySearch, without_perturbations_weights_stay_as_they_are) {
    ExplorationOptions options;
    options.sigma = 0;
    PolicySearch search = make_search(4, options);
    const Reals weight{-1, 0, 0.5, 0};
    search.set_weight(weight);
    for (int round = 0; round < 9; ++round) search.close_round(noise(round, 4), Flags(4, 1), all_vary);
    EXPECT_TRUE(std::ranges::equal(search.weight(), weight));
    EXPECT_EQ(search.weight_of(0), weight);
    EXPECT_EQ(search.round(), 9);
}

TEST(PolicySearch, weights_stay_where_they_are_pushed_and_go_back_when_nothing_pushes_them) {
    PolicySearch search = make_search(8);
    const auto live = [&](std::int64_t round, double push) {
        Reals reward = noise(round, 8);
        for (std::uint32_t member = 0; member < 8; ++member) reward[member] += push * search.perturbation(member)[2];
        search.close_round(reward, Flags(8, 1), all_vary);
    };
    for (int round = 0; round < 60; ++round) live(round, 3);
    EXPECT_GT(search.weight()[2], 1.5);
    for (int round = 60; round < 160; ++round) live(round, 0);
    EXPECT_LT(std::abs(search.weight()[2]), 0.8);
}

TEST(PolicySearch, no_weight_leaves_its_bounds) {
    ExplorationOptions options;
    options.alpha = 3;
    PolicySearch search = make_search(8, options);
    for (int round = 0; round < 60; ++round) {
        Reals reward;
        for (std::uint32_t member = 0; member < 8; ++member) reward.push_back(search.perturbation(member)[0]);
        search.close_round(reward, Flags(8, 1), all_vary);
    }
    EXPECT_EQ(search.weight()[0], PolicySearch::most);
}

TEST(PolicySearch, members_that_are_not_finite_say_nothing) {
    PolicySearch search = make_search(4), other = make_search(4);
    const double nan = std::nan("");
    search.close_round(Reals{0.1, nan, 0.3, 0.2}, Flags{1, 0, 1, 1}, all_vary);
    other.close_round(Reals{0.1, -1e9, 0.3, 0.2}, Flags{1, 0, 1, 1}, all_vary);
    EXPECT_TRUE(std::ranges::equal(search.weight(), other.weight()));
    EXPECT_TRUE(std::any_of(search.weight().begin(), search.weight().end(), [](double w) { return w != 0; }));
}

TEST(PolicySearch, a_round_with_fewer_than_two_finite_members_teaches_nothing_but_has_been) {
    PolicySearch search = make_search(4);
    search.close_round(Reals{1, 2, 3, 4}, Flags(4, 1), all_vary);
    const Reals before(search.weight().begin(), search.weight().end());
    const Reals epsilon = search.perturbation(0);
    for (const Flags& counts : {Flags{0, 1, 0, 0}, Flags{0, 0, 0, 0}})
        search.close_round(Reals{1, 2, 3, 4}, counts, all_vary);
    EXPECT_TRUE(std::ranges::equal(search.weight(), before));
    EXPECT_EQ(search.round(), 3);
    EXPECT_NE(search.perturbation(0), epsilon);
}

TEST(PolicySearch, members_that_are_all_equal_say_nothing) {
    PolicySearch search = make_search(4);
    for (int round = 0; round < 3; ++round) search.close_round(Reals(4, 0.1), Flags(4, 1), all_vary);
    EXPECT_THAT(search.weight(), Each(0));
    search.close_round(Reals{1, 2, 3, 4}, Flags(4, 1), all_vary);
    const double moved = *std::max_element(search.weight().begin(), search.weight().end());
    for (int round = 0; round < 50; ++round) search.close_round(Reals(4, 0.1), Flags(4, 1), all_vary);
    for (const double weight : search.weight()) EXPECT_LT(std::abs(weight), moved);
}

TEST(PolicySearch, a_weight_without_effect_stays_as_it_is_and_changes_nothing_for_the_others) {
    PolicySearch search = make_search(6), fewer({}, 7, 6, {1, 0.7});
    for (int round = 0; round < 20; ++round) {
        Reals reward = noise(round, 6);
        for (std::uint32_t member = 0; member < 6; ++member) reward[member] += search.perturbation(member)[0];
        search.close_round(reward, Flags(6, 1), Flags{1, 1, 0, 0});
        fewer.close_round(reward, Flags(6, 1), Flags{1, 1});
        ASSERT_TRUE(std::ranges::equal(search.weight().first(2), fewer.weight())) << "round " << round;
    }
    EXPECT_EQ(search.weight()[2], 0);
    EXPECT_EQ(search.weight()[3], 0);
    EXPECT_NE(search.weight()[0], 0);
}

TEST(PolicySearch, what_was_saved_goes_on_as_if_it_had_not_been) {
    PolicySearch search = make_search(6), again = make_search(6);
    for (int round = 0; round < 5; ++round) search.close_round(noise(round, 6), Flags(6, 1), all_vary);
    NamedArrays saved;
    search.save(saved);
    again.load(saved);
    for (PolicySearch* either : {&search, &again})
        for (int round = 5; round < 9; ++round) either->close_round(noise(round, 6), Flags(6, 1), all_vary);
    EXPECT_TRUE(std::ranges::equal(again.weight(), search.weight()));
    EXPECT_EQ(again.weight_of(3), search.weight_of(3));

    std::get<std::vector<double>>(saved["policy_weight"])[1] = 5;
    EXPECT_THROW(again.load(saved), Error);
}

} // namespace
} // namespace autosampling
