// Draws by a policy, against METHOD.md's formula.
#include "autosampling/sampling/policy_distribution.hpp"

#include "sampling/run.hpp"
#include "sampling/statistics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace autosampling {
namespace {

using statistics::chi_square_p;
using statistics::false_alarm;

// A wrong distribution is refused at least as clearly as this.
constexpr double refused = 1e-12;
constexpr std::uint32_t images = 60;

// 3 classes, losses known of two thirds, a column of words and one of numbers.
Signals make_signals() {
    std::vector<std::int32_t> label;
    Column source{"source", {"a", "b", "c"}, {}}, length{"length", {}, {}};
    std::vector<std::uint32_t> seen;
    std::vector<float> loss;
    for (std::uint32_t x = 0; x < images; ++x) {
        label.push_back(x < 40 ? 0 : x < 55 ? 1 : 2);
        source.value.push_back(x % 7 < 4 ? 0 : x % 7 < 6 ? 1 : 2);
        length.value.push_back(std::sqrt(x * 37 % images));
        if (x % 3 == 0) continue;
        seen.push_back(x);
        loss.push_back(0.01F * static_cast<float>(x * 23 % images));
    }
    const std::vector<std::string> names{"loss", "class", "column:source", "column:length"};
    Signals signals(names, label, 3, std::vector<Column>{source, length});
    signals.observe(seen, loss);
    signals.close_round(std::vector<double>{0.4, 0.1, 2}, Tally({}, images));
    return signals;
}

// P(x) from φ, by the mathematical library.
std::vector<double> formula(const Signals& signals, const std::vector<double>& weight) {
    std::vector<double> p;
    for (std::uint32_t x = 0; x < signals.training_images(); ++x) {
        double exponent = 0;
        auto w = weight.begin();
        for (const Signal& signal : signals.all())
            for (const Signal::Feature& feature : signal.features) exponent += *w++ * feature.phi[signal.level[x]];
        p.push_back(std::exp(std::clamp(exponent, -3.0, 3.0)));
    }
    const double sum = std::accumulate(p.begin(), p.end(), 0.0);
    for (double& value : p) value /= sum;
    return p;
}

// Nothing preferred; each weight; all of them; clipped at both ends. loss.rank, loss.extremes, class.size, class.loss,
// source a, b, c, length.
const std::vector<std::vector<double>> policies{
    {0, 0, 0, 0, 0, 0, 0, 0},    {-2, 0, 0, 0, 0, 0, 0, 0},
    {0, 1.5, 0, 0, 0, 0, 0, 0},  {0, 0, -1, 0, 0, 0, 0, 0},
    {0, 0, 0, 0.7, 0, 0, 0, 0},  {0, 0, 0, 0, 1, -2, 0, 0},
    {0, 0, 0, 0, 0, 0, 0, -0.8}, {-1, 0.5, -0.5, 0.2, 0.1, 0, 1, 0.3},
    {4, 4, -4, 4, 4, -4, 4, 4},
};

TEST(PolicyDistribution, probabilities_are_the_formula) {
    const Signals signals = make_signals();
    for (const auto& weight : policies) {
        const auto probability = PolicyDistribution(signals, weight).probability(), expected = formula(signals, weight);
        for (std::uint32_t x = 0; x < images; ++x)
            ASSERT_NEAR(probability[x] / expected[x], 1, 4.0 / PolicyDistribution::unit) << x;
    }
    const auto extreme = formula(signals, policies.back());
    const auto [least, greatest] = std::minmax_element(extreme.begin(), extreme.end());
    ASSERT_NEAR(std::log(*greatest / *least), 6, 1e-9); // clipped both ways
}

// 300,000 draws; that they have power is seen by their refusing all other policies.
TEST(PolicyDistribution, independent_draws_follow_the_policy) {
    const Signals signals = make_signals();
    for (const auto& weight : policies) {
        const PolicyDistribution distribution(signals, weight);
        std::vector<std::int64_t> observed(images, 0);
        std::vector<std::uint32_t> out(100);
        for (std::uint32_t cycle = 0; cycle < 3000; ++cycle) {
            distribution.draw({3, Purpose::learned, 1, cycle, 0}, out);
            for (const std::uint32_t index : out) ++observed[index];
        }
        for (const auto& other : policies) {
            const double p = chi_square_p(observed, formula(signals, other));
            if (other == weight)
                EXPECT_GT(p, false_alarm);
            else
                EXPECT_LT(p, refused);
        }
    }
}

std::vector<std::uint32_t> thinned(const PolicyDistribution& distribution, std::size_t draws, std::int64_t& position,
                                   std::uint32_t member = 1, std::uint8_t attempt = 0) {
    std::vector<std::uint32_t> out(draws);
    position = distribution.thin(3, member, attempt, position, out);
    return out;
}

// How surprising it is that each index was kept so often in so many passes, when it is kept with these probabilities: a
// sum of squared standard normals, for those that aren't kept always.
double kept_p(const std::vector<std::int64_t>& kept, std::int64_t passes, const std::vector<double>& probability) {
    double statistic = 0, cells = 0;
    for (std::size_t x = 0; x < kept.size(); ++x) {
        const double p = probability[x], expected = static_cast<double>(passes) * p;
        if (p > 1 - 1e-9) {
            if (kept[x] != passes) return 0;
            continue;
        }
        statistic +=
            (static_cast<double>(kept[x]) - expected) * (static_cast<double>(kept[x]) - expected) / expected / (1 - p);
        ++cells;
    }
    if (cells == 0) return 1;
    return boost::math::cdf(boost::math::complement(boost::math::chi_squared(cells), statistic));
}

TEST(PolicyDistribution, thinned_passes_keep_each_index_by_its_share_of_the_greatest_and_none_twice) {
    const Signals signals = make_signals();
    constexpr std::int64_t passes = 5000;
    for (const auto& weight : policies) {
        const PolicyDistribution distribution(signals, weight);
        std::vector<std::int64_t> kept(images, 0);
        std::int64_t position = 0, pass = 0;
        std::set<std::uint32_t> in_pass;
        while (pass < passes) {
            const std::uint32_t index = thinned(distribution, 1, position)[0];
            const std::int64_t now = (position - 1) / images;
            if (now != pass) in_pass.clear();
            pass = now;
            if (pass >= passes) break;
            ASSERT_TRUE(in_pass.insert(index).second);
            ++kept[index];
        }
        // Up to a factor: the bound on the greatest probability.
        const double kept_share = std::accumulate(kept.begin(), kept.end(), 0.0) / passes;
        std::vector<double> probability, wrong;
        for (const double p : formula(signals, weight)) probability.push_back(std::min(1.0, p * kept_share));
        EXPECT_GT(kept_p(kept, passes, probability), false_alarm);
        for (const auto& other : policies) {
            if (other == weight) continue;
            wrong.clear();
            for (const double p : formula(signals, other)) wrong.push_back(std::min(0.999, p * kept_share));
            EXPECT_LT(kept_p(kept, passes, wrong), refused);
        }
    }
}

TEST(PolicyDistribution, values_that_no_example_has_keep_none_from_being_drawn) {
    Column source{"source", {"a", "b", "none"}, {}};
    for (std::uint32_t x = 0; x < images; ++x) source.value.push_back(x % 2);
    const std::vector<std::string> names{"column:source"};
    const Signals signals(names, std::vector<std::int32_t>(images, 0), 1, std::vector<Column>{source});
    const PolicyDistribution distribution(signals, std::vector<double>{1, 0, 3});
    std::set<std::uint32_t> kept;
    for (std::int64_t position = 0; position < images;) kept.insert(thinned(distribution, 1, position)[0]);
    for (std::uint32_t x = 0; x < images; x += 2) EXPECT_TRUE(kept.contains(x)) << x;
}

TEST(PolicyDistribution, without_weights_the_draws_are_the_uniform_stream_itself) {
    const Signals signals = make_signals();
    const PolicyDistribution distribution(signals, policies[0]);
    ExplorationOptions uniform;
    uniform.kind = ExplorationKind::random;
    Sampler sampler = testing_run::make_sampler(uniform, images, 25, 3);
    std::int64_t position = 0;
    for (std::int64_t cycle = 0; cycle < 20; ++cycle) {
        std::int64_t again = position;
        EXPECT_EQ(thinned(distribution, 25, again, 1, 2), testing_run::drawn(sampler, 25, 1, cycle, 2)); // repeated
        EXPECT_EQ(thinned(distribution, 25, position), testing_run::drawn(sampler, 25, 1, cycle));
        ASSERT_EQ(position, (cycle + 1) * 25);
        sampler.count(cycle, {});
    }
}

TEST(PolicyDistribution, a_stream_does_not_depend_on_how_it_is_cut_into_cycles) {
    const Signals signals = make_signals();
    const PolicyDistribution distribution(signals, policies[7]);
    std::int64_t whole = 17, parts = 17;
    const auto expected = thinned(distribution, 500, whole);
    std::vector<std::uint32_t> found;
    for (const std::size_t draws : {1U, 100U, 7U, 392U})
        for (const std::uint32_t index : thinned(distribution, draws, parts)) found.push_back(index);
    EXPECT_EQ(found, expected);
    EXPECT_EQ(parts, whole);
}

TEST(PolicyDistribution, members_and_attempts_draw_independently) {
    const Signals signals = make_signals();
    const PolicyDistribution distribution(signals, policies[1]);
    std::set<std::vector<std::uint32_t>> different;
    for (const std::uint32_t member : {0U, 1U, 2U})
        for (const std::uint8_t attempt : {0, 1}) {
            std::int64_t position = 5;
            different.insert(thinned(distribution, 50, position, member, attempt));
        }
    EXPECT_EQ(different.size(), 6U);
}

} // namespace
} // namespace autosampling
