#include "autosampling/population/background_writer.hpp"

#include "autosampling/base/quiet_thread.hpp"

#include <utility>

namespace autosampling {

BackgroundWriter::BackgroundWriter() : thread_(quiet_thread([this] { work(); })) {}

BackgroundWriter::~BackgroundWriter() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void BackgroundWriter::submit(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    if (error_) return;
    tasks_.push_back(std::move(task));
    changed_.notify_all();
}

bool BackgroundWriter::failed() {
    const std::lock_guard lock(mutex_);
    return error_ != nullptr;
}

void BackgroundWriter::wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return tasks_.empty(); });
    if (error_) std::rethrow_exception(error_);
}

void BackgroundWriter::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return ending_ || !tasks_.empty(); });
        if (tasks_.empty()) return;
        lock.unlock();
        std::exception_ptr error;
        try {
            tasks_.front()();
        } catch (...) {
            error = std::current_exception();
        }
        lock.lock();
        tasks_.pop_front();
        if (error) {
            error_ = error;
            tasks_.clear();
        }
        changed_.notify_all();
    }
}

} // namespace autosampling
