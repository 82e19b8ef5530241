// Goodness-of-fit tests on fixed seeds: a right program passes for ever, and each test says what it would refuse.
#pragma once

#include <boost/math/distributions/chi_squared.hpp>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace autosampling::statistics {

// A right program is refused with this chance at each comparison when a seed changes; there are about 200 of them.
constexpr double false_alarm = 1e-6;

// How surprising counts are, Pearson's χ² against the probabilities: the chance of a fit at least as bad. Every cell
// should expect 5 counts or more. observed (cells), probability (cells), summing to 1.
inline double chi_square_p(std::span<const std::int64_t> observed, std::span<const double> probability) {
    double total = 0;
    for (const std::int64_t count : observed) total += static_cast<double>(count);
    double statistic = 0;
    for (std::size_t cell = 0; cell < observed.size(); ++cell) {
        const double expected = total * probability[cell];
        EXPECT_GE(expected, 5) << "cell " << cell;
        const double excess = static_cast<double>(observed[cell]) - expected;
        statistic += excess * excess / expected;
    }
    const boost::math::chi_squared law(static_cast<double>(observed.size()) - 1);
    return boost::math::cdf(boost::math::complement(law, statistic));
}

inline double uniform_p(std::span<const std::int64_t> observed) {
    const std::vector<double> probability(observed.size(), 1.0 / static_cast<double>(observed.size()));
    return chi_square_p(observed, probability);
}

} // namespace autosampling::statistics
