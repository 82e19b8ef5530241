#include "autosampling/sampling/perturbation.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/random.hpp"

#include <cmath>
#include <numbers>
#include <utility>

namespace autosampling {

namespace {

constexpr std::uint32_t bins = 1U << 16;

double normal_below(double z) {
    return 0.5 * std::erfc(-z / std::sqrt(2.0));
}

// The middle of bin b of the standard normal truncated to |z| ≤ 3: its distribution function inverted by Newton's
// method.
double mid_quantile(std::uint32_t b, double z) {
    const double low = normal_below(-3), high = normal_below(3);
    const double wanted = low + (high - low) * ((b + 0.5) / bins);
    for (int iteration = 0; iteration < 50; ++iteration) {
        const double density = std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi);
        const double correction = (normal_below(z) - wanted) / density;
        z -= correction;
        if (std::abs(correction) < 1e-14) break;
    }
    return z;
}

} // namespace

Perturbation::Perturbation(std::uint64_t seed, double sigma) : seed_(seed), sigma_(sigma), thresholds_(bins) {
    double z = -3;
    for (std::uint32_t b = 0; b < bins; ++b) {
        z = mid_quantile(b, z);
        thresholds_[b] = static_cast<std::uint32_t>(std::llround(std::exp(sigma * (z - 3)) * 0x1p32) - 1);
    }
}

Perturbation::Perturbation(std::uint64_t seed, double sigma, std::vector<std::uint32_t> thresholds)
    : seed_(seed), sigma_(sigma), thresholds_(std::move(thresholds)) {
    EXPECT(thresholds_.size() == bins);
}

std::uint32_t Perturbation::bin(std::uint32_t member, std::uint32_t exploration, std::uint32_t index) const {
    return RandomStream({seed_, Purpose::perturbation, member, exploration, 0}, index).bits() >> 16;
}

bool Perturbation::accepts(std::uint32_t member, std::uint32_t exploration, std::uint32_t index,
                           std::uint32_t bits) const {
    return sigma_ == 0 || bits <= thresholds_[bin(member, exploration, index)];
}

double Perturbation::factor(std::uint32_t member, std::uint32_t exploration, std::uint32_t index) const {
    if (sigma_ == 0) return 1;
    return (thresholds_[bin(member, exploration, index)] + 1.0) * 0x1p-32 * std::exp(3 * sigma_);
}

} // namespace autosampling
