// One thread that writes files while the cycles go on; after the start of a run it makes all HDF5 calls of the process.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace autosampling {

class BackgroundWriter {
  public:
    BackgroundWriter();
    ~BackgroundWriter(); // waits for what was submitted
    BackgroundWriter(const BackgroundWriter&) = delete;
    BackgroundWriter& operator=(const BackgroundWriter&) = delete;

    // Runs `task` after all that were submitted before. After a task that threw, later ones are dropped.
    void submit(std::function<void()> task);
    // Whether a task threw.
    bool failed();
    // Waits until everything submitted is done. Rethrows what a task threw.
    void wait();

  private:
    void work();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> tasks_; // the front one is being run
    std::exception_ptr error_;
    bool ending_ = false;
    std::jthread thread_;
};

} // namespace autosampling
