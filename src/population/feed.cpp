#include "autosampling/population/feed.hpp"

#include "autosampling/base/error.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace autosampling {

RandomKey Feed::augmentation(std::int32_t member, std::int64_t cycle, int attempt) const {
    return {seed_, Purpose::augmentation, static_cast<std::uint32_t>(member), static_cast<std::uint32_t>(cycle),
            static_cast<std::uint8_t>(attempt)};
}

std::int64_t SampledFeed::draw(std::int32_t member, std::int64_t cycle, int attempt,
                               std::span<std::uint32_t> out) const {
    return sampler_.draw(static_cast<std::uint32_t>(member), cycle, static_cast<std::uint8_t>(attempt), out);
}

std::int64_t RuleFeed::draw(std::int32_t member, std::int64_t cycle, int attempt, std::span<std::uint32_t> out) const {
    EXPECT(member == 0);
    rule_->draw(cycle, static_cast<std::uint8_t>(attempt), out);
    return 0;
}

ScheduleFeed::ScheduleFeed(std::vector<std::int32_t> schedule, Line line, std::uint64_t seed)
    : Feed(seed), schedule_(std::move(schedule)), line_(std::move(line)) {
    EXPECT(line_.member.size() == line_.attempt.size());
}

std::int64_t ScheduleFeed::draw(std::int32_t, std::int64_t cycle, int, std::span<std::uint32_t> out) const {
    const std::size_t first = static_cast<std::size_t>(cycle) * out.size();
    EXPECT(first + out.size() <= schedule_.size());
    std::copy_n(schedule_.begin() + static_cast<std::ptrdiff_t>(first), out.size(), out.begin());
    return 0;
}

RandomKey ScheduleFeed::augmentation(std::int32_t member, std::int64_t cycle, int attempt) const {
    if (line_.member.empty()) return Feed::augmentation(member, cycle, attempt);
    const auto t = static_cast<std::size_t>(cycle);
    return Feed::augmentation(line_.member[t], cycle, line_.attempt[t]);
}

std::optional<HyperparameterFactors> ScheduleFeed::recorded_factors(std::int64_t cycle) const {
    if (line_.factors.empty()) return {};
    return line_.factors[static_cast<std::size_t>(cycle)];
}

StaticFeed::StaticFeed(std::span<const double> probability, std::uint64_t seed)
    : Feed(seed), cumulative_(probability.size()) {
    std::partial_sum(probability.begin(), probability.end(), cumulative_.begin());
}

std::int64_t StaticFeed::draw(std::int32_t member, std::int64_t cycle, int attempt,
                              std::span<std::uint32_t> out) const {
    const RandomKey key{seed(), Purpose::learned, static_cast<std::uint32_t>(member), static_cast<std::uint32_t>(cycle),
                        static_cast<std::uint8_t>(attempt)};
    for (std::uint32_t slot = 0; slot < out.size(); ++slot) {
        const double wanted = RandomStream(key, slot).real() * cumulative_.back();
        const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end() - 1, wanted);
        out[slot] = static_cast<std::uint32_t>(found - cumulative_.begin());
    }
    return 0;
}

} // namespace autosampling
