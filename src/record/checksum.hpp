// The last 16 bytes of every file of the record: "XXH3-64" and a zero, then the XXH3 hash of all bytes before them,
// least significant byte first. HDF5 takes no notice of what follows its own end of a file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace autosampling {

constexpr std::string_view checksum_mark{"XXH3-64\0", 8};
constexpr std::uintmax_t checksum_size = 16; // bytes, with the mark

// Throws Error(failure).
void append_checksum(const std::filesystem::path& file);

// Throws Error(checkpoint) where the file cannot be read, Damaged where it has no checksum at its end or another one.
void verify_checksum(const std::filesystem::path& file);

} // namespace autosampling
