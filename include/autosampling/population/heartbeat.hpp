// A sign of life for those who watch a run from outside.
#pragma once

#include <chrono>
#include <filesystem>
#include <thread>

namespace autosampling {

// For its life, sets a file's time of change to now after every period. That it fails, where the file is gone, matters
// to nobody.
class Heartbeat {
  public:
    explicit Heartbeat(std::filesystem::path file, std::chrono::milliseconds period);

  private:
    std::jthread thread_;
};

} // namespace autosampling
