#include "autosampling/sampling/level_groups.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/long_vector.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace autosampling {

LevelGroups::LevelGroups(std::uint32_t size, std::uint32_t level)
    : order_(long_vector<std::uint32_t>(size)), place_(long_vector<std::uint32_t>(size)), bounds_(level + 2, 0) {
    std::iota(order_.begin(), order_.end(), 0U);
    std::iota(place_.begin(), place_.end(), 0U);
    bounds_.back() = size;
}

LevelGroups::LevelGroups(const std::vector<std::uint32_t>& order, std::vector<std::uint32_t> bounds)
    : order_(long_vector<std::uint32_t>(order.size())), place_(long_vector(order.size(), size())),
      bounds_(std::move(bounds)) {
    std::ranges::copy(order, order_.begin());
    const auto require = [](bool ok) {
        VALIDATE(ok, ExitCode::checkpoint, "the level groups of the checkpoint are inconsistent (damaged file?)");
    };
    require(bounds_.size() >= 2 && bounds_.front() == 0 && bounds_.back() == size());
    require(std::is_sorted(bounds_.begin(), bounds_.end()));
    for (std::uint32_t place = 0; place < size(); ++place) {
        require(order_[place] < size() && place_[order_[place]] == size());
        place_[order_[place]] = place;
    }
}

std::uint32_t LevelGroups::level_of(std::uint32_t index) const {
    // The last bound that isn't beyond its place: bisection without a branch that a processor could guess wrongly.
    const std::uint32_t place = place_[index];
    const std::uint32_t* level = bounds_.data();
    for (std::size_t length = bounds_.size(); length > 1; length -= length / 2)
        level += level[length / 2] <= place ? length / 2 : 0;
    return static_cast<std::uint32_t>(level - bounds_.data());
}

void LevelGroups::move(std::uint32_t index, std::uint32_t level) {
    std::uint32_t now = level_of(index);
    while (levels() <= level) bounds_.push_back(size());
    constexpr std::uint32_t ahead = 8; // whom a later one will change places with: memory is asked for that, too
    for (; now < level; ++now) {
        const std::uint32_t place = --bounds_[now + 1];
        if (place >= ahead) __builtin_prefetch(&place_[order_[place - ahead]]);
        swap_places(place_[index], place);
    }
    for (; now > level; --now) {
        const std::uint32_t place = bounds_[now]++;
        if (place + ahead < size()) __builtin_prefetch(&place_[order_[place + ahead]]);
        swap_places(place_[index], place);
    }
}

void LevelGroups::move(std::span<const std::uint32_t> indices, std::span<const std::uint32_t> level) {
    EXPECT(indices.size() == level.size());
    constexpr std::size_t ahead = 16;
    for (std::size_t i = 0; i < indices.size(); ++i) {
        if (i + 2 * ahead < indices.size()) __builtin_prefetch(&place_[indices[i + 2 * ahead]]);
        if (i + ahead < indices.size()) prefetch(place_[indices[i + ahead]]);
        move(indices[i], level[i]);
    }
}

void LevelGroups::assign(std::span<const std::uint32_t> level) {
    EXPECT(level.size() == size());
    const std::uint32_t top = level.empty() ? 0 : *std::max_element(level.begin(), level.end());
    bounds_.assign(std::max(levels(), top + 1) + 1, 0);
    for (const std::uint32_t l : level) ++bounds_[l + 1];
    std::partial_sum(bounds_.begin(), bounds_.end(), bounds_.begin());
    std::vector<std::uint32_t> next(bounds_.begin(), bounds_.end() - 1);
    for (std::uint32_t index = 0; index < size(); ++index) {
        place_[index] = next[level[index]]++;
        order_[place_[index]] = index;
    }
}

void LevelGroups::swap_places(std::uint32_t first, std::uint32_t second) {
    std::swap(order_[first], order_[second]);
    place_[order_[first]] = first;
    place_[order_[second]] = second;
}

} // namespace autosampling
