// Options that go together, and yet do nothing or hardly what was meant.
#pragma once

#include "autosampling/population/prepare.hpp"

#include <string>
#include <vector>

namespace autosampling {

// One line each, "problem (why): suggestion", for `check` and the log.
std::vector<std::string> doubts(const Prepared& prepared);

} // namespace autosampling
