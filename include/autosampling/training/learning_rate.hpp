// The learning rate as a function of the batch number over the whole run: it never restarts at a cycle or an exchange.
#pragma once

#include "autosampling/training/options.hpp"

#include <cstdint>

namespace autosampling {

class LearningRate {
  public:
    // `training_images` N turns epochs into batches (one epoch = N / B batches, not rounded); `total_batches` is the
    // length of the run.
    LearningRate(const TrainingOptions& options, std::int64_t training_images, std::int64_t total_batches);

    // The rate of batch 0 … total_batches − 1. Constant: as it is. Step: times gamma at each milestone passed. Cosine:
    // half a period from the end of the warm-up to 0 at total_batches (Loshchilov & Hutter, 2017, without restarts).
    // One-cycle: as torch.optim.lr_scheduler.OneCycleLR with its defaults (Smith & Topin, 2018; cosine, pct_start 0.3,
    // div_factor 25, final_div_factor 1e4), the rate only. Warm-up of w batches: times (batch + 1) / w, until that
    // is 1.
    double at(std::int64_t batch) const;

    // Whether another `epochs` would change the rate of batches already trained.
    static bool depends_on_length(const TrainingOptions& options);

  private:
    TrainingOptions options_;
    double training_images_;
    std::int64_t total_batches_;
};

} // namespace autosampling
