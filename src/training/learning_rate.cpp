#include "autosampling/training/learning_rate.hpp"

#include "autosampling/base/error.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace autosampling {
namespace {

// From `start` at 0 to `end` at 1, along half a period of the cosine.
double half_cosine(double start, double end, double progress) {
    return end + (start - end) / 2 * (1 + std::cos(std::numbers::pi * progress));
}

double one_cycle(double highest, double batch, double total_batches) {
    const double first = highest / 25;
    const double top = 0.3 * total_batches - 1; // the batch at the highest rate
    if (batch <= top) return half_cosine(first, highest, batch / top);
    return half_cosine(highest, first / 1e4, (batch - top) / (total_batches - 1 - top));
}

} // namespace

LearningRate::LearningRate(const TrainingOptions& options, std::int64_t training_images, std::int64_t total_batches)
    : options_(options), training_images_(training_images), total_batches_(total_batches) {
    EXPECT(training_images > 0 && total_batches > 0);
}

double LearningRate::at(std::int64_t batch) const {
    EXPECT(batch >= 0 && batch < total_batches_);
    const double highest = options_.learning_rate;
    if (options_.schedule == RateSchedule::one_cycle)
        return one_cycle(highest, static_cast<double>(batch), static_cast<double>(total_batches_));
    const double warmup = options_.warmup_epochs * training_images_ / static_cast<double>(options_.batch_size);
    const double done = static_cast<double>(batch);
    if (done + 1 < warmup) return highest * (done + 1) / warmup;
    if (options_.schedule == RateSchedule::cosine)
        return half_cosine(highest, 0, std::max(done - warmup, 0.0) / (static_cast<double>(total_batches_) - warmup));
    double rate = highest;
    if (options_.schedule == RateSchedule::step) {
        const double images = done * static_cast<double>(options_.batch_size);
        for (const double milestone : options_.milestones)
            if (images >= milestone * training_images_) rate *= options_.gamma;
    }
    return rate;
}

bool LearningRate::depends_on_length(const TrainingOptions& options) {
    return options.schedule == RateSchedule::cosine || options.schedule == RateSchedule::one_cycle;
}

} // namespace autosampling
