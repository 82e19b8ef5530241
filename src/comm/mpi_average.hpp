// The mean of states that lie on many ranks, by messages.
#pragma once

#include "autosampling/comm/communicator.hpp"

#include <span>

namespace autosampling {

// As Transport::average has it.
void average_by_messages(const Communicator& comm, std::span<const std::span<const float>> mine,
                         std::span<const int> given, std::span<float> result);

} // namespace autosampling
