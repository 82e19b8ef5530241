#include "autosampling/comm/deadline.hpp"

#include "autosampling/base/build_info.hpp"
#include "autosampling/base/error.hpp"

#include <cstdlib>
#include <iostream>

namespace autosampling {

Deadline::Deadline(std::chrono::duration<double> limit, const char* call)
    : thread_([this, limit, call](const std::stop_token& over) {
          std::unique_lock lock(mutex_);
          never_.wait_for(lock, over, limit, [] { return false; });
          if (over.stop_requested()) return;
          std::cerr << text("autosampling: ", host_name(), ": time-out after ", limit.count(), " s in ", call,
                            " (other ranks don't take part): see what they last wrote, or raise "
                            "run.collective_timeout\n")
                    << std::flush;
          std::_Exit(static_cast<int>(ExitCode::timeout));
      }) {}

} // namespace autosampling
