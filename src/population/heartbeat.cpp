#include "autosampling/population/heartbeat.hpp"

#include "autosampling/base/quiet_thread.hpp"

#include <condition_variable>
#include <fcntl.h>
#include <mutex>
#include <sys/stat.h>
#include <utility>

namespace autosampling {

Heartbeat::Heartbeat(std::filesystem::path file, std::chrono::milliseconds period)
    : thread_(quiet_thread([file = std::move(file), period](const std::stop_token& ending) {
          std::mutex mutex;
          std::condition_variable_any end;
          std::unique_lock lock(mutex);
          while (!end.wait_for(lock, ending, period, [&] { return ending.stop_requested(); }))
              ::utimensat(AT_FDCWD, file.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
      })) {}

} // namespace autosampling
