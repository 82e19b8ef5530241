// Values of options, from TOML and to TOML.
#pragma once

#include "autosampling/options/option_table.hpp"

#include <toml++/toml.h>

#include <string>

namespace autosampling {

// Sets the option to a TOML value; a whole number is taken for a real one. Throws Error(usage) that begins with
// `place`.
void assign(const Option& option, const toml::node& value, const std::string& place, Options& options);

// A TOML string.
std::string quote(const std::string& text);

} // namespace autosampling
