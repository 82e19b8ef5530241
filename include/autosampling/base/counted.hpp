// Numbers of things, in words.
#pragma once

#include "autosampling/base/error.hpp"

#include <string>

namespace autosampling {

// "1 rank", "2 ranks", "0.5 epochs", "3 classes".
std::string counted(auto number, const std::string& thing) {
    const bool hisses = thing.ends_with("s") || thing.ends_with("tch");
    return text(+number, " ", thing, number == 1 ? "" : hisses ? "es" : "s");
}

} // namespace autosampling
