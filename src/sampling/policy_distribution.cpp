#include "autosampling/sampling/policy_distribution.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/sampling/permutation.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace autosampling {

namespace {

constexpr std::int32_t limit = PolicyDistribution::clip * PolicyDistribution::unit;
constexpr double largest_part = 1 << 26; // keeps sums of parts within 32 bits
constexpr std::uint32_t read_ahead = 32; // candidates whose levels are fetched from memory together

// exp(−n · 2^-12) for n = 0 … 2 · limit, by repeated multiplication.
const std::vector<double>& acceptance() {
    static const std::vector<double> table = [] {
        constexpr double step = 0x1.ffe000fffaaacp-1; // exp(−2^-12)
        std::vector<double> values(2 * limit + 1, 1);
        for (std::size_t n = 1; n < values.size(); ++n) values[n] = values[n - 1] * step;
        return values;
    }();
    return table;
}

// 32 uniform bits that aren't above it accept.
const std::vector<std::uint32_t>& thresholds() {
    static const std::vector<std::uint32_t> table = [] {
        std::vector<std::uint32_t> values;
        for (const double a : acceptance()) values.push_back(static_cast<std::uint32_t>(std::llround(a * 0x1p32) - 1));
        return values;
    }();
    return table;
}

} // namespace

PolicyDistribution::PolicyDistribution(const Signals& signals, std::span<const double> weight) : signals_(signals) {
    auto w = weight.begin();
    for (const Signal& signal : signals.all()) {
        std::vector<double> sum(signal.examples.size(), 0);
        for (const Signal::Feature& feature : signal.features) {
            EXPECT(w != weight.end());
            for (std::size_t level = 0; level < sum.size(); ++level) sum[level] += *w * feature.phi[level];
            ++w;
        }
        std::vector<std::int32_t>& part = part_.emplace_back();
        std::int32_t most = std::numeric_limits<std::int32_t>::min();
        for (std::size_t level = 0; level < sum.size(); ++level) {
            part.push_back(
                static_cast<std::int32_t>(std::lround(std::clamp(sum[level] * unit, -largest_part, largest_part))));
            if (signal.examples[level] > 0) most = std::max(most, part.back());
        }
        greatest_ += most;
    }
    EXPECT(w == weight.end());
    greatest_ = std::clamp(greatest_, -limit, limit);
}

std::uint32_t PolicyDistribution::below(std::uint32_t index) const {
    std::int32_t exponent = 0;
    for (std::size_t s = 0; s < part_.size(); ++s) exponent += part_[s][signals_.all()[s].level[index]];
    return static_cast<std::uint32_t>(greatest_ - std::clamp(exponent, -limit, limit));
}

std::vector<double> PolicyDistribution::probability() const {
    std::vector<double> probability(signals_.training_images());
    for (std::uint32_t x = 0; x < probability.size(); ++x) probability[x] = acceptance()[below(x)];
    const double sum = std::accumulate(probability.begin(), probability.end(), 0.0);
    for (double& p : probability) p /= sum;
    return probability;
}

std::int64_t PolicyDistribution::thin(std::uint64_t seed, std::uint32_t member, std::uint8_t attempt,
                                      std::int64_t position, std::span<std::uint32_t> out) const {
    const std::vector<std::uint32_t>& threshold = thresholds();
    const std::uint32_t size = signals_.training_images();
    std::array<std::uint32_t, read_ahead> candidate{};
    std::size_t filled = 0;
    while (filled < out.size()) {
        RandomKey key{seed, Purpose::uniform, member, static_cast<std::uint32_t>(position / size), attempt};
        const KeyedPermutation permutation(key, size);
        key.purpose = Purpose::thinning;
        auto place = static_cast<std::uint32_t>(position % size);
        while (place < size && filled < out.size()) {
            const std::uint32_t ahead = std::min(read_ahead, size - place);
            for (std::uint32_t i = 0; i < ahead; ++i) {
                candidate[i] = permutation(place + i);
                for (const Signal& signal : signals_.all()) __builtin_prefetch(&signal.level[candidate[i]]);
            }
            for (std::uint32_t i = 0; i < ahead && filled < out.size(); ++i, ++place, ++position) {
                const std::uint32_t n = below(candidate[i]);
                if (n == 0 || RandomStream(key, place).bits() <= threshold[n]) out[filled++] = candidate[i];
            }
        }
    }
    return position;
}

void PolicyDistribution::draw(const RandomKey& key, std::span<std::uint32_t> out) const {
    const std::vector<std::uint32_t>& threshold = thresholds();
    for (std::uint32_t slot = 0; slot < out.size(); ++slot) {
        RandomStream random(key, slot);
        do {
            out[slot] = random.below(signals_.training_images());
        } while (random.bits() > threshold[below(out[slot])]);
    }
}

} // namespace autosampling
