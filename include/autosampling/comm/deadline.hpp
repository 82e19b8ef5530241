// A deadline for MPI calls that block and can't be given up.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace autosampling {

class Deadline {
  public:
    // Once `limit` has passed, says which `call` it is in and ends the process with exit code 75; the launcher then
    // ends the other ranks.
    Deadline(std::chrono::duration<double> limit, const char* call);
    ~Deadline() = default; // the call is over

  private:
    std::mutex mutex_;
    std::condition_variable_any never_;
    std::jthread thread_;
};

} // namespace autosampling
