#include "autosampling/sampling/lineage_pool.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/sampling/arrays.hpp"

#include <algorithm>
#include <numeric>
#include <unordered_map>
#include <utility>

namespace autosampling {

LineagePool::LineagePool(std::uint32_t training_images)
    : order_(training_images), place_(training_images), unused_(training_images) {
    std::iota(order_.begin(), order_.end(), 0U);
    index_places();
}

void LineagePool::draw(const RandomKey& key, std::span<std::uint32_t> out) const {
    // Fisher-Yates over the unused places without moving them: only the places that were swapped are remembered.
    std::unordered_map<std::uint32_t, std::uint32_t> moved;
    const auto at = [&](std::uint32_t place) {
        const auto found = moved.find(place);
        return found == moved.end() ? place : found->second;
    };
    std::uint32_t left = unused_;
    for (std::uint32_t slot = 0; slot < out.size(); ++slot) {
        if (left == 0) {
            left = static_cast<std::uint32_t>(order_.size());
            moved.clear();
        }
        const std::uint32_t chosen = RandomStream(key, slot).below(left--);
        out[slot] = order_[at(chosen)];
        moved[chosen] = at(left);
    }
}

void LineagePool::use(std::span<const std::uint32_t> indices) {
    for (const std::uint32_t index : indices) {
        if (unused_ == 0) unused_ = static_cast<std::uint32_t>(order_.size());
        const std::uint32_t place = place_[index];
        EXPECT(place < unused_);
        --unused_;
        std::swap(order_[place], order_[unused_]);
        place_[order_[place]] = place;
        place_[index] = unused_;
    }
}

void LineagePool::save(NamedArrays& arrays) const {
    arrays["pool_order"] = order_;
    arrays["pool_unused"] = std::vector<std::uint32_t>{unused_};
}

void LineagePool::load(const NamedArrays& arrays) {
    order_ = array<std::uint32_t>(arrays, "pool_order", order_.size());
    unused_ = array<std::uint32_t>(arrays, "pool_unused", 1)[0];
    bool permutation = true;
    std::vector<bool> seen(order_.size(), false);
    for (const std::uint32_t index : order_) {
        permutation = permutation && index < seen.size() && !seen[index];
        if (permutation) seen[index] = true;
    }
    VALIDATE(permutation && unused_ <= order_.size(), ExitCode::checkpoint,
             "the pool of unused indices in the checkpoint is inconsistent (damaged file?)");
    index_places();
}

void LineagePool::index_places() {
    for (std::uint32_t place = 0; place < order_.size(); ++place) place_[order_[place]] = place;
}

} // namespace autosampling
