// Numbers of things, in words.
#pragma once

#include <cstdint>
#include <string>

namespace autosampling {

// "1 rank", "2 ranks".
inline std::string counted(std::int64_t number, const std::string& thing) {
    return std::to_string(number) + " " + thing + (number == 1 ? "" : "s");
}

} // namespace autosampling
