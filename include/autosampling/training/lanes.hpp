// The networks of a rank, which train members at once on a GPU.
#pragma once

#include "autosampling/training/trainer.hpp"

#include <c10/core/Stream.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace autosampling {

// On a GPU each has a stream of its own, the first the one that was current; what lies there of the data set they
// share. On a CPU what one begins is done when the call returns. On a GPU this has not been run.
class Lanes {
  public:
    // `count` ≥ 1 of them. The data set and split must outlive it. Local.
    Lanes(const TrainerOptions& options, const Dataset& dataset, const Split& split, std::size_t count);

    std::size_t size() const { return trainers_.size(); }
    Trainer& first() const { return *trainers_.front(); }

    // Does this with each of the first `count` trainers, in order; its work on the device goes to that one's stream.
    void for_each(std::size_t count, const std::function<void(std::size_t lane, Trainer&)>& work) const;
    // All steps of the cycles that these have begun, in turn.
    void take_steps(std::size_t count) const;
    // What the others do from now on comes after all that was begun on the first stream.
    void fork() const;
    // What is done on the first stream from now on comes after all that was begun on the others.
    void join() const;

  private:
    std::vector<c10::Stream> streams_;
    std::vector<std::unique_ptr<Trainer>> trainers_;
};

} // namespace autosampling
