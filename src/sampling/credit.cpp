#include "autosampling/sampling/credit.hpp"

#include "autosampling/base/error.hpp"

#include <algorithm>
#include <cmath>

namespace autosampling {

namespace {
constexpr double unit = 65536;    // z is kept in 1/unit
constexpr double step = 3.0 / 31; // between two levels, in β · score
constexpr int steps = 31;         // on either side of 0
} // namespace

std::vector<std::int32_t> advantage(std::span<const double> reward, std::span<const std::uint8_t> finite) {
    EXPECT(reward.size() == finite.size());
    std::vector<std::int32_t> z(reward.size(), 0);
    std::vector<std::size_t> members; // the finite ones
    for (std::size_t i = 0; i < reward.size(); ++i)
        if (finite[i]) members.push_back(i);
    if (members.size() < 2) return z;

    // Rewards are measured from the first one, so that equal rewards have the deviation 0 exactly.
    const double origin = reward[members.front()];
    const auto number = static_cast<double>(members.size());
    double sum = 0, squares = 0;
    for (const std::size_t i : members) sum += reward[i] - origin;
    const double mean = sum / number;
    for (const std::size_t i : members) squares += (reward[i] - origin - mean) * (reward[i] - origin - mean);
    const double deviation = std::sqrt(squares / number);
    if (!(deviation > 0)) return z;
    for (const std::size_t i : members)
        z[i] = static_cast<std::int32_t>(std::lround((reward[i] - origin - mean) / deviation * unit));
    return z;
}

double score(std::int64_t credit, std::uint32_t draws) {
    return draws == 0 ? 0 : static_cast<double>(credit) / unit / std::sqrt(static_cast<double>(draws));
}

std::uint32_t score_level(double scaled_score) {
    const double clipped = std::clamp(scaled_score, -3.0, 3.0);
    return static_cast<std::uint32_t>(static_cast<int>(neutral_level) + static_cast<int>(std::lround(clipped / step)));
}

double scaled_score_of(std::uint32_t level) {
    return std::clamp(static_cast<int>(level) - static_cast<int>(neutral_level), -steps, steps) * step;
}

} // namespace autosampling
