// The targets of each layer.
#pragma once

#include "fuzz.hpp"

namespace autosampling::fuzz {

void add_data_targets(std::map<std::string, Target>& targets);
void add_record_targets(std::map<std::string, Target>& targets);
void add_message_target(std::map<std::string, Target>& targets);

} // namespace autosampling::fuzz
