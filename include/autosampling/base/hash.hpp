// 64-bit XXH3 hashes of memory: state hashes, checksums of checkpoints, identity of a data set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace autosampling {

// XXH3 of the bytes.
std::uint64_t hash_bytes(std::span<const std::byte> bytes);

template<class T>
std::uint64_t hash_of(std::span<const T> values) {
    return hash_bytes(std::as_bytes(values));
}

// Two hashes into one; the order counts.
std::uint64_t combine_hashes(std::uint64_t first, std::uint64_t second);

// 16 hexadecimal digits.
std::string hex(std::uint64_t hash);

} // namespace autosampling
