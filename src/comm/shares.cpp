#include "shares.hpp"

#include <algorithm>
#include <array>

namespace autosampling {

void mean_of(std::span<const std::span<const float>> parts, std::span<float> result) {
    std::array<double, 4096> sum; // a block at a time stays in the cache
    for (std::size_t first = 0; first < result.size(); first += sum.size()) {
        const std::size_t length = std::min(sum.size(), result.size() - first);
        std::fill_n(sum.begin(), length, 0.0);
        for (const auto part : parts)
            for (std::size_t i = 0; i < length; ++i) sum[i] += static_cast<double>(part[first + i]);
        for (std::size_t i = 0; i < length; ++i)
            result[first + i] = static_cast<float>(sum[i] / static_cast<double>(parts.size()));
    }
}

} // namespace autosampling
