#include "autosampling/population/feed.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/narrow.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace autosampling {

RandomKey Feed::augmentation(std::int32_t member, std::int64_t cycle, std::uint8_t attempt) const {
    return {seed_, Purpose::augmentation, narrow<std::uint32_t>(member), narrow<std::uint32_t>(cycle), attempt};
}

std::int64_t SampledFeed::draw(std::int32_t member, std::int64_t cycle, std::uint8_t attempt,
                               std::span<std::uint32_t> out) const {
    return sampler_.draw(narrow<std::uint32_t>(member), cycle, attempt, out);
}

std::int64_t RuleFeed::draw(std::int32_t member, std::int64_t cycle, std::uint8_t attempt,
                            std::span<std::uint32_t> out) const {
    EXPECT(member == 0);
    rule_->draw(cycle, attempt, out);
    return 0;
}

ScheduleFeed::ScheduleFeed(std::vector<std::int32_t> schedule, Line line, std::uint64_t seed)
    : Feed(seed), schedule_(std::move(schedule)), line_(std::move(line)) {
    EXPECT(line_.member.size() == line_.attempt.size());
}

std::int64_t ScheduleFeed::draw(std::int32_t, std::int64_t cycle, std::uint8_t, std::span<std::uint32_t> out) const {
    const std::size_t first = to_size(cycle) * out.size();
    EXPECT(first + out.size() <= schedule_.size());
    std::copy_n(schedule_.begin() + narrow<std::ptrdiff_t>(first), out.size(), out.begin());
    return 0;
}

RandomKey ScheduleFeed::augmentation(std::int32_t member, std::int64_t cycle, std::uint8_t attempt) const {
    if (line_.member.empty()) return Feed::augmentation(member, cycle, attempt);
    const auto t = to_size(cycle);
    return Feed::augmentation(line_.member[t], cycle, line_.attempt[t]);
}

std::optional<HyperparameterFactors> ScheduleFeed::recorded_factors(std::int64_t cycle) const {
    if (line_.factors.empty()) return {};
    return line_.factors[to_size(cycle)];
}

StaticFeed::StaticFeed(std::span<const double> probability, std::uint64_t seed)
    : Feed(seed), cumulative_(probability.size()) {
    std::partial_sum(probability.begin(), probability.end(), cumulative_.begin());
}

std::int64_t StaticFeed::draw(std::int32_t member, std::int64_t cycle, std::uint8_t attempt,
                              std::span<std::uint32_t> out) const {
    const RandomKey key{seed(), Purpose::learned, narrow<std::uint32_t>(member), narrow<std::uint32_t>(cycle), attempt};
    for (std::uint32_t slot = 0; slot < out.size(); ++slot) {
        const double wanted = RandomStream(key, slot).real() * cumulative_.back();
        const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end() - 1, wanted);
        out[slot] = narrow<std::uint32_t>(found - cumulative_.begin());
    }
    return 0;
}

} // namespace autosampling
