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
    static constexpr std::int64_t least_round = 50; // batches

    // `options` resolved; 1 ≤ K ≤ N, else Error(usage). `batches` of a cycle matter to rounds alone.
    Timetable(const ExplorationOptions& options, std::int64_t training_images, std::int64_t draws,
              std::int64_t batches = least_round);

    // ⌈epochs · N / K⌉, the length of a run.
    std::int64_t cycles(double epochs) const;
    // Epochs complete after so many cycles: epoch e ends with the first cycle after which t·K ≥ e·N.
    std::int64_t epochs_complete(std::int64_t cycles_done) const;
    // Whether the last of so many cycles completed an epoch.
    bool epoch_ends(std::int64_t cycles_done) const;

    // Whether this cycle's indices come from the learned distribution, mixed in by whole epochs or by draws.
    bool learned(std::int64_t cycle) const;
    // Whether the distribution is re-estimated after so many cycles; 0: before the first. With rounds that is at their
    // ends; the end of the run ends the last one, too.
    bool explores(std::int64_t cycles_done) const;

    // Policy search: members stay as they are within a round, which lasts `interval_cycles`, or `interval_epochs` or as
    // many epochs as make least_round batches.
    bool has_rounds() const { return options_.kind == ExplorationKind::policy; }
    // The round that a cycle is in, from 0.
    std::int64_t round(std::int64_t cycle) const;

  private:
    std::int64_t epoch_end(std::int64_t epoch) const; // cycles

    ExplorationOptions options_;
    std::int64_t training_images_, draws_;
    std::int64_t round_epochs_ = 0;
};

} // namespace autosampling
