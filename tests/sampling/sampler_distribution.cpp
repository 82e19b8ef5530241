// The learned distribution and the draws from it, against METHOD.md's formulas.
#include "autosampling/sampling/sampler.hpp"

#include "sampling/run.hpp"
#include "sampling/statistics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

namespace autosampling {
namespace {

using statistics::chi_square_p;
using statistics::false_alarm;
using testing_run::drawn;
using testing_run::exploring_every_cycle;
using testing_run::live;
using testing_run::LivedCycle;
using testing_run::make_sampler;

// A wrong distribution is refused at least as clearly as this.
constexpr double refused = 1e-12;

std::vector<double> normalised(std::vector<double> weight) {
    const double sum = std::accumulate(weight.begin(), weight.end(), 0.0);
    for (double& w : weight) w /= sum;
    return weight;
}

// P̃ from the winners' draws.
std::vector<double> winner_formula(const std::vector<LivedCycle>& cycles, std::size_t images, double smoothing) {
    std::vector<double> count(images, 0);
    double mean = 0;
    for (const LivedCycle& cycle : cycles)
        for (const std::uint32_t index : cycle.schedules[cycle.winner]) {
            ++count[index];
            mean += 1.0 / static_cast<double>(images);
        }
    for (double& c : count) c = std::log(1 + smoothing * (c + 1) / (mean + 1));
    return normalised(count);
}

// P̃ from all members' draws and advantages, the score rounded to steps of 3/31.
std::vector<double> advantage_formula(const std::vector<LivedCycle>& cycles, std::size_t images, double beta) {
    std::vector<double> sum(images, 0), draws(images, 0);
    for (const LivedCycle& cycle : cycles)
        for (std::size_t member = 0; member < cycle.schedules.size(); ++member)
            for (const std::uint32_t index : cycle.schedules[member]) {
                sum[index] += cycle.z[member] / 65536.0;
                draws[index] += cycle.finite[member];
            }
    for (std::size_t index = 0; index < images; ++index) {
        const double v = draws[index] > 0 ? sum[index] / std::sqrt(draws[index]) : 0;
        sum[index] = std::exp(std::round(std::min(3.0, std::max(-3.0, beta * v)) / (3.0 / 31)) * 3 / 31);
    }
    return normalised(sum);
}

double entropy_of(const std::vector<double>& probability) {
    double entropy = 0;
    for (const double p : probability) entropy -= p * std::log(p);
    return entropy;
}

TEST(Sampler, the_distribution_of_winner_credit_is_the_formula_on_the_winners_draws) {
    for (const double smoothing : {0.3, 1.0, 4.0}) {
        ExplorationOptions options = exploring_every_cycle(Credit::winner, 1);
        options.smoothing = smoothing;
        Sampler sampler = make_sampler(options, 97, 13);
        std::vector<LivedCycle> cycles;
        for (std::int64_t cycle = 0; cycle < 80; ++cycle) {
            const auto expected = winner_formula(cycles, 97, smoothing);
            cycles.push_back(live(sampler, cycle, 13, 4)); // explores first
            ASSERT_THAT(sampler.probability(), testing::Pointwise(testing::DoubleNear(1e-12), expected)) << cycle;
            ASSERT_NEAR(sampler.entropy(), entropy_of(expected), 1e-12);
            ASSERT_EQ(sampler.exploration(), static_cast<std::uint32_t>(cycle) + 1);
        }
    }
}

TEST(Sampler, the_distribution_of_advantage_credit_is_the_formula_on_all_members_draws) {
    for (const double beta : {0.5, 1.0, 3.0}) {
        ExplorationOptions options = exploring_every_cycle(Credit::advantage);
        options.beta = beta;
        Sampler sampler = make_sampler(options, 97, 13);
        std::vector<LivedCycle> cycles;
        for (std::int64_t cycle = 0; cycle < 80; ++cycle) {
            const auto expected = advantage_formula(cycles, 97, beta);
            cycles.push_back(live(sampler, cycle, 13, 4));
            ASSERT_THAT(sampler.probability(), testing::Pointwise(testing::DoubleNear(1e-12), expected)) << cycle;
            ASSERT_NEAR(sampler.entropy(), entropy_of(expected), 1e-12);
        }
    }
}

TEST(Sampler, the_distribution_is_uniform_before_the_first_exploration) {
    for (const Credit credit : {Credit::winner, Credit::advantage}) {
        const Sampler sampler = make_sampler(exploring_every_cycle(credit), 97, 13);
        EXPECT_THAT(sampler.probability(), testing::Each(testing::DoubleNear(1.0 / 97, 1e-15)));
        EXPECT_NEAR(sampler.entropy(), std::log(97), 1e-12);
        EXPECT_EQ(sampler.exploration(), 0U);
    }
}

TEST(Sampler, the_adopted_weights_are_those_that_are_drawn_by) {
    Sampler sampler = make_sampler(exploring_every_cycle(Credit::winner), 10, 3);
    sampler.count(0, {{true, false, 0, {4, 4, 7}}});
    ASSERT_EQ(sampler.estimate().size(), 3U); // counts 0, 1, 2
    sampler.adopt({1, 3, 9});                 // 8 indices of weight 1, one of 3, one of 9
    EXPECT_DOUBLE_EQ(sampler.probability()[0], 1.0 / 20);
    EXPECT_DOUBLE_EQ(sampler.probability()[7], 3.0 / 20);
    EXPECT_DOUBLE_EQ(sampler.probability()[4], 9.0 / 20);
}

// A learned distribution after 30 cycles of a small run.
constexpr std::uint32_t images = 40, draws = 8;

Sampler learned(const ExplorationOptions& options) {
    Sampler sampler = make_sampler(options, images, draws);
    for (std::int64_t cycle = 0; cycle < 30; ++cycle) live(sampler, cycle, draws, 4);
    sampler.adopt(sampler.estimate());
    return sampler;
}

// What a member's draws should follow: P ∝ (P̃ + N_u · uniform) · exp(σ z).
std::vector<double> distribution_of(const Sampler& sampler, std::int64_t uniform_parts, double sigma,
                                    std::uint32_t member) {
    const Perturbation perturbation(11, sigma);
    std::vector<double> weight = sampler.probability();
    for (std::uint32_t index = 0; index < images; ++index)
        weight[index] = (weight[index] + static_cast<double>(uniform_parts) / images) *
                        perturbation.factor(member, sampler.exploration(), index);
    return normalised(weight);
}

std::vector<std::int64_t> histogram(const Sampler& sampler, std::uint32_t member) {
    std::vector<std::int64_t> observed(images, 0);
    for (std::int64_t cycle = 30; cycle < 12'530; ++cycle)
        for (const std::uint32_t index : drawn(sampler, draws, member, cycle)) ++observed[index];
    return observed;
}

// 100,000 draws; that they have power is seen by their refusing each wrong distribution.
TEST(Sampler, draws_follow_the_mixed_and_perturbed_distribution_of_each_member) {
    for (const Credit credit : {Credit::winner, Credit::advantage})
        for (const std::int64_t uniform_parts : {0, 3})
            for (const double sigma : {0.0, 0.2, 1.0}) {
                ExplorationOptions options = exploring_every_cycle(credit, uniform_parts);
                options.perturbation = sigma;
                const Sampler sampler = learned(options);
                for (const std::uint32_t member : {0U, 3U}) {
                    SCOPED_TRACE(testing::Message() << credit << ", N_u " << uniform_parts << ", sigma " << sigma
                                                    << ", member " << member);
                    const auto observed = histogram(sampler, member);
                    const auto fit = [&](std::int64_t parts, double s, std::uint32_t of_member) {
                        return chi_square_p(observed, distribution_of(sampler, parts, s, of_member));
                    };
                    EXPECT_GT(fit(uniform_parts, sigma, member), false_alarm);
                    EXPECT_LT(statistics::uniform_p(observed), refused);
                    EXPECT_LT(fit(3 - uniform_parts, sigma, member), refused);
                    if (sigma > 0) {
                        EXPECT_LT(fit(uniform_parts, 0, member), refused);
                        EXPECT_LT(fit(uniform_parts, sigma, member + 1), refused);
                    }
                }
            }
}

TEST(Sampler, each_exploration_perturbs_anew) {
    ExplorationOptions options = exploring_every_cycle(Credit::winner);
    options.perturbation = 0.2;
    Sampler sampler = learned(options);
    const auto before = distribution_of(sampler, 0, 0.2, 0);
    sampler.adopt(sampler.estimate()); // nothing was counted: only the perturbation changes
    const auto observed = histogram(sampler, 0);
    EXPECT_LT(chi_square_p(observed, before), refused);
    EXPECT_GT(chi_square_p(observed, distribution_of(sampler, 0, 0.2, 0)), false_alarm);
}

// 100,000 pairs over 40 · 40 cells in 8 · 8 classes: neighbouring slots, members and cycles say nothing of each other.
TEST(Sampler, draws_are_independent_of_each_other) {
    ExplorationOptions options = exploring_every_cycle(Credit::winner, 1);
    options.perturbation = 0;
    const Sampler sampler = learned(options);
    const auto p = distribution_of(sampler, 1, 0, 0);
    std::vector<double> pair(64, 0);
    for (std::uint32_t a = 0; a < images; ++a)
        for (std::uint32_t b = 0; b < images; ++b) pair[a % 8 * 8 + b % 8] += p[a] * p[b];
    std::vector<std::int64_t> slots(64, 0), members(64, 0), cycles(64, 0);
    auto previous = drawn(sampler, draws, 0, 29);
    for (std::int64_t cycle = 30; cycle < 12'530; ++cycle) {
        const auto now = drawn(sampler, draws, 0, cycle), other = drawn(sampler, draws, 1, cycle);
        for (std::size_t slot = 0; slot < draws; ++slot) {
            if (slot > 0) ++slots[now[slot - 1] % 8 * 8 + now[slot] % 8];
            ++members[now[slot] % 8 * 8 + other[slot] % 8];
            ++cycles[previous[slot] % 8 * 8 + now[slot] % 8];
        }
        previous = now;
    }
    for (const auto& observed : {slots, members, cycles}) EXPECT_GT(chi_square_p(observed, pair), false_alarm);
}

// 200,000 draws of 40 images, by image and by pairs of neighbouring slots in 8 · 8 classes.
TEST(Sampler, uniform_draws_with_replacement_are_uniform_and_independent) {
    ExplorationOptions options;
    options.kind = ExplorationKind::random;
    options.uniform = UniformDraws::replacement;
    const Sampler sampler = make_sampler(options, images, draws);
    std::vector<std::int64_t> each(images, 0), slots(64, 0);
    for (std::int64_t cycle = 0; cycle < 200'000 / draws; ++cycle) {
        const auto now = drawn(sampler, draws, 1, cycle);
        for (std::size_t slot = 0; slot < draws; ++slot) {
            ++each[now[slot]];
            if (slot > 0) ++slots[now[slot - 1] % 8 * 8 + now[slot] % 8];
        }
    }
    EXPECT_GT(statistics::uniform_p(each), false_alarm);
    EXPECT_GT(statistics::uniform_p(slots), false_alarm);
}

TEST(Sampler, without_replacement_indices_of_a_cycle_differ_and_each_draw_is_from_the_rest) {
    for (const double sigma : {0.0, 0.5}) {
        ExplorationOptions options = exploring_every_cycle(Credit::advantage);
        options.beta = 3;
        options.replacement = false;
        options.perturbation = sigma;
        const Sampler sampler = learned(options);
        std::vector<std::int64_t> first(images, 0), second(images, 0);
        for (std::int64_t cycle = 30; cycle < 60'030; ++cycle) {
            const auto indices = drawn(sampler, draws, 2, cycle);
            ASSERT_EQ(std::set<std::uint32_t>(indices.begin(), indices.end()).size(), draws);
            ++first[indices[0]];
            ++second[indices[1]];
        }
        const auto p = distribution_of(sampler, 0, sigma, 2);
        std::vector<double> from_the_rest(images, 0);
        for (std::uint32_t a = 0; a < images; ++a)
            for (std::uint32_t b = 0; b < images; ++b)
                if (a != b) from_the_rest[b] += p[a] * p[b] / (1 - p[a]);
        EXPECT_GT(chi_square_p(first, p), false_alarm);
        EXPECT_GT(chi_square_p(second, from_the_rest), false_alarm);
        EXPECT_LT(chi_square_p(second, p), refused);
    }
}

TEST(Sampler, the_distribution_is_frozen_between_explorations_while_counting_goes_on) {
    for (const Credit credit : {Credit::winner, Credit::advantage}) {
        Sampler sampler = learned(exploring_every_cycle(credit, 1));
        const auto probability = sampler.probability();
        std::map<std::uint32_t, std::vector<std::uint32_t>> before;
        for (std::uint32_t member = 0; member < 4; ++member) before[member] = drawn(sampler, draws, member, 99);
        const std::vector<std::uint32_t> counted(sampler.tally().count().begin(), sampler.tally().count().end());
        for (std::int64_t cycle = 30; cycle < 40; ++cycle)
            sampler.count(cycle, {{true, true, 100'000, drawn(sampler, draws, 0, cycle)}});
        EXPECT_THAT(sampler.tally().count(), testing::Not(testing::ElementsAreArray(counted)));
        EXPECT_EQ(sampler.probability(), probability);
        for (std::uint32_t member = 0; member < 4; ++member)
            EXPECT_EQ(drawn(sampler, draws, member, 99), before[member]);
        sampler.adopt(sampler.estimate());
        EXPECT_NE(sampler.probability(), probability);
    }
}

} // namespace
} // namespace autosampling
