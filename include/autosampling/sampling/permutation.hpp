// Permutations that need no memory: keyed bijections of 0 … n−1, computed place by place.
#pragma once

#include "autosampling/base/random.hpp"

#include <cstdint>

namespace autosampling {

// An alternating Feistel network on the smallest power of two that holds n, with Philox as the round function, and
// cycle walking (Black & Rogaway, CT-RSA 2002): on average under two passes a place.
class KeyedPermutation {
  public:
    // `key` has the purpose `uniform`; its cycle is the number of the permutation. size ≥ 1.
    KeyedPermutation(const RandomKey& key, std::uint32_t size);

    // The element at a place; both in 0 … size−1.
    std::uint32_t operator()(std::uint32_t place) const;

  private:
    std::uint32_t pass(std::uint32_t value) const;

    RandomKey key_;
    std::uint32_t size_;
    unsigned low_bits_, high_bits_;
    std::uint32_t rounds_;
};

} // namespace autosampling
