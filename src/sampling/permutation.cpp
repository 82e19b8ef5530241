#include "autosampling/sampling/permutation.hpp"

#include "autosampling/base/error.hpp"

#include <algorithm>
#include <bit>

namespace autosampling {

namespace {
// Luby & Rackoff need four rounds for a strong permutation of a large domain; a half of a few bits mixes slowly.
constexpr std::uint32_t usual_rounds = 8, small_domain_rounds = 32;
constexpr unsigned small_domain_bits = 8;
} // namespace

KeyedPermutation::KeyedPermutation(const RandomKey& key, std::uint32_t size) : key_(key), size_(size) {
    EXPECT(size >= 1);
    const auto bits = static_cast<unsigned>(std::max(2, static_cast<int>(std::bit_width(size - 1))));
    low_bits_ = bits / 2;
    high_bits_ = bits - low_bits_;
    rounds_ = bits <= small_domain_bits ? small_domain_rounds : usual_rounds;
}

std::uint32_t KeyedPermutation::operator()(std::uint32_t place) const {
    EXPECT(place < size_);
    std::uint32_t value = pass(place);
    while (value >= size_) value = pass(value);
    return value;
}

std::uint32_t KeyedPermutation::pass(std::uint32_t value) const {
    std::uint32_t low = value & ((1U << low_bits_) - 1);
    std::uint32_t high = value >> low_bits_;
    for (std::uint32_t round = 0; round < rounds_; round += 2) {
        low ^= RandomStream(key_, round << 16 | high).bits() & ((1U << low_bits_) - 1);
        high ^= RandomStream(key_, (round + 1) << 16 | low).bits() & ((1U << high_bits_) - 1);
    }
    return high << low_bits_ | low;
}

} // namespace autosampling
