#include "autosampling/base/hash.hpp"

#include <xxhash.h>

#include <array>

namespace autosampling {

std::uint64_t hash_bytes(std::span<const std::byte> bytes) {
    return XXH3_64bits(bytes.data(), bytes.size());
}

std::uint64_t combine_hashes(std::uint64_t first, std::uint64_t second) {
    const std::array both{first, second};
    return hash_of(std::span<const std::uint64_t>(both));
}

std::string hex(std::uint64_t hash) {
    std::string digits(16, '0');
    for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit, hash >>= 4)
        *digit = "0123456789abcdef"[hash & 15];
    return digits;
}

} // namespace autosampling
