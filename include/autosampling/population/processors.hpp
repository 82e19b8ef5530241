// What the jobs of a run compute with: kinds of processor, the instructions that are used of them, the program. On
// other ones the last bits of results may differ.
#pragma once

#include "autosampling/comm/communicator.hpp"
#include "autosampling/record/run_record.hpp"

#include <string>
#include <vector>

namespace autosampling {

// Those of this job, after those of the jobs before it. Collective; complete on the root.
Processors processors_of(const Communicator& comm, std::int64_t link, Processors before);

// What there is to say: of ranks that differ, of a resume on other processors or with another program than before.
std::vector<std::string> differences(const Processors& all);
// Of a replay that is to be exact.
std::vector<std::string> differences(const Processors& replay, const Processors& replayed);

} // namespace autosampling
