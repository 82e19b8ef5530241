// What a communicator holds; private to comm.
#pragma once

#include "autosampling/comm/communicator.hpp"

#include <deque>

namespace autosampling {

struct Communicator::State {
    MPI_Comm data = MPI_COMM_NULL;    // the collectives and transports
    MPI_Comm reports = MPI_COMM_NULL; // who waits for whom, after a time-out
    int rank = 0;
    int size = 1;
    std::size_t message_limit = largest_message; // bytes
    Seconds timeout{};
    std::int64_t cycle = -1;
    std::shared_ptr<const std::vector<std::string>> hosts{}; // by rank of the job; null: not learned
    // After a time-out operations never end, so that what they refer to is never freed.
    bool timed_out = false;
    std::deque<std::string> sent_reports{};
};

} // namespace autosampling
