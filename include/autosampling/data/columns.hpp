// The user's own columns: what data.signals says of every example of the training file.
#pragma once

#include "autosampling/base/column.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace autosampling {

// A column has at most so many words.
constexpr std::size_t most_words = 32;

// These columns for some rows of a training file of so many examples, from the datasets signals/NAME of an HDF5 file:
// real numbers; text; whole numbers, which are words where no more than most_words of them differ. Throws Error(data)
// that names the column: missing, of another length, not finite, of too many words. Local.
std::vector<Column> read_columns(const std::filesystem::path& file, std::span<const std::string> names,
                                 std::size_t examples, std::span<const std::uint32_t> rows);

} // namespace autosampling
