#include "autosampling/sampling/timetable.hpp"

#include "autosampling/base/counted.hpp"
#include "autosampling/base/error.hpp"
#include "autosampling/sampling/credit.hpp"

#include <algorithm>
#include <cmath>

namespace autosampling {

ExplorationOptions resolve(const ExplorationOptions& options) {
    ExplorationOptions resolved = options;
    if (options.kind == ExplorationKind::policy && options.interval_epochs == 0 && options.interval_cycles == 0)
        resolved.interval_epochs = 1;
    make_credit(options)->resolve(resolved);
    return resolved;
}

Timetable::Timetable(const ExplorationOptions& options, std::int64_t training_images, std::int64_t draws,
                     std::int64_t batches)
    : options_(options), training_images_(training_images), draws_(draws) {
    VALIDATE(draws >= 1 && draws <= training_images, ExitCode::usage, "a cycle of ", counted(draws, "draw"),
             " is longer than an epoch (", counted(training_images, "training example"),
             "): lower training.batch_size or population.cycle_batches");
    const std::int64_t least_draws = least_round * draws / batches;
    round_epochs_ = std::max(options.interval_epochs, (least_draws + training_images - 1) / training_images);
    const bool distinct = options.kind == ExplorationKind::mixture && !options.replacement;
    VALIDATE(!distinct || draws <= training_images / 4, ExitCode::usage,
             "exploration.replacement = false needs cycles of at most a quarter of the ", training_images,
             " training examples, not ", draws, " draws: lower population.cycle_batches");
}

std::int64_t Timetable::cycles(double epochs) const {
    return static_cast<std::int64_t>(
        std::ceil(epochs * static_cast<double>(training_images_) / static_cast<double>(draws_)));
}

std::int64_t Timetable::epochs_complete(std::int64_t cycles_done) const {
    return cycles_done * draws_ / training_images_;
}

bool Timetable::epoch_ends(std::int64_t cycles_done) const {
    return cycles_done > 0 && epochs_complete(cycles_done) > epochs_complete(cycles_done - 1);
}

std::int64_t Timetable::epoch_end(std::int64_t epoch) const {
    return (epoch * training_images_ + draws_ - 1) / draws_;
}

bool Timetable::learned(std::int64_t cycle) const {
    if (has_rounds()) return true;
    if (options_.kind != ExplorationKind::mixture || cycle < epoch_end(options_.first_epoch)) return false;
    if (options_.mixing == Mixing::draws) return true;
    const std::int64_t since_first = epochs_complete(cycle) - options_.first_epoch;
    return since_first % (options_.uniform_epochs + 1) == options_.uniform_epochs;
}

bool Timetable::explores(std::int64_t cycles_done) const {
    if (has_rounds()) return cycles_done > 0 && round(cycles_done) > round(cycles_done - 1);
    const std::int64_t first = epoch_end(options_.first_epoch);
    if (options_.kind != ExplorationKind::mixture || cycles_done < first) return false;
    if (options_.interval_cycles > 0) return (cycles_done - first) % options_.interval_cycles == 0;
    const bool at_end = cycles_done == 0 || epoch_ends(cycles_done);
    return at_end && (epochs_complete(cycles_done) - options_.first_epoch) % options_.interval_epochs == 0;
}

std::int64_t Timetable::round(std::int64_t cycle) const {
    return options_.interval_cycles > 0 ? cycle / options_.interval_cycles : epochs_complete(cycle) / round_epochs_;
}

} // namespace autosampling
