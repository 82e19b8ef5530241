// State as plain named arrays: what a layer hands to the record without either knowing the other.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace autosampling {

using NamedArrays = std::map<std::string, std::variant<std::vector<std::int32_t>, std::vector<std::uint32_t>,
                                                       std::vector<std::int64_t>, std::vector<double>>>;

} // namespace autosampling
