// Names of parametrised tests.
#pragma once

#include "autosampling/base/names.hpp"

#include <algorithm>
#include <string>

namespace autosampling {

// The value's name in letters that GoogleTest takes: top_k.
template<NamedEnum Enum>
std::string test_name(Enum value) {
    std::string name(name_of(value));
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

} // namespace autosampling
