// Time that passes.
#pragma once

#include <chrono>

namespace autosampling {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// How long this takes.
template<class Work>
double seconds_of(Work&& work) {
    const auto start = Clock::now();
    work();
    return seconds_since(start);
}

// Adds the seconds that it lives.
class Stopwatch {
  public:
    explicit Stopwatch(double& seconds) : seconds_(seconds) {}
    ~Stopwatch() { seconds_ += seconds_since(start_); }
    Stopwatch(const Stopwatch&) = delete;
    Stopwatch& operator=(const Stopwatch&) = delete;

  private:
    double& seconds_;
    Clock::time_point start_ = Clock::now();
};

} // namespace autosampling
