#include "autosampling/sampling/perturbation.hpp"

#include "sampling/statistics.hpp"

#include <boost/math/distributions/normal.hpp>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace autosampling {
namespace {

constexpr std::size_t bins = 65'536;

// The values of z that the thresholds stand for; ascending.
std::vector<double> z_of(const Perturbation& perturbation) {
    std::vector<double> z;
    for (const std::uint32_t threshold : perturbation.thresholds())
        z.push_back(3 + std::log((threshold + 1.0) * 0x1p-32) / perturbation.sigma());
    return z;
}

TEST(Perturbation, thresholds_are_the_mid_quantiles_of_the_truncated_normal) {
    const boost::math::normal normal;
    const double low = cdf(normal, -3.0), high = cdf(normal, 3.0);
    for (const double sigma : {0.1, 0.5, 1.0}) {
        const auto z = z_of(Perturbation(1, sigma));
        ASSERT_EQ(z.size(), bins);
        for (std::size_t b = 0; b < bins; ++b)
            ASSERT_NEAR(z[b], quantile(normal, low + (high - low) * (static_cast<double>(b) + 0.5) / bins),
                        1e-7 / sigma);
    }
}

TEST(Perturbation, z_has_mean_0_is_symmetric_truncated_at_3_and_has_the_variance_of_the_truncated_normal) {
    const auto z = z_of(Perturbation(1, 1.0));
    double mean = 0, square = 0;
    for (std::size_t b = 0; b < bins; ++b) {
        mean += z[b] / bins;
        square += z[b] * z[b] / bins;
        ASSERT_NEAR(z[b], -z[bins - 1 - b], 2e-7);
        ASSERT_LT(std::abs(z[b]), 3);
    }
    EXPECT_GT(z.back(), 2.99);
    EXPECT_NEAR(mean, 0, 1e-8);
    // 1 − 2 · 3 · φ(3) / (Φ(3) − Φ(−3))
    EXPECT_NEAR(square, 0.97334, 1e-5);
}

TEST(Perturbation, acceptance_is_as_the_truncated_normal_has_it) {
    const auto acceptance = [](double sigma) {
        double sum = 0;
        const Perturbation perturbation(1, sigma);
        for (const std::uint32_t threshold : perturbation.thresholds()) sum += (threshold + 1.0) * 0x1p-32;
        return sum / bins;
    };
    EXPECT_NEAR(acceptance(0.1), 0.744, 0.001);
    EXPECT_NEAR(acceptance(0.2), 0.560, 0.001);
    EXPECT_NEAR(acceptance(1), 0.080, 0.001);
}

// The number of the 2^32 bit patterns with which the index is accepted, by bisection.
double accepted_patterns(const Perturbation& perturbation, std::uint32_t member, std::uint32_t exploration,
                         std::uint32_t index) {
    std::uint64_t accepted = 0, refused = (std::uint64_t{1} << 32) + 1;
    while (refused - accepted > 1) {
        const std::uint64_t middle = (accepted + refused) / 2;
        (perturbation.accepts(member, exploration, index, static_cast<std::uint32_t>(middle - 1)) ? accepted
                                                                                                  : refused) = middle;
    }
    return static_cast<double>(accepted);
}

TEST(Perturbation, the_chance_of_acceptance_is_the_factor_over_its_bound) {
    for (const double sigma : {0.0, 1e-17, 1e-12, 0.1, 1.0}) {
        const Perturbation perturbation(5, sigma);
        for (std::uint32_t index = 0; index < 200; ++index) {
            const double expected = perturbation.factor(3, 7, index) * std::exp(-3 * sigma) * 0x1p32;
            ASSERT_NEAR(accepted_patterns(perturbation, 3, 7, index), expected, 1e-5) << sigma;
            ASSERT_GE(perturbation.factor(3, 7, index), std::exp(-3 * sigma) * (1 - 1e-6));
            ASSERT_LE(perturbation.factor(3, 7, index), std::exp(3 * sigma) * (1 + 1e-6));
        }
    }
}

TEST(Perturbation, without_sigma_every_index_is_accepted_and_the_factor_is_1) {
    const Perturbation perturbation(5, 0);
    EXPECT_TRUE(perturbation.accepts(0, 0, 0, ~0U));
    EXPECT_EQ(perturbation.factor(0, 0, 0), 1);
}

TEST(Perturbation, from_the_thresholds_of_another_rank_it_is_the_same) {
    const Perturbation first(5, 0.3), second(5, 0.3, first.thresholds());
    for (std::uint32_t index = 0; index < 1000; ++index)
        EXPECT_EQ(first.factor(1, 2, index), second.factor(1, 2, index));
}

// 50,000 indices in 50 classes of equal probability: a wrong factor for 1 in 10 of them would be refused.
TEST(Perturbation, z_of_the_indices_follows_the_truncated_normal) {
    const Perturbation perturbation(9, 1.0);
    const boost::math::normal normal;
    const double low = cdf(normal, -3.0), high = cdf(normal, 3.0);
    std::vector<std::int64_t> observed(50, 0);
    for (std::uint32_t index = 0; index < 50'000; ++index) {
        const double u = (cdf(normal, std::log(perturbation.factor(0, 1, index))) - low) / (high - low);
        ++observed[static_cast<std::size_t>(u * 50)];
    }
    EXPECT_GT(statistics::uniform_p(observed), statistics::false_alarm);
}

// The correlation of 50,000 pairs is normal with sd 0.0045: 6 sd, a false alarm of 2·10^-9; a shared z gives 1.
TEST(Perturbation, seeds_members_explorations_and_indices_are_unrelated) {
    constexpr int pairs = 50'000;
    const Perturbation perturbation(9, 1.0), other_seed(10, 1.0);
    double seed = 0, member = 0, exploration = 0, neighbour = 0;
    for (std::uint32_t index = 0; index < pairs; ++index) {
        const double z = std::log(perturbation.factor(2, 5, index)) / 0.97334 / pairs;
        seed += z * std::log(other_seed.factor(2, 5, index));
        member += z * std::log(perturbation.factor(3, 5, index));
        exploration += z * std::log(perturbation.factor(2, 6, index));
        neighbour += z * std::log(perturbation.factor(2, 5, index + 1));
    }
    for (const double correlation : {seed, member, exploration, neighbour}) EXPECT_LT(std::abs(correlation), 0.027);
}

} // namespace
} // namespace autosampling
