// The training indices, kept grouped by an integer level, so that a distribution that is a function of the level is
// drawn from and re-estimated without touching every index.
//
// Letter: N training examples.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace autosampling {

// 8 bytes an index: all indices ordered by level, each one's place in that order, and the bounds of the groups. The
// order inside a group depends on the moves made: it is part of the state.
class LevelGroups {
  public:
    // All of 0 … size−1 at one level, in order.
    LevelGroups(std::uint32_t size, std::uint32_t level);
    // From a saved state: order (N), bounds (levels + 1). Throws Error(checkpoint) where they don't belong together.
    LevelGroups(const std::vector<std::uint32_t>& order, std::vector<std::uint32_t> bounds);

    std::uint32_t size() const { return static_cast<std::uint32_t>(order_.size()); }
    // One more than the highest level that a group exists for; groups may be empty.
    std::uint32_t levels() const { return static_cast<std::uint32_t>(bounds_.size() - 1); }
    std::uint32_t group_size(std::uint32_t level) const { return bounds_[level + 1] - bounds_[level]; }
    // The index at a place of a group.
    std::uint32_t at(std::uint32_t level, std::uint32_t place) const { return order_[bounds_[level] + place]; }
    std::uint32_t level_of(std::uint32_t index) const;

    // Asks memory for what stands at a place of the order.
    void prefetch(std::uint32_t place) const { __builtin_prefetch(&order_[place]); }

    // Moves one index to another level: O(1) for each level crossed.
    void move(std::uint32_t index, std::uint32_t level);
    // Each of these, one after the other, to its level; memory is asked for the next ones meanwhile.
    void move(std::span<const std::uint32_t> indices, std::span<const std::uint32_t> level);
    // Regroups all indices by new levels (N), in the order of the indices: O(N + levels).
    void assign(std::span<const std::uint32_t> level);

    std::span<const std::uint32_t> order() const { return order_; }   // (N)
    std::span<const std::uint32_t> bounds() const { return bounds_; } // (levels + 1)

  private:
    void swap_places(std::uint32_t first, std::uint32_t second);

    std::vector<std::uint32_t> order_;  // (N) indices by level
    std::vector<std::uint32_t> place_;  // (N) inverse of order_
    std::vector<std::uint32_t> bounds_; // (levels + 1) first place of each group
};

} // namespace autosampling
