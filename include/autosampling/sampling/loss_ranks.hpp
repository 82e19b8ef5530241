// The rank of every example's last seen training loss, in 255 levels.
//
// Letter: N training examples.
#pragma once

#include "autosampling/base/named_arrays.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace autosampling {

// An example's loss is the mean over its draws in the last round that drew it. Losses are ranked at a round's end by
// counting them in 2^20 bins, 4096 to a power of two: O(N), no sort; those of a bin share their middle rank. Sums are
// of whole numbers, so that they don't depend on the order. 16 bytes an example.
class LossRanks {
  public:
    static constexpr std::uint32_t quantiles = 255;

    explicit LossRanks(std::uint32_t training_images);
    std::uint32_t training_images() const { return static_cast<std::uint32_t>(loss_.size()); }

    // Draws of the round that is going on, and the loss of each: finite, not negative.
    void observe(std::span<const std::uint32_t> index, std::span<const float> loss);
    // The round is over.
    void close_round();

    // By rank among the examples whose loss is known: 1 (the smallest losses) … 255; 0 for the others. (N)
    std::vector<std::uint16_t> levels() const;
    // The rank that a level stands for, in (−1, 1); 0 for level 0 and for the middle.
    static double rank(std::uint32_t level);

    void save(NamedArrays& arrays) const;
    void load(const NamedArrays& arrays); // Throws Error(checkpoint).

  private:
    std::vector<float> loss_;          // (N) the last known; negative: none
    std::vector<std::int64_t> sum_;    // (N) of this round, in units of 2^-32
    std::vector<std::uint32_t> draws_; // (N) of this round
};

} // namespace autosampling
