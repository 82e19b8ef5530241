// For tests that run on several ranks. mpi_main.cpp puts a barrier round each test and reduces its result over the
// ranks; an exception that leaves a test aborts the job. Use EXPECT_, not ASSERT_, ahead of a collective.
#pragma once

#include "autosampling/comm/communicator.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace autosampling::testing {

// All ranks of the test run.
const Communicator& world();

// Runs `test` on the first `size` ranks (1 … world().size()) with a communicator of their own; the others wait.
// Collective over world().
void on_first_ranks(int size, const std::function<void(const Communicator&)>& test);

} // namespace autosampling::testing
