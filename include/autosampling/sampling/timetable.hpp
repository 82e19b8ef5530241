// Which cycle is in which epoch, is drawn from what, and ends with an exploration: pure functions of the cycle's
// number.
//
// Letters: N training examples, K draws a cycle.
#pragma once

#include "autosampling/sampling/options.hpp"

#include <cstdint>

namespace autosampling {

// The options with everything that depends on the credit filled in (first_epoch −1 and so on).
ExplorationOptions resolve(const ExplorationOptions& options);

class Timetable {
  public:
    // `options` resolved; 1 ≤ K ≤ N, else Error(usage).
    Timetable(const ExplorationOptions& options, std::int64_t training_images, std::int64_t draws);

    // ⌈epochs · N / K⌉, the length of a run.
    std::int64_t cycles(double epochs) const;
    // Epochs complete after so many cycles: epoch e ends with the first cycle after which t·K ≥ e·N.
    std::int64_t epochs_complete(std::int64_t cycles_done) const;
    // Whether the last of so many cycles completed an epoch.
    bool epoch_ends(std::int64_t cycles_done) const;

    // Whether this cycle's indices come from the learned distribution, mixed in by whole epochs or by draws.
    bool learned(std::int64_t cycle) const;
    // Whether the distribution is re-estimated after so many cycles; 0: before the first.
    bool explores(std::int64_t cycles_done) const;

  private:
    std::int64_t epoch_end(std::int64_t epoch) const; // cycles

    ExplorationOptions options_;
    std::int64_t training_images_, draws_;
};

} // namespace autosampling
